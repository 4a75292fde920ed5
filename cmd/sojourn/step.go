package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"sojourn/engine"
	"sojourn/interp"
)

func newStep() *cobra.Command {
	var g guestFlags
	var from snapshotSource
	var n uint64
	var out string
	cmd := &cobra.Command{
		Use:   "step [flags] FILE",
		Short: "Move a snapshot some instructions on",
		Long: "Step thaws the program in FILE, runs it for exactly N instructions, and freezes it\n" +
			"again, into FILE or OUT. The same step of the same snapshot gives the same bytes on\n" +
			"every engine and machine. A program that ends before is ended as by restore.",
		Args: exactArgs("the snapshot file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			from.file = args[0]
			if out == "" {
				out = from.file
			}
			spec, err := g.spec(nil, stdStreams())
			if err != nil {
				return err
			}
			defer from.close()
			from.precision = interp.EveryInstruction
			e, err := from.restore(cmd.Context(), &g, spec)
			if err != nil {
				return err
			}
			return runToCount(cmd, e, out, n)
		},
	}
	f := cmd.Flags()
	g.add(f)
	g.addEngine(f)
	g.cache.add(f)
	from.add(f)
	f.Uint64VarP(&n, "instructions", "n", 1, "how many `instructions` to execute")
	f.StringVarP(&out, "output", "o", "", "the snapshot to write; default FILE itself")
	return cmd
}

// runToCount runs a guest that is prepared or frozen for n instructions, freezes it into
// file, and closes it. A guest that ends before ends the command as usual; a signal
// freezes it where it is.
func runToCount(cmd *cobra.Command, e *engine.Environment, file string, n uint64) error {
	defer e.Close()
	start := e.Start
	if e.State() == engine.Frozen {
		start = e.Thaw
	}
	stop := watchSignals(true)
	defer stop.forget()
	if err := e.StopAfter(n); err != nil {
		return err
	}
	if err := start(); err != nil {
		return err
	}
	stopped := make(chan engine.State, 1)
	go func() { stopped <- e.Wait() }()
	select {
	case s := <-stopped:
		if s != engine.Frozen {
			return finish(e)
		}
	case <-stop.first():
		return stop.freeze(cmd, e, freezing{file: file})
	}
	size, err := checkpoint(e, file, e.SnapshotExact)
	if err != nil {
		return err
	}
	where := fmt.Sprintf("%d instructions on", n)
	if total, ok := e.Instructions(); ok {
		where = fmt.Sprintf("after %d instructions", total)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "sojourn: guest frozen %s into %s (%d bytes)\n", where, file, size)
	return nil
}
