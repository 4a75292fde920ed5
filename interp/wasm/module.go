package wasm

import (
	"fmt"
	"slices"
)

// ValType is a value type, as the binary format encodes it.
type ValType byte

// The value types (binary format, clause 5.3.1 to 5.3.4).
const (
	I32       ValType = 0x7f
	I64       ValType = 0x7e
	F32       ValType = 0x7d
	F64       ValType = 0x7c
	V128      ValType = 0x7b
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6f
	ExnRef    ValType = 0x69 // a reference to an exception

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
	case ExnRef:
		return "exnref"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("type(0x%02x)", byte(t))
}

// IsRef reports whether t is a reference type.
func (t ValType) IsRef() bool { return t == FuncRef || t == ExternRef || t == ExnRef }

// FuncType is the signature of a function (binary format 5.3.6).
type FuncType struct{ Params, Results []ValType }

// Equal reports whether t and u are the same signature.
func (t FuncType) Equal(u FuncType) bool {
	return slices.Equal(t.Params, u.Params) && slices.Equal(t.Results, u.Results)
}

// String returns the signature as "(i32 i64) -> (f32)".
func (t FuncType) String() string {
	return typeList(t.Params) + " -> " + typeList(t.Results)
}

func typeList(ts []ValType) string {
	b := []byte{'('}
	for i, t := range ts {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, t.String()...)
	}
	return string(append(b, ')'))
}

// Limits bounds the size of a memory, in pages of 64 KiB, or of a table, in
// elements. Max is 0 unless HasMax.
type Limits struct {
	Min, Max uint32
	HasMax   bool
}

// TableType is the type of a table: what its elements are and how many.
type TableType struct {
	Elem ValType
	Limits
}

// GlobalType is the type of a global.
type GlobalType struct {
	Type    ValType
	Mutable bool
}

// ExternKind says what an import or export is.
type ExternKind byte

// The kinds of import and export.
const (
	KindFunc ExternKind = iota
	KindTable
	KindMemory
	KindGlobal
	KindTag
)

// String returns the kind's name in the text format.
func (k ExternKind) String() string {
	switch k {
	case KindFunc:
		return "func"
	case KindTable:
		return "table"
	case KindMemory:
		return "memory"
	case KindGlobal:
		return "global"
	case KindTag:
		return "tag"
	}
	return fmt.Sprintf("kind(0x%02x)", byte(k))
}

// Import is one import. Of Func (a type index), Table, Memory, Global and Tag (a type
// index) only the one that Kind names is set.
type Import struct {
	Module, Name string
	Kind         ExternKind
	Func         uint32
	Table        TableType
	Memory       Limits
	Global       GlobalType
	Tag          uint32
}

// Export is one export; Index counts in the index space of its Kind.
type Export struct {
	Name  string
	Kind  ExternKind
	Index uint32
}

// LocalDecl declares Count locals of one type.
type LocalDecl struct {
	Count uint32
	Type  ValType
}

// Func is a function that the module defines.
type Func struct {
	Type   uint32 // index in Module.Types
	Locals []LocalDecl
	Body   []byte // instructions, the final end included

	// Offset is where Body[0] was in the contents of the Code section that
	// the function was decoded from, in bytes, as DWARF counts. Encode
	// ignores it.
	Offset uint32
}

// ConstExpr is a constant expression: instructions without the final end.
type ConstExpr []byte

// Global is a global that the module defines.
type Global struct {
	Type GlobalType
	Init ConstExpr
}

// SegMode says when a data or element segment is copied.
type SegMode byte

// The modes of a segment; only an element segment can be Declarative.
const (
	Active SegMode = iota
	Passive
	Declarative
)

// String returns the mode in lower case.
func (s SegMode) String() string {
	switch s {
	case Active:
		return "active"
	case Passive:
		return "passive"
	case Declarative:
		return "declarative"
	}
	return fmt.Sprintf("mode(%d)", byte(s))
}

// Elem is an element segment. Table and Offset are set only when it is
// active. Segments that list function indices are decoded to one ref.func
// for each.
type Elem struct {
	Mode   SegMode
	Table  uint32
	Offset ConstExpr
	Type   ValType
	Init   []ConstExpr
}

// Data is a data segment. Memory and Offset are set only when it is active.
type Data struct {
	Mode   SegMode
	Memory uint32
	Offset ConstExpr
	Init   []byte
}

// Custom is a custom section, kept verbatim. After is the id of the section
// that it followed, 0 when it came before all others; sections without
// entries do not count.
type Custom struct {
	Name  string
	Data  []byte
	After byte
}

// Names is the "name" section: what its author called the module, its
// functions and their locals. A nil map means that its subsection is absent.
type Names struct {
	Module string
	Funcs  map[uint32]string
	Locals map[uint32]map[uint32]string
	Rest   []byte // other subsections, verbatim

	// At is the index in Module.Customs of the section that the name
	// section stood before; len(Module.Customs) when none followed it.
	At int
}

// Module is a decoded module. Its index spaces start with the imports, as the
// specification has it; Funcs, Tables, Memories, Tags and Globals hold only what
// the module defines itself. A tag is the index of the function type whose parameters
// are the values of its exceptions.
type Module struct {
	Types     []FuncType
	Imports   []Import
	Funcs     []Func
	Tables    []TableType
	Memories  []Limits
	Tags      []uint32
	Globals   []Global
	Exports   []Export
	Start     *uint32
	Elems     []Elem
	DataCount *uint32
	Datas     []Data
	Customs   []Custom

	// Names is nil when there is no name section, and when it is malformed:
	// then it is one of Customs.
	Names *Names

	where *positions // nil unless decoded
}
