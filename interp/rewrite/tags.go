package rewrite

import (
	"fmt"

	"sojourn/interp/wasm"
)

// Guest is what each module of a guest of several must know of all of them: an exception
// of one passes through the frames of the others. A tag is the one that some module
// defines, under whatever names it is imported. The tags of a guest are numbered in the
// order of its modules and, of each, of its definitions.
type Guest struct {
	tags  []wasm.FuncType
	first []uint32 // number of each module's first tag
	types [][]wasm.FuncType
	refs
}

// Add adds the next module of the guest, which is valid.
func (g *Guest) Add(m *wasm.Module) {
	g.first = append(g.first, uint32(len(g.tags)))
	n := uint32(m.NumImported(wasm.KindTag))
	for i := range m.Tags {
		t, _ := m.TagType(n + uint32(i))
		g.tags = append(g.tags, t)
	}
	g.types = append(g.types, m.Types)
	g.throws = g.throws || len(m.Tags) > 0
	g.exnRefs = g.exnRefs || hasRefs(m, wasm.ExnRef)
	var f function
	for i := range m.Funcs {
		f = function{cons: f.cons[:0], sites: f.sites[:0], writes: f.writes[:0]}
		rf := refs{}
		f.read(m, m.Funcs[i].Body, &rf)
		g.throws = g.throws || rf.throws
		g.exnRefs = g.exnRefs || rf.exnRefs
		g.calls = g.calls || rf.calls
	}
}

// Tag returns the number of a tag that a module defines, by its place among those.
func (g *Guest) Tag(module int, i uint32) uint32 { return g.first[module] + i }

// numbers returns the numbers of a module's tags, imported ones first.
func (g *Guest) numbers(m *wasm.Module, link *Link) []uint32 {
	var ns []uint32
	for i := range link.Imports {
		if im := &link.Imports[i]; im.Kind == wasm.KindTag {
			ns = append(ns, im.Number)
		}
	}
	for i := range m.Tags {
		ns = append(ns, g.Tag(link.Index, uint32(i)))
	}
	return ns
}

// alone is the guest that consists of one module. found says what its code does.
func alone(m *wasm.Module, found *refs) *Guest {
	g := &Guest{refs: *found, first: []uint32{0}, types: [][]wasm.FuncType{m.Types}}
	for i := range m.Tags {
		t, _ := m.TagType(uint32(i))
		g.tags = append(g.tags, t)
	}
	g.exnRefs = g.exnRefs || hasRefs(m, wasm.ExnRef)
	g.throws = g.throws || g.exnRefs || len(m.Tags) > 0
	return g
}

// checkTags refuses tags whose exceptions no reference can hold, if there are any.
func (g *Guest) checkTags() error {
	if !g.exnRefs {
		return nil
	}
	for i, t := range g.tags {
		if err := packable(t); err != nil {
			return fmt.Errorf("tag %s, %v: %w, and %s refers to exceptions (exnref, catch_ref, catch_all_ref)", g.tagName(uint32(i)), t.Params, err, g.what())
		}
	}
	return nil
}

// what names the guest to a person.
func (g *Guest) what() string {
	if len(g.first) == 1 {
		return "the module"
	}
	return "the guest"
}

// tagName names a tag to a person.
func (g *Guest) tagName(n uint32) string {
	if len(g.first) == 1 {
		return fmt.Sprint(n)
	}
	k := len(g.first) - 1
	for g.first[k] > n {
		k--
	}
	return fmt.Sprintf("%d of module %d", n-g.first[k], k)
}

// checkTypes refuses types that only exnref and v128 tell apart: an indirect call
// through one could call a function of the other.
func (g *Guest) checkTypes() error {
	if !g.exnRefs || !g.calls {
		return nil
	}
	type place struct{ module, index int }
	seen := map[string]place{}
	for i, types := range g.types {
		for k, t := range types {
			key := LowType(t).String()
			if was, ok := seen[key]; !ok {
				seen[key] = place{i, k}
			} else if before := g.types[was.module][was.index]; !before.Equal(t) {
				return fmt.Errorf("types %s and %s, %v and %v, differ in nothing but exnref and v128, and %s calls through tables",
					g.typeName(was.module, was.index), g.typeName(i, k), before, t, g.what())
			}
		}
	}
	return nil
}

func (g *Guest) typeName(module, i int) string {
	if len(g.first) == 1 {
		return fmt.Sprint(i)
	}
	return fmt.Sprintf("%d of module %d", i, module)
}
