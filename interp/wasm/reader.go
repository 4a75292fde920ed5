package wasm

import "fmt"

// blockEmpty is the block type of a block with neither parameters nor results.
const blockEmpty = 0x40

// Reader iterates over the instructions of a body. It checks the encoding
// only; see Machine for types.
type Reader struct {
	m       *Module
	c       cursor
	labels  []uint32
	types   [1]ValType
	catches []Catch
}

// NewReader returns a Reader of body, whose block types are those of m. The
// offsets in its errors count from the body's start, under the section name
// "body"; those of Module.Reader count in the module.
func NewReader(m *Module, body []byte) *Reader {
	return &Reader{m: m, c: cursor{b: body, section: "body"}}
}

// Reader returns a Reader of the body of m.Funcs[i].
func (m *Module) Reader(i int) *Reader {
	r := NewReader(m, nil)
	r.reset(i)
	return r
}

// reset starts over on the body of m.Funcs[i], keeping buffers.
func (r *Reader) reset(i int) {
	f := &r.m.Funcs[i]
	r.c = cursor{b: f.Body, base: r.m.bodyOffset(f), section: "code"}
}

// bodyOffset returns where in the decoded module f's body began, -1 when f
// was not decoded.
func (m *Module) bodyOffset(f *Func) int {
	if m.where == nil || f.Offset == 0 {
		return -1
	}
	return m.where.code + int(f.Offset)
}

// Next decodes the next instruction into in. It returns false at the end of
// the body and on error.
func (r *Reader) Next(in *Instr) (ok bool, err error) {
	c := &r.c
	if c.err != nil {
		return false, c.err
	}
	if c.pos >= len(c.b) {
		return false, nil
	}
	switch in.Op { // clear what the last use of in may have left
	case OpBlock, OpLoop, OpIf:
		in.Block = BlockType{}
	case OpBrTable:
		in.Labels = nil
	case OpSelectT:
		in.Types = nil
	case OpTryTable:
		in.Block, in.Catches = BlockType{}, nil
	}
	in.Pos, in.A, in.B = c.pos, 0, 0
	b := c.b[c.pos]
	c.pos++
	in.Op = Opcode(b)
	o := &opInfos[b]
	if !o.known {
		if o = r.prefixed(b, in); o == nil {
			return false, c.err
		}
	}
	if o.imm != immNone {
		r.immediates(o, in)
		if c.err != nil {
			if c.err.What == "" {
				c.err.What = o.name
			}
			return false, c.err
		}
	}
	in.Len = c.pos - in.Pos
	return true, nil
}

// prefixed decodes the number behind a prefix. It returns nil on error.
//
// The numbers behind 0xFD must be in the fewest bytes: wazero reads one byte
// and takes a second, always 1 then, for a nop.
func (r *Reader) prefixed(prefix byte, in *Instr) *opInfo {
	c, at := &r.c, in.Pos
	if prefix != 0xfc && prefix != 0xfd {
		r.unknown(at, fmt.Sprintf("opcode 0x%02x", prefix), laterOpcode(prefix))
		return nil
	}
	sub := c.u32()
	if c.err != nil {
		return nil
	}
	if sub <= 0xff {
		in.Op = Opcode(prefix)<<8 | Opcode(sub)
		if o := &opInfos[opIndex(in.Op)]; o.known {
			if want := 2 + int(sub>>7); prefix == 0xfd && c.pos-at != want {
				c.fail(at, "opcode 0xfd 0x%02x is in more bytes than it needs", sub)
				return nil
			}
			return o
		}
	}
	r.unknown(at, fmt.Sprintf("opcode 0x%02x 0x%02x", prefix, sub), laterPrefixed(prefix, sub))
	return nil
}

func (r *Reader) unknown(at int, op, feature string) {
	if feature != "" {
		r.c.failWith(at, unsupported(feature, op))
		return
	}
	r.c.fail(at, "unknown %s", op)
}

func (r *Reader) immediates(o *opInfo, in *Instr) {
	c := &r.c
	switch o.imm {
	case immLabel, immFunc, immRefFunc, immLocal, immGlobal, immTable, immElem, immData, immTag:
		in.A = uint64(c.u32())
	case immMem, immMemLane:
		r.memarg(o, in)
	case immI32:
		in.A = uint64(uint32(c.sleb(32)))
	case immI64:
		in.A = uint64(c.sleb(64))
	case immF32:
		in.A = uint64(c.fixed32())
	case immF64:
		in.A = c.fixed64()
	case immV128, immShuffle:
		in.A, in.B = c.fixed64(), c.fixed64()
	case immLane:
		in.A = uint64(c.byte())
	case immBlock:
		in.Block = r.blockType()
	case immTry:
		in.Block = r.blockType()
		r.tryCatches(in)
	case immLabels:
		r.brTable(in)
	case immCallIndirect, immElemTable, immTableTable:
		in.A, in.B = uint64(c.u32()), uint64(c.u32())
	case immDataMem:
		in.A = uint64(c.u32())
		r.memIndex()
	case immMemIndex:
		r.memIndex()
	case immMemMem:
		r.memIndex()
		r.memIndex()
	case immRefType:
		in.A = uint64(c.refType())
	case immTypes:
		r.selectType(in)
	}
}

func (r *Reader) memarg(o *opInfo, in *Instr) {
	c := &r.c
	at := c.pos
	align := c.u32()
	switch {
	case align >= 0x40 && align < 0x80:
		c.failWith(at, unsupported(featMultiMem, "an access that names its memory"))
	case align > 31:
		c.fail(at, "alignment 2^%d", align)
	}
	in.A, in.B = uint64(align), uint64(c.u32())
	if o.imm == immMemLane {
		in.B |= uint64(c.byte()) << 32
	}
}

// memIndex reads the memory that an instruction names, which must be 0 in one
// byte.
func (r *Reader) memIndex() {
	c := &r.c
	at := c.pos
	if b := c.byte(); b != 0 {
		c.failWith(at, unsupported(featMultiMem, fmt.Sprintf("memory index 0x%02x", b)))
	}
}

func (r *Reader) brTable(in *Instr) {
	c := &r.c
	n := c.count(MaxBrTable, 1, "labels")
	r.labels = r.labels[:0]
	for i := 0; i <= n && c.ok(); i++ {
		r.labels = append(r.labels, c.u32())
	}
	if c.ok() {
		in.Labels, in.A = r.labels, uint64(r.labels[n])
	}
}

// tryCatches reads the clauses of a try_table: kind, tag if it has one, label.
func (r *Reader) tryCatches(in *Instr) {
	c := &r.c
	n := c.count(MaxCatches, 2, "clauses")
	r.catches = r.catches[:0]
	for i := 0; i < n && c.ok(); i++ {
		at := c.pos
		k := Catch{Kind: CatchKind(c.byte())}
		if k.Kind > CatchAllRef {
			c.fail(at, "0x%02x is not a kind of clause", byte(k.Kind))
			return
		}
		if k.Kind.HasTag() {
			k.Tag = c.u32()
		}
		k.Label = c.u32()
		r.catches = append(r.catches, k)
	}
	if c.ok() {
		in.Catches = r.catches
	}
}

func (r *Reader) selectType(in *Instr) {
	c := &r.c
	at := c.pos
	if n := c.u32(); n != 1 {
		c.fail(at, "select states %d types, not one", n)
		return
	}
	r.types[0] = c.valType()
	in.Types = r.types[:]
}

// blockTypes are the block types of one result, shared by all blocks.
var blockTypes = map[ValType][]ValType{
	I32: {I32}, I64: {I64}, F32: {F32}, F64: {F64}, V128: {V128}, FuncRef: {FuncRef}, ExternRef: {ExternRef}, ExnRef: {ExnRef},
}

// blockType reads a block type (5.4.1): empty, a value type, or the index of a
// function type as a signed number of 33 bits.
func (r *Reader) blockType() BlockType {
	c := &r.c
	at := c.pos
	if at < len(c.b) {
		switch b := c.b[at]; {
		case b == blockEmpty:
			c.pos++
			return BlockType{}
		case b > blockEmpty && b < 0x80:
			return BlockType{Results: blockTypes[c.valType()]}
		}
	}
	i := c.sleb(33)
	if !c.ok() {
		return BlockType{}
	}
	if i < 0 || i >= int64(len(r.m.Types)) {
		c.fail(at, "block type %d, the module has %d types", i, len(r.m.Types))
		return BlockType{}
	}
	t := &r.m.Types[i]
	return BlockType{Params: t.Params, Results: t.Results}
}
