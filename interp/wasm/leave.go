package wasm

import "slices"

// leave steps the instructions of tail calls and exceptions: those that leave the
// function, and the block that exceptions do not leave.
func (x *Machine) leave(in *Instr) {
	switch in.Op {
	case OpReturnCall:
		t, ok := x.funcType(in.A)
		if !ok {
			x.fail(in, "%s", noSuch("function", in.A))
			return
		}
		x.tailCall(in, t)
	case OpReturnCallIndirect:
		if t := x.indirect(in); t != nil {
			x.tailCall(in, t)
		}
	case OpThrow:
		t, ok := x.tag(in.A)
		if !ok {
			x.fail(in, "%s", noSuch("tag", in.A))
			return
		}
		x.popAll(in, t.Params)
		x.unreachable()
	case OpThrowRef:
		x.pop(in, ExnRef)
		x.unreachable()
	case OpTryTable:
		for i := range in.Catches {
			x.clause(in, &in.Catches[i])
		}
		x.open(in, OpTryTable)
	}
}

// tailCall steps a call whose results are the function's own.
func (x *Machine) tailCall(in *Instr, t *FuncType) {
	x.popAll(in, t.Params)
	if want := x.ctls[0].Block.Results; !(FuncType{Results: t.Results}).Equal(FuncType{Results: want}) {
		x.fail(in, "a callee that returns %s cannot return for a function that returns %s",
			typeList(t.Results), typeList(want))
	}
	x.unreachable()
}

// clause checks that a clause gives its label what it takes.
func (x *Machine) clause(in *Instr, c *Catch) {
	to := x.label(in, uint64(c.Label))
	if to == nil {
		return
	}
	var values []ValType
	if c.Kind.HasTag() {
		t, ok := x.tag(uint64(c.Tag))
		if !ok {
			x.fail(in, "%s", noSuch("tag", uint64(c.Tag)))
			return
		}
		values = t.Params
	}
	takes := to.LabelTypes()
	rest := takes[min(len(values), len(takes)):]
	ok := slices.Equal(values, takes[:len(takes)-len(rest)])
	if c.Kind.HasRef() {
		ok = ok && len(rest) == 1 && rest[0] == ExnRef
	} else {
		ok = ok && len(rest) == 0
	}
	if !ok {
		gives := slices.Clone(values)
		if c.Kind.HasRef() {
			gives = append(gives, ExnRef)
		}
		x.fail(in, "%s gives %s, label %d takes %s", c.Kind, typeList(gives), c.Label, typeList(takes))
	}
}
