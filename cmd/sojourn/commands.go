package main

import "github.com/spf13/cobra"

// commands returns all commands, in the order of the help text.
func commands() []*cobra.Command {
	return []*cobra.Command{
		newRun(), newCheckpoint(), newRestore(), newStep(), newInspect(), newDiff(),
		newNode(), newOrchestrator(), newDeploy(), newPs(), newConnect(), newMigrate(), newDrain(), newFiles(),
		newDemo(), newTorture(), newBench(), newDoctor(), newVersion(),
	}
}

// exactArgs refuses any other number of arguments than the names given.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usagef("%s is missing", names[len(args)])
		case len(args) > len(names):
			return usagef("there is nothing to do with %q", args[len(names)])
		}
		return nil
	}
}

// moduleAndArgs wants a module, and takes anything behind it.
func moduleAndArgs(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("a module is missing: a program compiled for WASI, as app.wasm")
	}
	return nil
}

// guestArgs returns the guest's arguments: what follows the module, without a first
// "--", with the module's file name before it.
func guestArgs(name string, rest []string) []string {
	if len(rest) > 0 && rest[0] == "--" {
		rest = rest[1:]
	}
	return append([]string{name}, rest...)
}
