package interp

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// record takes the frame that stops at a point out of transfer. A frame that waits in
// a call does not hold its results.
func (in *Instance) record(ctx context.Context, point int, waiting bool) {
	plan := in.prog.plan
	pt := plan.Point(point)
	f := frame{entry: rewrite.Entry{Point: point}}
	f.Func, f.PC = pt.Func, pt.PC
	f.Locals = make([]snapshotfmt.Value, len(plan.Locals(pt.Func)))
	var err error
	plan.Values(f.entry, func(local int, t wasm.ValType, x, ref int) {
		v := snapshotfmt.Value{Type: snapshotfmt.Type(t)}
		switch t {
		case wasm.V128, wasm.ExnRef:
			v.Lo, v.Hi = in.cell(x).Get(), in.cell(x+1).Get()
		case wasm.ExternRef:
			raw, e := in.helper(ctx, rewrite.ExternGetName, uint64(ref))
			if err = errors.Join(err, e); err == nil {
				v.Lo, err = externOf(raw)
			}
		case wasm.FuncRef:
			v.Lo = snapshotfmt.Null
			if in.cell(x).Get() == 0 && err == nil {
				v.Lo, err = in.movingIndex(ref)
			}
		default:
			v.Lo = in.cell(x).Get()
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
	if in.restart != nil {
		in.restarted(&f, pt)
	} else if waiting {
		f.Stack = f.Stack[:len(f.Stack)-pt.Results]
	}
	in.captured = append(in.captured, f)
}

// restarted makes f a frame that is about to make the host call it is in.
func (in *Instance) restarted(f *frame, pt *rewrite.Point) {
	f.entry.Before = true
	f.PC = pt.At
	f.Stack = f.Stack[:len(f.Stack)-pt.Results]
	for i, t := range in.prog.Module().Types[pt.Callee].Params {
		lo := in.restart[i]
		if t == wasm.I32 || t == wasm.F32 {
			lo = uint64(uint32(lo)) // wazero leaves the upper half open
		}
		f.Stack = append(f.Stack, snapshotfmt.Value{Type: snapshotfmt.Type(t), Lo: lo})
	}
	in.restart = nil
}

// toTransfer puts a frame where its resume function looks for it.
func (in *Instance) toTransfer(ctx context.Context, f *frame) (err error) {
	k := 0
	in.prog.plan.Values(f.entry, func(local int, t wasm.ValType, x, ref int) {
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
				_, err = in.helper(ctx, rewrite.ExternPutName, uint64(ref), rawExtern(v.Lo))
			}
		case wasm.FuncRef:
			if err == nil {
				err = in.hold(ctx, ref, v.Lo)
			}
		case wasm.V128, wasm.ExnRef:
			in.cell(x).Set(v.Lo)
			in.cell(x + 1).Set(v.Hi)
		default:
			in.cell(x).Set(v.Lo)
		}
	})
	return err
}

// cell returns the global through which value x of a frame passes. A frame at an ad hoc
// point can be wider than the module's own: the satellite that it passes to or from has
// the others.
func (in *Instance) cell(x int) api.MutableGlobal {
	if x < len(in.transfer) {
		return in.transfer[x]
	}
	g, _ := in.satellite.ExportedGlobal(rewrite.TransferExport(x)).(api.MutableGlobal)
	return g
}

// addPoints makes points of the places of frames that are none, function by function.
func (p *Program) addPoints(st *snapshotfmt.State) error {
	missing := map[uint32][]uint32{}
	for i, f := range st.Frames {
		if f.Module == 0 && !p.plan.IsPoint(f.Func, f.PC, i < len(st.Frames)-1) {
			missing[f.Func] = append(missing[f.Func], f.PC)
		}
	}
	for fn, pcs := range missing {
		if err := p.plan.Add(fn, pcs...); err != nil {
			return fmt.Errorf("function %d (%s): %w", fn, p.Module().FuncName(fn), err)
		}
	}
	return nil
}

// check finds where each frame of a state goes on, and refuses frames that the module
// cannot have.
func (p *Program) check(st *snapshotfmt.State, cfg *Config) ([]frame, error) {
	if err := p.addPoints(st); err != nil {
		return nil, err
	}
	frames := make([]frame, len(st.Frames))
	for i, f := range st.Frames {
		waiting := i < len(st.Frames)-1
		bad := func(format string, args ...any) error {
			return fmt.Errorf("frame %d, function %d (%s): %s", i, f.Func, p.Module().FuncName(f.Func), fmt.Sprintf(format, args...))
		}
		if f.Module != 0 {
			return nil, bad("module %d: a guest is one module", f.Module)
		}
		en, err := p.plan.Lookup(f.Func, f.PC, waiting)
		if err != nil {
			return nil, bad("%v", err)
		}
		frames[i] = frame{Frame: f, entry: en}
		frames[i].Stack = append([]snapshotfmt.Value{}, f.Stack...) // results are pushed on it
		pt := p.plan.Point(en.Point)
		if i == 0 {
			if err := p.checkOutermost(st, f.Func, cfg); err != nil {
				return nil, bad("%v", err)
			}
		}
		if waiting {
			if err := p.checkCall(pt, st.Frames[i+1].Func); err != nil {
				return nil, bad("%v", err)
			}
		}
		if err := p.checkValues(&f, en, pt, waiting); err != nil {
			return nil, bad("%v", err)
		}
	}
	return frames, nil
}

// checkCall checks that a call at pt can be the call of a function.
func (p *Program) checkCall(pt *rewrite.Point, callee uint32) error {
	t, ok := p.Module().FuncType(callee)
	if !ok {
		return fmt.Errorf("it calls function %d, which the module does not have", callee)
	}
	if pt.Target >= 0 && p.plan.Tails(uint32(pt.Target), callee) || pt.Target < 0 && p.plan.TailsType(pt.Callee, callee) {
		return nil
	}
	if pt.Target >= 0 && uint32(pt.Target) != callee {
		return fmt.Errorf("at 0x%x it calls function %d, and not %d", pt.At, pt.Target, callee)
	}
	if want := p.Module().Types[pt.Callee]; !t.Equal(want) {
		return fmt.Errorf("at 0x%x it calls a function of type %v; function %d is %v", pt.At, want, callee, t)
	}
	return nil
}

func (p *Program) checkValues(f *snapshotfmt.Frame, en rewrite.Entry, pt *rewrite.Point, waiting bool) error {
	types := p.plan.Locals(f.Func)
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
		want = pt.Operands(p.Module())
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
		return p.plan.CheckExn(v.Lo, v.Hi)
	}
	return nil
}

// checkRef checks that references can name a function.
func (p *Program) checkRef(idx uint64) error {
	if idx == snapshotfmt.Null {
		return nil
	}
	if _, ok := p.takenIndex(idx); !ok {
		return fmt.Errorf("a reference to function %d, which no code of the module can refer to", idx)
	}
	return nil
}
