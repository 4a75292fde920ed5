package measure

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/interp"
	"sojourn/snapshotfmt"
)

// Guest is a program, prepared both ways, and how to run it once.
type Guest struct {
	Plain  *interp.Plain
	Module *engine.Module

	// Stdin is the input of each run.
	Stdin []byte

	// Spec returns what one run is given, with folders of its own where it writes. Its
	// streams are replaced: a run reads Stdin, and what it prints is kept as a digest.
	Spec func() (engine.Spec, error)
}

// ErrEnds is returned by [Guest.Moved] for a guest that ends before it is frozen.
var ErrEnds = errors.New("the program ends first")

// OnPlain runs the guest as its author shipped it.
func (g *Guest) OnPlain() Side { return g.side("on plain wazero", g.runPlain) }

// Movable runs it made movable, and leaves it alone.
func (g *Guest) Movable() Side {
	return g.side("movable", func(ctx context.Context, s engine.Spec) (Sample, error) { return g.runMovable(ctx, s, 0) })
}

// Moved runs it made movable, freezes it at its k-th point, writes it down, and lets it go on in
// a fresh instance; what lies between is not in the time.
func (g *Guest) Moved(k uint64) Side {
	return g.side("moved", func(ctx context.Context, s engine.Spec) (Sample, error) { return g.runMovable(ctx, s, k) })
}

func (g *Guest) side(name string, run func(context.Context, engine.Spec) (Sample, error)) Side {
	return Side{name, func(ctx context.Context) (Sample, error) {
		spec, err := g.Spec()
		if err != nil {
			return Sample{}, err
		}
		out := &output{wasi.Discard(), sha256.New()}
		spec.Stdin = &input{wasi.Discard(), bytes.NewReader(g.Stdin)}
		spec.Stdout, spec.Stderr = out, wasi.Discard()
		s, err := run(ctx, spec)
		s.Output = [sha256.Size]byte(out.sum.Sum(nil))
		return s, err
	}}
}

func (g *Guest) runPlain(ctx context.Context, spec engine.Spec) (s Sample, err error) {
	world, err := wasi.New(wasi.Config{Args: spec.Args, Env: spec.Env, Mounts: spec.Mounts,
		Stdin: spec.Stdin, Stdout: spec.Stdout, Stderr: spec.Stderr})
	if err != nil {
		return s, err
	}
	defer world.Close()
	took := Stopwatch()
	err = g.Plain.Run(ctx, world, spec.Entry)
	s.Cost = took()
	if exit, ok := errors.AsType[*interp.Exit](err); ok {
		s.Exit, err = exit.Code, nil
	}
	return s, err
}

func (g *Guest) runMovable(ctx context.Context, spec engine.Spec, after uint64) (s Sample, err error) {
	spec.FreezeEvery = after
	took := Stopwatch()
	e, err := engine.New(ctx, g.Module, spec)
	if err != nil {
		return s, err
	}
	defer func() { e.Close() }()
	if err := e.Start(); err != nil {
		return s, err
	}
	state := e.Wait()
	s.Cost, s.Points = took(), e.Points()
	if after > 0 {
		if state != engine.Frozen {
			return s, fmt.Errorf("%w: it has %d points", ErrEnds, e.Points())
		}
		spec.FreezeEvery = 0
		next, err := g.move(ctx, e, spec)
		if err != nil {
			return s, err
		}
		e = next
		took = Stopwatch()
		if err := e.Thaw(); err != nil {
			return s, err
		}
		e.Wait()
		s.Cost = s.Cost.add(took())
		s.Points += e.Points()
	}
	s.Exit, err = e.Result()
	return s, err
}

// move carries a frozen guest into a fresh instance, and closes the old one.
func (g *Guest) move(ctx context.Context, e *engine.Environment, spec engine.Spec) (*engine.Environment, error) {
	var file bytes.Buffer
	if err := e.Snapshot(&file, snapshotfmt.Meta{}); err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	return engine.Restore(ctx, g.Module, spec, &file)
}

// input is a stream of bytes that are all there. It stays at its place while its guest moves.
type input struct {
	wasi.Stream
	rest *bytes.Reader
}

func (in *input) Read(p []byte) (int, error) { return in.rest.Read(p) }

// output is a stream that nobody keeps.
type output struct {
	wasi.Stream
	sum hash.Hash
}

func (out *output) Write(p []byte) (int, error) { return out.sum.Write(p) }
