package snapshotfmt

import "fmt"

// Type is the type of a [Value]: the byte of the WebAssembly binary format.
type Type byte

// The types of values.
const (
	Dead      Type = 0 // a local that nothing will read again: it has no value
	I32       Type = 0x7f
	I64       Type = 0x7e
	F32       Type = 0x7d
	F64       Type = 0x7c
	V128      Type = 0x7b
	FuncRef   Type = 0x70
	ExternRef Type = 0x6f
	ExnRef    Type = 0x69
)

// Null is the Lo of a null reference.
const Null = 1<<64 - 1

// Ref returns the reference to a function of a module, both as in [Frame].
func Ref(module, fn uint32) uint64 { return uint64(module)<<32 | uint64(fn) }

// RefFunc returns what a reference that is not Null is to.
func RefFunc(ref uint64) (module, fn uint32) { return uint32(ref >> 32), uint32(ref) }

// Value is one WebAssembly value. Lo holds its bits, zero-extended; Hi is the upper
// half of a v128 or an exnref. The Lo of a funcref is a [Ref], that of an externref the
// host's number for it; Null is that of both.
type Value struct {
	Type   Type
	Lo, Hi uint64
}

// Frame is one active call.
type Frame struct {
	Module uint32  // its place among the guest's modules
	Func   uint32  // in the index space of the module as its author shipped it
	PC     uint32  // the instruction that runs next, from the start of the Code section's contents
	Locals []Value // all of them, parameters first
	Stack  []Value // bottom first
}

// Table is the contents of one table: references as by [Ref], or Null.
type Table struct {
	Elem Type
	Refs []uint64
}

// State is all of a frozen guest but its memory. Globals, tables and segments of a guest
// of several modules are those that each module defines, one module after the other.
type State struct {
	Frames                     []Frame // outermost first
	Globals                    []Value // in the order of the module's own index space
	Tables                     []Table // nil when the module never writes its tables
	DroppedElems, DroppedDatas []uint32
	World                      []byte // of engine/wasi
	MemoryPages                uint32 // of 64 KiB, of all memories
	Started                    bool   // every start function has returned
	Counted                    bool   // Instructions is known
	Instructions               uint64 // executed since the guest began; 0 unless Counted

	// Idiomatic says that this is no guest stopped at an instruction but what one has
	// handed over by itself, a vector of VectorBytes bytes, which is the memory of the
	// snapshot. The guest starts from its beginning, and asks for it.
	Idiomatic   bool
	VectorBytes uint64

	// Of a guest of several modules that has not Started: how many of them have been
	// instantiated, start functions included, and whether nothing yet has been done for the
	// next one. When not Waiting, its segments have been copied.
	Ready   uint32
	Waiting bool

	// Memories has the size of each memory where there are several, and is nil elsewhere.
	Memories []uint32
}

// idiomatic refuses an idiomatic state with anything of a precise one.
func (st *State) idiomatic() error {
	if !st.Idiomatic {
		if st.VectorBytes != 0 {
			return fmt.Errorf("%w: a vector, and not idiomatic", ErrMalformed)
		}
		return nil
	}
	if st.VectorBytes > MaxMemoryPages<<16 || uint64(st.MemoryPages) != (st.VectorBytes+0xffff)>>16 {
		return fmt.Errorf("%w: a vector of %d bytes in %d pages", ErrMalformed, st.VectorBytes, st.MemoryPages)
	}
	precise := len(st.Frames) + len(st.Globals) + len(st.Tables) + len(st.DroppedElems) + len(st.DroppedDatas) + len(st.Memories)
	if precise > 0 || st.Started || st.Counted || st.Waiting || st.Ready > 0 {
		return fmt.Errorf("%w: an idiomatic guest has a vector and nothing else", ErrMalformed)
	}
	return nil
}

// Begun reports whether the segments of a module have been copied.
func (st *State) Begun(module uint32) bool {
	return st.Started || module < st.Ready || module == st.Ready && !st.Waiting
}

// Sizes returns the size of each memory; [0] for a guest that has none.
func (st *State) Sizes() []uint32 {
	if st.Memories != nil {
		return st.Memories
	}
	return []uint32{st.MemoryPages}
}
