package rewrite

import (
	"fmt"
	"maps"
	"slices"

	"sojourn/interp/wasm"
)

// Satellite is a module of resume functions. It imports all that they use from the
// guarded module's instance (as GuestName) and from the host.
type Satellite struct {
	Module *wasm.Module
	// Numbers says, for each function, under which number its resume function
	// takes each entry: what the host puts into EntryName.
	Numbers map[uint32]map[Entry]uint32
}

// Entries returns all ways into a function.
func (p *Plan) Entries(fn uint32) []Entry {
	f := p.function(fn)
	if f == nil {
		return nil
	}
	var es []Entry
	for i := f.first; i < len(p.Points) && p.Points[i].Func == fn; i++ {
		es = append(es, Entry{Point: i})
		if p.Points[i].Kind == Host {
			es = append(es, Entry{Point: i, Before: true})
		}
	}
	return es
}

// Resume builds the resume functions for the given entries, by function.
func (p *Plan) Resume(entries map[uint32][]Entry) (*Satellite, error) {
	numbers := map[uint32]map[Entry]uint32{}
	m, err := p.satellite(slices.Sorted(maps.Keys(entries)), func(s *satellite, fn uint32) (err error) {
		numbers[fn], err = s.resume(fn, entries[fn])
		return err
	})
	return &Satellite{Module: m, Numbers: numbers}, err
}

// satellite builds a module in which write puts one function for each of fns, and
// which exports them under the names of resume functions.
func (p *Plan) satellite(fns []uint32, write func(s *satellite, fn uint32) error) (*wasm.Module, error) {
	s := &satellite{p: p, m: &wasm.Module{}, fns: map[uint32]uint32{}, globals: map[uint32]uint32{}, tables: map[uint32]uint32{}}
	s.m.Types = p.outTypes()
	if mem := p.spaces.memory; mem != nil {
		s.m.Imports = append(s.m.Imports, wasm.Import{Module: GuestName, Name: MemoryName, Kind: wasm.KindMemory, Memory: *mem})
	}
	for again := true; again; {
		spare := s.spare
		s.m.Funcs = nil
		for _, fn := range fns {
			if err := write(s, fn); err != nil {
				return nil, fmt.Errorf("resume function of function %d (%s): %w", fn, p.Module.FuncName(fn), err)
			}
		}
		again = s.spare > spare
	}
	for i := range s.spare {
		s.m.Exports = append(s.m.Exports, wasm.Export{Name: TransferExport(p.lay.width + i), Kind: wasm.KindGlobal, Index: uint32(len(s.globals) + i)})
		s.m.Globals = append(s.m.Globals, wasm.Global{Type: wasm.GlobalType{Type: wasm.I64, Mutable: true}, Init: wasm.AppendI64Const(nil, 0)})
	}
	s.m.Names = &wasm.Names{Funcs: map[uint32]string{}}
	for i, fn := range fns {
		idx := uint32(len(s.fns) + i)
		s.m.Exports = append(s.m.Exports, wasm.Export{Name: ResumeExport(fn), Kind: wasm.KindFunc, Index: idx})
		s.m.Names.Funcs[idx] = p.Module.FuncName(fn)
	}
	return s.m, nil
}

// satellite maps the indices of the guarded module to imports, made as they are used.
type satellite struct {
	p                    *Plan
	m                    *wasm.Module
	fns, globals, tables map[uint32]uint32
	// spare is how many transfer globals it has itself, for a frame at an ad hoc point
	// that is wider than the guarded module's. They come behind all imports, so what
	// uses them is written again when all are known.
	spare int
}

func (s *satellite) resume(fn uint32, entries []Entry) (map[Entry]uint32, error) {
	f := s.p.function(fn)
	if f == nil || len(entries) == 0 {
		return nil, fmt.Errorf("it has no points")
	}
	e, err := s.p.newEmitter(s.p.ord(f), s)
	if err != nil {
		return nil, err
	}
	e.ways = e.newWays(entries)
	if err := e.run(); err != nil {
		return nil, err
	}
	s.add(f, e)
	numbers := map[Entry]uint32{}
	for i, en := range e.ways.entries {
		numbers[en] = uint32(i + 1)
	}
	return numbers, nil
}

// add adds what has been written to go on with a function.
func (s *satellite) add(f *function, e *emitter) {
	results := s.p.Module.Types[f.typ].Results
	s.m.Funcs = append(s.m.Funcs, wasm.Func{Type: s.block(wasm.FuncType{Results: results}), Body: e.out, Locals: e.locals(0)})
}

func (s *satellite) fn(g uint32) uint32 {
	if i, ok := s.fns[g]; ok {
		return i
	}
	p := s.p
	im := wasm.Import{Module: GuestName, Name: funcExport(g), Kind: wasm.KindFunc}
	switch first := p.imported() + 1; {
	case p.linked(g):
		im.Func = p.funcImport(g).Func
	case g < p.imported():
		im = p.funcImport(g)
	case g == p.ask():
		im = wasm.Import{Module: HookModule, Name: HookName, Kind: wasm.KindFunc, Func: p.lay.askType}
	case g < first+uint32(len(p.fns)):
		im.Func = p.fns[g-first].typ
	default:
		im.Func = p.lay.askType + p.helperType(g)
	}
	s.m.Imports = append(s.m.Imports, im)
	i := uint32(len(s.fns))
	s.fns[g] = i
	return i
}

// helperType returns the type, among the hook types, of a helper on segments or
// exceptions: the only helpers that code calls.
func (p *Plan) helperType(g uint32) uint32 {
	switch g {
	case p.lay.pack:
		return typePack
	case p.lay.unpack:
		return typeThrow
	}
	op := p.lay.segOrder[g-p.lay.fromMoving-1]
	if op.op == wasm.OpMemoryInit || op.op == wasm.OpTableInit {
		return typeThree
	}
	return typeNone
}

func (s *satellite) global(g uint32) uint32 {
	if i, ok := s.globals[g]; ok {
		return i
	}
	l := &s.p.lay
	if own := int(g) - int(l.transfer) - l.width; own >= 0 {
		s.spare = max(s.spare, own+1)
		return uint32(len(s.globals) + own)
	}
	typ := wasm.GlobalType{Type: wasm.I32, Mutable: true}
	name := GlobalExport(g)
	switch {
	case g < l.budget:
		typ = s.p.spaces.globals[g]
		typ.Type = low(typ.Type)
	case s.p.count && g == l.left:
		typ.Type = wasm.I64
	case g >= l.transfer:
		typ.Type, name = wasm.I64, TransferExport(int(g-l.transfer))
	case g >= l.exn:
		typ.Type = low(s.p.exnGlobals()[g-l.exn])
	}
	s.m.Imports = append(s.m.Imports, wasm.Import{Module: GuestName, Name: name, Kind: wasm.KindGlobal, Global: typ})
	i := uint32(len(s.globals))
	s.globals[g] = i
	return i
}

func (s *satellite) table(t uint32) uint32 {
	if i, ok := s.tables[t]; ok {
		return i
	}
	l := &s.p.lay
	typ := wasm.TableType{Elem: wasm.FuncRef}
	switch {
	case t < l.allRefs:
		typ = s.p.spaces.tables[t]
	case t == l.externs && l.externCount > 0:
		typ.Elem = wasm.ExternRef
	}
	s.m.Imports = append(s.m.Imports, wasm.Import{Module: GuestName, Name: TableExport(t), Kind: wasm.KindTable, Table: typ})
	i := uint32(len(s.tables))
	s.tables[t] = i
	return i
}

func (s *satellite) block(t wasm.FuncType) uint32 {
	t = LowType(t)
	for i, u := range s.m.Types {
		if u.Equal(t) {
			return uint32(i)
		}
	}
	s.m.Types = append(s.m.Types, t)
	return uint32(len(s.m.Types) - 1)
}
