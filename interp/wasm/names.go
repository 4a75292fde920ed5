package wasm

import (
	"maps"
	"slices"
)

// nameSection is the name of the custom section that holds names.
const nameSection = "name"

// The subsections of the name section (appendix, 7.4.1).
const (
	namesModule byte = iota
	namesFuncs
	namesLocals
)

// custom reads a custom section (5.5.3): its name, then anything.
func (d *decoder) custom() {
	if d.what = "name"; len(d.m.Customs) >= MaxCustoms {
		d.fail(d.pos, "over %d custom sections", MaxCustoms)
		return
	}
	name := d.name()
	data := d.bytes(d.left())
	if !d.ok() {
		return
	}
	if name == nameSection && d.m.Names == nil {
		if n := decodeNames(data); n != nil {
			n.At = len(d.m.Customs)
			d.m.Names = n
			return
		}
	}
	d.m.Customs = append(d.m.Customs, Custom{Name: name, Data: data, After: d.lastID})
}

// decodeNames decodes the contents of a name section. It returns nil when
// they are malformed, or name something twice.
func decodeNames(b []byte) *Names {
	n := &Names{}
	c := &cursor{b: b, section: "name"}
	var seen [namesLocals + 1]bool
	for c.ok() && c.left() > 0 {
		at := c.pos
		id := c.byte()
		sub := &cursor{b: c.bytes(c.size()), section: "name"}
		if !c.ok() {
			return nil
		}
		if id > namesLocals {
			n.Rest = append(n.Rest, b[at:c.pos]...)
			continue
		}
		if seen[id] {
			return nil
		}
		seen[id] = true
		switch id {
		case namesModule:
			n.Module = sub.name()
		case namesFuncs:
			n.Funcs = sub.nameMap()
		case namesLocals:
			n.Locals = sub.indirectNameMap()
		}
		if !sub.ok() || sub.left() > 0 {
			return nil
		}
	}
	if !c.ok() {
		return nil
	}
	return n
}

// nameMap reads a name map: pairs of an index and a name.
func (c *cursor) nameMap() map[uint32]string {
	n := c.count(len(c.b), 2, "names")
	m := make(map[uint32]string, n)
	for i := 0; i < n && c.ok(); i++ {
		at := c.pos
		idx := c.u32()
		if _, dup := m[idx]; dup {
			c.fail(at, "index %d has two names", idx)
		}
		m[idx] = c.name()
	}
	return m
}

// indirectNameMap reads pairs of an index and a name map.
func (c *cursor) indirectNameMap() map[uint32]map[uint32]string {
	n := c.count(len(c.b), 2, "name maps")
	m := make(map[uint32]map[uint32]string, n)
	for i := 0; i < n && c.ok(); i++ {
		at := c.pos
		idx := c.u32()
		if _, dup := m[idx]; dup {
			c.fail(at, "index %d has two name maps", idx)
		}
		m[idx] = c.nameMap()
	}
	return m
}

// appendNames appends the contents of a name section, in order of index.
func appendNames(b []byte, n *Names) []byte {
	if n.Module != "" {
		b = appendSection(b, namesModule, func(b []byte) []byte { return appendName(b, n.Module) })
	}
	if n.Funcs != nil {
		b = appendSection(b, namesFuncs, func(b []byte) []byte { return appendNameMap(b, n.Funcs) })
	}
	if n.Locals != nil {
		b = appendSection(b, namesLocals, func(b []byte) []byte {
			b = AppendU32(b, uint32(len(n.Locals)))
			for _, f := range slices.Sorted(maps.Keys(n.Locals)) {
				b = appendNameMap(AppendU32(b, f), n.Locals[f])
			}
			return b
		})
	}
	return append(b, n.Rest...)
}

func appendNameMap(b []byte, m map[uint32]string) []byte {
	b = AppendU32(b, uint32(len(m)))
	for _, i := range slices.Sorted(maps.Keys(m)) {
		b = appendName(AppendU32(b, i), m[i])
	}
	return b
}
