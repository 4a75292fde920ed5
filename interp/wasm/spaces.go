package wasm

import "sync"

// spaces are a module's index spaces: what it imports, then what it defines.
type spaces struct {
	m          *Module
	impFuncs   []uint32 // types of imported functions
	impTables  []TableType
	impGlobals []GlobalType
	impTags    []uint32
	hasMemory  bool

	once sync.Once
	refs map[uint32]struct{} // what ref.func may name, after once
}

func (m *Module) spaces() *spaces {
	s := &spaces{m: m, hasMemory: len(m.Memories) > 0}
	for i := range m.Imports {
		switch im := &m.Imports[i]; im.Kind {
		case KindFunc:
			s.impFuncs = append(s.impFuncs, im.Func)
		case KindTable:
			s.impTables = append(s.impTables, im.Table)
		case KindGlobal:
			s.impGlobals = append(s.impGlobals, im.Global)
		case KindMemory:
			s.hasMemory = true
		case KindTag:
			s.impTags = append(s.impTags, im.Tag)
		}
	}
	return s
}

// funcType returns the signature of a function.
func (s *spaces) funcType(idx uint64) (*FuncType, bool) {
	var t uint32
	switch n := uint64(len(s.impFuncs)); {
	case idx < n:
		t = s.impFuncs[idx]
	case idx-n < uint64(len(s.m.Funcs)):
		t = s.m.Funcs[idx-n].Type
	default:
		return nil, false
	}
	if uint64(t) >= uint64(len(s.m.Types)) {
		return nil, false
	}
	return &s.m.Types[t], true
}

func (s *spaces) global(idx uint64) (GlobalType, bool) {
	n := uint64(len(s.impGlobals))
	switch {
	case idx < n:
		return s.impGlobals[idx], true
	case idx-n < uint64(len(s.m.Globals)):
		return s.m.Globals[idx-n].Type, true
	}
	return GlobalType{}, false
}

func (s *spaces) table(idx uint64) (TableType, bool) {
	n := uint64(len(s.impTables))
	switch {
	case idx < n:
		return s.impTables[idx], true
	case idx-n < uint64(len(s.m.Tables)):
		return s.m.Tables[idx-n], true
	}
	return TableType{}, false
}

// tag returns the signature whose parameters are the values of a tag's exceptions.
func (s *spaces) tag(idx uint64) (*FuncType, bool) {
	var t uint32
	switch n := uint64(len(s.impTags)); {
	case idx < n:
		t = s.impTags[idx]
	case idx-n < uint64(len(s.m.Tags)):
		t = s.m.Tags[idx-n]
	default:
		return nil, false
	}
	if uint64(t) >= uint64(len(s.m.Types)) {
		return nil, false
	}
	return &s.m.Types[t], true
}

// exists reports whether the module has what an export of kind k names.
func (s *spaces) exists(k ExternKind, idx uint32) (ok bool) {
	switch k {
	case KindFunc:
		_, ok = s.funcType(uint64(idx))
	case KindTable:
		_, ok = s.table(uint64(idx))
	case KindMemory:
		ok = s.hasMemory && idx == 0
	case KindGlobal:
		_, ok = s.global(uint64(idx))
	case KindTag:
		_, ok = s.tag(uint64(idx))
	}
	return ok
}

// declared reports whether ref.func may name a function: only one that occurs
// in the module outside the bodies may be (3.4.10).
func (s *spaces) declared(idx uint64) bool {
	s.once.Do(func() { s.refs = s.m.declaredFuncs() })
	_, ok := s.refs[uint32(idx)]
	return ok
}

func (m *Module) declaredFuncs() map[uint32]struct{} {
	refs := map[uint32]struct{}{}
	add := func(e ConstExpr) {
		if len(e) > 0 && e[0] == byte(OpRefFunc) {
			c := cursor{b: e, pos: 1}
			refs[c.u32()] = struct{}{}
		}
	}
	for i := range m.Exports {
		if m.Exports[i].Kind == KindFunc {
			refs[m.Exports[i].Index] = struct{}{}
		}
	}
	for i := range m.Globals {
		add(m.Globals[i].Init)
	}
	for i := range m.Elems {
		for _, e := range m.Elems[i].Init {
			add(e)
		}
	}
	return refs
}
