package wasm

import "strconv"

// opInfo is an opRow made ready for use: its signature as types.
type opInfo struct {
	name   string
	imm    immKind
	x      byte
	known  bool
	simple bool // wholly described by in and out
	nin    byte
	in     [3]ValType
	out    ValType // Unknown when there is none
}

// sigTypes maps the letters of opRow.sig.
var sigTypes = map[byte]ValType{'i': I32, 'l': I64, 'f': F32, 'd': F64, 'v': V128}

// opInfos is opTable by opIndex, so that looking up costs an index.
var opInfos = buildOpInfos()

// opIndex makes the three ranges of opcodes dense.
func opIndex(op Opcode) int {
	switch op >> 8 {
	case 0:
		return int(op)
	case 0xfc:
		return 0x100 + int(op&0xff)
	case 0xfd:
		return 0x200 + int(op&0xff)
	}
	return 0x300 // unknown
}

func buildOpInfos() *[0x301]opInfo {
	t := new([0x301]opInfo)
	for _, r := range opTable {
		o := opInfo{name: r.name, imm: r.imm, x: r.x, known: true}
		if r.sig != "*" {
			o.simple = true
			for i := 0; r.sig[i] != ':'; i++ {
				o.in[i] = sigTypes[r.sig[i]]
				o.nin++
			}
			if rest := r.sig[o.nin+1:]; rest != "" {
				o.out = sigTypes[rest[0]]
			}
		}
		t[opIndex(r.op)] = o
	}
	return t
}

// String returns the instruction's name in the text format.
func (op Opcode) String() string {
	if o := &opInfos[opIndex(op)]; o.known {
		return o.name
	}
	return "opcode(0x" + strconv.FormatUint(uint64(op), 16) + ")"
}

// The names under which features after WebAssembly 2.0 are refused.
const (
	featThreads   = "threads"
	featLegacyExn = "legacy exception handling"
	featExnTables = "tables of exceptions"
	featMultiMem  = "multiple memories"
	featMemory64  = "memory64"
	featPageSizes = "custom page sizes"
	featGC        = "garbage collection"
	featTypedRefs = "typed function references"
	featRelaxed   = "relaxed SIMD"
	featWide      = "wide arithmetic"
	featComponent = "the component model"
	featHalf      = "half precision"
)

// laterOpcode names the feature that a plain opcode or a prefix outside
// WebAssembly 2.0 belongs to; "" when it belongs to none.
func laterOpcode(b byte) string {
	switch b {
	case 0x06, 0x07, 0x09, 0x18, 0x19:
		return featLegacyExn
	case 0x14, 0x15, 0xd4, 0xd5, 0xd6:
		return featTypedRefs
	case 0xd3, 0xfb:
		return featGC
	case 0xfe:
		return featThreads
	}
	return ""
}

// laterPrefixed is laterOpcode for the number behind a prefix.
func laterPrefixed(prefix byte, sub uint32) string {
	switch {
	case prefix == 0xfd && sub >= 0x100 && sub < 0x120:
		return featRelaxed
	case prefix == 0xfd && sub >= 0x120 && sub < 0x160:
		return featHalf
	case prefix == 0xfc && sub >= 0x13 && sub <= 0x16:
		return featWide
	}
	return ""
}

// laterType names the feature that a type's first byte outside WebAssembly
// 2.0 belongs to; "" when it belongs to none.
func laterType(b byte) string {
	switch b {
	case 0x63, 0x64:
		return featTypedRefs
	case 0x74, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x71, 0x72, 0x73, 0x4e, 0x4f, 0x50, 0x5e, 0x5f:
		return featGC
	}
	return ""
}
