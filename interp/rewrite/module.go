package rewrite

import (
	"fmt"
	"maps"
	"slices"

	"sojourn/interp/wasm"
)

// Guard returns the module in which each function that can suspend is guarded. It
// has no active segments and no start function: the host calls the helper ElemsName,
// copies what is [Placed], calls DatasName, then the start function, when the guest is new. On thaw it calls at
// most ElemsName, when the module never writes its tables.
func (p *Plan) Guard() (*wasm.Module, error) {
	m, l := p.Module, &p.lay
	g := &wasm.Module{
		Types:    p.outTypes(),
		Memories: m.Memories,
		Tables:   append([]wasm.TableType{}, m.Tables...),
	}
	for _, im := range p.spaces.imports {
		if im.Kind == wasm.KindTag {
			continue
		}
		im.Global.Type = low(im.Global.Type)
		g.Imports = append(g.Imports, im.Import)
	}
	g.Imports = append(g.Imports, wasm.Import{Module: HookModule, Name: HookName, Kind: wasm.KindFunc, Func: l.askType})
	p.importShared(g)
	if err := p.guardFuncs(g); err != nil {
		return nil, err
	}
	p.addHelpers(g)
	p.addGlobals(g)
	p.addTables(g)
	p.addSegments(g)
	p.addExports(g)
	p.addRefGlobals(g)
	g.Names = p.names()
	if p.link != nil { // wazero takes modules of the same bytes for one
		g.Customs = append(g.Customs, wasm.Custom{Name: LinkName(p.link.Index)})
	}
	return g, nil
}

func (p *Plan) guardFuncs(g *wasm.Module) error {
	g.Funcs = make([]wasm.Func, len(p.fns))
	return p.each(func(f *function) error {
		i := p.ord(f)
		e, err := p.newEmitter(i, own{p, g.Types})
		if err == nil {
			err = e.run()
		}
		if err != nil {
			return fmt.Errorf("function %d (%s): %w", f.index, p.Module.FuncName(f.index), err)
		}
		g.Funcs[i] = wasm.Func{Type: f.typ, Body: e.out, Locals: e.locals(len(p.Module.Types[f.typ].Params))}
		return nil
	})
}

func (p *Plan) addGlobals(g *wasm.Module) {
	l := &p.lay
	for _, gl := range p.Module.Globals {
		gl.Init = p.constExpr(gl.Init)
		gl.Type.Type = low(gl.Type.Type)
		g.Globals = append(g.Globals, gl)
	}
	add := func(t wasm.ValType, init []byte) {
		g.Globals = append(g.Globals, wasm.Global{Type: wasm.GlobalType{Type: t, Mutable: true}, Init: init})
	}
	zero := wasm.AppendI32Const(nil, 0)
	if p.owner() {
		for range 2 { // budget, entry
			add(wasm.I32, zero)
		}
		add(wasm.FuncRef, append(wasm.AppendOp(nil, wasm.OpRefNull), byte(wasm.FuncRef)))
		if p.count {
			add(wasm.I64, wasm.AppendI64Const(nil, 0))
		}
	}
	for range l.droppable {
		add(wasm.I32, zero)
	}
	if !p.owner() {
		return
	}
	for _, t := range p.exnGlobals() {
		add(low(t), wasm.AppendZero(nil, low(t)))
	}
	for range l.width {
		add(wasm.I64, wasm.AppendI64Const(nil, 0))
	}
}

func (p *Plan) addTables(g *wasm.Module) {
	fixed := func(t wasm.ValType, n int) wasm.TableType {
		return wasm.TableType{Elem: t, Limits: wasm.Limits{Min: uint32(n), Max: uint32(n), HasMax: true}}
	}
	if p.references {
		g.Tables = append(g.Tables, fixed(wasm.FuncRef, len(p.taken)), fixed(wasm.FuncRef, max(p.lay.refs, 1)))
	}
	if n := p.lay.externCount; n > 0 {
		g.Tables = append(g.Tables, fixed(wasm.ExternRef, n))
	}
}

// constExpr maps the functions and globals that a constant expression refers to.
func (p *Plan) constExpr(e wasm.ConstExpr) wasm.ConstExpr {
	var (
		in  wasm.Instr
		out wasm.ConstExpr
		r   = wasm.NewReader(p.Module, e)
	)
	for {
		switch ok, err := r.Next(&in); {
		case !ok || err != nil:
			return out
		case in.Op == wasm.OpRefFunc:
			out = append(out, p.refExpr(uint32(in.A))...)
		case in.Op == wasm.OpRefNull:
			out = wasm.AppendZero(out, low(wasm.ValType(in.A)))
		case in.Op == wasm.OpGlobalGet:
			out = wasm.AppendOpU32(out, in.Op, p.ours(uint32(in.A)))
		default:
			out = append(out, e[in.Pos:in.Pos+in.Len]...)
		}
	}
}

// addSegments makes active segments passive: the helpers ElemsName and DatasName copy
// them. Those that the host copies are empty, which is what code may see of them.
func (p *Plan) addSegments(g *wasm.Module) {
	for _, s := range p.Module.Elems {
		init := make([]wasm.ConstExpr, len(s.Init))
		for i, e := range s.Init {
			init[i] = p.constExpr(e)
		}
		if s.Mode == wasm.Active {
			s.Mode, s.Table, s.Offset = wasm.Passive, 0, nil
		}
		s.Init = init
		g.Elems = append(g.Elems, s)
	}
	if p.references {
		all := wasm.Elem{Mode: wasm.Active, Table: p.lay.allRefs, Offset: wasm.AppendI32Const(nil, 0), Type: wasm.FuncRef}
		for _, f := range p.taken {
			all.Init = append(all.Init, p.refExpr(f))
		}
		g.Elems = append(g.Elems, all)
	}
	for i, d := range p.Module.Datas {
		if d.Mode == wasm.Active && i < p.placed {
			d.Init = nil
		}
		d.Mode, d.Memory, d.Offset = wasm.Passive, 0, nil
		g.Datas = append(g.Datas, d)
	}
	if n := uint32(len(g.Datas)); n > 0 {
		g.DataCount = &n
	}
}

func (p *Plan) addExports(g *wasm.Module) {
	l := &p.lay
	add := func(k wasm.ExternKind, name string, i uint32) {
		g.Exports = append(g.Exports, wasm.Export{Name: name, Kind: k, Index: i})
	}
	for i := range p.imported() {
		if p.linked(i) {
			add(wasm.KindFunc, funcExport(i), i)
		}
	}
	first := p.imported() + 1
	for i := range g.Funcs {
		add(wasm.KindFunc, funcExport(first+uint32(i)), first+uint32(i))
	}
	if p.spaces.memory != nil {
		add(wasm.KindMemory, MemoryName, 0)
	}
	for i := range p.spaces.impTables + uint32(len(g.Tables)) {
		add(wasm.KindTable, TableExport(i), i)
	}
	for i := range l.transfer {
		add(wasm.KindGlobal, GlobalExport(i), p.ours(i))
	}
	for i := range l.width {
		add(wasm.KindGlobal, TransferExport(i), p.ours(l.transfer+uint32(i)))
	}
	add(wasm.KindGlobal, BudgetName, p.ours(l.budget))
	add(wasm.KindGlobal, EntryName, p.ours(l.entry))
	add(wasm.KindGlobal, HeldName, p.ours(l.held))
	if p.count {
		add(wasm.KindGlobal, LeftName, p.ours(l.left))
	}
	if p.exn.any {
		add(wasm.KindGlobal, ExnName, p.ours(l.exn))
		add(wasm.KindGlobal, KeptName, p.ours(l.exn+1))
	}
	if p.link != nil && p.owner() {
		for i := range p.exnGlobals()[min(2, len(p.exnGlobals())):] {
			add(wasm.KindGlobal, exnExport(i+2), l.exn+2+uint32(i))
		}
	}
	helpers := p.helperNames()
	for _, name := range slices.Sorted(maps.Keys(helpers)) { // the same module always becomes the same bytes
		add(wasm.KindFunc, name, helpers[name])
	}
}

// names keeps the author's function names, for the stack traces of traps.
func (p *Plan) names() *wasm.Names {
	n := &wasm.Names{Funcs: map[uint32]string{}}
	for i := range uint32(len(p.fns)) {
		n.Funcs[p.imported()+1+i] = p.Module.FuncName(p.fns[i].index)
	}
	switch {
	case p.link != nil:
		n.Module = p.link.Name
	case p.Module.Names != nil:
		n.Module = p.Module.Names.Module
	}
	return n
}

// takenIndex returns where fn is in Taken; it is there.
func (p *Plan) takenIndex(fn uint32) int {
	i, _ := slices.BinarySearch(p.taken, fn)
	return i
}
