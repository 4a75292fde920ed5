package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/fxamacker/cbor/v2"
	"github.com/spf13/cobra"

	"sojourn/compat"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

func newInspect() *cobra.Command {
	var from snapshotSource
	var asJSON, dump bool
	cmd := &cobra.Command{
		Use:   "inspect [flags] FILE",
		Short: "Show what is in a snapshot",
		Long: "Inspect shows where a frozen program is and what it holds. Names of functions and\n" +
			"locals, source lines and which memory is as at the start come from its module:\n" +
			"FILE.wasm where that is there, or --module. The file is checked as restore does.",
		Args: exactArgs("the snapshot file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			from.file = args[0]
			if dump {
				return from.dump(cmd)
			}
			in, err := inspect(&from)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(in)
			}
			return in.print(cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	from.add(f)
	f.BoolVar(&asJSON, "json", false, "as one JSON object")
	f.BoolVar(&dump, "dump", false, "every field of the file, with its offset")
	return cmd
}

func (s *snapshotSource) dump(cmd *cobra.Command) error {
	f, err := s.open()
	if err != nil {
		return err
	}
	defer f.Close()
	return snapshotfmt.Dump(cmd.OutOrStdout(), f)
}

// inspection is all that inspect shows.
type inspection struct {
	File        string         `json:"file"`
	Module      string         `json:"module"`      // SHA-256
	ModuleBytes uint64         `json:"module_size"` // in bytes
	Libraries   []shownLibrary `json:"libraries,omitempty"`
	Engine      string         `json:"engine"` // that it was captured on
	ISA         string         `json:"isa"`
	Created     string         `json:"created"`
	Instance    string         `json:"instance,omitempty"`
	Epoch       uint64         `json:"epoch"`
	MemoryRoot  string         `json:"memory_root"`
	Named       bool           `json:"named"`   // the module was there to give names
	Started     bool           `json:"started"` // past the module's start function
	// Vector is the size of the last checkpoint of an idiomatic guest, in bytes.
	Vector *uint64 `json:"vector,omitempty"`
	// Instructions is how many it has executed, where they were counted.
	Instructions *uint64          `json:"instructions,omitempty"`
	Args         []string         `json:"args"`
	Frames       []shownFrame     `json:"frames"` // innermost first
	Globals      []shownValue     `json:"globals"`
	Tables       []shownTable     `json:"tables"` // those that the module writes
	Dropped      shownDropped     `json:"dropped"`
	Memory       memoryMap        `json:"memory"`
	Descriptors  []openDescriptor `json:"descriptors"`
}

type shownLibrary struct {
	Name   string `json:"name"`
	Module string `json:"module"` // SHA-256
	Bytes  uint64 `json:"module_size"`
}

type shownFrame struct {
	Module uint32       `json:"module,omitempty"` // its place among the guest's modules
	Func   uint32       `json:"func"`
	Name   string       `json:"name,omitempty"`
	PC     uint32       `json:"pc"` // from the start of the Code section's contents
	Source string       `json:"source,omitempty"`
	Locals []shownValue `json:"locals"`
	Stack  []shownValue `json:"stack"` // bottom first
}

type shownValue struct {
	Index int    `json:"index"`
	Name  string `json:"name,omitempty"`
	Type  string `json:"type"`
	Value string `json:"value,omitempty"` // as text: an i64 is more than a number of JSON holds
}

type shownTable struct {
	Type    string `json:"type"`
	Entries int    `json:"entries"`
	Null    int    `json:"null"`
}

type shownDropped struct {
	Elems []uint32 `json:"elems"`
	Datas []uint32 `json:"datas"`
}

// inspect reads a snapshot to its end, and the module when it is there.
func inspect(s *snapshotSource) (*inspection, error) {
	f, err := s.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dec, err := snapshotfmt.NewDecoder(f, snapshotfmt.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.file, err)
	}
	mod, err := s.guide(dec.Manifest())
	if err != nil {
		return nil, err
	}
	st, err := dec.State()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.file, err)
	}
	in := describe(s.file, dec.Manifest(), st, mod)
	if in.Descriptors, in.Args, err = openDescriptors(st); err != nil {
		return nil, fmt.Errorf("%s: %w", s.file, err)
	}
	if in.Memory, err = mapMemory(dec, st.MemoryPages, mod); err != nil {
		return nil, fmt.Errorf("%s: %w", s.file, err)
	}
	return in, nil
}

// guide is a module that tells what a snapshot's numbers mean. The nil guide knows
// nothing.
type guide struct {
	*wasm.Module
	lines *lineTable
	index int // its place among the guest's modules: those before it are not read
}

// guide returns the snapshot's module; nil when none is named and none is beside it.
func (s *snapshotSource) guide(man *snapshotfmt.Manifest) (*guide, error) {
	path := s.module()
	if path == "" {
		path = modulePath(s.file)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	p, err := readProgram(path)
	if err != nil {
		return nil, err
	}
	if p.digest() != man.Module {
		return nil, hint(fmt.Errorf("%s is not the module of %s: %x is needed, %x is given", path, s.file, man.Module, p.digest()), "give the module that was frozen, with --module app.wasm")
	}
	m, err := wasm.Decode(p.bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &guide{m, newLineTable(m), len(man.Libraries)}, nil
}

func describe(file string, man *snapshotfmt.Manifest, st *snapshotfmt.State, g *guide) *inspection {
	in := &inspection{
		File: file, Module: fmt.Sprintf("%x", man.Module), ModuleBytes: man.ModuleSize, Engine: man.Engine, ISA: man.ISA,
		Created: man.Created.Format("2006-01-02T15:04:05.000000Z07:00"), Instance: man.Instance, Epoch: man.Epoch,
		MemoryRoot: fmt.Sprintf("%x", man.MemoryRoot), Named: g != nil, Started: st.Started,
		Frames: []shownFrame{}, Tables: []shownTable{}, Globals: showValues(st.Globals, nil),
		Dropped: shownDropped{append([]uint32{}, st.DroppedElems...), append([]uint32{}, st.DroppedDatas...)},
	}
	for _, l := range man.Libraries {
		in.Libraries = append(in.Libraries, shownLibrary{l.Name, fmt.Sprintf("%x", l.Module), l.Size})
	}
	if st.Idiomatic {
		in.Vector = &st.VectorBytes
	}
	if st.Counted {
		in.Instructions = &st.Instructions
	}
	for i := len(st.Frames) - 1; i >= 0; i-- {
		in.Frames = append(in.Frames, g.frame(&st.Frames[i], i < len(st.Frames)-1))
	}
	for _, t := range st.Tables {
		s := shownTable{Type: t.Elem.String(), Entries: len(t.Refs)}
		for _, r := range t.Refs {
			if r == snapshotfmt.Null {
				s.Null++
			}
		}
		in.Tables = append(in.Tables, s)
	}
	return in
}

// frame describes one frame. One that waits is shown at its call, and not behind it.
func (g *guide) frame(f *snapshotfmt.Frame, waiting bool) shownFrame {
	s := shownFrame{Module: f.Module, Func: f.Func, PC: f.PC, Stack: showValues(f.Stack, nil)}
	if g == nil || f.Module != uint32(g.index) {
		s.Locals = showValues(f.Locals, nil)
		return s
	}
	s.Name = g.FuncName(f.Func)
	var names map[uint32]string
	if g.Names != nil {
		names = g.Names.Locals[f.Func]
	}
	s.Locals = showValues(f.Locals, names)
	at := f.PC
	if waiting && at > 0 {
		at--
	}
	s.Source = g.lines.at(at)
	return s
}

func showValues(vs []snapshotfmt.Value, names map[uint32]string) []shownValue {
	out := make([]shownValue, len(vs))
	for i, v := range vs {
		out[i] = shownValue{Index: i, Name: names[uint32(i)], Type: v.Type.String()}
		if _, value, ok := bytes.Cut([]byte(v.String()), []byte(" ")); ok {
			out[i].Value = string(value)
		}
	}
	return out
}

// openDescriptor is one descriptor of the guest.
type openDescriptor struct {
	Number uint32 `json:"fd" cbor:"1,keyasint"`
	KindNo uint8  `json:"-" cbor:"2,keyasint"`
	Kind   string `json:"kind" cbor:"-"`
	Stream int    `json:"-" cbor:"6,keyasint"`
	Mount  string `json:"mount,omitempty" cbor:"7,keyasint"`
	Path   string `json:"path" cbor:"8,keyasint"`
	Offset int64  `json:"offset" cbor:"9,keyasint"`

	Listener string `json:"-" cbor:"13,keyasint"`
	Socket   struct {
		From string `cbor:"1,keyasint"` // the listener; "" of an outward one
		Has  bool   `cbor:"3,keyasint"`
		ID   uint64 `cbor:"4,keyasint"`
	} `json:"-" cbor:"14,keyasint"`
}

// describe fills in what the descriptor is.
func (d *openDescriptor) describe() error {
	kinds := [...]string{"stream", "file", "directory", "listener", "connection"}
	std := [...]string{"standard input", "standard output", "standard error"}
	if int(d.KindNo) >= len(kinds) || d.Stream < 0 || d.Stream >= len(std) {
		return fmt.Errorf("world: descriptor %d is malformed", d.Number)
	}
	d.Kind = kinds[d.KindNo]
	switch {
	case d.Kind == "stream":
		d.Path = std[d.Stream]
	case d.Kind == "listener":
		d.Path = d.Listener
	case d.Kind == "connection" && !d.Socket.Has:
		d.Path = "not connected"
	case d.Kind == "connection" && d.Socket.From == "":
		d.Path = fmt.Sprintf("outward %d", d.Socket.ID)
	case d.Kind == "connection":
		d.Path = fmt.Sprintf("%s %d", d.Socket.From, d.Socket.ID)
	}
	return nil
}

// openDescriptors reads the descriptors and arguments out of a world, whose form
// engine/wasi documents; it needs none of the guest's folders.
func openDescriptors(st *snapshotfmt.State) ([]openDescriptor, []string, error) {
	if st.Idiomatic {
		args, _, err := compat.ParseWorld(st.World)
		return []openDescriptor{}, args, err
	}
	var w struct {
		Args []string         `cbor:"2,keyasint"`
		Open []openDescriptor `cbor:"8,keyasint"`
	}
	if err := cbor.Unmarshal(st.World, &w); err != nil {
		return nil, nil, fmt.Errorf("world: %w", err)
	}
	for i := range w.Open {
		if err := w.Open[i].describe(); err != nil {
			return nil, nil, err
		}
	}
	return append([]openDescriptor{}, w.Open...), append([]string{}, w.Args...), nil
}
