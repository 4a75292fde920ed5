package wasm

import (
	"fmt"
	"slices"
)

// Step validates an instruction and applies it to the stack and the blocks.
// After an error the Machine is of no further use.
func (x *Machine) Step(in *Instr) error {
	if x.err == nil {
		x.step(in)
	}
	return x.err
}

// fail records what is wrong with in, unless something already is.
func (x *Machine) fail(in *Instr, format string, args ...any) {
	if x.err == nil {
		x.err = x.errorf(in.Pos, in.Op.String(), format, args...)
	}
}

func (x *Machine) step(in *Instr) {
	if x.done {
		x.fail(in, "instruction after the end of the body")
		return
	}
	o := &opInfos[opIndex(in.Op)]
	if !o.simple {
		x.special(in)
		return
	}
	if o.imm != immNone {
		x.checkImmediates(o, in)
	}
	for i := o.nin; i > 0; i-- {
		x.pop(in, o.in[i-1])
	}
	if o.out != Unknown {
		x.push(o.out)
	}
}

func (x *Machine) push(t ValType) { x.vals = append(x.vals, t) }

func (x *Machine) pushAll(in *Instr, ts []ValType) {
	x.vals = append(x.vals, ts...)
	if len(x.vals) > MaxStack {
		x.fail(in, "over %d values on the stack", MaxStack)
	}
}

// pop takes a value of type want, or of any type when that is Unknown, and
// returns its type. In unreachable code it makes one up when there is none.
func (x *Machine) pop(in *Instr, want ValType) ValType {
	c := &x.ctls[len(x.ctls)-1]
	n := len(x.vals)
	if n <= c.Height {
		if !c.Unreachable {
			x.fail(in, "needs %s, the stack is empty", operand(want))
		}
		return want
	}
	got := x.vals[n-1]
	x.vals = x.vals[:n-1]
	if got != want && want != Unknown && got != Unknown {
		x.fail(in, "needs %s, finds %s", want, got)
	}
	if got == Unknown {
		return want
	}
	return got
}

func operand(t ValType) string {
	if t == Unknown {
		return "an operand"
	}
	return t.String()
}

func (x *Machine) popAll(in *Instr, ts []ValType) {
	for i := len(ts) - 1; i >= 0; i-- {
		x.pop(in, ts[i])
	}
}

// unreachable marks the rest of the innermost block as never reached.
func (x *Machine) unreachable() {
	c := &x.ctls[len(x.ctls)-1]
	x.vals = x.vals[:c.Height]
	c.Unreachable = true
}

func (x *Machine) open(in *Instr, op Opcode) {
	if len(x.ctls) >= MaxNesting {
		x.fail(in, "blocks are nested over %d deep", MaxNesting)
		return
	}
	x.popAll(in, in.Block.Params)
	x.ctls = append(x.ctls, Ctl{Op: op, Block: in.Block, Height: len(x.vals), dead: x.Unreachable()})
	x.pushAll(in, in.Block.Params)
}

// finish pops the results of the innermost block, which must be all it has.
func (x *Machine) finish(in *Instr) {
	c := &x.ctls[len(x.ctls)-1]
	x.popAll(in, c.Block.Results)
	if n := len(x.vals) - c.Height; n > 0 {
		x.fail(in, "the block leaves %d values more than its results %s", n, typeList(c.Block.Results))
	}
}

func (x *Machine) stepElse(in *Instr) {
	c := &x.ctls[len(x.ctls)-1]
	if c.Op != OpIf {
		x.fail(in, "no if to belong to")
		return
	}
	x.finish(in)
	c.Op, c.Unreachable = OpElse, false
	x.pushAll(in, c.Block.Params)
}

func (x *Machine) end(in *Instr) {
	x.finish(in)
	c := x.ctls[len(x.ctls)-1]
	if c.Op == OpIf && !(FuncType(c.Block)).sameInOut() {
		x.fail(in, "an if without else must leave its parameters %s, not %s",
			typeList(c.Block.Params), typeList(c.Block.Results))
	}
	x.ctls = x.ctls[:len(x.ctls)-1]
	x.done = len(x.ctls) == 0
	x.pushAll(in, c.Block.Results)
}

func (t FuncType) sameInOut() bool { return slices.Equal(t.Params, t.Results) }

// label returns the block that in branches to, or nil after a failure.
func (x *Machine) label(in *Instr, l uint64) *Ctl {
	if l >= uint64(len(x.ctls)) {
		x.fail(in, "label %d, %d blocks are open", l, len(x.ctls))
		return nil
	}
	return x.Frame(int(l))
}

func (x *Machine) branch(in *Instr, conditional bool) {
	c := x.label(in, in.A)
	if c == nil {
		return
	}
	ts := c.LabelTypes()
	x.popAll(in, ts)
	if conditional {
		x.pushAll(in, ts)
		return
	}
	x.unreachable()
}

func (x *Machine) brTable(in *Instr) {
	x.pop(in, I32)
	def := x.label(in, in.A)
	if def == nil {
		return
	}
	arity := len(def.LabelTypes())
	var last []ValType
	for i, l := range in.Labels {
		c := x.label(in, uint64(l))
		if c == nil {
			return
		}
		ts := c.LabelTypes()
		if len(ts) != arity {
			x.fail(in, "label %d takes %d values, the default %d", l, len(ts), arity)
			return
		}
		if i > 0 && (arity == 0 || &ts[0] == &last[0]) {
			continue // the same block type as the one before
		}
		last = ts
		x.peekAll(in, ts)
		if x.err != nil {
			return
		}
	}
	x.popAll(in, def.LabelTypes())
	x.unreachable()
}

// peekAll checks that the top of the stack is of types ts, and leaves it.
func (x *Machine) peekAll(in *Instr, ts []ValType) {
	c := &x.ctls[len(x.ctls)-1]
	at := len(x.vals)
	for i := len(ts) - 1; i >= 0; i-- {
		if at--; at < c.Height {
			if !c.Unreachable {
				x.fail(in, "needs %s, the stack is empty", ts[i])
			}
			return
		}
		if got := x.vals[at]; got != ts[i] && got != Unknown {
			x.fail(in, "needs %s, finds %s", ts[i], got)
			return
		}
	}
}

func (x *Machine) call(in *Instr, t *FuncType) {
	x.popAll(in, t.Params)
	x.pushAll(in, t.Results)
}

// checkImmediates checks what the immediates of an instruction name, for
// those whose signature is in the table.
func (x *Machine) checkImmediates(o *opInfo, in *Instr) {
	switch o.imm {
	case immMem, immMemLane:
		x.needMemory(in)
		if in.A > uint64(o.x) {
			x.fail(in, "alignment 2^%d is over the access's 2^%d bytes", in.A, o.x)
		}
		if o.imm == immMemLane {
			x.checkLane(in, in.lane(), 16>>o.x)
		}
	case immLane:
		x.checkLane(in, byte(in.A), int(o.x))
	case immShuffle:
		for i := range 8 {
			x.checkLane(in, byte(in.A>>(8*i)), int(o.x))
			x.checkLane(in, byte(in.B>>(8*i)), int(o.x))
		}
	case immMemIndex, immMemMem:
		x.needMemory(in)
	case immDataMem:
		x.needMemory(in)
		x.needData(in)
	case immData:
		x.needData(in)
	case immTable:
		x.needTable(in, in.A)
	case immElem:
		x.needElem(in)
	case immElemTable:
		t, e := x.needTable(in, in.B), x.needElem(in)
		if x.err == nil && t.Elem != e {
			x.fail(in, "segment %d is of %s, table %d of %s", in.A, e, in.B, t.Elem)
		}
	case immTableTable:
		dst, src := x.needTable(in, in.A), x.needTable(in, in.B)
		if x.err == nil && dst.Elem != src.Elem {
			x.fail(in, "table %d is of %s, table %d of %s", in.A, dst.Elem, in.B, src.Elem)
		}
	}
}

func (x *Machine) checkLane(in *Instr, lane byte, lanes int) {
	if int(lane) >= lanes {
		x.fail(in, "lane %d, there are %d", lane, lanes)
	}
}

func (x *Machine) needMemory(in *Instr) {
	if !x.hasMemory {
		x.fail(in, "the module has no memory")
	}
}

func (x *Machine) needData(in *Instr) {
	if x.m.DataCount == nil {
		x.fail(in, "needs a data count section")
	} else if in.A >= uint64(*x.m.DataCount) {
		x.fail(in, "data segment %d, the module has %d", in.A, *x.m.DataCount)
	}
}

func (x *Machine) needElem(in *Instr) ValType {
	if in.A >= uint64(len(x.m.Elems)) {
		x.fail(in, "element segment %d, the module has %d", in.A, len(x.m.Elems))
		return Unknown
	}
	return x.m.Elems[in.A].Type
}

func (x *Machine) needTable(in *Instr, idx uint64) TableType {
	t, ok := x.table(idx)
	if !ok {
		x.fail(in, "%s", noSuch("table", idx))
	}
	return t
}

func noSuch(what string, idx uint64) string {
	return fmt.Sprintf("%s %d does not exist", what, idx)
}
