package interp

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"sojourn/interp/rewrite"
	"sojourn/snapshotfmt"
)

// wideFunction is the number of ways in above which a function's resume functions
// are made one by one: a way in costs a merge of all live locals, and an evaluation
// loop has thousands.
const wideFunction = 48

// resumeKey names a satellite: all ways into a function, one into a wide one or at a
// point made on demand, or a stride from there.
type resumeKey struct {
	unit   int
	fn     uint32
	entry  rewrite.Entry
	all    bool
	stride bool
	steps  uint32
}

// resumes is a compiled satellite. It is made once, by whoever needs it first.
type resumes struct {
	once    sync.Once
	done    atomic.Bool // compiled, or it cannot be
	code    wazero.CompiledModule
	numbers map[rewrite.Entry]uint32
	err     error
}

// wayIn returns the satellite in which a function goes on at full speed.
func (p *Program) wayIn(u *unit, fn uint32, en rewrite.Entry) resumeKey {
	if len(p.entries(u, fn)) > wideFunction || u.plan.AdHoc(en.Point) {
		return resumeKey{unit: u.index, fn: fn, entry: en}
	}
	return resumeKey{unit: u.index, fn: fn, all: true}
}

// satellite returns a satellite, perhaps not compiled yet.
func (p *Program) satellite(key resumeKey) *resumes {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.resumes[key]
	if r == nil {
		r = &resumes{}
		p.resumes[key] = r
	}
	return r
}

// resume returns a satellite, compiled.
func (p *Program) resume(ctx context.Context, key resumeKey) (*resumes, error) {
	r := p.satellite(key)
	r.once.Do(func() {
		r.err = r.compile(ctx, p, key)
		r.done.Store(true)
	})
	return r, r.err
}

// wayKey names a function.
type wayKey struct {
	unit int
	fn   uint32
}

// entries returns all ways into a function, which must not be changed.
func (p *Program) entries(u *unit, fn uint32) []rewrite.Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := wayKey{u.index, fn}
	es, ok := p.ways[key]
	if !ok {
		es = u.plan.Entries(fn)
		p.ways[key] = es
	}
	return es
}

func (r *resumes) compile(ctx context.Context, p *Program, key resumeKey) error {
	u := p.units[key.unit]
	sat, err := p.rewritten(u, key)
	if err != nil {
		return err
	}
	r.numbers = sat.Numbers[key.fn]
	r.code, err = p.resumeCode(context.WithoutCancel(ctx), sat.Module.Encode())
	if err != nil {
		return fmt.Errorf("compile the resume function of function %d (%s): %w", key.fn, u.funcName(key.fn), err)
	}
	return nil
}

// rewritten writes the module of a satellite.
func (p *Program) rewritten(u *unit, key resumeKey) (*rewrite.Satellite, error) {
	switch {
	case key.stride:
		return u.plan.Stride(key.entry, key.steps)
	case key.all:
		return u.plan.Resume(map[uint32][]rewrite.Entry{key.fn: p.entries(u, key.fn)})
	}
	return u.plan.Resume(map[uint32][]rewrite.Entry{key.fn: {key.entry}})
}

// warm compiles the resume functions of frames that wait, innermost first, while the
// guest runs already: it needs the first one at once, and the others one by one.
func (in *Instance) warm(ctx context.Context) {
	if in.steps.left != nil {
		return // it may go no further than by strides
	}
	var ways []resumeKey
	for i := len(in.frames) - 1; i >= 0; i-- {
		f := &in.frames[i]
		key := in.prog.wayIn(in.prog.units[f.Module], f.Func, f.entry)
		if !in.prog.satellite(key).done.Load() {
			ways = append(ways, key)
		}
	}
	if len(ways) == 0 {
		return
	}
	ctx, in.cool = context.WithCancel(ctx)
	in.warming.Go(func() {
		for _, w := range ways {
			if ctx.Err() != nil {
				return
			}
			_, _ = in.prog.resume(ctx, w) // goOn meets the error
		}
	})
}

// readyFrames is how many of the innermost frames Ready looks at: the others have the
// time that these take.
const readyFrames = 32

// Ready compiles and links, in an instance that waits for Restore, what a guest in a
// state like st needs first. Nothing else is taken from the state.
func (in *Instance) Ready(ctx context.Context, st *snapshotfmt.State) error {
	frames, err := in.prog.check(st, &in.cfg)
	if err != nil {
		return err
	}
	for i := len(frames) - 1; i >= max(0, len(frames)-readyFrames); i-- {
		f := &frames[i]
		key := in.prog.wayIn(in.prog.units[f.Module], f.Func, f.entry)
		if _, _, err := in.resumeFunc(ctx, key, f.entry); err != nil {
			return err
		}
	}
	return nil
}

// resumeFunc returns the function of a satellite, linked to the instance, and the number
// under which it takes an entry. It is the instance's satellite until the
// next call.
func (in *Instance) resumeFunc(ctx context.Context, key resumeKey, en rewrite.Entry) (api.Function, uint32, error) {
	m := in.parts[key.unit]
	r, err := in.prog.resume(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	s, ok := in.satellites[key]
	if !ok {
		if s, err = in.link(ctx, m, key.fn, r); err != nil {
			return nil, 0, fmt.Errorf("link the resume function of function %d: %w", key.fn, err)
		}
		in.satellites[key] = s
	}
	in.satellite = s.mod
	return s.fn, r.numbers[en], nil
}

// linked is a satellite that is linked to an instance. Calling its function needs a
// stack, which is made once.
type linked struct {
	mod api.Module
	fn  api.Function
}

func (in *Instance) link(ctx context.Context, m *part, fn uint32, r *resumes) (s linked, err error) {
	ctx = experimental.WithImportResolver(ctx, func(name string) api.Module {
		if name == rewrite.GuestName {
			return m.main
		}
		return nil
	})
	if s.mod, err = in.prog.rt.InstantiateModule(ctx, r.code, moduleConfig); err != nil {
		return s, err
	}
	s.fn = s.mod.ExportedFunction(rewrite.ResumeExport(fn))
	return s, nil
}
