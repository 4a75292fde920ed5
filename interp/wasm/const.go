package wasm

import "fmt"

// constExpr checks that e gives one value of type want, out of constants and of the
// globals below limit that cannot change. Arithmetic is that of extended constant
// expressions: sums, differences and products of integers. As wazero has it, globals
// that the module defines may be read in element segments and nowhere else.
func (v *validator) constExpr(section string, i int, e ConstExpr, want ValType, limit int) {
	if v.err != nil {
		return
	}
	if idx, ok := refFunc(e); ok && want == FuncRef {
		if !v.exists(KindFunc, idx) {
			v.fail(section, i, "%s", noSuch("function", uint64(idx)))
		}
		return
	}
	bad := func(format string, args ...any) {
		v.fail(section, i, "constant expression: "+format, args...)
	}
	var (
		in    Instr
		stack []ValType
		r     = Reader{m: v.m, c: cursor{b: e, section: section}}
	)
	for {
		ok, err := r.Next(&in)
		if err != nil {
			bad("%s", r.c.err.Msg)
			return
		}
		if !ok {
			break
		}
		o := &opInfos[opIndex(in.Op)]
		if n := len(stack) - int(o.nin); n < 0 || o.nin == 2 && (stack[n] != o.in[0] || stack[n+1] != o.in[1]) {
			bad("%s needs two values of type %s", in.Op, o.in[0])
			return
		} else {
			stack = stack[:n]
		}
		t, msg := v.constType(&in, limit)
		if msg != "" {
			bad("%s", msg)
			return
		}
		stack = append(stack, t)
	}
	switch {
	case len(stack) == 0:
		v.fail(section, i, "constant expression is empty, it must give %s", want)
	case len(stack) > 1:
		v.fail(section, i, "constant expression gives more than one value")
	case stack[0] != want:
		v.fail(section, i, "constant expression gives %s, not %s", stack[0], want)
	}
}

// globals returns how many globals there are.
func (v *validator) globals() int { return len(v.impGlobals) + len(v.m.Globals) }

// constType returns the type of the value that a constant instruction gives,
// or what is wrong with it.
func (v *validator) constType(in *Instr, limit int) (ValType, string) {
	switch in.Op {
	case OpRefNull:
		return ValType(in.A), ""
	case OpRefFunc:
		if !v.exists(KindFunc, uint32(in.A)) {
			return 0, noSuch("function", in.A)
		}
		return FuncRef, ""
	case OpGlobalGet:
		g, ok := v.global(in.A)
		switch {
		case !ok:
			return 0, noSuch("global", in.A)
		case in.A >= uint64(limit):
			return 0, fmt.Sprintf("global %d is not an imported one", in.A)
		case g.Mutable:
			return 0, fmt.Sprintf("global %d is mutable", in.A)
		}
		return g.Type, ""
	}
	if !constOp(in.Op) {
		return 0, in.Op.String() + " is not constant"
	}
	return opInfos[opIndex(in.Op)].out, ""
}

// Constants are the values of a module's globals as it starts, as far as they are
// integers that follow from the module alone.
type Constants struct {
	m     *Module
	first int // index of the first global that the module defines
	vals  []uint64
	known []bool
}

// Constants evaluates the initial values of the globals of m, which must be valid.
func (m *Module) Constants() *Constants {
	c := &Constants{m: m, first: m.NumImported(KindGlobal)}
	for i := range m.Globals {
		v, ok := c.eval(m.Globals[i].Init)
		c.vals, c.known = append(c.vals, v), append(c.known, ok)
	}
	return c
}

// I32 returns the value of a constant expression of type i32; ok is false when it
// depends on an import.
func (c *Constants) I32(e ConstExpr) (v uint32, ok bool) {
	w, ok := c.eval(e)
	return uint32(w), ok
}

func (c *Constants) eval(e ConstExpr) (uint64, bool) {
	var (
		in    Instr
		stack []uint64
		r     = NewReader(c.m, e)
	)
	for {
		ok, err := r.Next(&in)
		if err != nil {
			return 0, false
		}
		if !ok {
			break
		}
		switch in.Op {
		case OpI32Const, OpI64Const:
			stack = append(stack, in.A)
		case OpGlobalGet:
			i := int(in.A) - c.first
			if i < 0 || i >= len(c.vals) || !c.known[i] {
				return 0, false
			}
			stack = append(stack, c.vals[i])
		default:
			n := len(stack) - 2
			if n < 0 {
				return 0, false
			}
			v, ok := arithmetic(in.Op, stack[n], stack[n+1])
			if !ok {
				return 0, false
			}
			stack = append(stack[:n], v)
		}
	}
	if len(stack) != 1 {
		return 0, false
	}
	return stack[0], true
}

// arithmetic computes in 64 bits: the low 32 are those of the same on 32.
func arithmetic(op Opcode, a, b uint64) (uint64, bool) {
	switch op {
	case OpI32Add, OpI64Add:
		return a + b, true
	case OpI32Sub, OpI64Sub:
		return a - b, true
	case OpI32Mul, OpI64Mul:
		return a * b, true
	}
	return 0, false
}
