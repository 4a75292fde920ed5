package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sojourn/engine"
	"sojourn/interp"
	"sojourn/snapshotfmt"
)

func newTorture() *cobra.Command {
	var t torture
	var g guestFlags
	cmd := &cobra.Command{
		Use:   "torture [flags] app.wasm [-- args...]",
		Short: "Run a program, freezing and moving it all the time",
		Long: "Torture freezes a program at every K-th point. Each time it is written down as a\n" +
			"snapshot, and goes on from those bytes in a fresh instance of the next engine.\n" +
			"Its output and exit code are those of an undisturbed run, or there is a bug.\n" +
			"The last line on stderr is a JSON object.",
		Args: moduleAndArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := readProgram(args[0])
			if err != nil {
				return err
			}
			if err := p.link(g.libs); err != nil {
				return err
			}
			if t.every == 0 {
				return usagef("--every 0: there must be a point to freeze at")
			}
			if err := p.keep(&g.cache); err != nil {
				return err
			}
			defer p.set.Close()
			for _, name := range t.engines {
				m, err := p.prepare(cmd.Context(), name)
				if err != nil {
					return err
				}
				t.modules = append(t.modules, m)
			}
			t.spec, err = g.spec(guestArgs(p.name(), args[1:]), stdStreams())
			if err != nil {
				return err
			}
			t.spec.FreezeEvery = t.every
			return t.run(cmd)
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false)
	g.add(f)
	g.addEnv(f)
	g.addLibraries(f)
	g.cache.add(f)
	f.Uint64Var(&t.every, "every", 1, "freeze at every `K`-th point")
	f.StringSliceVar(&t.engines, "engines", defaultEngines(), "engines to run on, in turn")
	return cmd
}

func defaultEngines() []string {
	if interp.HasCompiler() {
		return []string{"compiler", "interpreter"}
	}
	return []string{"interpreter"}
}

// torture is one tortured run.
type torture struct {
	every   uint64
	engines []string
	modules []*engine.Module
	spec    engine.Spec

	points, freezes    uint64
	size, freeze, thaw []int64 // bytes; microseconds
}

// tortureResult is the JSON object that a run ends with.
type tortureResult struct {
	Points        uint64    `json:"points"`
	Freezes       uint64    `json:"freezes"`
	SnapshotBytes sizeRange `json:"snapshot_bytes"`
	FreezeUS      quantiles `json:"freeze_us"`
	ThawUS        quantiles `json:"thaw_us"`
}

type sizeRange struct {
	P50 int64 `json:"p50"`
	Max int64 `json:"max"`
}

type quantiles struct {
	P50 int64 `json:"p50"`
	P99 int64 `json:"p99"`
}

// run runs the guest to its end. The result is told even when the guest has trapped.
func (t *torture) run(cmd *cobra.Command) error {
	e, err := engine.New(cmd.Context(), t.modules[0], t.spec)
	if err != nil {
		return err
	}
	defer func() { e.Close() }()
	if err := e.Start(); err != nil {
		return err
	}
	for e.Wait() == engine.Frozen {
		next, err := t.move(cmd.Context(), e)
		if err != nil {
			return fmt.Errorf("freeze %d, at point %d: %w", t.freezes, t.points, err)
		}
		e = next
		if err := e.Thaw(); err != nil {
			return err
		}
	}
	t.points += e.Points()
	code := report(cmd.ErrOrStderr(), cmd, finish(e)) // before the JSON, which comes last
	if err := json.NewEncoder(cmd.ErrOrStderr()).Encode(t.result()); err != nil {
		return err
	}
	return exitWith(code)
}

// move carries a frozen guest, as bytes, into a fresh instance of the next engine, and
// closes the old one.
func (t *torture) move(ctx context.Context, e *engine.Environment) (*engine.Environment, error) {
	t.points += e.Points()
	t.freezes++
	var file bytes.Buffer
	start := time.Now()
	if err := e.Snapshot(&file, snapshotfmt.Meta{}); err != nil {
		return e, err
	}
	t.freeze = append(t.freeze, time.Since(start).Microseconds())
	t.size = append(t.size, int64(file.Len()))
	if err := e.Close(); err != nil {
		return e, err
	}
	to := t.modules[t.freezes%uint64(len(t.modules))]
	start = time.Now()
	next, err := engine.Restore(ctx, to, t.spec, &file)
	t.thaw = append(t.thaw, time.Since(start).Microseconds())
	return next, err
}

func (t *torture) result() tortureResult {
	r := tortureResult{Points: t.points, Freezes: t.freezes}
	for _, l := range [][]int64{t.size, t.freeze, t.thaw} {
		slices.Sort(l)
	}
	r.SnapshotBytes = sizeRange{quantile(t.size, 50), quantile(t.size, 100)}
	r.FreezeUS = quantiles{quantile(t.freeze, 50), quantile(t.freeze, 99)}
	r.ThawUS = quantiles{quantile(t.thaw, 50), quantile(t.thaw, 99)}
	return r
}

// quantile returns the p-th percentile of sorted numbers by nearest rank, 0 of none.
func quantile(sorted []int64, p int) int64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}
