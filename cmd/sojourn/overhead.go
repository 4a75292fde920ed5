package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"sojourn/bench/measure"
	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/interp"
)

// overhead compares one program with itself.
type overhead struct {
	guest guestFlags
	args  []string
	stdin string
	runs  int
	after uint64

	plain  *interp.Plain
	module *engine.Module
}

func (o *overhead) prepare(ctx context.Context, p *program) (err error) {
	if o.module, err = p.prepare(ctx, o.guest.engine); err != nil {
		return err
	}
	o.plain, err = interp.PreparePlain(ctx, p.bytes, interp.Options{Engine: o.module.Kind(), Host: wasi.Functions()})
	return err
}

func (o *overhead) run(ctx context.Context) (*overheadResult, error) {
	g := measure.Guest{Plain: o.plain, Module: o.module,
		Spec: func() (engine.Spec, error) { return o.guest.spec(o.args, streams{}) }}
	if o.stdin != "" {
		var err error
		if g.Stdin, err = os.ReadFile(o.stdin); err != nil {
			return nil, fmt.Errorf("input: %w", err)
		}
	}
	movable := g.Movable()
	if o.after > 0 {
		movable = g.Moved(o.after)
	}
	took, err := measure.InTurn(ctx, o.runs, g.OnPlain(), movable)
	if _, ok := errors.AsType[*measure.DifferError](err); ok {
		return nil, hint(err, "a program that shows the time, or random numbers, or its own files cannot be compared")
	}
	if errors.Is(err, measure.ErrEnds) {
		return nil, usagef("--frozen-after %d: %w", o.after, err)
	}
	if err != nil {
		return nil, err
	}
	st := o.module.Program().Stats()
	return &overheadResult{
		Module: o.args[0], Engine: o.module.Kind().String(), Runs: o.runs, FrozenAfter: o.after, Points: st.Points,
		Wall:    measure.Pairs(took[0], took[1], measure.Wall),
		CPU:     measure.Pairs(took[0], took[1], measure.CPU),
		Code:    measure.Once(float64(st.Bytes), float64(st.StoppableBytes)),
		Compile: measure.Once(measure.Millis(o.plain.Compile()), measure.Millis(st.Rewrite+st.Compile)),
	}, nil
}
