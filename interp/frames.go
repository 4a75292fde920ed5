package interp

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// record takes the frame that stops at a point out of transfer. A frame that waits in
// a call does not hold its results.
func (in *Instance) record(ctx context.Context, number uint32, waiting bool) {
	u, point := in.prog.at(number)
	m, plan := in.parts[u.index], u.plan
	pt := plan.Point(point)
	f := frame{entry: rewrite.Entry{Point: point}}
	f.Module, f.Func, f.PC = uint32(u.index), pt.Func, pt.PC
	f.Locals = make([]snapshotfmt.Value, len(plan.Locals(pt.Func)))
	var err error
	plan.Values(f.entry, func(local int, t wasm.ValType, x, ref int) {
		v := snapshotfmt.Value{Type: snapshotfmt.Type(t)}
		switch t {
		case wasm.V128, wasm.ExnRef:
			v.Lo, v.Hi = m.cell(x).Get(), m.cell(x+1).Get()
		case wasm.ExternRef:
			raw, e := m.helper(ctx, rewrite.ExternGetName, uint64(ref))
			if err = errors.Join(err, e); err == nil {
				v.Lo, err = externOf(raw)
			}
		case wasm.FuncRef:
			v.Lo = snapshotfmt.Null
			if m.cell(x).Get() == 0 && err == nil {
				v.Lo, err = m.movingIndex(ref)
			}
		default:
			v.Lo = m.cell(x).Get()
		}
		if local >= 0 {
			f.Locals[local] = v
		} else {
			f.Stack = append(f.Stack, v)
		}
	})
	if err != nil {
		in.end(err)
	}
	restarted := in.restart != nil
	if restarted {
		if err := in.restarted(ctx, &f, pt); err != nil {
			in.end(err)
		}
	} else if waiting {
		f.Stack = f.Stack[:len(f.Stack)-pt.Results]
	}
	in.captured = append(in.captured, f)
	if restarted {
		in.giveBack()
	}
}

// restarted makes f a frame that is about to make the host call it is in.
func (in *Instance) restarted(ctx context.Context, f *frame, pt *rewrite.Point) error {
	f.entry.Before = true
	f.PC = pt.At
	f.Stack = f.Stack[:len(f.Stack)-pt.Results]
	m := in.parts[f.Module]
	args, err := m.values(ctx, m.module().Types[pt.Callee].Params, in.restart)
	f.Stack = append(f.Stack, args...)
	in.restart = nil
	return err
}

// toTransfer puts a frame where its resume function looks for it.
func (in *Instance) toTransfer(ctx context.Context, f *frame) (err error) {
	k, m := 0, in.parts[f.Module]
	m.plan.Values(f.entry, func(local int, t wasm.ValType, x, ref int) {
		var v snapshotfmt.Value
		if local >= 0 {
			v = f.Locals[local]
		} else {
			v = f.Stack[k]
			k++
		}
		switch t {
		case wasm.ExternRef:
			if err == nil {
				_, err = m.helper(ctx, rewrite.ExternPutName, uint64(ref), rawExtern(v.Lo))
			}
		case wasm.FuncRef:
			if err == nil {
				err = m.hold(ctx, ref, v.Lo)
			}
		case wasm.V128, wasm.ExnRef:
			m.cell(x).Set(v.Lo)
			m.cell(x + 1).Set(v.Hi)
		default:
			m.cell(x).Set(v.Lo)
		}
	})
	return err
}

// cell returns the global through which value x of a frame passes. A frame at an ad hoc
// point can be wider than the module's own: the satellite that it passes to or from has
// the others.
func (m *part) cell(x int) api.MutableGlobal {
	if x < m.width {
		return m.in.transfer[x]
	}
	g, _ := m.in.satellite.ExportedGlobal(rewrite.TransferExport(x)).(api.MutableGlobal)
	return g
}

// addPoints makes points of the places of frames that are none, function by function.
func (p *Program) addPoints(st *snapshotfmt.State) error {
	type function struct{ module, fn uint32 }
	missing := map[function][]uint32{}
	for i, f := range st.Frames {
		if f.Module < uint32(len(p.units)) && !p.units[f.Module].plan.IsPoint(f.Func, f.PC, i < len(st.Frames)-1) {
			k := function{f.Module, f.Func}
			missing[k] = append(missing[k], f.PC)
		}
	}
	for k, pcs := range missing {
		if err := p.units[k.module].plan.Add(k.fn, pcs...); err != nil {
			return fmt.Errorf("function %d (%s): %w", k.fn, p.units[k.module].funcName(k.fn), err)
		}
	}
	return nil
}

// check finds where each frame of a state goes on, and refuses frames that the guest
// cannot have.
func (p *Program) check(st *snapshotfmt.State, cfg *Config) ([]frame, error) {
	if err := p.checkStage(st, cfg); err != nil {
		return nil, err
	}
	if err := p.addPoints(st); err != nil {
		return nil, err
	}
	frames := make([]frame, len(st.Frames))
	for i, f := range st.Frames {
		waiting := i < len(st.Frames)-1
		if f.Module >= uint32(len(p.units)) {
			return nil, fmt.Errorf("frame %d: it is of module %d, and the guest has %d", i, f.Module, len(p.units))
		}
		u := p.units[f.Module]
		bad := func(format string, args ...any) error {
			return fmt.Errorf("frame %d, function %d (%s): %s", i, f.Func, u.funcName(f.Func), fmt.Sprintf(format, args...))
		}
		en, err := u.plan.Lookup(f.Func, f.PC, waiting)
		if err != nil {
			return nil, bad("%v", err)
		}
		frames[i] = frame{Frame: f, entry: en}
		frames[i].Stack = append([]snapshotfmt.Value{}, f.Stack...) // results are pushed on it
		pt := u.plan.Point(en.Point)
		if i == 0 {
			if err := p.checkOutermost(st, u, f.Func, cfg); err != nil {
				return nil, bad("%v", err)
			}
		}
		if waiting {
			if err := p.checkCall(u, pt, &st.Frames[i+1]); err != nil {
				return nil, bad("%v", err)
			}
		}
		if err := p.checkValues(u, &f, en, pt, waiting); err != nil {
			return nil, bad("%v", err)
		}
	}
	return frames, nil
}

// checkCall checks that a call at pt can be the call that a frame is.
func (p *Program) checkCall(u *unit, pt *rewrite.Point, callee *snapshotfmt.Frame) error {
	if callee.Module >= uint32(len(p.units)) {
		return fmt.Errorf("it calls a function of module %d, and the guest has %d", callee.Module, len(p.units))
	}
	to := p.units[callee.Module]
	t, ok := to.module().FuncType(callee.Func)
	if !ok {
		return fmt.Errorf("it calls function %d, which the module does not have", callee.Func)
	}
	if p.tails(u, to, pt, callee.Func) {
		return nil
	}
	if pt.Target >= 0 {
		if want, fn := p.function(u, uint32(pt.Target)); want != to || fn != callee.Func {
			return fmt.Errorf("at 0x%x it calls function %d (%s), and not %d (%s)", pt.At, fn, want.funcName(fn), callee.Func, to.funcName(callee.Func))
		}
	}
	if want := u.module().Types[pt.Callee]; !t.Equal(want) {
		return fmt.Errorf("at 0x%x it calls a function of type %v; function %d is %v", pt.At, want, callee.Func, t)
	}
	return nil
}

// tails reports whether tail calls can have put a function where a point has called
// another.
func (p *Program) tails(u, to *unit, pt *rewrite.Point, fn uint32) bool {
	if pt.Target >= 0 {
		called, f := p.function(u, uint32(pt.Target))
		return p.replaces(called, f, to, fn)
	}
	if len(p.units) > 1 {
		return p.replacesAny(u.module().Types[pt.Callee].Results, to, fn)
	}
	return u.plan.TailsType(pt.Callee, fn)
}

// replaces reports whether tail calls can have put the second function where the first
// was called.
func (p *Program) replaces(called *unit, f uint32, found *unit, fn uint32) bool {
	if len(p.units) > 1 {
		t, _ := called.module().FuncType(f)
		return p.replacesAny(t.Results, found, fn)
	}
	return found.plan.Tails(f, fn)
}

// replacesAny reports whether tail calls can have put a function where one with these
// results was called. Those of several modules are not followed: where any are made,
// whatever returns the same may be there.
func (p *Program) replacesAny(results []wasm.ValType, found *unit, fn uint32) bool {
	t, ok := found.module().FuncType(fn)
	return ok && slices.Equal(t.Results, results) &&
		slices.ContainsFunc(p.units, func(u *unit) bool { return u.plan.TailCalls() })
}

func (p *Program) checkValues(u *unit, f *snapshotfmt.Frame, en rewrite.Entry, pt *rewrite.Point, waiting bool) error {
	types := u.plan.Locals(f.Func)
	if len(f.Locals) != len(types) {
		return fmt.Errorf("%d locals; the function has %d", len(f.Locals), len(types))
	}
	for _, l := range pt.Locals {
		if err := p.checkValue(f.Locals[l], types[l]); err != nil {
			return fmt.Errorf("local %d: %w", l, err)
		}
	}
	want := pt.Stack
	switch {
	case en.Before:
		want = pt.Operands(u.module())
	case waiting:
		want = want[:len(want)-pt.Results]
	}
	if len(f.Stack) != len(want) {
		return fmt.Errorf("%d values on the stack; at 0x%x there are %d", len(f.Stack), f.PC, len(want))
	}
	for i, t := range want {
		if err := p.checkValue(f.Stack[i], t); err != nil {
			return fmt.Errorf("value %d on the stack: %w", i, err)
		}
	}
	return nil
}

func (p *Program) checkValue(v snapshotfmt.Value, t wasm.ValType) error {
	switch {
	case v.Type != snapshotfmt.Type(t):
		if v.Type == snapshotfmt.Dead {
			return fmt.Errorf("it has no value, and %v is needed", t)
		}
		return fmt.Errorf("it is %v, and %v is needed", wasm.ValType(v.Type), t)
	case t == wasm.FuncRef:
		return p.checkRef(v.Lo)
	case t == wasm.ExnRef:
		return p.units[0].plan.CheckExn(v.Lo, v.Hi) // all know the guest's tags
	}
	return nil
}

// checkRef checks that references can name a function.
func (p *Program) checkRef(ref uint64) error {
	if ref == snapshotfmt.Null {
		return nil
	}
	mod, fn := snapshotfmt.RefFunc(ref)
	if mod >= uint32(len(p.units)) {
		return fmt.Errorf("a reference to a function of module %d, and the guest has %d", mod, len(p.units))
	}
	if _, _, ok := p.taken(ref); !ok {
		return fmt.Errorf("a reference to function %d (%s), which no code of the guest can refer to", fn, p.units[mod].funcName(fn))
	}
	return nil
}
