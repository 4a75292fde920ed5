package wasm

// BlockType is what a block takes from the stack and leaves there. The slices
// belong to the module and must not be written to.
type BlockType struct{ Params, Results []ValType }

// Instr is one decoded instruction.
//
// A and B hold its immediates:
//
//	label, local, global, function, table, element or data index   A
//	call_indirect                      A type, B table
//	table.init, memory.init            A segment, B table or memory
//	table.copy, memory.copy            A destination, B source
//	memory.size, .grow, .fill          A memory
//	loads and stores                   A alignment (log2), B offset
//	vector loads and stores of a lane  A alignment, B offset | lane<<32
//	extract_lane, replace_lane         A lane
//	i32.const, f32.const               A the 32 bits, zero-extended
//	i64.const, f64.const               A the bits
//	v128.const, i8x16.shuffle          A low half, B high half, little-endian
//	ref.null                           A the ValType
//	br_table                           A the default label
type Instr struct {
	Op   Opcode
	Pos  int // byte position in the body
	Len  int // bytes: Body[Pos:Pos+Len] is its encoding
	A, B uint64

	Block  BlockType // of block, loop and if
	Labels []uint32  // of br_table, the default last; valid until the next call of Next
	Types  []ValType // of the select that states its type; valid until the next call of Next
}

// MemOffset returns the offset immediate of a load or store.
func (in *Instr) MemOffset() uint32 { return uint32(in.B) }

// Lane returns the lane that a vector load or store of a lane names.
func (in *Instr) Lane() byte { return byte(in.B >> 32) }

// immKind says which immediates follow an opcode.
type immKind byte

const (
	immNone immKind = iota
	immBlock
	immLabel
	immLabels
	immFunc
	immRefFunc
	immCallIndirect
	immLocal
	immGlobal
	immTable
	immTableTable
	immElem
	immElemTable
	immData
	immDataMem
	immMemIndex
	immMemMem
	immMem
	immMemLane
	immI32
	immI64
	immF32
	immF64
	immV128
	immShuffle
	immLane
	immRefType
	immTypes
)
