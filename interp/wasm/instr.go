package wasm

// BlockType is what a block takes from the stack and leaves there. The slices
// belong to the module and must not be written to.
type BlockType struct{ Params, Results []ValType }

// Instr is one decoded instruction.
//
// A and B hold its immediates:
//
//	label, local, global, function, table, tag, element or data index   A
//	call_indirect, return_call_indirect  A type, B table
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

	Block  BlockType // of block, loop, if and try_table
	Labels []uint32  // of br_table, the default last; valid until the next call of Next
	Types  []ValType // of the select that states its type; valid until the next call of Next
	// Catches are the clauses of try_table; valid until the next call of Next.
	Catches []Catch
}

// Catch is one clause of a try_table. Label counts from outside the try_table.
type Catch struct {
	Kind  CatchKind
	Tag   uint32 // of CatchTag and CatchTagRef
	Label uint32
}

// CatchKind says which exceptions a clause catches, and what it gives its label.
type CatchKind byte

// The kinds of clauses (of WebAssembly 3.0, 5.4.1).
const (
	CatchTag    CatchKind = iota // one tag; the exception's values
	CatchTagRef                  // one tag; the values, and a reference to the exception
	CatchAll                     // any; nothing
	CatchAllRef                  // any; a reference to the exception
)

// HasTag reports whether the clause is for one tag.
func (k CatchKind) HasTag() bool { return k <= CatchTagRef }

// HasRef reports whether the clause gives its label a reference to the exception.
func (k CatchKind) HasRef() bool { return k == CatchTagRef || k == CatchAllRef }

// String returns the clause's name in the text format.
func (k CatchKind) String() string {
	return [...]string{"catch", "catch_ref", "catch_all", "catch_all_ref"}[k&3]
}

// memOffset returns the offset immediate of a load or store.
func (in *Instr) memOffset() uint32 { return uint32(in.B) }

// lane returns the lane that a vector load or store of a lane names.
func (in *Instr) lane() byte { return byte(in.B >> 32) }

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
	immTag
	immTry
)
