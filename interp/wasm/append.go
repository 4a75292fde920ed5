package wasm

import "encoding/binary"

// AppendU32 appends v as an unsigned LEB128 of the fewest bytes.
func AppendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// AppendS64 appends v as a signed LEB128 of the fewest bytes.
func AppendS64(b []byte, v int64) []byte {
	for v < -64 || v > 63 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v)&0x7f)
}

// appendName appends a length and the bytes of s.
func appendName(b []byte, s string) []byte {
	return append(AppendU32(b, uint32(len(s))), s...)
}

// AppendOp appends an opcode with its prefix, if it has one.
func AppendOp(b []byte, op Opcode) []byte {
	if op > 0xff {
		return AppendU32(append(b, byte(op>>8)), uint32(op&0xff))
	}
	return append(b, byte(op))
}

// AppendOpU32 appends an instruction whose one immediate is an index or a
// label: local.get, global.set, call, br, ref.func and so on.
func AppendOpU32(b []byte, op Opcode, v uint32) []byte {
	return AppendU32(AppendOp(b, op), v)
}

// AppendCallIndirect appends call_indirect of a type through a table.
func AppendCallIndirect(b []byte, typeIdx, table uint32) []byte {
	return AppendU32(AppendOpU32(b, OpCallIndirect, typeIdx), table)
}

// AppendI32Const appends i32.const v.
func AppendI32Const(b []byte, v int32) []byte {
	return AppendS64(append(b, byte(OpI32Const)), int64(v))
}

// AppendI64Const appends i64.const v.
func AppendI64Const(b []byte, v int64) []byte {
	return AppendS64(append(b, byte(OpI64Const)), v)
}

// AppendF32Const appends f32.const with the given bits.
func AppendF32Const(b []byte, bits uint32) []byte {
	return binary.LittleEndian.AppendUint32(append(b, byte(OpF32Const)), bits)
}

// AppendF64Const appends f64.const with the given bits.
func AppendF64Const(b []byte, bits uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(b, byte(OpF64Const)), bits)
}

// AppendV128Const appends v128.const, its low half first.
func AppendV128Const(b []byte, lo, hi uint64) []byte {
	b = binary.LittleEndian.AppendUint64(AppendOp(b, OpV128Const), lo)
	return binary.LittleEndian.AppendUint64(b, hi)
}

// AppendZero appends an instruction that pushes the zero of type t: a
// constant, or a null reference.
func AppendZero(b []byte, t ValType) []byte {
	switch t {
	case I32:
		return AppendI32Const(b, 0)
	case I64:
		return AppendI64Const(b, 0)
	case F32:
		return AppendF32Const(b, 0)
	case F64:
		return AppendF64Const(b, 0)
	case V128:
		return AppendV128Const(b, 0, 0)
	}
	return append(b, byte(OpRefNull), byte(t))
}

// AppendMem appends a load or store; align is the logarithm to base 2.
func AppendMem(b []byte, op Opcode, align, offset uint32) []byte {
	return AppendU32(AppendOpU32(b, op, align), offset)
}

// AppendBlock appends a block, loop or if with at most one result; t is
// Unknown for none.
func AppendBlock(b []byte, op Opcode, t ValType) []byte {
	if t == Unknown {
		return append(b, byte(op), blockEmpty)
	}
	return append(b, byte(op), byte(t))
}

// AppendBlockIndex appends a block, loop or if whose type is a function type.
func AppendBlockIndex(b []byte, op Opcode, typeIdx uint32) []byte {
	return AppendS64(append(b, byte(op)), int64(typeIdx))
}

// AppendBrTable appends br_table; the last label is the default, and there
// must be at least that one.
func AppendBrTable(b []byte, labels []uint32) []byte {
	b = AppendOpU32(b, OpBrTable, uint32(len(labels)-1))
	for _, l := range labels {
		b = AppendU32(b, l)
	}
	return b
}

// AppendSelect appends the select that states its type, which references need.
func AppendSelect(b []byte, t ValType) []byte {
	return append(b, byte(OpSelectT), 1, byte(t))
}

// appendSection appends a section whose contents body appends, with its size
// in the fewest bytes.
func appendSection(b []byte, id byte, body func([]byte) []byte) []byte {
	const room = 5 // the longest a size can be
	b = append(b, id)
	at := len(b)
	b = body(append(b, make([]byte, room)...))
	size := len(b) - at - room
	n := len(AppendU32(b[at:at:at+room], uint32(size)))
	copy(b[at+n:], b[at+room:])
	return b[:at+n+size]
}
