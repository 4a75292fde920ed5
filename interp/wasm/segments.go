package wasm

import "fmt"

// constExpr reads a constant expression (5.4.9). Only its instructions'
// encoding is looked at here; which may stand there is for Validate, but for
// the end to be found they must be among those that ever may.
func (c *cursor) constExpr() ConstExpr {
	at := c.pos
	r := Reader{m: &Module{}, c: *c}
	for {
		var in Instr
		ok, err := r.Next(&in)
		if err != nil {
			c.err = r.c.err
			return nil
		}
		if !ok {
			c.fail(r.c.pos, "constant expression has no end")
			return nil
		}
		c.pos = r.c.pos
		if in.Op == OpEnd {
			e := c.b[at:in.Pos:in.Pos]
			return ConstExpr(e)
		}
		if !constOp(in.Op) {
			c.fail(in.Pos, "%s in a constant expression", in.Op)
			return nil
		}
		if c.pos-at > MaxConstExpr {
			c.fail(at, "constant expression of over %d bytes", MaxConstExpr)
			return nil
		}
	}
}

// constOp reports whether a constant expression may hold op.
func constOp(op Opcode) bool {
	switch op {
	case OpI32Const, OpI64Const, OpF32Const, OpF64Const, OpV128Const, OpGlobalGet, OpRefNull, OpRefFunc,
		OpI32Add, OpI32Sub, OpI32Mul, OpI64Add, OpI64Sub, OpI64Mul:
		return true
	}
	return false
}

func appendConstExpr(b []byte, e ConstExpr) []byte {
	return append(append(b, e...), byte(OpEnd))
}

// The flags that an element segment begins with (5.5.12).
const (
	elemNotActive = 1 << iota // passive; declarative if elemExplicit too
	elemExplicit              // an active one names its table
	elemExprs                 // entries are expressions rather than function indices
)

// elem reads an element segment (5.5.12): flags; if active the table and
// offset; the type; the entries.
func (d *decoder) elem() (e Elem) {
	at := d.pos
	flags := d.u32()
	switch {
	case !d.ok():
		return e
	case flags > 7:
		d.fail(at, "element segment of kind %d", flags)
		return e
	case flags&elemNotActive == 0:
		if flags&elemExplicit != 0 {
			e.Table = d.u32()
		}
		e.Offset = d.constExpr()
	case flags&elemExplicit != 0:
		e.Mode = Declarative
	default:
		e.Mode = Passive
	}
	e.Type = FuncRef
	if flags&(elemNotActive|elemExplicit) != 0 {
		e.Type = d.segType(flags)
	}
	n := d.count(MaxElemInits-d.inits, 1, "elements")
	d.inits += n
	if flags&elemExprs != 0 {
		e.Init = d.elemExprs(n)
	} else {
		e.Init = d.elemFuncs(n)
	}
	return e
}

// segType reads the type of a segment's entries, which those that list
// function indices give as a kind that can only be 0.
func (d *decoder) segType(flags uint32) ValType {
	if flags&elemExprs != 0 {
		return d.elemType()
	}
	at := d.pos
	if kind := d.byte(); kind != 0 {
		d.fail(at, "element kind 0x%02x, not 0", kind)
	}
	return FuncRef
}

func (d *decoder) elemExprs(n int) []ConstExpr {
	if n == 0 {
		return nil
	}
	es := make([]ConstExpr, n)
	for i := range es {
		es[i] = d.constExpr()
		if !d.ok() {
			return nil
		}
	}
	return es
}

// elemFuncs reads n function indices as ref.func expressions, which share one
// allocation.
func (d *decoder) elemFuncs(n int) []ConstExpr {
	if n == 0 {
		return nil
	}
	es := make([]ConstExpr, n)
	buf := make([]byte, 0, 4*n)
	for i := range es {
		at := len(buf)
		buf = AppendOpU32(buf, OpRefFunc, d.u32())
		es[i] = buf[at:len(buf):len(buf)]
	}
	return es
}

func appendElem(b []byte, e Elem) []byte {
	funcs := e.Type == FuncRef
	for i := 0; funcs && i < len(e.Init); i++ {
		_, funcs = refFunc(e.Init[i])
	}
	flags := byte(0)
	switch e.Mode {
	case Passive:
		flags = elemNotActive
	case Declarative:
		flags = elemNotActive | elemExplicit
	default:
		if e.Table != 0 || e.Type != FuncRef {
			flags = elemExplicit
		}
	}
	if !funcs {
		flags |= elemExprs
	}
	b = append(b, flags)
	if e.Mode == Active {
		if flags&elemExplicit != 0 {
			b = AppendU32(b, e.Table)
		}
		b = appendConstExpr(b, e.Offset)
	}
	switch {
	case flags&(elemNotActive|elemExplicit) == 0:
	case funcs:
		b = append(b, 0)
	default:
		b = append(b, byte(e.Type))
	}
	b = AppendU32(b, uint32(len(e.Init)))
	for _, x := range e.Init {
		if funcs {
			b = append(b, x[1:]...)
		} else {
			b = appendConstExpr(b, x)
		}
	}
	return b
}

// refFunc returns the index of an expression that is just one ref.func in its
// shortest form.
func refFunc(e ConstExpr) (funcIdx uint32, ok bool) {
	if len(e) < 2 || e[0] != byte(OpRefFunc) {
		return 0, false
	}
	c := cursor{b: e, pos: 1}
	v := c.u32()
	return v, c.ok() && c.left() == 0 && lenU32(v) == len(e)-1
}

// The kinds that a data segment begins with (5.5.14).
const (
	dataActive   = 0
	dataPassive  = 1
	dataExplicit = 2 // active, and names its memory
)

// data reads a data segment (5.5.14): kind; if active the offset; the bytes.
func (d *decoder) data() (s Data) {
	at := d.pos
	kind := d.u32()
	switch kind {
	case dataPassive:
		s.Mode = Passive
	case dataExplicit:
		at = d.pos
		if n := d.u32(); n != 0 {
			d.failWith(at, unsupported(featMultiMem, fmt.Sprintf("a data segment of memory %d", n)))
		}
		s.Offset = d.constExpr()
	case dataActive:
		s.Offset = d.constExpr()
	default:
		d.fail(at, "data segment of kind %d", kind)
	}
	s.Init = d.bytes(d.size())
	return s
}

func appendData(b []byte, s Data) []byte {
	switch {
	case s.Mode == Passive:
		b = append(b, dataPassive)
	case s.Memory != 0:
		b = appendConstExpr(AppendU32(append(b, dataExplicit), s.Memory), s.Offset)
	default:
		b = appendConstExpr(append(b, dataActive), s.Offset)
	}
	return append(AppendU32(b, uint32(len(s.Init))), s.Init...)
}
