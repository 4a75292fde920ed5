package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sojourn/bench/measure"
)

func newBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what being able to move costs",
		Args:  exactArgs("what to measure"),
		RunE:  func(_ *cobra.Command, args []string) error { return usagef("there is no benchmark %q", args[0]) },
	}
	cmd.AddCommand(newBenchOverhead(), newBenchCheckpoint(), newBenchMove(), newBenchThesis(), newBenchSessions())
	return cmd
}

func newBenchOverhead() *cobra.Command {
	b := &overhead{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "overhead [flags] app.wasm [-- args...]",
		Short: "Compare a program that can move with the same on plain wazero",
		Long: "Overhead runs a program on plain wazero and made movable, in turn, with the same\n" +
			"host functions, and compares the time from instantiation to the end. The ratio of\n" +
			"each pair is taken, and the median of those. The program's output is thrown away;\n" +
			"that it is the same on both sides is checked.",
		Args: moduleAndArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if b.runs < 1 {
				return usagef("--runs %d: at least 1 is needed", b.runs)
			}
			p, err := readProgram(args[0])
			if err != nil {
				return err
			}
			b.args = guestArgs(p.name(), args[1:])
			if err := b.prepare(cmd.Context(), p); err != nil {
				return err
			}
			defer b.plain.Close(context.Background())
			r, err := b.run(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			r.print(cmd.OutOrStdout())
			return nil
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false)
	b.guest.add(f)
	b.guest.addEnv(f)
	b.guest.addEngine(f)
	f.IntVar(&b.runs, "runs", 5, "pairs of runs")
	f.StringVar(&b.stdin, "stdin", "", "`FILE` that is the program's input; default none")
	f.Uint64Var(&b.after, "frozen-after", 0, "freeze the movable program at its `K`-th point, and thaw it in a fresh instance; that time is not counted")
	f.BoolVar(&asJSON, "json", false, "as one JSON object")
	return cmd
}

// overheadResult is what bench overhead finds.
type overheadResult struct {
	Module      string          `json:"module"`
	Engine      string          `json:"engine"`
	Runs        int             `json:"runs"`
	FrozenAfter uint64          `json:"frozen_after,omitempty"` // points
	Points      int             `json:"points"`                 // places in the code where it can stop
	Wall        measure.Compare `json:"wall_ms"`                // medians
	CPU         measure.Compare `json:"cpu_ms"`                 // medians; 0 where the system does not tell
	Code        measure.Compare `json:"code_bytes"`             // of the module, as shipped and made movable
	Compile     measure.Compare `json:"compile_ms"`             // movable: with rewriting
}

func (r *overheadResult) print(w io.Writer) {
	fmt.Fprintf(w, "%s on the %s, %d pairs", r.Module, r.Engine, r.Runs)
	if r.FrozenAfter > 0 {
		fmt.Fprintf(w, ", moved after %d points", r.FrozenAfter)
	}
	fmt.Fprintf(w, "\n\n%-14s%14s%14s%8s\n", "", "plain", "movable", "ratio")
	for _, row := range []struct {
		name string
		c    measure.Compare
	}{{"wall ms", r.Wall}, {"cpu ms", r.CPU}, {"compile ms", r.Compile}, {"code bytes", r.Code}} {
		fmt.Fprintf(w, "%-14s%14.0f%14.0f%8.2f\n", row.name, row.c.Plain, row.c.Movable, row.c.Ratio)
	}
}
