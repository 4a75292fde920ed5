package snapshotfmt

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

// Value is one WebAssembly value. Lo holds its bits, zero-extended; Hi is the upper
// half of a v128 or an exnref. The Lo of a reference is a function's index in the module as its
// author shipped it, of an externref the host's number for it, or Null.
type Value struct {
	Type   Type
	Lo, Hi uint64
}

// Frame is one active call.
type Frame struct {
	Module uint32  // always 0 in version 1
	Func   uint32  // in the author's index space
	PC     uint32  // the instruction that runs next, from the start of the Code section's contents
	Locals []Value // all of them, parameters first
	Stack  []Value // bottom first
}

// Table is the contents of one table: function indices, or Null.
type Table struct {
	Elem Type
	Refs []uint64
}

// State is all of a frozen guest but its memory.
type State struct {
	Frames                     []Frame // outermost first
	Globals                    []Value // of the module's own index space
	Tables                     []Table // nil when the module never writes its tables
	DroppedElems, DroppedDatas []uint32
	World                      []byte // of engine/wasi
	MemoryPages                uint32 // of 64 KiB
	Started                    bool   // the start function has returned
}
