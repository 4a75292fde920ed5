package interp

import (
	"context"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"sojourn/interp/rewrite"
)

const (
	// askEvery is how often a guest should ask: the time that the collector, a
	// freeze or a kill may have to wait for it.
	askEvery = 100 * time.Microsecond

	// firstRefill is the first grant of a guest of which nothing is known yet.
	firstRefill = 1 << 8
	// maxRefill bounds how long a guest can go on after its iterations have become
	// a thousand times dearer.
	maxRefill = 1 << 15

	// unwinding is what the budget is while frames are captured: below 0, by more
	// than calls can take from it on their way out.
	unwinding = -1 << 30
)

type instanceKey struct{}

func (in *Instance) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, instanceKey{}, in)
}

func fromContext(ctx context.Context) *Instance { return ctx.Value(instanceKey{}).(*Instance) }

func (in *Instance) setBudget(v int32) { in.budget.Set(uint64(uint32(v))) }
func (in *Instance) getBudget() int32  { return int32(uint32(in.budget.Get())) }

// grant gives the guest n points until it asks again.
func (in *Instance) grant(n uint32) {
	in.given = n
	in.setBudget(int32(n))
}

// settle counts what the guest has taken since the last grant.
func (in *Instance) settle() {
	if left := in.getBudget(); left >= 0 && uint32(left) <= in.given {
		in.points.Add(uint64(in.given - uint32(left)))
		in.given = uint32(left)
	}
}

// ask is the hook: a guest at a point asks whether to go on (0) or to unwind (1).
func ask(ctx context.Context, _ api.Module, stack []uint64) {
	in := fromContext(ctx)
	number := uint32(stack[0])
	stride := in.steps.left != nil && number&rewrite.StopHere != 0
	if stride {
		number &^= rewrite.StopHere
	}
	stack[0] = 1
	if in.unwound {
		in.record(ctx, number, true)
		return
	}
	in.settle()
	if why := in.kill.Load(); why != nil {
		in.end(*why)
	}
	switch {
	case stride:
		in.stopHere(ctx, number)
		return
	case in.mustStop(number):
		in.steps.stop = true
		in.unwind()
		in.record(ctx, number, false)
		return
	case in.freeze.Load() || in.cfg.FreezeEvery > 0 && in.spent():
		in.unwind()
		in.record(ctx, number, false)
		in.giveBack()
		return
	}
	stack[0] = 0
	if in.cfg.FreezeEvery == 0 {
		in.regrant()
	}
}

// spent takes a point for one that takes none itself, and reports whether the guest
// is to freeze here by count.
func (in *Instance) spent() bool {
	left := in.getBudget()
	if left > 0 { // in the middle of a bulk instruction
		left--
		in.setBudget(left)
		in.settle()
	}
	return left <= 0
}

// regrant refills the budget so that the guest asks again in about askEvery.
func (in *Instance) regrant() {
	now := time.Now()
	took := now.Sub(in.asked)
	in.asked = now
	n := in.target
	switch {
	case took <= askEvery/2:
		n *= 2
	case took >= askEvery*2:
		n = max(1, n*uint32(askEvery/time.Microsecond)/uint32(min(took, time.Second)/time.Microsecond))
	}
	in.target = min(n, maxRefill)
	in.grant(in.target)
}

// unwind makes the guest's frames leave, each handing itself over.
func (in *Instance) unwind() {
	in.unwound = true
	in.setBudget(unwinding)
}

// end ends the guest from within a host function.
func (in *Instance) end(why error) {
	in.failure = why
	panic(sys.NewExitError(1))
}
