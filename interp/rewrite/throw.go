package rewrite

import "sojourn/interp/wasm"

// throw writes throw or throw_ref. The point before it is counted: what never returns
// but by exceptions takes from the budget too.
func (e *emitter) throw(s *site) error {
	if e.x.Unreachable() {
		e.op(wasm.OpUnreachable)
		return e.step()
	}
	e.save()
	if s != nil { // else the call right before it is counted in its place
		e.check(s)
		if e.ways != nil {
			e.arrive(wayIn{pos: e.in.Pos, after: true})
		}
	}
	h := len(e.x.Stack())
	if e.in.Op == wasm.OpThrowRef {
		ref := e.slot(h-1, wasm.ExnRef)
		e.trapIfNull(ref)
		e.opU32(wasm.OpLocalGet, ref)
		e.opU32(wasm.OpCall, e.idx.fn(e.p.lay.unpack))
	} else {
		tag := e.p.exn.numbers[e.in.A]
		n := len(e.p.exn.guest.tags[tag].Params)
		e.p.payload(tag, func(i int, t wasm.ValType, g uint32) {
			e.opU32(wasm.OpLocalGet, e.slot(h-n+i, t))
			e.opU32(wasm.OpGlobalSet, e.idx.global(g))
		})
		e.i32(int32(tag + 1))
		e.opU32(wasm.OpGlobalSet, e.idx.global(e.p.lay.exn))
	}
	budget := e.idx.global(e.p.lay.budget)
	e.opU32(wasm.OpGlobalGet, budget)
	e.opU32(wasm.OpGlobalSet, e.idx.global(e.p.lay.exn+1))
	e.i32(raised)
	e.opU32(wasm.OpGlobalSet, budget)
	e.deliver(len(e.ctls))
	return e.step()
}

// trapIfNull traps as throw_ref does.
func (e *emitter) trapIfNull(ref uint32) {
	e.opU32(wasm.OpLocalGet, ref)
	e.op(wasm.OpV128AnyTrue)
	e.op(wasm.OpI32Eqz)
	e.block(wasm.OpIf)
	e.out = append(wasm.AppendOp(e.out, wasm.OpRefNull), byte(wasm.ExnRef))
	e.op(wasm.OpThrowRef)
	e.endBlock()
}

// deliver takes the exception under way to the innermost try_table among the first n
// open constructs, or out of the function.
func (e *emitter) deliver(n int) {
	if e.catch != nil {
		e.catch()
		return
	}
	for i := n - 1; i >= 0; i-- {
		if c := e.ctls[i].caught; c != anonymous {
			e.opU32(wasm.OpBr, e.depth(c))
			return
		}
	}
	e.returnZeros()
}

// deliverIfRaised is deliver, if there is an exception under way.
func (e *emitter) deliverIfRaised() {
	if !e.p.exn.any {
		return
	}
	e.opU32(wasm.OpGlobalGet, e.idx.global(e.p.lay.exn))
	e.block(wasm.OpIf)
	e.deliver(len(e.ctls))
	e.endBlock()
}

// openTry writes the start of a try_table in which something can stop or throw; all of
// the stack is in slots.
func (e *emitter) openTry(k *ctl) {
	for range k.block.Params {
		e.op(wasm.OpDrop)
	}
	k.label, k.caught, k.opened = e.newLabel(), e.newLabel(), true
	e.blockOf(wasm.FuncType{Results: k.block.Results})
	e.openLabel(k.label)
	e.blockOf(wasm.FuncType{})
	e.openLabel(k.caught)
	n := len(e.x.Stack())
	e.load(n-len(k.block.Params), n)
}

// handlers follows the end of a try_table's inner block, where exceptions go.
func (e *emitter) handlers(k *ctl) {
	outside := len(e.ctls) - 1
	from := e.f.cons[k.con].start
	all := e.clauses(k.con, func(c wasm.Catch) {
		e.opU32(wasm.OpBr, e.goesFrom(from, &e.ctls[outside-1-int(c.Label)]))
	})
	if !all {
		e.deliver(outside)
	}
}

// clauses writes the clauses of a try_table. Where one catches the exception under way,
// its values are on the stack and lead writes a branch to its label. It reports whether
// all are caught.
func (e *emitter) clauses(con int, lead func(c wasm.Catch)) (all bool) {
	exn := e.idx.global(e.p.lay.exn)
	for _, c := range e.f.cons[con].catches {
		tag := uint32(0)
		if c.Kind.HasTag() {
			tag = e.p.exn.numbers[c.Tag]
			e.opU32(wasm.OpGlobalGet, exn)
			e.i32(int32(tag + 1))
			e.op(wasm.OpI32Eq)
			e.block(wasm.OpIf)
		}
		e.opU32(wasm.OpGlobalGet, e.idx.global(e.p.lay.exn+1))
		e.opU32(wasm.OpGlobalSet, e.idx.global(e.p.lay.budget))
		if c.Kind.HasTag() {
			e.p.payload(tag, func(_ int, _ wasm.ValType, g uint32) {
				e.opU32(wasm.OpGlobalGet, e.idx.global(g))
			})
		}
		if c.Kind.HasRef() {
			e.opU32(wasm.OpCall, e.idx.fn(e.p.lay.pack))
		}
		e.i32(0)
		e.opU32(wasm.OpGlobalSet, exn)
		lead(c)
		if !c.Kind.HasTag() {
			return true
		}
		e.endBlock()
	}
	return false
}

// exnRef writes an instruction on references to exceptions as one on vectors; false
// when it is none.
func (e *emitter) exnRef() bool {
	st := e.x.Stack()
	switch in := &e.in; {
	case in.Op == wasm.OpRefNull && wasm.ValType(in.A) == wasm.ExnRef:
		e.zero(wasm.ExnRef)
	case in.Op == wasm.OpRefIsNull && len(st) > 0 && st[len(st)-1] == wasm.ExnRef:
		e.op(wasm.OpV128AnyTrue)
		e.op(wasm.OpI32Eqz)
	default:
		return false
	}
	return true
}
