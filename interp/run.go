package interp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// Run runs the guest until it ends or is frozen, and returns nil when its entry
// function has returned, ErrFrozen, an *Exit, a *Trap, or what Kill was given. After
// ErrFrozen it can be called again to go on.
//
// For a library it returns nil when the function that Begin named has returned, and
// when there is none to call. A trap leaves a library whose start function has returned
// ready for another call.
//
// Frames that were captured run one at a time: when the innermost one returns, its
// results go to the one outside it. The others wait as data, however many they are.
func (in *Instance) Run(ctx context.Context) error {
	for in.phase != ended && !in.idle() {
		if there, err := in.arrived(); err != nil {
			return err
		} else if there {
			in.rearm()
			return ErrFrozen
		}
		err := in.next(ctx)
		if err == nil && in.unwound {
			slices.Reverse(in.captured)
			in.frames = append(in.frames, in.captured...)
			in.captured, in.unwound = nil, false
			if in.goesOn() {
				continue
			}
			in.rearm()
			return in.beforeCall()
		}
		if err != nil {
			in.failed(err)
			return err
		}
	}
	return nil
}

// failed decides whether the guest is left after an error: a library is after a trap, but
// for a single module that has not started.
func (in *Instance) failed(err error) {
	var trap *Trap
	in.abandon()
	switch instantiating := in.phase < running && !in.halted(); {
	case !in.cfg.Library || !errors.As(err, &trap) && !errors.Is(err, ErrLink):
		in.phase = ended
	case instantiating && len(in.parts) == 1:
		in.phase = ended
	case instantiating:
		in.started() // as far as it came: others may hold its functions
	}
}

// beforeCall counts, for a guest that is frozen by count right before a call of a
// blocking import, the point before that call as passed: nothing in a snapshot tells
// the two apart, and to stop there once more would be to stop there for ever.
func (in *Instance) beforeCall() error {
	if in.cfg.FreezeEvery == 0 {
		return ErrFrozen
	}
	f := &in.frames[len(in.frames)-1]
	en, err := in.prog.units[f.Module].plan.Lookup(f.Func, f.PC, false)
	if err != nil {
		return err
	}
	if en.Before && !f.entry.Before {
		f.entry = en
		in.points.Add(1)
	}
	return ErrFrozen
}

// goesOn reports whether the guest was stopped only to go on by strides.
func (in *Instance) goesOn() bool {
	stop := in.steps.stop
	in.steps.stop = false
	return stop && (!in.freeze.Load() || in.kill.Load() != nil)
}

// idle reports whether the guest is a library that waits for a call.
func (in *Instance) idle() bool {
	return (in.phase == running || in.halted()) && in.pending == nil && len(in.frames) == 0
}

// halted reports whether the guest is a library that has been told to instantiate no more
// modules.
func (in *Instance) halted() bool {
	return in.cfg.Library && in.phase == fresh && in.stage > 0 && in.stage == in.cfg.Modules
}

// Instantiate makes Run instantiate the first n modules of a library, beyond those that
// it has. A module that traps in it, or does not fit those before it, is left as it is
// then, and counts as instantiated.
func (in *Instance) Instantiate(n int) { in.cfg.Modules = n }

// next makes one call into the guest: the innermost frame that waits, or the next of
// the functions that the host calls.
func (in *Instance) next(ctx context.Context) error {
	if n := len(in.frames); n > 0 {
		return in.goOn(ctx, n-1)
	}
	switch {
	case in.pending != nil && in.halted():
	case in.phase == fresh:
		if err := in.parts[in.stage].begin(ctx); err != nil {
			return err
		}
		in.phase = starting
		return nil
	case in.phase == starting:
		u := in.prog.units[in.stage]
		if u.module().Start == nil {
			in.started()
			return nil
		}
		u, fn := in.prog.function(u, *u.module().Start)
		return in.call(ctx, call{unit: u.index, fn: fn})
	}
	c := *in.pending
	in.pending = nil
	return in.call(ctx, c)
}

// started notes that the start function of a module has returned.
func (in *Instance) started() {
	if in.stage++; in.stage < len(in.parts) {
		in.phase = fresh
	} else {
		in.phase = running
	}
}

// call calls a function from outside.
func (in *Instance) call(ctx context.Context, c call) error {
	m := in.parts[c.unit]
	if c.fn < uint32(m.module().NumImportedFuncs()) {
		return fmt.Errorf("the start function is an import: there is nothing to run in the module")
	}
	args, err := m.raw(ctx, c.args)
	if err != nil {
		return err
	}
	res, err := in.enter(ctx, m.main.ExportedFunction(m.plan.FuncExport(c.fn)), args...)
	if err != nil || in.unwound {
		return err
	}
	if in.raised() {
		return in.uncaught()
	}
	return in.returned(ctx, m, c.fn, res)
}

// enter calls into the guest and settles the budget.
func (in *Instance) enter(ctx context.Context, f api.Function, args ...uint64) ([]uint64, error) {
	if in.target == 0 {
		in.target = firstRefill
	}
	n := in.target
	if e := in.cfg.FreezeEvery; e > 0 {
		if in.given == 0 {
			in.given = uint32(min(e, 1<<30))
		}
		n = in.given
	}
	in.grant(n)
	in.asked = time.Now()
	if in.freeze.Load() { // asked before there was anything to ask
		in.setBudget(1)
		in.given = 1
	}
	if in.raised() {
		in.kept.Set(in.budget.Get())
	}
	res, err := f.Call(in.context(ctx), args...)
	if err != nil {
		in.settle()
		return nil, in.trap(err)
	}
	if !in.unwound {
		in.unraise()
		in.settle()
	} else if in.cfg.FreezeEvery > 0 && !in.steps.stop {
		in.given = 0
	}
	return res, nil
}

// goOn runs the i-th frame, the innermost, and hands its results on.
func (in *Instance) goOn(ctx context.Context, i int) error {
	f := in.frames[i]
	in.frames = in.frames[:i]
	m := in.parts[f.Module]
	fn, number, err := in.resumeFunc(ctx, in.way(m.unit, &f), f.entry)
	if err != nil {
		return err
	}
	if err := in.toTransfer(ctx, &f); err != nil {
		return err
	}
	in.entry.Set(uint64(number))
	in.again = f.entry.Before
	res, err := in.enter(ctx, fn)
	if err != nil || in.unwound {
		return err
	}
	if in.raised() {
		return in.throwOn(i)
	}
	if i == 0 {
		return in.returned(ctx, m, f.Func, res)
	}
	t, _ := m.module().FuncType(f.Func)
	vs, err := m.values(ctx, t.Results, res)
	if err != nil {
		return err
	}
	outer := &in.frames[i-1]
	outer.Stack = append(outer.Stack, vs...)
	if in.parts[outer.Module].plan.Point(outer.entry.Point).Counted {
		in.countReturn()
	}
	return nil
}

// countReturn takes the point that the outer frame would have taken on the return of
// its call, and freezes the guest right here if that is due.
func (in *Instance) countReturn() {
	in.points.Add(1)
	if in.given > 0 {
		in.given--
	}
	in.unwound = in.cfg.FreezeEvery > 0 && in.given == 0
}
