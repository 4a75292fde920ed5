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

// resumeKey names a satellite: all ways into a function, or one into a wide one, or at
// a point made on demand.
type resumeKey struct {
	unit  int
	fn    uint32
	entry rewrite.Entry
	all   bool
}

// resumes is a compiled satellite. It is made once, by whoever needs it first.
type resumes struct {
	once    sync.Once
	done    atomic.Bool // compiled, or it cannot be
	code    wazero.CompiledModule
	numbers map[rewrite.Entry]uint32
	err     error
}

// satellite returns the satellite for an entry, perhaps not compiled yet, and what
// entries it is to hold.
func (p *Program) satellite(u *unit, fn uint32, en rewrite.Entry) (resumeKey, *resumes, []rewrite.Entry) {
	key := resumeKey{unit: u.index, fn: fn, all: true}
	entries := p.entries(u, fn)
	if len(entries) > wideFunction || u.plan.AdHoc(en.Point) {
		key, entries = resumeKey{unit: u.index, fn: fn, entry: en}, []rewrite.Entry{en}
	}
	p.mu.Lock()
	r := p.resumes[key]
	if r == nil {
		r = &resumes{}
		p.resumes[key] = r
	}
	p.mu.Unlock()
	return key, r, entries
}

// resume returns the satellite for an entry, compiled.
func (p *Program) resume(ctx context.Context, u *unit, fn uint32, en rewrite.Entry) (resumeKey, *resumes, error) {
	key, r, entries := p.satellite(u, fn, en)
	r.once.Do(func() {
		r.err = r.compile(ctx, p, u, fn, entries)
		r.done.Store(true)
	})
	return key, r, r.err
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

func (r *resumes) compile(ctx context.Context, p *Program, u *unit, fn uint32, entries []rewrite.Entry) error {
	sat, err := u.plan.Resume(map[uint32][]rewrite.Entry{fn: entries})
	if err != nil {
		return err
	}
	r.numbers = sat.Numbers[fn]
	r.code, err = p.resumeCode(context.WithoutCancel(ctx), sat.Module.Encode())
	if err != nil {
		return fmt.Errorf("compile the resume function of function %d (%s): %w", fn, u.funcName(fn), err)
	}
	return nil
}

// warm compiles the resume functions of frames that wait, innermost first, while the
// guest runs already: it needs the first one at once, and the others one by one.
func (in *Instance) warm(ctx context.Context) {
	type way struct {
		unit  *unit
		fn    uint32
		entry rewrite.Entry
	}
	var ways []way
	for i := len(in.frames) - 1; i >= 0; i-- {
		f := &in.frames[i]
		u := in.prog.units[f.Module]
		if _, r, _ := in.prog.satellite(u, f.Func, f.entry); !r.done.Load() {
			ways = append(ways, way{u, f.Func, f.entry})
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
			_, _, _ = in.prog.resume(ctx, w.unit, w.fn, w.entry) // goOn meets the error
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
		if _, _, err := in.resumeFunc(ctx, in.parts[f.Module], f.Func, f.entry); err != nil {
			return err
		}
	}
	return nil
}

// resumeFunc returns the resume function of an entry, linked to the instance, and
// the number under which it takes the entry. It is the instance's satellite until the
// next call.
func (in *Instance) resumeFunc(ctx context.Context, m *part, fn uint32, en rewrite.Entry) (api.Function, uint32, error) {
	key, r, err := in.prog.resume(ctx, m.unit, fn, en)
	if err != nil {
		return nil, 0, err
	}
	s, ok := in.satellites[key]
	if !ok {
		if s, err = in.link(ctx, m, fn, r); err != nil {
			return nil, 0, fmt.Errorf("link the resume function of function %d: %w", fn, err)
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
