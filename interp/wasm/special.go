package wasm

// special steps the instructions that have a rule of their own.
func (x *Machine) special(in *Instr) {
	switch in.Op {
	case OpUnreachable:
		x.unreachable()
	case OpBlock, OpLoop:
		x.open(in, in.Op)
	case OpIf:
		x.pop(in, I32)
		x.open(in, OpIf)
	case OpElse:
		x.stepElse(in)
	case OpEnd:
		x.end(in)
	case OpBr:
		x.branch(in, false)
	case OpBrIf:
		x.pop(in, I32)
		x.branch(in, true)
	case OpBrTable:
		x.brTable(in)
	case OpReturn:
		x.popAll(in, x.ctls[0].Block.Results)
		x.unreachable()
	case OpCall:
		if t, ok := x.funcType(in.A); ok {
			x.call(in, t)
		} else {
			x.fail(in, "%s", noSuch("function", in.A))
		}
	case OpCallIndirect:
		if t := x.indirect(in); t != nil {
			x.call(in, t)
		}
	case OpDrop:
		x.pop(in, Unknown)
	case OpSelect:
		x.untypedSelect(in)
	case OpSelectT:
		if in.Types[0] == ExnRef {
			x.fail(in, "select of an exnref, which wazero refuses")
		}
		x.pop(in, I32)
		x.pop(in, in.Types[0])
		x.pop(in, in.Types[0])
		x.push(in.Types[0])
	case OpLocalGet, OpLocalSet, OpLocalTee:
		x.local(in)
	case OpGlobalGet, OpGlobalSet:
		x.stepGlobal(in)
	case OpReturnCall, OpReturnCallIndirect, OpThrow, OpThrowRef, OpTryTable:
		x.leave(in)
	default:
		x.reference(in)
	}
}

// reference steps the instructions on tables and references.
func (x *Machine) reference(in *Instr) {
	switch in.Op {
	case OpTableGet:
		t := x.needTable(in, in.A)
		x.pop(in, I32)
		x.push(t.Elem)
	case OpTableSet:
		t := x.needTable(in, in.A)
		x.pop(in, t.Elem)
		x.pop(in, I32)
	case OpTableGrow:
		t := x.needTable(in, in.A)
		x.pop(in, I32)
		x.pop(in, t.Elem)
		x.push(I32)
	case OpTableFill:
		t := x.needTable(in, in.A)
		x.pop(in, I32)
		x.pop(in, t.Elem)
		x.pop(in, I32)
	case OpRefNull:
		x.push(ValType(in.A))
	case OpRefIsNull:
		if t := x.pop(in, Unknown); t != Unknown && !t.IsRef() {
			x.fail(in, "needs a reference, finds %s", t)
		}
		x.push(I32)
	case OpRefFunc:
		x.refFunc(in)
	default:
		x.fail(in, "unknown instruction")
	}
}

func (x *Machine) refFunc(in *Instr) {
	if _, ok := x.funcType(in.A); !ok {
		x.fail(in, "%s", noSuch("function", in.A))
	} else if !x.declared(in.A) {
		x.fail(in, "function %d is not declared: no export, global or element segment names it", in.A)
	}
	x.push(FuncRef)
}

// indirect returns the type that an indirect call is through, nil after a failure,
// and takes the index of the element.
func (x *Machine) indirect(in *Instr) *FuncType {
	t := x.needTable(in, in.B)
	switch {
	case x.err != nil:
	case t.Elem != FuncRef:
		x.fail(in, "table %d is of %s, not funcref", in.B, t.Elem)
	case in.A >= uint64(len(x.m.Types)):
		x.fail(in, "%s", noSuch("type", in.A))
	default:
		x.pop(in, I32)
		return &x.m.Types[in.A]
	}
	return nil
}

// untypedSelect steps the select without a type, which takes numbers and
// vectors only.
func (x *Machine) untypedSelect(in *Instr) {
	x.pop(in, I32)
	t := x.pop(in, Unknown)
	t = x.pop(in, t)
	if t.IsRef() {
		x.fail(in, "select of a %s must state its type", t)
	}
	x.push(t)
}

func (x *Machine) local(in *Instr) {
	if in.A >= uint64(len(x.locals)) {
		x.fail(in, "local %d, there are %d", in.A, len(x.locals))
		return
	}
	t := x.locals[in.A]
	if in.Op != OpLocalGet {
		x.pop(in, t)
	}
	if in.Op != OpLocalSet {
		x.push(t)
	}
}

func (x *Machine) stepGlobal(in *Instr) {
	g, ok := x.global(in.A)
	switch {
	case !ok:
		x.fail(in, "%s", noSuch("global", in.A))
	case in.Op == OpGlobalGet:
		x.push(g.Type)
	case !g.Mutable:
		x.fail(in, "global %d is immutable", in.A)
	default:
		x.pop(in, g.Type)
	}
}
