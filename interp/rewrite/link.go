package rewrite

import (
	"fmt"
	"slices"

	"sojourn/interp/wasm"
)

// Link is a module's place among the modules of a guest. Each is analysed by itself,
// with what all must know of exceptions: what is behind a call that leaves the module is not looked at. Such a call is a
// point and takes from the budget, so that a cycle through several modules does; and
// so is and does every indirect call, for a table may hold anybody's functions.
//
// The globals that all modules share (budget, transfer, exceptions and so on) are the first
// module's. The others import them, behind the globals that their author imports:
//
//	globals    author's imports, budget, entry, held, left, transfer…, references…,
//	           exceptions…, author's own, dropped…
//
// The references are to imported functions, each from the module that defines it: in
// wazero's compiler a reference that the importing module makes cannot be looked up.
//
// Everywhere else in this package an index of a global counts as if they were where
// layout says they are in the first module; ours maps it.
type Link struct {
	Index   int      // of the module, in the order of instantiation
	Name    string   // of the module, in stack traces
	Imports []Import // of the module, in its order
	Guest   *Guest   // what all modules know
}

// A point of a guest of several modules asks under a number with the module's index in
// the upper bits, but for the highest one: that is StopHere.
const linkedPoints = 1 << 21

// LinkedPoint returns the module and the point that ask under a number.
func LinkedPoint(number uint32) (module, point int) {
	return int(number / linkedPoints), int(number % linkedPoints)
}

// number returns the number under which a point asks.
func (p *Plan) number(point int) int {
	if p.link == nil {
		return point
	}
	return p.link.Index*linkedPoints + point
}

// checkNumbers refuses a module whose points have no numbers.
func (p *Plan) checkNumbers() error {
	if n := len(p.Points) + maxAdHoc; p.link != nil && n > linkedPoints {
		return fmt.Errorf("%d points; a module of a guest of several can have %d", len(p.Points), linkedPoints-maxAdHoc)
	}
	return nil
}

// Import is an import of one module of a guest, resolved.
type Import struct {
	wasm.Import // what the rewritten module imports; Func is the module's own type index
	Guest       bool
	Number      uint32 // of a tag: see Guest
}

// LinkName is what other modules call the rewritten module with that index.
func LinkName(index int) string { return fmt.Sprintf("%s %d", GuestName, index) }

// spaces are the index spaces of the author's module, imports first and with the
// types of what they were resolved to, which is looser than what the author wrote:
// those are checked where modules are linked.
type spaces struct {
	imports []Import // all of them
	funcs   []Import // those that are functions
	globals []wasm.GlobalType
	tables  []wasm.TableType
	memory  *wasm.Limits

	impGlobals, impTables uint32
	impMemory             bool
}

func newSpaces(m *wasm.Module, link *Link) (*spaces, error) {
	s := &spaces{}
	if link != nil {
		s.imports = link.Imports
	} else {
		for _, im := range m.Imports {
			s.imports = append(s.imports, Import{Import: im})
		}
	}
	for i, im := range s.imports {
		if im.Kind != wasm.KindFunc && !im.Guest {
			return nil, fmt.Errorf("import %d, %q.%q: only functions can be imported from the host, and no module of the guest before this one exports such a %v", i, im.Module, im.Name, im.Kind)
		}
		switch im.Kind {
		case wasm.KindFunc:
			s.funcs = append(s.funcs, im)
		case wasm.KindGlobal:
			s.globals = append(s.globals, im.Global)
		case wasm.KindTable:
			s.tables = append(s.tables, im.Table)
		case wasm.KindMemory:
			s.memory, s.impMemory = &im.Memory, true
		}
	}
	s.impGlobals, s.impTables = uint32(len(s.globals)), uint32(len(s.tables))
	for i := range m.Globals {
		s.globals = append(s.globals, m.Globals[i].Type)
	}
	s.tables = append(s.tables, m.Tables...)
	if len(m.Memories) > 0 {
		s.memory = &m.Memories[0]
	}
	return s, nil
}

// linked reports whether an imported function is another module's.
func (p *Plan) linked(fn uint32) bool { return fn < p.imported() && p.spaces.funcs[fn].Guest }

// ours maps an index of a global to that of the rewritten module.
func (p *Plan) ours(g uint32) uint32 {
	l, s := &p.lay, p.spaces
	if p.owner() || g < s.impGlobals {
		return g
	}
	exn := l.shared + uint32(l.width+len(p.refImports))
	switch moved := exn + uint32(len(p.exnGlobals())); {
	case g < l.budget:
		return g + moved
	case g < l.dropped:
		return s.impGlobals + g - l.budget
	case g < l.exn:
		return g + moved - l.shared
	case g < l.transfer:
		return s.impGlobals + exn + g - l.exn
	default:
		return s.impGlobals + l.shared + g - l.transfer
	}
}

// owner reports whether the module defines the globals that all modules share.
func (p *Plan) owner() bool { return p.link == nil || p.link.Index == 0 }

// importShared adds the imports of the first module's globals.
func (p *Plan) importShared(g *wasm.Module) {
	if p.owner() {
		return
	}
	add := func(name string, t wasm.ValType) {
		g.Imports = append(g.Imports, wasm.Import{Module: LinkName(0), Name: name, Kind: wasm.KindGlobal,
			Global: wasm.GlobalType{Type: t, Mutable: true}})
	}
	add(BudgetName, wasm.I32)
	add(EntryName, wasm.I32)
	add(HeldName, wasm.FuncRef)
	if p.count {
		add(LeftName, wasm.I64)
	}
	for i := range p.lay.width {
		add(TransferExport(i), wasm.I64)
	}
	for _, fn := range p.refImports {
		im := p.funcImport(fn)
		g.Imports = append(g.Imports, wasm.Import{Module: im.Module, Name: refGlobal(im.Name), Kind: wasm.KindGlobal,
			Global: wasm.GlobalType{Type: wasm.FuncRef}})
	}
	for i, t := range p.exnGlobals() {
		add(exnExport(i), low(t))
	}
}

// refGlobal names the global that refers to an exported function.
func refGlobal(export string) string { return "&" + export }

// addRefGlobals offers references to what other modules can import.
func (p *Plan) addRefGlobals(g *wasm.Module) {
	first := uint32(g.NumImported(wasm.KindGlobal))
	for _, fn := range p.exported {
		g.Exports = append(g.Exports, wasm.Export{Name: refGlobal(p.FuncExport(fn)), Kind: wasm.KindGlobal, Index: first + uint32(len(g.Globals))})
		g.Globals = append(g.Globals, wasm.Global{Type: wasm.GlobalType{Type: wasm.FuncRef},
			Init: wasm.AppendOpU32(nil, wasm.OpRefFunc, p.guestFunc(fn))})
	}
}

// refExpr is the constant expression of a reference to a function.
func (p *Plan) refExpr(fn uint32) wasm.ConstExpr {
	if i, ok := slices.BinarySearch(p.refImports, fn); ok {
		return wasm.AppendOpU32(nil, wasm.OpGlobalGet, p.spaces.impGlobals+p.lay.shared+uint32(p.lay.width+i))
	}
	return wasm.AppendOpU32(nil, wasm.OpRefFunc, p.refFunc(fn))
}

// Widen makes the first module define at least as many transfer globals. It is
// called before Guard, with the greatest width of all modules.
func (p *Plan) Widen(width int) { p.lay.width = max(p.lay.width, width) }

// takeExports finds the functions that other modules can refer to, and those of other
// modules that this one does.
func (p *Plan) takeExports(taken map[uint32]bool) {
	if p.link == nil {
		return
	}
	for _, e := range p.Module.Exports {
		if e.Kind == wasm.KindFunc && e.Index >= p.imported() {
			taken[e.Index] = true
			p.exported = append(p.exported, e.Index)
		}
	}
	slices.Sort(p.exported)
	p.exported = slices.Compact(p.exported)
	for fn := range taken {
		if p.linked(fn) {
			p.refImports = append(p.refImports, fn)
		}
	}
	slices.Sort(p.refImports)
}
