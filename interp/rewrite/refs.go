package rewrite

import (
	"slices"

	"sojourn/interp/wasm"
)

// hasRefs reports whether a value of a type of references can exist in m outside its
// tables, as far as its types tell.
func hasRefs(m *wasm.Module, ref wasm.ValType) bool {
	for _, t := range m.Types {
		if slices.Contains(t.Params, ref) || slices.Contains(t.Results, ref) {
			return true
		}
	}
	for _, g := range m.Globals {
		if g.Type.Type == ref {
			return true
		}
	}
	for _, im := range m.Imports {
		if im.Kind == wasm.KindGlobal && im.Global.Type == ref {
			return true
		}
	}
	for i := range m.Funcs {
		for _, l := range m.Funcs[i].Locals {
			if l.Type == ref {
				return true
			}
		}
	}
	return false
}

// hasExternTables reports whether m has or imports a table of the host's references.
func hasExternTables(m *wasm.Module) bool {
	for _, t := range m.Tables {
		if t.Elem == wasm.ExternRef {
			return true
		}
	}
	for _, im := range m.Imports {
		if im.Kind == wasm.KindTable && im.Table.Elem == wasm.ExternRef {
			return true
		}
	}
	return false
}

// constRefs reports each function that a constant expression of m refers to.
func constRefs(m *wasm.Module, add func(uint32)) {
	expr := func(e wasm.ConstExpr) {
		r := wasm.NewReader(m, e)
		var in wasm.Instr
		for {
			if ok, err := r.Next(&in); !ok || err != nil {
				return
			}
			if in.Op == wasm.OpRefFunc {
				add(uint32(in.A))
			}
		}
	}
	for i := range m.Elems {
		for _, e := range m.Elems[i].Init {
			expr(e)
		}
	}
	for i := range m.Globals {
		expr(m.Globals[i].Init)
	}
}
