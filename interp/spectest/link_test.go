package spectest

import (
	"path/filepath"
	"slices"
	"testing"

	"sojourn/interp"
	"sojourn/interp/wasm"
)

// group is a guest: modules of a script that import from each other, in order. A module
// that imports more than functions from "spectest" has that before it.
type group struct {
	modules []interp.Module
	places  map[int]int // command -> place in modules
}

// linking finds out which modules of a script are linked to which, from what they
// import and what is registered when.
type linking struct {
	bytes  map[int][]byte // command -> module
	deps   map[int][]int  // command -> those that it imports from
	name   map[int]string // command -> what it is registered as
	host   map[int]bool   // command -> imports more than functions from "spectest"
	pure   map[int]bool   // command -> has no state: as good when each guest has its own
	groups map[int]*group // command -> its guest
	extra  []byte         // the module "spectest"
}

func (s *script) link(t testing.TB) *linking {
	t.Helper()
	root, err := specRoot()
	if err != nil {
		t.Fatal(err)
	}
	l := &linking{bytes: map[int][]byte{}, deps: map[int][]int{}, name: map[int]string{}, host: map[int]bool{},
		pure: map[int]bool{}, groups: map[int]*group{}, extra: readFile(t, filepath.Join(root, "testdata", "spectest.wasm"))}
	registered, named, last := map[string]int{}, map[string]int{}, -1
	var members []int
	for i := range s.Commands {
		switch c := &s.Commands[i]; c.Type {
		case "module", "assert_uninstantiable", "assert_unlinkable":
			l.bytes[i] = s.module(t, c)
			l.imports(i, registered)
			if c.Type != "assert_unlinkable" {
				members = append(members, i)
			}
			if c.Type == "module" {
				last = i
				if c.Name != "" {
					named[c.Name] = i
				}
			}
		case "register":
			at := last
			if c.Name != "" {
				at = named[c.Name]
			}
			registered[c.As], l.name[at] = at, c.As
		}
	}
	for _, i := range members {
		if l.groups[i] == nil {
			l.group(l.linked(i, members))
		}
	}
	return l
}

func (l *linking) imports(i int, registered map[string]int) {
	m, err := wasm.Decode(l.bytes[i])
	if err != nil {
		return // whoever prepares it says why
	}
	l.pure[i] = len(m.Imports)+len(m.Memories)+len(m.Tables)+len(m.Globals) == 0
	for _, im := range m.Imports {
		if at, ok := registered[im.Module]; ok {
			l.deps[i] = append(l.deps[i], at)
		} else if im.Module == "spectest" && im.Kind != wasm.KindFunc {
			l.host[i] = true
		}
	}
}

// linked returns those of all that share state with module i, directly or by others.
func (l *linking) linked(i int, all []int) []int {
	in := map[int]bool{i: true}
	for grown := true; grown; {
		grown = false
		for _, k := range all {
			for _, d := range l.deps[k] {
				if in[k] != in[d] && !l.pure[d] {
					in[k], in[d], grown = true, true, true
				}
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(k int) bool { return !in[k] })
}

// below returns a module behind all that it needs.
func (l *linking) below(i int) []int {
	var out []int
	for _, d := range l.deps[i] {
		out = append(out, l.below(d)...)
	}
	slices.Sort(out)
	return append(slices.Compact(out), i)
}

// single returns a guest of a module that must be refused, and of what it needs.
func (l *linking) single(command int, module []byte) *group {
	if l.bytes[command] == nil { // malformed or invalid: what it imports is of no matter
		return &group{modules: []interp.Module{{Bytes: module}}}
	}
	return l.list(l.below(command))
}

// group makes a guest of modules that stay, and of what they need.
func (l *linking) group(members []int) {
	all := slices.Clone(members)
	for _, i := range members {
		all = append(all, l.below(i)...)
	}
	slices.Sort(all)
	g := l.list(slices.Compact(all))
	for _, i := range members {
		l.groups[i] = g
	}
}

// list makes a guest of modules.
func (l *linking) list(members []int) *group {
	g := &group{places: map[int]int{}}
	if slices.ContainsFunc(members, func(i int) bool { return l.host[i] }) {
		g.modules = append(g.modules, interp.Module{Name: "spectest", Bytes: l.extra})
	}
	for _, i := range members {
		g.places[i] = len(g.modules)
		g.modules = append(g.modules, interp.Module{Name: l.name[i], Bytes: l.bytes[i]})
	}
	return g
}
