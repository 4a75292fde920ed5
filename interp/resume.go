package interp

import (
	"context"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"sojourn/interp/rewrite"
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
	code    wazero.CompiledModule
	numbers map[rewrite.Entry]uint32
	err     error
}

// resume returns the satellite for an entry.
func (p *Program) resume(ctx context.Context, u *unit, fn uint32, en rewrite.Entry) (resumeKey, *resumes, error) {
	key := resumeKey{unit: u.index, fn: fn, all: true}
	entries := u.plan.Entries(fn)
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
	r.once.Do(func() { r.err = r.compile(ctx, p, u, fn, entries) })
	return key, r, r.err
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
		ways = append(ways, way{in.prog.units[in.frames[i].Module], in.frames[i].Func, in.frames[i].entry})
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

// resumeFunc returns the resume function of an entry, linked to the instance, and
// the number under which it takes the entry. It is the instance's satellite until the
// next call.
func (in *Instance) resumeFunc(ctx context.Context, m *part, fn uint32, en rewrite.Entry) (api.Function, uint32, error) {
	key, r, err := in.prog.resume(ctx, m.unit, fn, en)
	if err != nil {
		return nil, 0, err
	}
	mod := in.satellites[key]
	if mod == nil {
		ctx := experimental.WithImportResolver(ctx, func(name string) api.Module {
			if name == rewrite.GuestName {
				return m.main
			}
			return nil
		})
		mod, err = in.prog.rt.InstantiateModule(ctx, r.code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			return nil, 0, fmt.Errorf("link the resume function of function %d: %w", fn, err)
		}
		in.satellites[key] = mod
	}
	in.satellite = mod
	return mod.ExportedFunction(rewrite.ResumeExport(fn)), r.numbers[en], nil
}
