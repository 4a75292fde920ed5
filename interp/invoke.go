package interp

import (
	"context"
	"fmt"

	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// A guest calls its functions from the outside in: the start function, and then what
// the host asks for. A program's host asks once, for the entry function; a library's
// asks as often as it likes:
//
//	in, err := prog.Instantiate(ctx, interp.Config{Library: true})
//	err = in.Run(ctx)                      // the start function
//	err = in.Begin("add", one, two)
//	err = in.Run(ctx)                      // nil, ErrFrozen or a *Trap, as ever
//	sum := in.Results()[0]
//
// A frozen call can be captured and goes on in another instance, whose Results are then
// the call's: the outermost frame says what was called. A trap ends the call and not the
// library.

// call is a call that the host has asked for and that has not begun.
type call struct {
	unit int
	fn   uint32 // in the author's index space
	args []snapshotfmt.Value
}

// Begin makes the next Run call an exported function of a library whose start function
// has returned and which is in no other call. Of several modules it is the last one's.
func (in *Instance) Begin(name string, args ...snapshotfmt.Value) error {
	return in.BeginIn(len(in.parts)-1, name, args...)
}

// BeginIn is Begin for the export of any module, by its place in the guest.
func (in *Instance) BeginIn(module int, name string, args ...snapshotfmt.Value) error {
	switch {
	case !in.cfg.Library:
		return fmt.Errorf("call %q: the guest is a program, which runs its entry function and nothing else", name)
	case in.phase == ended:
		return fmt.Errorf("call %q: %w", name, errEnded)
	case in.phase != running && !in.halted():
		return fmt.Errorf("call %q: the guest's start function has not returned: Run runs it", name)
	case in.pending != nil || len(in.frames) > 0:
		return fmt.Errorf("call %q: the guest is in another call: Run goes on with it", name)
	}
	u, fn, err := in.prog.exported(module, name)
	if err != nil {
		return fmt.Errorf("call %q: %w", name, err)
	}
	t, _ := u.module().FuncType(fn)
	if len(args) != len(t.Params) {
		return fmt.Errorf("call %q: %d arguments; the function is %v", name, len(args), t)
	}
	for i, v := range args {
		err := in.prog.checkValue(v, t.Params[i])
		if err == nil {
			err = in.checkExtern(v)
		}
		if err != nil {
			return fmt.Errorf("call %q: argument %d: %w", name, i, err)
		}
	}
	in.pending, in.results = &call{u.index, fn, args}, nil
	return nil
}

// Results returns what the last call from outside has returned, when Run has returned nil.
func (in *Instance) Results() []snapshotfmt.Value { return in.results }

// exported returns the function that a module exports under a name, and the module
// that defines it.
func (p *Program) exported(module int, name string) (*unit, uint32, error) {
	for _, e := range p.units[module].module().Exports {
		if e.Name != name || e.Kind != wasm.KindFunc {
			continue
		}
		u, fn := p.function(p.units[module], e.Index)
		if fn < uint32(u.module().NumImportedFuncs()) {
			return nil, 0, fmt.Errorf("function %q is an import from the host, and not the guest's own", name)
		}
		return u, fn, nil
	}
	return nil, 0, fmt.Errorf("the module exports no function %q", name)
}

// checkOutermost checks that the host can have called a function: the start function,
// then a program's entry or any function that a library exports.
func (p *Program) checkOutermost(st *snapshotfmt.State, u *unit, fn uint32, cfg *Config) error {
	want := func(o *unit, f uint32) error {
		if o == u && f == fn || p.replaces(o, f, u, fn) {
			return nil
		}
		return fmt.Errorf("the outermost frame must be of function %d (%s)", f, o.funcName(f))
	}
	if start := p.units[st.Ready]; !st.Started && !st.Waiting && start.module().Start != nil {
		return want(p.function(start, *start.module().Start))
	}
	if !cfg.Library {
		o, entry, err := p.exported(len(p.units)-1, cfg.Entry)
		if err != nil {
			return err
		}
		return want(o, entry)
	}
	for _, o := range p.units {
		for _, e := range o.module().Exports {
			if e.Kind == wasm.KindFunc && (st.Started || st.Waiting) && want(o, e.Index) == nil {
				return nil
			}
		}
	}
	return fmt.Errorf("the outermost frame must be of a function that the module exports, after its start function")
}

// returned notes that the function called from outside has returned.
func (in *Instance) returned(ctx context.Context, m *part, fn uint32, res []uint64) (err error) {
	switch {
	case in.phase == starting:
		in.started()
	case in.cfg.Library:
		t, _ := m.module().FuncType(fn)
		in.results, err = m.values(ctx, t.Results, res)
	default:
		in.phase = ended
	}
	return err
}

// abandon forgets a call that has trapped.
func (in *Instance) abandon() {
	in.frames, in.captured, in.restart = nil, nil, nil
	in.unwound, in.again = false, false
}
