package gen

import (
	"fmt"
	"maps"
	"slices"

	"sojourn/interp/wasm"
)

// hostModule is the module that programs import from.
const hostModule = "host"

// Program is a generated program.
type Program struct {
	Module *wasm.Module
	// spans are the ranges of the choices that make one thing each, such as a
	// statement: without one of them the program lacks that thing.
	spans [][2]int
}

// sig is a function type.
type sig struct{ params, results []typ }

type global struct {
	typ     typ
	mutable bool
}

type table struct {
	class typ
	size  int
}

// function is a function of the index space.
type function struct {
	sig  int
	leaf bool // has no loop and no call
	next int  // calls only functions from here on
	high bool // of a tower: does nothing but call the next one
}

type segment struct {
	class  typ // of elements
	size   int
	active bool
}

// maker is what is known of the program while it is made.
type maker struct {
	src     *source
	m       *wasm.Module
	sigs    []sig
	funcs   []function
	globals []global
	tables  []table
	elems   []segment
	datas   []segment
	big     bool // has memory for bulk instructions that are cut
	pages   uint32
	named   map[uint32]bool // functions that references name

	tags []int // their types
	// The program has tail calls; exceptions; and references to them, which limits
	// what tags hold.
	tails, throws, small bool

	none, log, end, exit int // types and functions that every program has
}

// Globals that every program has.
const (
	fuel = iota
	firstGlobal
)

// Make makes the program that the choices describe. The choices are not changed.
func Make(choices []byte) *Program {
	g := &maker{src: &source{bytes: choices}, m: &wasm.Module{}, named: map[uint32]bool{}}
	g.tails, g.throws = g.src.rare(3), g.src.rare(3)
	g.small = g.throws && g.src.n(2) == 1
	g.makeTypes()
	g.makeImports()
	g.declareFuncs()
	g.makeTags()
	g.makeMemory()
	g.makeGlobals()
	g.makeTables()
	g.makeSegments()
	entries := g.makeEntries() // first, so that they get choices
	for i := g.imported(); i < len(g.funcs); i++ {
		end := g.src.span()
		g.m.Funcs = append(g.m.Funcs, g.makeFunc(i))
		end()
	}
	g.addEntries(entries)
	g.declareRefs()
	n := uint32(len(g.m.Datas))
	g.m.DataCount = &n
	return &Program{Module: g.m, spans: g.src.spans}
}

func (g *maker) imported() int { return len(g.m.Imports) }

func (g *maker) addSig(s sig) int {
	g.sigs = append(g.sigs, s)
	g.m.Types = append(g.m.Types, wasm.FuncType{Params: toVal(s.params), Results: toVal(s.results)})
	return len(g.sigs) - 1
}

func toVal(ts []typ) []wasm.ValType {
	out := make([]wasm.ValType, len(ts))
	for i, t := range ts {
		out[i] = valTypes[t]
	}
	return out
}

// The types of functions behind references of class A and B come first.
func (g *maker) makeTypes() {
	for range 3 + g.src.n(4) {
		s := sig{params: []typ{i32}}
		for range g.src.n(4) {
			s.params = append(s.params, g.someType())
		}
		for range g.src.n(4) {
			s.results = append(s.results, g.someType())
		}
		g.addSig(s)
	}
	g.none = g.addSig(sig{})
}

func numbers(ts []typ) (out []typ) {
	for _, t := range ts {
		if t < v128 {
			out = append(out, t)
		}
	}
	return out
}

func (g *maker) someType() typ {
	return [...]typ{i32, i64, i32, f32, f64, v128, i64, refA, refB, ext, i32, i64}[g.src.n(12)]
}

func (g *maker) addImport(name string, typ int) int {
	g.m.Imports = append(g.m.Imports, wasm.Import{Module: hostModule, Name: name, Kind: wasm.KindFunc, Func: uint32(typ)})
	g.funcs = append(g.funcs, function{sig: typ})
	return len(g.funcs) - 1
}

func (g *maker) makeImports() {
	g.log = g.addImport("log", g.addSig(sig{params: []typ{i64}}))
	g.end = g.addImport("end", g.none)
	g.exit = g.addImport("exit", g.addSig(sig{params: []typ{i32}}))
	for i := range g.src.n(6) {
		typ := g.src.n(g.none)
		kind := [...]string{"block", "plain"}[g.src.n(2)]
		g.addImport(fmt.Sprintf("%s%d", kind, i), typ)
	}
}

// declareFuncs decides the functions' types, and who can call whom. One of each
// class comes first, so that references have something to refer to.
func (g *maker) declareFuncs() {
	ordered := g.src.n(3) == 0
	for i := range 2 + g.src.n(7) {
		f := function{sig: i}
		if i > 1 {
			f.sig, f.leaf = g.src.n(g.none), g.src.rare(4)
		}
		if ordered {
			f.next = len(g.funcs) + 1
		} else {
			f.next = g.imported()
		}
		g.funcs = append(g.funcs, f)
	}
	if g.src.rare(10) { // a tower of calls that add up
		for range 12 {
			g.funcs = append(g.funcs, function{sig: 0, next: len(g.funcs) + 1, high: true})
		}
	}
}

// makeTags decides what exceptions the program has.
func (g *maker) makeTags() {
	if !g.throws {
		return
	}
	for range 1 + g.src.n(3) {
		s := sig{}
		for range g.src.n(4) {
			s.params = append(s.params, g.someType())
		}
		if g.small {
			s.params = fitting(s.params)
		}
		g.tags = append(g.tags, g.addSig(s))
		g.m.Tags = append(g.m.Tags, uint32(g.tags[len(g.tags)-1]))
	}
}

// fitting keeps the types of values that a reference to an exception can hold.
func fitting(ts []typ) (out []typ) {
	room := 12
	for _, t := range numbers(ts) {
		size := 4
		if t == i64 || t == f64 {
			size = 8
		}
		if room -= size; room < 0 {
			break
		}
		out = append(out, t)
	}
	return out
}

func (g *maker) makeMemory() {
	g.pages = 1 + uint32(g.src.n(2))
	g.big = g.src.rare(16)
	if g.big {
		g.pages = 40
	}
	l := wasm.Limits{Min: g.pages, HasMax: true, Max: g.pages + uint32(g.src.n(4))}
	g.m.Memories = []wasm.Limits{l}
	g.m.Exports = append(g.m.Exports, wasm.Export{Name: "memory", Kind: wasm.KindMemory})
}

func (g *maker) makeGlobals() {
	amount := 20 + int32(g.src.next())
	if g.big {
		amount = 20
	}
	g.addGlobal(global{i32, true}, wasm.AppendI32Const(nil, amount))
	for range g.src.n(8) {
		gl := global{g.someType(), g.src.n(5) != 4}
		init := g.constant(nil, gl.typ)
		if gl.typ <= i64 && g.src.rare(4) {
			init = wasm.AppendOp(g.constant(init, gl.typ), extended[gl.typ][g.src.n(3)])
		}
		g.addGlobal(gl, init)
	}
}

// extended are the instructions of extended constant expressions.
var extended = [...][3]wasm.Opcode{
	i32: {wasm.OpI32Add, wasm.OpI32Sub, wasm.OpI32Mul},
	i64: {wasm.OpI64Add, wasm.OpI64Sub, wasm.OpI64Mul},
}

func (g *maker) addGlobal(gl global, init []byte) {
	g.m.Exports = append(g.m.Exports, wasm.Export{Name: fmt.Sprintf("g%d", len(g.globals)), Kind: wasm.KindGlobal, Index: uint32(len(g.globals))})
	g.globals = append(g.globals, gl)
	g.m.Globals = append(g.m.Globals, wasm.Global{Type: wasm.GlobalType{Type: valTypes[gl.typ], Mutable: gl.mutable}, Init: init})
}

func (g *maker) makeTables() {
	for range g.src.n(4) {
		t := table{class: refA + typ(g.src.n(3)), size: g.src.n(9)}
		max := uint32(t.size + g.src.n(12))
		g.m.Exports = append(g.m.Exports, wasm.Export{Name: fmt.Sprintf("t%d", len(g.tables)), Kind: wasm.KindTable, Index: uint32(len(g.tables))})
		g.tables = append(g.tables, t)
		g.m.Tables = append(g.m.Tables, wasm.TableType{Elem: valTypes[t.class], Limits: wasm.Limits{Min: uint32(t.size), HasMax: true, Max: max}})
	}
}

func (g *maker) makeSegments() {
	for range g.src.n(5) {
		g.makeElem(refA+typ(g.src.n(3)), g.src.n(5))
	}
	if g.big {
		g.makeBig()
	}
	for range g.src.n(4) {
		b := make([]byte, g.src.n(40))
		for i := range b {
			b[i] = byte(i*37 + len(g.datas) + 1)
		}
		seg := wasm.Data{Mode: wasm.Passive, Init: b}
		if g.src.n(3) == 0 {
			seg.Mode, seg.Offset = wasm.Active, wasm.AppendI32Const(nil, int32(g.src.next()))
		}
		g.datas = append(g.datas, segment{size: len(b), active: seg.Mode == wasm.Active})
		g.m.Datas = append(g.m.Datas, seg)
	}
}

// makeBig puts data where copies that are cut are cut.
func (g *maker) makeBig() {
	b := make([]byte, 4<<10)
	for i := range b {
		b[i] = byte(i%251 + 1)
	}
	g.datas = append(g.datas, segment{active: true})
	g.m.Datas = append(g.m.Datas, wasm.Data{Offset: wasm.AppendI32Const(nil, 1<<20-1<<10), Init: b})
}

func (g *maker) makeElem(class typ, size int) {
	e := wasm.Elem{Mode: wasm.Passive, Type: valTypes[class]}
	for range size {
		e.Init = append(e.Init, g.constant(nil, class))
	}
	for t := range g.tables {
		if g.tables[t].class == class && g.tables[t].size >= size && g.src.n(2) == 0 {
			at := g.src.n(g.tables[t].size - size + 1)
			e.Mode, e.Table, e.Offset = wasm.Active, uint32(t), wasm.AppendI32Const(nil, int32(at))
			size = 0
			break
		}
	}
	g.elems = append(g.elems, segment{class: class, size: size})
	g.m.Elems = append(g.m.Elems, e)
}

// ofClass chooses a function for a reference of a class.
func (g *maker) ofClass(class typ) uint32 {
	var fs []uint32
	for i := g.imported(); i < len(g.funcs); i++ {
		if g.funcs[i].sig == int(class-refA) {
			fs = append(fs, uint32(i))
		}
	}
	for i := g.exit + 1; i < g.imported(); i++ {
		if g.funcs[i].sig == int(class-refA) {
			fs = append(fs, uint32(i))
		}
	}
	fn := fs[g.src.n(len(fs))]
	g.named[fn] = true
	return fn
}

// declareRefs makes the segment that declares what ref.func names.
func (g *maker) declareRefs() {
	d := wasm.Elem{Mode: wasm.Declarative, Type: wasm.FuncRef}
	for _, fn := range slices.Sorted(maps.Keys(g.named)) {
		d.Init = append(d.Init, wasm.AppendOpU32(nil, wasm.OpRefFunc, fn))
	}
	g.m.Elems = append(g.m.Elems, d)
}

// constant appends a constant expression of a type.
func (g *maker) constant(b []byte, t typ) []byte {
	switch t {
	case i32:
		return wasm.AppendI32Const(b, int32(g.src.bits()))
	case i64:
		return wasm.AppendI64Const(b, int64(g.src.bits()))
	case f32:
		return wasm.AppendF32Const(b, uint32(g.src.bits()))
	case f64:
		return wasm.AppendF64Const(b, g.src.bits())
	case v128:
		lo := g.src.bits()
		return wasm.AppendV128Const(b, lo, g.src.bits())
	case refA, refB:
		if g.src.n(3) > 0 {
			return wasm.AppendOpU32(b, wasm.OpRefFunc, g.ofClass(t))
		}
	}
	return wasm.AppendZero(b, valTypes[t])
}

// blockType appends a block, loop or if of a type.
func (g *maker) blockType(b []byte, op wasm.Opcode, s sig) []byte {
	if len(s.params) == 0 && len(s.results) < 2 {
		t := wasm.Unknown
		if len(s.results) == 1 {
			t = valTypes[s.results[0]]
		}
		return wasm.AppendBlock(b, op, t)
	}
	want := wasm.FuncType{Params: toVal(s.params), Results: toVal(s.results)}
	for i, t := range g.m.Types {
		if t.Equal(want) {
			return wasm.AppendBlockIndex(b, op, uint32(i))
		}
	}
	return wasm.AppendBlockIndex(b, op, uint32(g.addSig(s)))
}
