// Command sojourn runs WebAssembly programs that can move: to a file and back, and from
// one machine to another, in the middle of what they do.
//
// docs/CLI.md describes every command, its exit codes and its JSON.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sojourn/proxy/api"
)

// The exit codes of sojourn itself. A guest that ends by itself has its own.
const (
	exitFailure  = 1
	exitUsage    = 2
	exitTrap     = 134 // as for a program that aborts
	exitKilled   = 137 // the guest took more than it may
	exitSignaled = 143 // ended by a second SIGTERM or SIGINT while it was being frozen
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run runs one command and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(context.Background())
	return report(stderr, cmd, err)
}

// newRoot returns the command tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "sojourn",
		Short: "Run WebAssembly programs that can move between machines while they run",
		Long: "Sojourn runs WASI programs that can be frozen at any moment, written down, and\n" +
			"continued elsewhere: on another machine, processor or engine.",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, args []string) error { return cmd.Help() },
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q", args[0])
			}
			return nil
		},
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	for _, c := range commands() {
		root.AddCommand(c)
	}
	return root
}

// usageError is a command line that is not understood.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// exitError ends the process with a code. Its err, when there is one, is reported.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}
func (e *exitError) Unwrap() error { return e.err }

// exitWith ends the process with a code, and says nothing.
func exitWith(code int) error {
	if code == 0 {
		return nil
	}
	return &exitError{code: code}
}

// hintError adds what to do next.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

func hint(err error, format string, args ...any) error {
	return &hintError{err, fmt.Sprintf(format, args...)}
}

// report tells the person what went wrong and returns the exit code.
func report(stderr io.Writer, cmd *cobra.Command, err error) int {
	if err == nil {
		return 0
	}
	code := exitFailure
	var exit *exitError
	var usage *usageError
	switch {
	case errors.As(err, &exit):
		if code = exit.code; exit.err == nil {
			return code
		}
	case errors.As(err, &usage):
		code = exitUsage
	}
	fmt.Fprintf(stderr, "sojourn: %s\n", strings.TrimSpace(err.Error()))
	var h *hintError
	var away *api.Unreachable
	switch {
	case errors.As(err, &h):
		fmt.Fprintf(stderr, "hint: %s\n", h.hint)
	case errors.As(err, &away):
		fmt.Fprintln(stderr, "hint: start it ('sojourn node', 'sojourn orchestrator'), or give the URL that it prints with --node or --orchestrator")
	case usage != nil:
		fmt.Fprintf(stderr, "hint: '%s --help' says how it is used\n", cmd.CommandPath())
	}
	return code
}
