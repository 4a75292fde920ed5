package wasm

import "fmt"

// valType reads a value type (5.3.1 to 5.3.4).
func (c *cursor) valType() ValType {
	at := c.pos
	b := c.byte()
	switch t := ValType(b); t {
	case I32, I64, F32, F64, V128, FuncRef, ExternRef, ExnRef:
		return t
	}
	c.badType(at, b, "value type")
	return 0
}

// refType reads a reference type (5.3.3).
func (c *cursor) refType() ValType {
	at := c.pos
	b := c.byte()
	if t := ValType(b); t.IsRef() {
		return t
	}
	c.badType(at, b, "reference type")
	return 0
}

// elemType reads the type of a table's elements, of which exceptions are none.
func (c *cursor) elemType() ValType {
	at := c.pos
	t := c.refType()
	if t == ExnRef {
		c.failWith(at, unsupported(featExnTables, "a table of exnref"))
	}
	return t
}

func (c *cursor) badType(at int, b byte, what string) {
	if f := laterType(b); f != "" {
		c.failWith(at, unsupported(f, fmt.Sprintf("%s 0x%02x", what, b)))
		return
	}
	c.fail(at, "0x%02x is not a %s", b, what)
}

func (c *cursor) valTypes(limit int, items string) []ValType {
	n := c.count(limit, 1, items)
	if n == 0 {
		return nil
	}
	ts := make([]ValType, n)
	for i := range ts {
		ts[i] = c.valType()
	}
	return ts
}

// funcType reads a function type (5.3.6): 0x60, parameters, results.
func (c *cursor) funcType() (t FuncType) {
	at := c.pos
	if b := c.byte(); b != 0x60 {
		c.badType(at, b, "function type")
		return t
	}
	t.Params = c.valTypes(MaxParams, "parameters")
	t.Results = c.valTypes(MaxResults, "results")
	return t
}

func appendFuncType(b []byte, t FuncType) []byte {
	b = append(b, 0x60)
	b = appendValTypes(b, t.Params)
	return appendValTypes(b, t.Results)
}

func appendValTypes(b []byte, ts []ValType) []byte {
	b = AppendU32(b, uint32(len(ts)))
	for _, t := range ts {
		b = append(b, byte(t))
	}
	return b
}

// limits reads the bounds of a memory or table (5.3.7): a byte that is 1 when
// there is a maximum, the minimum, the maximum.
func (c *cursor) limits() (l Limits) {
	at := c.pos
	flags := c.byte()
	if flags > 1 {
		c.badLimits(at, flags)
		return l
	}
	l.Min = c.u32()
	if flags == 1 {
		l.HasMax, l.Max = true, c.u32()
	}
	return l
}

func (c *cursor) badLimits(at int, flags byte) {
	feature := ""
	switch {
	case flags&^0x0f != 0:
		c.fail(at, "0x%02x does not begin limits", flags)
		return
	case flags&2 != 0:
		feature = featThreads
	case flags&4 != 0:
		feature = featMemory64
	default:
		feature = featPageSizes
	}
	c.failWith(at, unsupported(feature, fmt.Sprintf("limits of kind 0x%02x", flags)))
}

func appendLimits(b []byte, l Limits) []byte {
	if !l.HasMax {
		return AppendU32(append(b, 0), l.Min)
	}
	return AppendU32(AppendU32(append(b, 1), l.Min), l.Max)
}

// tableType reads a table type (5.3.9): element type, limits.
func (c *cursor) tableType() (t TableType) {
	if c.left() > 0 && c.b[c.pos] == 0x40 {
		c.failWith(c.pos, unsupported(featTypedRefs, "a table with an initialiser"))
		return t
	}
	t.Elem = c.elemType()
	t.Limits = c.limits()
	return t
}

func appendTableType(b []byte, t TableType) []byte {
	return appendLimits(append(b, byte(t.Elem)), t.Limits)
}

// globalType reads a global's type (5.3.10): value type, 1 when mutable.
func (c *cursor) globalType() (t GlobalType) {
	t.Type = c.valType()
	at := c.pos
	switch b := c.byte(); b {
	case 0:
	case 1:
		t.Mutable = true
	case 2, 3:
		c.failWith(at, unsupported(featThreads, "a shared global"))
	default:
		c.fail(at, "mutability is 0x%02x, not 0 or 1", b)
	}
	return t
}

func appendGlobalType(b []byte, t GlobalType) []byte {
	b = append(b, byte(t.Type), 0)
	if t.Mutable {
		b[len(b)-1] = 1
	}
	return b
}
