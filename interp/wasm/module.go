package wasm

import "fmt"

// ValType is a value type, as the binary format encodes it.
type ValType byte

// The value types of WebAssembly 2.0 (binary format, clause 5.3.1 to 5.3.4).
const (
	I32       ValType = 0x7f
	I64       ValType = 0x7e
	F32       ValType = 0x7d
	F64       ValType = 0x7c
	V128      ValType = 0x7b
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6f

	// Unknown is the type of a value that unreachable code leaves open.
	Unknown ValType = 0
)

// String returns the type's name in the text format.
func (t ValType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("type(0x%02x)", byte(t))
}

// IsRef reports whether t is a reference type.
func (t ValType) IsRef() bool { return t == FuncRef || t == ExternRef }
