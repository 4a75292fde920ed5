package rewrite

import "sojourn/interp/wasm"

// openFunction begins the body: its label, and in a resume function the ways in.
func (e *emitter) openFunction() {
	l := e.newLabel()
	e.ctls = append(e.ctls, ctl{label: l, con: -1, opened: true, caught: anonymous})
	e.openLabel(l)
	if e.ways != nil {
		e.enterFunction()
	}
}

func (e *emitter) newLabel() label32 {
	if len(e.where) == 0 {
		e.where = append(e.where, 0) // anonymous
	}
	e.made++
	e.where = append(e.where, -1)
	return e.made
}

// open writes the start of a block, loop or if. Where a point is inside, all that is
// on the stack goes to slots first: code inside cannot reach below its own start.
func (e *emitter) open(s *site) error {
	con := e.con
	e.con++
	c := &e.f.cons[con]
	entered := e.ways != nil && e.ways.entered[con]
	if e.ways != nil && c.op == wasm.OpLoop {
		e.arrive(wayIn{pos: e.in.Pos})
	}
	points := c.points || entered
	if points {
		e.saveBelow(c.op == wasm.OpIf)
	}
	k := ctl{con: con, block: e.in.Block, els: anonymous, caught: anonymous}
	switch {
	case entered && c.op == wasm.OpBlock:
		k.label = e.ways.ends[con]
	case entered && c.op == wasm.OpIf:
		k.label, k.els = e.ways.ends[con], e.ways.elses[con]
		e.op(wasm.OpI32Eqz)
		e.opU32(wasm.OpBrIf, e.depth(k.els))
	case entered && c.op == wasm.OpTryTable:
		k.label, k.caught = e.ways.ends[con], e.ways.elses[con]
	case points && c.op == wasm.OpTryTable:
		e.openTry(&k)
	case c.op == wasm.OpTryTable: // nothing in it can throw
		k.label, k.opened = e.newLabel(), true
		e.blockOf(wasm.FuncType(k.block))
		e.openLabel(k.label)
	default:
		if s != nil {
			e.openTicking(&k, s)
		}
		k.label, k.opened = e.newLabel(), true
		e.begin(c.op)
		e.openLabel(k.label)
	}
	if err := e.x.Step(&e.in); err != nil {
		return err
	}
	k.base = len(e.x.Stack()) - len(k.block.Params)
	e.forget(len(e.x.Stack()))
	if c.op == wasm.OpLoop || !points {
		e.forget(k.base) // a loop's parameters are new in each iteration
	}
	k.saved = min(e.saved, k.base)
	e.ctls = append(e.ctls, k)
	if c.op == wasm.OpLoop && (s != nil || entered) {
		e.loopHead(entered)
	}
	return nil
}

// openTicking opens what is around a loop that ticks: the block behind it, and the nest
// that begins with it.
func (e *emitter) openTicking(k *ctl, s *site) {
	k.point = s.point
	if !e.nested() && !e.f.cons[k.con].calls {
		e.nest = len(e.ctls) + 1
		e.wind()
	}
	k.exit = e.newLabel()
	e.begin(wasm.OpBlock)
	e.openLabel(k.exit)
}

// loopHead opens, inside a loop, the block at whose end a round ends, and in a loop that
// a resume function can enter the labels of the ways in.
//
//	block $exit
//	  loop $loop
//	    block $back      ;; what went back to $loop, and counts, goes to $back
//	      …  br $exit
//	    end
//	    …round…
//	  end
//	end
func (e *emitter) loopHead(entered bool) {
	k := &e.ctls[len(e.ctls)-1]
	st := e.x.Stack()
	h := len(st)
	for i := h - 1; i >= k.base; i-- {
		e.opU32(wasm.OpLocalSet, e.slot(i, st[i]))
	}
	e.saved = h
	if k.exit != anonymous {
		k.back = e.newLabel()
		e.blockOf(wasm.FuncType{Results: k.block.Params})
		e.openLabel(k.back)
	}
	if entered {
		inside := e.ways.regions[k.con]
		inside.base = k.base
		e.openWays(inside)
		e.dispatchAgain(inside)
		e.ways.stack = append(e.ways.stack, inside)
	}
	e.load(k.base, h)
}

// endTicking ends a loop that ticks, at whose end k is still open.
func (e *emitter) endTicking(k *ctl, unreachable bool) {
	root := e.nest == len(e.ctls)
	if root && !unreachable {
		e.flush()
	}
	e.leave(k.exit, unreachable)
	e.closeLabel(k.back)
	e.round(k)
	e.closeLabel(k.label)
	e.closeLabel(k.exit)
	if root {
		e.nest = 0
	}
}

// blockOf writes the start of a block of a type.
func (e *emitter) blockOf(t wasm.FuncType) {
	t = LowType(t)
	switch {
	case len(t.Params) == 0 && len(t.Results) == 0:
		e.out = wasm.AppendBlock(e.out, wasm.OpBlock, wasm.Unknown)
	case len(t.Params) == 0 && len(t.Results) == 1:
		e.out = wasm.AppendBlock(e.out, wasm.OpBlock, t.Results[0])
	default:
		e.out = wasm.AppendBlockIndex(e.out, wasm.OpBlock, e.idx.block(t))
	}
}

// begin writes the start of a construct of the current instruction's type. An index of a
// type is the same everywhere: satellites have the author's types first.
func (e *emitter) begin(op wasm.Opcode) {
	if b := e.in.Block; len(b.Params) == 0 && len(b.Results) == 1 {
		e.out = wasm.AppendBlock(e.out, op, low(b.Results[0]))
		return
	}
	e.out = append(wasm.AppendOp(e.out, op), e.src.Body[e.in.Pos+1:e.in.Pos+e.in.Len]...)
}

// saveBelow saves the stack; under says that a condition is on top of it.
func (e *emitter) saveBelow(under bool) {
	if !under {
		e.save()
		return
	}
	if e.saved >= len(e.x.Stack())-1 {
		return
	}
	e.save() // the condition too: it is in a slot of its own, and stays on the stack
}

func (e *emitter) elseArm() error {
	k := &e.ctls[len(e.ctls)-1]
	if k.opened {
		e.op(wasm.OpElse)
		if err := e.x.Step(&e.in); err != nil {
			return err
		}
		e.saved = k.saved
		return nil
	}
	e.leave(k.label, e.x.Unreachable())
	e.closeLabel(k.els)
	if err := e.x.Step(&e.in); err != nil {
		return err
	}
	e.reload(k, k.block.Params)
	return nil
}

func (e *emitter) end() error {
	k := e.ctls[len(e.ctls)-1]
	unreachable := e.x.Unreachable()
	switch {
	case k.exit != anonymous:
		e.endTicking(&k, unreachable)
	case k.opened && k.caught == anonymous:
		e.op(wasm.OpEnd)
		e.labels = e.labels[:len(e.labels)-1]
	default:
		e.leave(k.label, unreachable)
		if k.els != anonymous && e.f.cons[k.con].els < 0 {
			e.closeLabel(k.els) // no else arm: the parameters are the results
		}
		if k.caught != anonymous {
			e.closeLabel(k.caught)
			e.handlers(&k)
		}
		e.closeLabel(k.label)
	}
	if err := e.x.Step(&e.in); err != nil {
		return err
	}
	e.ctls = e.ctls[:len(e.ctls)-1]
	if k.con >= 0 && e.ways != nil && e.f.cons[k.con].op == wasm.OpLoop && e.ways.entered[k.con] {
		e.ways.stack = e.ways.stack[:len(e.ways.stack)-1]
	}
	if k.opened {
		e.saved = k.saved
	} else {
		e.reload(&k, k.block.Results)
	}
	return nil
}

// leave branches to the end of a construct, from inside another label. Where nothing gets
// there, what dead code has left on the stack goes.
func (e *emitter) leave(l label32, unreachable bool) {
	if unreachable {
		e.op(wasm.OpUnreachable)
		return
	}
	e.opU32(wasm.OpBr, e.depth(l))
}

// closeLabel ends the innermost label of the output, which must be l.
func (e *emitter) closeLabel(l label32) {
	if e.labels[len(e.labels)-1] != l {
		panic("rewrite: labels are not nested")
	}
	e.op(wasm.OpEnd)
	e.labels = e.labels[:len(e.labels)-1]
}

// reload follows the end of a hoisted label, where of the region's stack only the
// label's results, on top of what was below its construct, are left: the rest comes
// from slots.
func (e *emitter) reload(k *ctl, results []wasm.ValType) {
	for i := len(results) - 1; i >= 0; i-- {
		e.opU32(wasm.OpLocalSet, e.slot(k.base+i, results[i]))
	}
	e.saved = k.base + len(results)
	e.load(e.ways.top().base, e.saved)
}
