package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"sojourn/bench/measure"
	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/internal/corpus"
	"sojourn/interp"
)

// result is what is found of one program. Times are of the processor, in milliseconds.
type result struct {
	Name     string          `json:"name"`
	Runs     int             `json:"runs"`
	FrozenAt uint64          `json:"frozen_at"` // the point
	Points   uint64          `json:"points"`    // that an undisturbed run passes
	Before   measure.Compare `json:"before_ms"` // least of all runs
	After    measure.Compare `json:"after_ms"`
	PairsB   float64         `json:"before_pairs"` // median of the pairs' ratios
	PairsA   float64         `json:"after_pairs"`
	Code     measure.Compare `json:"code_bytes"` // of the machine
	Module   measure.Compare `json:"module_bytes"`
	Compile  measure.Compare `json:"compile_ms"`
}

// bench is one run of the suite.
type bench struct {
	runs int
	at   float64
}

func (b *bench) measure(ctx context.Context, e entry) (*result, error) {
	p, module, err := e.load(ctx)
	if err != nil {
		return nil, err
	}
	r := &result{Name: e.name, Runs: b.runs}
	g := &measure.Guest{Stdin: []byte(p.Stdin)}
	var set engine.Modules
	defer set.Close()
	if r.Compile, err = prepare(ctx, g, &set, module); err != nil {
		return nil, err
	}
	defer g.Plain.Close(ctx)

	dir, err := os.MkdirTemp("", "sojourn-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	g.Spec = func() (engine.Spec, error) { return spec(p, dir) }
	if err := b.run(ctx, g, r); err != nil {
		return nil, err
	}
	st := g.Module.Program().Stats()
	r.Module = measure.Once(float64(st.Bytes), float64(st.StoppableBytes))
	plain, movable, err := interp.NativeBytes(ctx, module, interp.Options{Host: wasi.Functions()})
	r.Code = measure.Once(float64(plain), float64(movable))
	return r, err
}

// run takes the samples. The first run of all says where a tenth of the program is.
func (b *bench) run(ctx context.Context, g *measure.Guest, r *result) error {
	first, err := measure.InTurn(ctx, 1, g.Movable())
	if err != nil {
		return err
	}
	r.Points = first[0][0].Points
	r.FrozenAt = max(1, uint64(float64(r.Points)*b.at))
	took, err := measure.InTurn(ctx, b.runs, g.OnPlain(), g.Movable(), g.Moved(r.FrozenAt))
	if err != nil {
		return err
	}
	r.Before, r.After = measure.Least(took[0], took[1], measure.CPU), measure.Least(took[0], took[2], measure.CPU)
	r.PairsB = measure.Pairs(took[0], took[1], measure.CPU).Ratio
	r.PairsA = measure.Pairs(took[0], took[2], measure.CPU).Ratio
	return nil
}

// enough is how much of its time a program's compilation is measured for, when one is shorter.
const enough = 300 * time.Millisecond

// prepare compiles the module both ways, in turn, until that took enough, and leaves the last of
// each in g.
func prepare(ctx context.Context, g *measure.Guest, set *engine.Modules, module []byte) (measure.Compare, error) {
	var plain, movable []measure.Sample
	for spent := time.Duration(0); spent < enough; {
		if g.Plain != nil {
			if err := g.Plain.Close(ctx); err != nil {
				return measure.Compare{}, err
			}
			set.Close()
		}
		took, err := measure.InTurn(ctx, 1,
			timed("plain", func() (err error) {
				g.Plain, err = interp.PreparePlain(ctx, module, interp.Options{Engine: interp.Compiler, Host: wasi.Functions()})
				return err
			}),
			timed("movable", func() (err error) {
				g.Module, err = set.Add(ctx, module, interp.Compiler)
				return err
			}))
		if err != nil {
			return measure.Compare{}, fmt.Errorf("prepare: %w", err)
		}
		plain, movable = append(plain, took[0]...), append(movable, took[1]...)
		spent += took[0][0].CPU + took[1][0].CPU
	}
	return measure.Least(plain, movable, measure.CPU), nil
}

// timed is a side that runs no guest.
func timed(name string, f func() error) measure.Side {
	return measure.Side{Name: name, Run: func(context.Context) (s measure.Sample, err error) {
		took := measure.Stopwatch()
		err = f()
		s.Cost = took()
		return s, err
	}}
}

// spec returns what one run of p is given. Folders that are to be fresh are made below dir.
func spec(p corpus.Program, dir string) (engine.Spec, error) {
	dir, err := os.MkdirTemp(dir, "run-")
	if err != nil {
		return engine.Spec{}, err
	}
	mounts, err := p.MountsIn(dir)
	s := engine.Spec{Args: p.Args, Env: p.Env}
	for _, m := range mounts {
		s.Mounts = append(s.Mounts, wasi.Mount{Host: m.Host, Guest: m.Guest, ReadOnly: m.ReadOnly})
	}
	return s, err
}
