package wasm

import "fmt"

// Machine is the validation algorithm of the specification's appendix (7.3),
// stepped one instruction at a time, so that whoever rewrites a function sees
// the type of each value on its stack at each instruction.
//
//	x, err := wasm.NewMachine(m, i)
//	for r := m.Reader(i); ; {
//		ok, err := r.Next(&in)
//		if err != nil || !ok { break }
//		// here x.Stack() is what in finds
//		err = x.Step(&in)
//	}
//
// A Machine reads the module as it steps; the module must not change
// meanwhile, but any number of Machines may read it at once.
type Machine struct {
	m      *Module
	base   int // offset of the body in the module; -1 when unknown
	fn     int // index in m.Funcs
	locals []ValType
	vals   []ValType
	ctls   []Ctl
	done   bool
	err    error // sticks
	*spaces
}

// Ctl is an open block. The outermost stands for the body: its Op is OpBlock
// and its Block has the function's results only.
type Ctl struct {
	Op     Opcode // OpBlock, OpLoop, OpTryTable, OpIf, or OpElse once past the else
	Block  BlockType
	Height int // values on the stack below the block's parameters

	// Unreachable is set once the rest of the block cannot be reached.
	Unreachable bool

	dead bool // the block itself cannot be reached
}

// LabelTypes returns the types that a branch to the block carries.
func (c *Ctl) LabelTypes() []ValType {
	if c.Op == OpLoop {
		return c.Block.Params
	}
	return c.Block.Results
}

// NewMachine returns a Machine at the start of m.Funcs[i]. It is an error
// when the function's type does not exist or it has too many locals.
func NewMachine(m *Module, i int) (*Machine, error) { return m.Machines().New(i) }

// Machines makes Machines of one module, whose index spaces it looks up once.
// It is safe for concurrent use.
type Machines struct {
	m *Module
	s *spaces
}

// Machines returns a maker of Machines of m, which must not be changed from
// then on.
func (m *Module) Machines() Machines { return Machines{m, m.spaces()} }

// New returns a Machine at the start of the module's Funcs[i], or an error as
// NewMachine does.
func (ms Machines) New(i int) (*Machine, error) {
	x := &Machine{m: ms.m, spaces: ms.s}
	if err := x.Reset(i); err != nil {
		return nil, err
	}
	return x, nil
}

// Reset moves the Machine to the start of m.Funcs[i], which is cheaper than
// making another.
func (x *Machine) Reset(i int) error {
	f := &x.m.Funcs[i]
	x.fn, x.base = i, x.m.bodyOffset(f)
	x.vals, x.ctls, x.done, x.err = x.vals[:0], x.ctls[:0], false, nil
	if uint64(f.Type) >= uint64(len(x.m.Types)) {
		x.err = x.errorf(0, "", "type %d, the module has %d types", f.Type, len(x.m.Types))
		return x.err
	}
	t := &x.m.Types[f.Type]
	locals, err := f.appendLocals(x.locals[:0], t.Params)
	if err != nil {
		x.err = x.errorf(0, "", "%s", err.(*Error).Msg)
		return x.err
	}
	x.locals = locals
	x.ctls = append(x.ctls, Ctl{Op: OpBlock, Block: BlockType{Results: t.Results}})
	return nil
}

// Stack returns the types of the values on the function's operand stack,
// bottom first, before the next instruction. It is valid until the next Step
// and must not be written to. Entries are Unknown only while Unreachable.
func (x *Machine) Stack() []ValType { return x.vals }

// Locals returns the types of the parameters and locals.
func (x *Machine) Locals() []ValType { return x.locals }

// Unreachable reports whether the next instruction can never run, because an
// enclosing block branched away or trapped before it.
func (x *Machine) Unreachable() bool {
	if len(x.ctls) == 0 {
		return false
	}
	c := &x.ctls[len(x.ctls)-1]
	return c.Unreachable || c.dead
}

// Depth returns how many blocks are open, with that of the body itself; 0
// when Done.
func (x *Machine) Depth() int { return len(x.ctls) }

// Frame returns the block that a label names, 0 being the innermost, or nil
// when there is none. It is valid until the next Step.
func (x *Machine) Frame(label int) *Ctl {
	if label < 0 || label >= len(x.ctls) {
		return nil
	}
	return &x.ctls[len(x.ctls)-1-label]
}

// Done reports whether the end of the body has been stepped over.
func (x *Machine) Done() bool { return x.done }

// errorf returns an error about the instruction at byte pos of the body.
func (x *Machine) errorf(pos int, what, format string, args ...any) *Error {
	e := &Error{Section: "code", What: what, Offset: -1, Msg: fmt.Sprintf(format, args...)}
	e.within(x.funcDesc())
	if x.base >= 0 {
		e.Offset = x.base + pos
	}
	return e
}

func (x *Machine) funcDesc() string {
	idx := uint32(len(x.impFuncs) + x.fn)
	what := fmt.Sprintf("func[%d]", idx)
	if name := x.m.FuncName(idx); name != what {
		what += fmt.Sprintf(" %q", name)
	}
	return what
}
