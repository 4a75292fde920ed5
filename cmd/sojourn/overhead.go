package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"time"

	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/interp"
	"sojourn/snapshotfmt"
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

// outcome is what a run shows of itself: both sides must show the same.
type outcome struct {
	exit uint32
	out  [sha256.Size]byte
}

func (o *overhead) prepare(ctx context.Context, p *program) (err error) {
	if o.module, err = p.prepare(ctx, o.guest.engine); err != nil {
		return err
	}
	o.plain, err = interp.PreparePlain(ctx, p.bytes, interp.Options{Engine: o.module.Kind(), Host: wasi.Functions()})
	return err
}

func (o *overhead) run(ctx context.Context) (*overheadResult, error) {
	var plain, movable []cost
	for i := range o.runs {
		a, was, err := o.once(ctx, o.runPlain)
		if err != nil {
			return nil, fmt.Errorf("run %d on plain wazero: %w", i+1, err)
		}
		b, is, err := o.once(ctx, o.runMovable)
		if err != nil {
			return nil, fmt.Errorf("run %d, movable: %w", i+1, err)
		}
		if is != was {
			return nil, hint(fmt.Errorf("run %d: the movable program ends with %d and output %x, on plain wazero with %d and %x", i+1, is.exit, is.out[:6], was.exit, was.out[:6]),
				"a program that shows the time, or random numbers, or its own files cannot be compared")
		}
		plain, movable = append(plain, a), append(movable, b)
	}
	st := o.module.Program().Stats()
	return &overheadResult{
		Module: o.args[0], Engine: o.module.Kind().String(), Runs: o.runs, FrozenAfter: o.after, Points: st.Points,
		Wall:    comparePairs(plain, movable, func(c cost) time.Duration { return c.wall }),
		CPU:     comparePairs(plain, movable, func(c cost) time.Duration { return c.cpu }),
		Code:    compareOnce(float64(st.Bytes), float64(st.StoppableBytes)),
		Compile: compareOnce(millis(o.plain.Compile()), millis(st.Rewrite+st.Compile)),
	}, nil
}

// once runs the guest once, with fresh streams.
func (o *overhead) once(ctx context.Context, run func(context.Context, engine.Spec) (cost, uint32, error)) (cost, outcome, error) {
	std, out, done, err := inputStreams(o.stdin)
	if err != nil {
		return cost{}, outcome{}, err
	}
	defer done()
	spec, err := o.guest.spec(o.args, std)
	if err != nil {
		return cost{}, outcome{}, err
	}
	c, exit, err := run(ctx, spec)
	return c, outcome{exit, [32]byte(out.sum.Sum(nil))}, err
}

func (o *overhead) runPlain(ctx context.Context, spec engine.Spec) (cost, uint32, error) {
	world, err := wasi.New(wasi.Config{Args: spec.Args, Env: spec.Env, Mounts: spec.Mounts,
		Stdin: spec.Stdin, Stdout: spec.Stdout, Stderr: spec.Stderr})
	if err != nil {
		return cost{}, 0, err
	}
	defer world.Close()
	took := stopwatch()
	err = o.plain.Run(ctx, world, spec.Entry)
	c := took()
	var exit *interp.Exit
	if errors.As(err, &exit) {
		return c, exit.Code, nil
	}
	return c, 0, err
}

func (o *overhead) runMovable(ctx context.Context, spec engine.Spec) (cost, uint32, error) {
	spec.FreezeEvery = o.after
	took := stopwatch()
	e, err := engine.New(ctx, o.module, spec)
	if err != nil {
		return cost{}, 0, err
	}
	defer func() { e.Close() }()
	if err := e.Start(); err != nil {
		return cost{}, 0, err
	}
	state := e.Wait()
	c := took()
	if o.after > 0 {
		if state != engine.Frozen {
			return c, 0, usagef("--frozen-after %d: the program ends after %d points", o.after, e.Points())
		}
		spec.FreezeEvery = 0
		next, err := o.move(ctx, e, spec)
		if err != nil {
			return c, 0, err
		}
		e = next
		took = stopwatch()
		if err := e.Thaw(); err != nil {
			return c, 0, err
		}
		e.Wait()
		c = c.add(took())
	}
	exit, err := e.Result()
	return c, exit, err
}

// move carries a frozen guest into a fresh instance, and closes the old one.
func (o *overhead) move(ctx context.Context, e *engine.Environment, spec engine.Spec) (*engine.Environment, error) {
	var file bytes.Buffer
	if err := e.Snapshot(&file, snapshotfmt.Meta{}); err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	return engine.Restore(ctx, o.module, spec, &file)
}

// digestStream is an output that nobody keeps.
type digestStream struct {
	wasi.Stream
	sum hash.Hash
}

func newDigestStream() *digestStream { return &digestStream{wasi.Discard(), sha256.New()} }

func (d *digestStream) Write(p []byte) (int, error) { return d.sum.Write(p) }
