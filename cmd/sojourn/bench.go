package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sojourn/engine/wasi"
)

func newBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what being able to move costs",
		Args:  exactArgs("what to measure"),
		RunE:  func(_ *cobra.Command, args []string) error { return usagef("there is no benchmark %q", args[0]) },
	}
	cmd.AddCommand(newBenchOverhead())
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
	Module      string  `json:"module"`
	Engine      string  `json:"engine"`
	Runs        int     `json:"runs"`
	FrozenAfter uint64  `json:"frozen_after,omitempty"` // points
	Points      int     `json:"points"`                 // places in the code where it can stop
	Wall        compare `json:"wall_ms"`                // medians
	CPU         compare `json:"cpu_ms"`                 // medians; 0 where the system does not tell
	Code        compare `json:"code_bytes"`             // of the module, as shipped and made movable
	Compile     compare `json:"compile_ms"`             // movable: with rewriting
}

// compare is a figure on plain wazero, of the movable program, and the ratio.
type compare struct {
	Plain   float64 `json:"plain"`
	Movable float64 `json:"movable"`
	Ratio   float64 `json:"ratio"`
}

// cost is what one run took.
type cost struct{ wall, cpu time.Duration }

func (c cost) add(d cost) cost { return cost{c.wall + d.wall, c.cpu + d.cpu} }

// stopwatch begins to measure; the function returned says what it took since.
func stopwatch() func() cost {
	wall, cpu := time.Now(), cpuTime()
	return func() cost { return cost{time.Since(wall), cpuTime() - cpu} }
}

// comparePairs compares one figure of pairs of runs: the median of each side, and the
// median of the ratios.
func comparePairs(plain, movable []cost, figure func(cost) time.Duration) compare {
	var a, b, r []float64
	for i := range plain {
		a = append(a, millis(figure(plain[i])))
		b = append(b, millis(figure(movable[i])))
		r = append(r, ratio(b[i], a[i]))
	}
	return compare{median(a), median(b), median(r)}
}

func compareOnce(plain, movable float64) compare {
	return compare{plain, movable, ratio(movable, plain)}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// ratio returns a over b, 0 when there is none.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func median[T cmp.Ordered](v []T) T {
	s := slices.Sorted(slices.Values(v))
	return s[(len(s)-1)/2]
}

func (r *overheadResult) print(w io.Writer) {
	fmt.Fprintf(w, "%s on the %s, %d pairs", r.Module, r.Engine, r.Runs)
	if r.FrozenAfter > 0 {
		fmt.Fprintf(w, ", moved after %d points", r.FrozenAfter)
	}
	fmt.Fprintf(w, "\n\n%-14s%14s%14s%8s\n", "", "plain", "movable", "ratio")
	for _, row := range []struct {
		name string
		c    compare
	}{{"wall ms", r.Wall}, {"cpu ms", r.CPU}, {"compile ms", r.Compile}, {"code bytes", r.Code}} {
		fmt.Fprintf(w, "%-14s%14.0f%14.0f%8.2f\n", row.name, row.c.Plain, row.c.Movable, row.c.Ratio)
	}
}

// inputStreams returns the streams of one run: input from a file, and output that only
// leaves its digest.
func inputStreams(path string) (streams, *digestStream, func(), error) {
	out := newDigestStream()
	s := streams{in: wasi.Discard(), out: out, err: wasi.Discard()}
	if path == "" {
		return s, out, func() {}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return s, nil, nil, fmt.Errorf("input: %w", err)
	}
	s.in = wasi.FromFile(f)
	return s, out, func() { s.in.Close(); f.Close() }, nil
}
