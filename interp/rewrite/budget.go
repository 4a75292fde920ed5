package rewrite

import "sojourn/interp/wasm"

// The budget is a global, but in a loop without calls that can suspend it is in a local,
// the clock, so that a round counts in a register. Such loops form nests: the clock is
// read before the outermost one, and written back on every way out of it.
//
// What follows a check must not pay for the cold path. wazero's compiler stores a value
// that a loop changes at each change if it lives across any call, and lets code where
// two ways meet start with the registers that the first of them ends with. So the cold
// path is placed behind the hot one, and what the loop changes does not live across its
// call: it is read back from transfer, and the loop is entered again at its head.

// nested reports whether the code being written is in a nest: has the budget in the clock.
func (e *emitter) nested() bool { return e.nest > 0 }

func (e *emitter) clock() uint32 { return e.temp("clock") }

// flush writes the clock back.
func (e *emitter) flush() {
	if e.nested() {
		e.opU32(wasm.OpLocalGet, e.clock())
		e.opU32(wasm.OpGlobalSet, e.idx.global(e.p.lay.budget))
	}
}

// wind reads the clock.
func (e *emitter) wind() {
	if e.nested() {
		e.opU32(wasm.OpGlobalGet, e.idx.global(e.p.lay.budget))
		e.opU32(wasm.OpLocalSet, e.clock())
	}
}

// tick takes one from the budget, and leaves what is left on the stack.
func (e *emitter) tick() {
	if e.nested() {
		e.opU32(wasm.OpLocalGet, e.clock())
		e.i32(1)
		e.op(wasm.OpI32Sub)
		e.opU32(wasm.OpLocalTee, e.clock())
		return
	}
	t, budget := e.temp("tick"), e.idx.global(e.p.lay.budget)
	e.opU32(wasm.OpGlobalGet, budget)
	e.i32(1)
	e.op(wasm.OpI32Sub)
	e.opU32(wasm.OpLocalTee, t)
	e.opU32(wasm.OpGlobalSet, budget)
	e.opU32(wasm.OpLocalGet, t)
}

// round ends a round of loop k and begins the next. The loop's parameters are on the
// stack; what is below them is in slots.
//
//	…tick…  br_if $loop
//	…transfer…  i32.const $point  call $ask
//	if  …zeros…  return  end
//	…what the loop changes, from transfer…  br $loop
func (e *emitter) round(k *ctl) {
	params := k.block.Params
	for i := len(params) - 1; i >= 0; i-- {
		e.opU32(wasm.OpLocalSet, e.slot(k.base+i, params[i]))
	}
	for i, t := range params {
		e.opU32(wasm.OpLocalGet, e.slot(k.base+i, t))
	}
	e.tick()
	e.opU32(wasm.OpBrIf, e.depth(k.label))
	for range params {
		e.op(wasm.OpDrop)
	}
	e.askHost(k.point)
	changed := e.f.changed(k.con)
	height := 0
	e.p.Values(Entry{Point: k.point}, func(local int, t wasm.ValType, x, ref int) {
		switch {
		case local >= 0 && changed(uint32(local)):
			e.fromTransfer(t, x, ref)
			e.opU32(wasm.OpLocalSet, uint32(local))
		case local < 0:
			if height >= k.base {
				e.fromTransfer(t, x, ref)
			}
			height++
		}
	})
	e.opU32(wasm.OpBr, e.depth(k.label))
}

// check writes the check behind a call, or before a counted instruction that never
// goes on. All of the value stack is in slots. Below 0 the callee has unwound or
// thrown; at 0 the host has said in the call that it wants to stop.
//
//	block $go
//	  global.get $budget  i32.const 0  i32.ge_s    ;; a counted call: …tick…  gt_s
//	  br_if $go                                    ;; of a blocking import: gt_s
//	  …transfer…  i32.const $point  call $ask
//	  if  …zeros…  return  end                     ;; else it is always so
//	  …the call's results, from transfer…
//	end
func (e *emitter) check(s *site) {
	pt := &e.p.Points[s.point]
	unwinds := pt.Kind == Call && !s.counted // nothing else brings it here
	e.block(wasm.OpBlock)
	if s.counted {
		e.tick()
	} else {
		e.opU32(wasm.OpGlobalGet, e.idx.global(e.p.lay.budget))
	}
	e.i32(0)
	if unwinds {
		e.op(wasm.OpI32GeS)
	} else {
		e.op(wasm.OpI32GtS)
	}
	e.opU32(wasm.OpBrIf, 0)
	if pt.Kind == Call {
		e.deliverIfRaised()
	}
	if unwinds {
		e.ask(s.point)
		e.op(wasm.OpDrop)
		e.returnZeros()
		e.endBlock()
		return
	}
	e.askHost(s.point)
	height, first := 0, len(pt.Stack)-pt.Results
	e.p.Values(Entry{Point: s.point}, func(local int, t wasm.ValType, x, ref int) {
		if local >= 0 {
			return
		}
		if height >= first {
			e.fromTransfer(t, x, ref)
			e.opU32(wasm.OpLocalSet, e.slot(height, t))
		}
		height++
	})
	e.endBlock()
}

// ask hands the frame to the host, and leaves its answer on the stack.
func (e *emitter) ask(point int) {
	e.flush()
	e.spill(point)
	e.i32(int32(e.p.number(point)))
	e.opU32(wasm.OpCall, e.idx.fn(e.p.ask()))
}

// askHost hands the frame to the host and returns if it is told to unwind.
func (e *emitter) askHost(point int) {
	e.ask(point)
	e.block(wasm.OpIf)
	e.returnZeros()
	e.endBlock()
	e.wind()
}

func (e *emitter) returnZeros() {
	for _, t := range e.p.Module.Types[e.f.typ].Results {
		e.zero(t)
	}
	e.op(wasm.OpReturn)
}
