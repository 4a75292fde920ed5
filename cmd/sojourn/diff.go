package main

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/spf13/cobra"

	"sojourn/interp"
	"sojourn/snapshotfmt"
)

func newDiff() *cobra.Command {
	var a, b snapshotSource
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff [flags] A B",
		Short: "Say what changed between two snapshots of a program",
		Long: "Diff compares two snapshots of the same program: frames, globals, tables, memory and\n" +
			"descriptors. Names come from its module, as for inspect: A.wasm, or --module.",
		Args: exactArgs("the first snapshot", "the second snapshot"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.file, b.file, b.modules = args[0], args[1], a.modules
			d, err := compare(&a, &b)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(d)
			}
			return d.print(cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	a.add(f)
	f.BoolVar(&asJSON, "json", false, "as one JSON object")
	return cmd
}

// difference is what changed from one snapshot to another.
type difference struct {
	A            string         `json:"a"`
	B            string         `json:"b"`
	Same         bool           `json:"same"` // nothing below changed
	Instructions *int64         `json:"instructions,omitempty"`
	Frames       []frameChange  `json:"frames"` // outermost first
	Globals      []valueChange  `json:"globals"`
	Tables       []tableChange  `json:"tables"`
	Dropped      shownDropped   `json:"dropped"` // segments, in one of them only
	Memory       memoryChange   `json:"memory"`
	Descriptors  []openedChange `json:"descriptors"`
	World        bool           `json:"world"` // anything else of the guest's world
}

// frameChange is one place on the stack, counted from the outermost frame.
type frameChange struct {
	Depth  int           `json:"depth"`
	Change string        `json:"change"` // added, removed, or changed
	A      *shownFrame   `json:"a,omitempty"`
	B      *shownFrame   `json:"b,omitempty"`
	Locals []valueChange `json:"locals"` // of the same function, changed
	Stack  []valueChange `json:"stack"`
}

type valueChange struct {
	Index int    `json:"index"`
	Name  string `json:"name,omitempty"`
	A     string `json:"a"` // with its type; empty where there is none
	B     string `json:"b"`
}

type tableChange struct {
	Table int `json:"table"`
	valueChange
}

type openedChange struct {
	Number uint32          `json:"fd"`
	A      *openDescriptor `json:"a,omitempty"`
	B      *openDescriptor `json:"b,omitempty"`
}

// contents is all of a snapshot.
type contents struct {
	man   *snapshotfmt.Manifest
	st    *snapshotfmt.State
	guide *guide
	pages map[uint32][]byte // that differ from the initial memory
	open  []openDescriptor
	args  []string
}

func (s *snapshotSource) contents() (*contents, error) {
	f, err := s.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fail := func(err error) (*contents, error) { return nil, fmt.Errorf("%s: %w", s.file, err) }
	dec, err := snapshotfmt.NewDecoder(f, snapshotfmt.Limits{})
	if err != nil {
		return fail(err)
	}
	c := &contents{man: dec.Manifest(), pages: map[uint32][]byte{}}
	if c.guide, err = s.guide(c.man); err != nil {
		return nil, err
	}
	if c.st, err = dec.State(); err != nil {
		return fail(err)
	}
	if c.open, c.args, err = openDescriptors(c.st); err != nil {
		return fail(err)
	}
	err = dec.Pages(nil, func(page uint32, data []byte) error {
		c.pages[page] = append(make([]byte, 0, snapshotfmt.PageSize), data...)
		return nil
	})
	if err != nil {
		return fail(err)
	}
	return c, nil
}

// compare reads two snapshots and finds what changed.
func compare(sa, sb *snapshotSource) (*difference, error) {
	a, err := sa.contents()
	if err != nil {
		return nil, err
	}
	b, err := sb.contents()
	if err != nil {
		return nil, err
	}
	if a.man.Module != b.man.Module || !reflect.DeepEqual(a.man.Libraries, b.man.Libraries) {
		return nil, hint(fmt.Errorf("%s and %s are of different programs: %x and %x", sa.file, sb.file, a.man.Module, b.man.Module), "give two snapshots of the same one")
	}
	d := &difference{A: sa.file, B: sb.file}
	if a.st.Counted && b.st.Counted {
		n := int64(b.st.Instructions - a.st.Instructions)
		d.Instructions = &n
	}
	d.Frames = frameChanges(a, b)
	d.Globals = valueChanges(a.st.Globals, b.st.Globals, nil)
	d.Tables = tableChanges(a.st.Tables, b.st.Tables)
	d.Dropped = shownDropped{onlyOne(a.st.DroppedElems, b.st.DroppedElems), onlyOne(a.st.DroppedDatas, b.st.DroppedDatas)}
	d.Memory = memoryChanges(a, b)
	d.Descriptors = descriptorChanges(a.open, b.open)
	d.World = len(d.Descriptors) == 0 && string(a.st.World) != string(b.st.World)
	d.Same = len(d.Frames)+len(d.Globals)+len(d.Tables)+len(d.Dropped.Elems)+len(d.Dropped.Datas)+
		len(d.Memory.Ranges)+len(d.Descriptors) == 0 && d.Memory.A == d.Memory.B && !d.World && a.st.Started == b.st.Started
	return d, nil
}

func frameChanges(a, b *contents) []frameChange {
	out := []frameChange{}
	for i := range max(len(a.st.Frames), len(b.st.Frames)) {
		c := frameChange{Depth: i, Change: "changed", Locals: []valueChange{}, Stack: []valueChange{}}
		fa, fb := a.frame(i), b.frame(i)
		c.A, c.B = a.shown(i), b.shown(i)
		switch {
		case fa == nil:
			c.Change = "added"
		case fb == nil:
			c.Change = "removed"
		case fa.Func == fb.Func && fa.Module == fb.Module:
			var names map[uint32]string
			if g := a.guide; g != nil && g.Names != nil && fa.Module == uint32(g.index) {
				names = g.Names.Locals[fa.Func]
			}
			c.Locals, c.Stack = valueChanges(fa.Locals, fb.Locals, names), valueChanges(fa.Stack, fb.Stack, nil)
			if fa.PC == fb.PC && len(c.Locals)+len(c.Stack) == 0 {
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

// frame returns the i-th frame, nil when there is none.
func (c *contents) frame(i int) *snapshotfmt.Frame {
	if i >= len(c.st.Frames) {
		return nil
	}
	return &c.st.Frames[i]
}

func (c *contents) shown(i int) *shownFrame {
	f := c.frame(i)
	if f == nil {
		return nil
	}
	s := c.guide.frame(f, i < len(c.st.Frames)-1)
	return &s
}

// valueChanges compares values one by one; one that is in one list only is empty in the other.
func valueChanges(a, b []snapshotfmt.Value, names map[uint32]string) []valueChange {
	out := []valueChange{}
	text := func(vs []snapshotfmt.Value, i int) string {
		if i >= len(vs) {
			return ""
		}
		return vs[i].String()
	}
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			out = append(out, valueChange{Index: i, Name: names[uint32(i)], A: text(a, i), B: text(b, i)})
		}
	}
	return out
}

func tableChanges(a, b []snapshotfmt.Table) []tableChange {
	out := []tableChange{}
	values := func(ts []snapshotfmt.Table, i int) []snapshotfmt.Value {
		if i >= len(ts) {
			return nil
		}
		vs := make([]snapshotfmt.Value, len(ts[i].Refs))
		for k, r := range ts[i].Refs {
			vs[k] = snapshotfmt.Value{Type: ts[i].Elem, Lo: r}
		}
		return vs
	}
	for i := range max(len(a), len(b)) {
		for _, c := range valueChanges(values(a, i), values(b, i), nil) {
			out = append(out, tableChange{i, c})
		}
	}
	return out
}

// onlyOne returns what is in one of two lists.
func onlyOne(a, b []uint32) []uint32 {
	in := map[uint32]int{}
	for _, v := range a {
		in[v]++
	}
	for _, v := range b {
		in[v]--
	}
	out := []uint32{}
	for _, list := range [][]uint32{a, b} {
		for _, v := range list {
			if in[v] != 0 {
				out = append(out, v)
			}
		}
	}
	return out
}

func descriptorChanges(a, b []openDescriptor) []openedChange {
	out := []openedChange{}
	find := func(ds []openDescriptor, fd uint32) *openDescriptor {
		for i := range ds {
			if ds[i].Number == fd {
				return &ds[i]
			}
		}
		return nil
	}
	for i := range a {
		if other := find(b, a[i].Number); other == nil || *other != a[i] {
			out = append(out, openedChange{a[i].Number, &a[i], other})
		}
	}
	for i := range b {
		if find(a, b[i].Number) == nil {
			out = append(out, openedChange{b[i].Number, nil, &b[i]})
		}
	}
	return out
}

// memoryChange is what changed in memory: of several memories, one after the other.
type memoryChange struct {
	A      uint32        `json:"a"` // pages of 64 KiB
	B      uint32        `json:"b"`
	Bytes  uint64        `json:"bytes"` // how many differ
	Ranges []memoryRange `json:"ranges"`
}

// memoryRange is addresses from Start to End, which is not in it: nearby bytes that
// differ, and few that do not. When Known is false the module is not there to say what
// one of the snapshots has there.
type memoryRange struct {
	Start uint64 `json:"start"`
	End   uint64 `json:"end"`
	Known bool   `json:"known"`
}

// nearby is how many equal bytes a range may have between two that differ.
const nearby = 8

func memoryChanges(a, b *contents) memoryChange {
	m := memoryChange{A: a.st.MemoryPages, B: b.st.MemoryPages, Ranges: []memoryRange{}}
	var image []byte
	known := a.guide != nil && len(a.man.Libraries) == 0
	if known {
		image = interp.InitialMemory(a.guide.Module)
	}
	for page := range min(m.A, m.B) * snapshotfmt.PagesPerWasmPage {
		pa, inA := a.pages[page]
		pb, inB := b.pages[page]
		switch at := uint64(page) * snapshotfmt.PageSize; {
		case !inA && !inB:
		case !known && inA != inB:
			m.Bytes += snapshotfmt.PageSize
			m.Ranges = append(m.Ranges, memoryRange{at, at + snapshotfmt.PageSize, false})
		default:
			m.addPage(at, initialIf(!inA, pa, image, at), initialIf(!inB, pb, image, at))
		}
	}
	return m
}

// initialIf returns a page as it is at the start, when wanted.
func initialIf(want bool, page, image []byte, at uint64) []byte {
	if !want {
		return page
	}
	p := make([]byte, snapshotfmt.PageSize)
	if at < uint64(len(image)) {
		copy(p, image[at:])
	}
	return p
}

func (m *memoryChange) addPage(at uint64, a, b []byte) {
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		m.Bytes++
		here := at + uint64(i)
		if n := len(m.Ranges); n > 0 && m.Ranges[n-1].Known && here-m.Ranges[n-1].End <= nearby {
			m.Ranges[n-1].End = here + 1
			continue
		}
		m.Ranges = append(m.Ranges, memoryRange{here, here + 1, true})
	}
}
