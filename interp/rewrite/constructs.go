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
	if entered && c.op == wasm.OpLoop {
		e.arrive(wayIn{pos: e.in.Pos, loop: true})
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
	case len(k.block.Results) == 1 && k.block.Results[0] == wasm.ExnRef && len(k.block.Params) == 0:
		k.label, k.opened = e.newLabel(), true
		e.out = wasm.AppendBlock(e.out, c.op, wasm.V128)
		e.openLabel(k.label)
	default:
		k.label, k.opened = e.newLabel(), true
		e.copy() // a type index is the same everywhere: satellites have the author's types first
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
	if s != nil {
		e.loopHead(s, k, entered)
	}
	return nil
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

// loopHead writes what each iteration begins with: the check, and in a loop that a
// resume function can enter the labels of the ways in.
func (e *emitter) loopHead(s *site, k ctl, entered bool) {
	h := len(e.x.Stack())
	st := e.x.Stack()
	for i := h - 1; i >= k.base; i-- {
		e.opU32(wasm.OpLocalSet, e.slot(i, st[i]))
	}
	e.saved = h
	var inside *region
	if entered {
		inside = e.ways.regions[k.con]
		inside.base = k.base
		e.openWays(inside)
	}
	e.check(s, inside)
	if entered {
		e.ways.stack = append(e.ways.stack, inside)
	}
	e.load(k.base, h)
	if entered {
		e.arrive(wayIn{pos: e.in.Pos, after: true})
	}
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
	if k.opened && k.caught == anonymous {
		e.op(wasm.OpEnd)
		e.labels = e.labels[:len(e.labels)-1]
	} else {
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

// leave branches to the end of a construct whose label was hoisted. Where nothing gets
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
