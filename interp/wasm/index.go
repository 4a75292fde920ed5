package wasm

import "fmt"

// NumImported returns how many imports are of kind k.
func (m *Module) NumImported(k ExternKind) int {
	n := 0
	for i := range m.Imports {
		if m.Imports[i].Kind == k {
			n++
		}
	}
	return n
}

// NumImportedFuncs returns how many functions the module imports; the index
// of m.Funcs[i] in the function index space is that number plus i.
func (m *Module) NumImportedFuncs() int { return m.NumImported(KindFunc) }

// imported returns the idx-th import of kind k, or nil and how many there are.
func (m *Module) imported(k ExternKind, idx uint32) (*Import, uint32) {
	n := uint32(0)
	for i := range m.Imports {
		if m.Imports[i].Kind != k {
			continue
		}
		if n == idx {
			return &m.Imports[i], n
		}
		n++
	}
	return nil, n
}

// typeOf returns the type index of a function; ok is false when the module
// has no such function.
func (m *Module) typeOf(funcIdx uint32) (typeIdx uint32, ok bool) {
	imp, n := m.imported(KindFunc, funcIdx)
	if imp != nil {
		return imp.Func, true
	}
	if i := uint64(funcIdx) - uint64(n); i < uint64(len(m.Funcs)) {
		return m.Funcs[i].Type, true
	}
	return 0, false
}

// FuncType returns the signature of a function; ok is false when the module
// has no such function or its type index is out of range.
func (m *Module) FuncType(funcIdx uint32) (t FuncType, ok bool) {
	typeIdx, ok := m.typeOf(funcIdx)
	if !ok || uint64(typeIdx) >= uint64(len(m.Types)) {
		return FuncType{}, false
	}
	return m.Types[typeIdx], true
}

// GlobalType returns the type of a global; ok is false when there is none.
func (m *Module) GlobalType(idx uint32) (t GlobalType, ok bool) {
	imp, n := m.imported(KindGlobal, idx)
	if imp != nil {
		return imp.Global, true
	}
	if i := uint64(idx) - uint64(n); i < uint64(len(m.Globals)) {
		return m.Globals[i].Type, true
	}
	return GlobalType{}, false
}

// TableType returns the type of a table; ok is false when there is none.
func (m *Module) TableType(idx uint32) (t TableType, ok bool) {
	imp, n := m.imported(KindTable, idx)
	if imp != nil {
		return imp.Table, true
	}
	if i := uint64(idx) - uint64(n); i < uint64(len(m.Tables)) {
		return m.Tables[i], true
	}
	return TableType{}, false
}

// TagType returns the type whose parameters are the values of a tag's exceptions; ok
// is false when there is no such tag.
func (m *Module) TagType(idx uint32) (t FuncType, ok bool) {
	typeIdx := uint32(0)
	imp, n := m.imported(KindTag, idx)
	switch i := uint64(idx) - uint64(n); {
	case imp != nil:
		typeIdx = imp.Tag
	case i < uint64(len(m.Tags)):
		typeIdx = m.Tags[i]
	default:
		return FuncType{}, false
	}
	if uint64(typeIdx) >= uint64(len(m.Types)) {
		return FuncType{}, false
	}
	return m.Types[typeIdx], true
}

// MemoryType returns the limits of the memory; ok is false when the module
// neither imports nor defines one.
func (m *Module) MemoryType() (l Limits, ok bool) {
	imp, _ := m.imported(KindMemory, 0)
	if imp != nil {
		return imp.Memory, true
	}
	if len(m.Memories) > 0 {
		return m.Memories[0], true
	}
	return Limits{}, false
}

// FuncName returns what to call a function to a person: the name section's
// name, or how it is imported or exported, or "func[7]".
func (m *Module) FuncName(funcIdx uint32) string {
	if m.Names != nil && m.Names.Funcs[funcIdx] != "" {
		return m.Names.Funcs[funcIdx]
	}
	if imp, _ := m.imported(KindFunc, funcIdx); imp != nil {
		return imp.Module + "." + imp.Name
	}
	for i := range m.Exports {
		if e := &m.Exports[i]; e.Kind == KindFunc && e.Index == funcIdx && e.Name != "" {
			return e.Name
		}
	}
	return fmt.Sprintf("func[%d]", funcIdx)
}

// numLocals returns how many locals f declares, without its parameters. It is
// an error when that is over MaxLocals.
func (f *Func) numLocals() (int, error) {
	n := uint64(0)
	for _, d := range f.Locals {
		n += uint64(d.Count)
	}
	if n > MaxLocals {
		return 0, &Error{Section: "code", What: "locals", Offset: -1,
			Msg: fmt.Sprintf("%d locals declared, the limit is %d", n, MaxLocals)}
	}
	return int(n), nil
}

// LocalTypes returns the types of all of f's locals, beginning with its
// parameters. It is an error when there are more than MaxLocals.
func (f *Func) LocalTypes(params []ValType) ([]ValType, error) {
	return f.appendLocals(nil, params)
}

func (f *Func) appendLocals(dst, params []ValType) ([]ValType, error) {
	n, err := f.numLocals()
	if err != nil {
		return dst, err
	}
	if n+len(params) > MaxLocals {
		return dst, &Error{Section: "code", What: "locals", Offset: -1,
			Msg: fmt.Sprintf("%d parameters and locals, the limit is %d", n+len(params), MaxLocals)}
	}
	dst = append(dst, params...)
	for _, d := range f.Locals {
		for range d.Count {
			dst = append(dst, d.Type)
		}
	}
	return dst, nil
}
