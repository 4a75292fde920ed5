package interp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
)

const (
	// askEvery is how often a guest should ask: the time that the collector, a
	// freeze or a kill may have to wait for it.
	askEvery = 100 * time.Microsecond

	// maxRefill bounds how long a guest can go on after its iterations have become
	// a thousand times dearer.
	firstRefill = 1 << 8
	maxRefill   = 1 << 15

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

// words returns how many words of wazero's stack values take.
func words(ts []wasm.ValType) int {
	n := len(ts)
	for _, t := range ts {
		if t == wasm.V128 {
			n++
		}
	}
	return n
}

// hostFunction makes wazero call h.
func hostFunction(h HostFunc) api.GoModuleFunc {
	params, results := words(h.Params), words(h.Results)
	if !h.Blocking {
		return func(ctx context.Context, from api.Module, stack []uint64) {
			in := fromContext(ctx)
			if err := h.Call(&HostCall{Stack: stack, Host: in.cfg.Host, memory: in.memoryOf(from)}); err != nil {
				in.hostFailed(&h, err)
			}
		}
	}
	return func(ctx context.Context, from api.Module, stack []uint64) {
		in := fromContext(ctx)
		args := append(make([]uint64, 0, 8), stack[:params]...)
		if in.cfg.FreezeEvery > 0 && !in.again && in.spent() {
			in.interrupt(args, stack[:results])
			return
		}
		in.again = false
		err := h.Call(&HostCall{Stack: stack, Host: in.cfg.Host, memory: in.memoryOf(from), stop: in.stopped()})
		switch {
		case errors.Is(err, ErrRestart):
			if why := in.kill.Load(); why != nil {
				in.end(*why)
			}
			in.interrupt(args, stack[:results])
		case err != nil:
			in.hostFailed(&h, err)
		case in.cfg.FreezeEvery > 0:
			in.spent()
		case in.freeze.Load():
			in.settle()
			in.setBudget(0)
			in.given = 0
		}
	}
}

// interrupt captures the guest as about to make the host call with these arguments.
func (in *Instance) interrupt(args, results []uint64) {
	in.settle()
	in.restart = args
	if in.restart == nil {
		in.restart = []uint64{}
	}
	clear(results)
	in.unwind()
}

func (in *Instance) hostFailed(h *HostFunc, err error) {
	var exit *Exit
	if !errors.As(err, &exit) {
		err = fmt.Errorf("host function %s.%s: %w", h.Module, h.Name, err)
	}
	in.end(err)
}

// memoryOf returns what gives a host function the memory of the module that calls it.
func (in *Instance) memoryOf(from api.Module) func() []byte {
	if len(in.parts) > 1 {
		return func() []byte { return memoryBytes(from) }
	}
	return in.bytes
}

func (in *Instance) bytes() []byte {
	if mem := in.parts[0].mem; mem != nil {
		return mem.Bytes()
	}
	return nil
}

// memoryBytes returns the memory of a module as wazero has it.
func memoryBytes(m api.Module) []byte {
	mem := m.Memory()
	if mem == nil {
		return nil
	}
	b, _ := mem.Read(0, mem.Size())
	return b
}
