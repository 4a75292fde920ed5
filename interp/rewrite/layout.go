package rewrite

import (
	"fmt"
	"slices"

	"sojourn/interp/wasm"
)

// layout says where the rewritten module keeps what it did not have before. The
// author's indices stay as they are, but that functions which the module defines
// move up by one, to let the hook in:
//
//	functions  author's imports, ask, author's functions, thunks, helpers
//	globals    author's, budget, entry, held, left, dropped…, exceptions…, transfer…
//	tables     author's, functions by reference, references in transfer, the host's likewise
type layout struct {
	askType   uint32 // first of hookTypes
	hookTypes []wasm.FuncType

	budget, entry, held uint32 // globals
	left                uint32 // likewise, when instructions are counted
	shared              uint32 // how many of these there are
	dropped             uint32 // first of the flags, one for each droppable segment
	droppable           []segment
	exn                 uint32 // first of the globals for exceptions: see exnGlobals
	transfer            uint32 // first of the i64 globals that frames pass through
	width, refs         int    // how many of them, and of references in transfer

	allRefs, moving uint32 // tables: every function in taken; references in transfer
	externs         uint32 // table: references of the host's in transfer
	externCount     int    // how many of them; 0: there is no such table

	elems, datas, toMoving, fromAll, fromMoving uint32 // helper functions; segments follow
	pack, unpack                                uint32 // helpers behind those on segments, if exceptions are referred to
	segFuncs                                    map[segOp]uint32
	segOrder                                    []segOp
}

// segment names a data or element segment of the author's.
type segment struct {
	elem  bool
	index uint32
}

// segOp is a bulk instruction on a segment, which code outside the module that
// owns the segment reaches through a helper function.
type segOp struct {
	op    wasm.Opcode
	seg   uint32
	table uint32
}

// Names of the rewritten module's exports. Everything is exported, under names of
// ours alone: the author's exports are looked up in the author's module.
const (
	HookModule = "sojourn" // module of the hook's import
	HookName   = "ask"
	GuestName  = "guest" // module that resume functions import from

	MemoryName = "m"
	BudgetName = "budget"
	EntryName  = "entry"
	HeldName   = "held"
	LeftName   = "left" // i64, when instructions are counted: what the guest may still execute
	// ExnName is 0 unless an exception is under way; the budget is in KeptName then.
	ExnName, KeptName = "exn", "kept"
	// ElemsName and DatasName do what instantiation does with active segments.
	ElemsName = "elems"
	DatasName = "datas"
	// PastName drops the active segments that code could read again.
	PastName = "past"
	// ToMoving stores Held as reference number (parameter) in transfer; FromAll
	// stores the function with that index in [Plan.Taken] (second parameter) so.
	ToMovingName = "hold"
	FromAllName  = "refer"
	// FromMoving loads reference number (parameter) in transfer into Held.
	FromMovingName = "fetch"
	// For a table that the module writes, with its index behind the name: Put
	// (element, index in Taken), Clear (element), Grow (elements), and Get
	// (element), which loads it into transfer and returns 1 if it is null. Put and Get
	// of a table of the host's references take and return the reference itself.
	PutName, ClearName, GrowName, GetName = "put", "clear", "grow", "get"
	// MoveName, in a guest of several modules, stores Held as an (element) of a table of
	// function references.
	MoveName = "move"
	// ExternPut (number, reference) and ExternGet (number) write and read the host's
	// references in transfer.
	ExternPutName, ExternGetName = "xput", "xget"
	// For a global of type v128, likewise: between it and the first two globals of transfer.
	LoadName, StoreName = "load", "store"
)

// GlobalExport, TableExport and TransferExport name the exports of what has an
// index; globals and tables have the author's.
func GlobalExport(i uint32) string { return fmt.Sprintf("g%d", i) }
func TableExport(i uint32) string  { return fmt.Sprintf("t%d", i) }
func TransferExport(i int) string  { return fmt.Sprintf("x%d", i) }

// exnExport names the export of the i-th global for exceptions, by which other modules
// of the guest import it.
func exnExport(i int) string {
	switch i {
	case 0:
		return ExnName
	case 1:
		return KeptName
	}
	return fmt.Sprintf("e%d", i)
}

// ResumeExport names the resume function of a function in a satellite.
func ResumeExport(fn uint32) string { return fmt.Sprintf("r%d", fn) }

// funcExport names a function by its index in the rewritten module.
func funcExport(i uint32) string { return fmt.Sprintf("f%d", i) }

// FuncExport names the export of a function that the module defines.
func (p *Plan) FuncExport(fn uint32) string { return funcExport(p.guestFunc(fn)) }

// Taken lists the functions that references can name, ascending: the order of the
// table that FromAll reads.
func (p *Plan) Taken() []uint32 { return p.taken }

// width returns how many transfer globals a value of type t takes.
func width(t wasm.ValType) int {
	switch t {
	case wasm.V128, wasm.ExnRef:
		return 2
	case wasm.ExternRef: // in a table
		return 0
	}
	return 1
}

// Values calls f for each value of a frame that stops at a point, in the order in
// which they are in transfer: the live locals, then the value stack. x is the
// first transfer global of the value, ref its number among the references of its type.
func (p *Plan) Values(e Entry, f func(local int, t wasm.ValType, x, ref int)) {
	pt := p.Point(e.Point)
	locals := p.Locals(pt.Func)
	x, ref, extern := 0, 0, 0
	value := func(local int, t wasm.ValType) {
		if t == wasm.ExternRef {
			f(local, t, x, extern)
			extern++
			return
		}
		f(local, t, x, ref)
		x += width(t)
		if t == wasm.FuncRef {
			ref++
		}
	}
	for _, l := range pt.Locals {
		value(int(l), locals[l])
	}
	stack := pt.Stack
	if e.Before {
		stack = pt.Operands(p.Module)
	}
	for _, t := range stack {
		value(-1, t)
	}
}

func (p *Plan) newLayout() layout {
	m := p.Module
	l := layout{segFuncs: map[segOp]uint32{}}
	for i := range p.Points {
		p.measure(&l, Entry{Point: i})
		if p.Points[i].Kind == Host {
			p.measure(&l, Entry{Point: i, Before: true})
		}
	}
	if p.references {
		l.refs = max(l.refs, p.mostRefs(wasm.FuncRef))
	}
	if p.externs {
		l.externCount = p.mostRefs(wasm.ExternRef)
	}
	if len(p.vectorGlobals()) > 0 {
		l.width = max(l.width, 2)
	}
	l.hookTypes = []wasm.FuncType{
		{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.I32}},
		{},
		{Params: []wasm.ValType{wasm.I32}},
		{Params: []wasm.ValType{wasm.I32, wasm.I32}},
		{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}},
		{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.ExternRef}},
		{Params: []wasm.ValType{wasm.I32, wasm.ExternRef}},
		{Results: []wasm.ValType{wasm.V128}},
		{Params: []wasm.ValType{wasm.V128}},
	}
	for _, t := range p.roundTypes() {
		if l.hookType(t) < 0 {
			l.hookTypes = append(l.hookTypes, t)
		}
	}
	l.askType = uint32(len(m.Types))
	l.budget = uint32(len(p.spaces.globals))
	l.entry, l.held = l.budget+1, l.budget+2
	l.shared = 3
	if p.count {
		l.left = l.budget + l.shared
		l.shared++
	}
	l.dropped = l.budget + l.shared
	for i := range m.Elems {
		l.droppable = append(l.droppable, segment{true, uint32(i)})
	}
	for i := range m.Datas {
		l.droppable = append(l.droppable, segment{false, uint32(i)})
	}
	ops := p.segOps()
	l.droppable = droppedBy(l.droppable, ops)
	l.exn = l.dropped + uint32(len(l.droppable))
	l.transfer = l.exn + uint32(len(p.exnGlobals()))
	l.allRefs = uint32(len(p.spaces.tables))
	l.moving = l.allRefs + 1
	l.externs = l.allRefs
	if p.references {
		l.externs = l.moving + 1
	}
	next := p.imported() + 1 + uint32(len(p.fns))
	l.elems, l.datas, l.toMoving, l.fromAll, l.fromMoving = next, next+1, next+2, next+3, next+4
	next += 5
	for _, op := range ops {
		l.segFuncs[op] = next
		l.segOrder = append(l.segOrder, op)
		next++
	}
	l.pack, l.unpack = next, next+1
	return l
}

// hookType returns the place of a type among the hook types, -1 if it is none of them.
func (l *layout) hookType(t wasm.FuncType) int {
	return slices.IndexFunc(l.hookTypes, t.Equal)
}

// roundTypes returns the types of the blocks in which rounds of loops with several
// parameters are.
func (p *Plan) roundTypes() []wasm.FuncType {
	var ts []wasm.FuncType
	for i := range p.fns {
		for _, c := range p.fns[i].cons {
			if !c.ticks {
				continue
			}
			if bt := blockType(p.ext, p.ext.Funcs[i].Body, c.start); len(bt.Params) > 1 {
				ts = append(ts, LowType(wasm.FuncType{Results: bt.Params}))
			}
		}
	}
	return ts
}

func (p *Plan) measure(l *layout, e Entry) {
	p.Values(e, func(_ int, t wasm.ValType, x, ref int) {
		l.width = max(l.width, x+width(t))
		if t == wasm.FuncRef {
			l.refs = max(l.refs, ref+1)
		}
	})
}

// segOps lists the bulk instructions on segments that the module's code has, each
// once, in order of appearance.
func (p *Plan) segOps() []segOp {
	var ops []segOp
	seen := map[segOp]bool{}
	if len(p.Module.Datas)+len(p.Module.Elems) == 0 {
		return nil
	}
	var in wasm.Instr
	for i := range p.Module.Funcs {
		r := wasm.NewReader(p.Module, p.Module.Funcs[i].Body)
		for {
			ok, err := r.Next(&in)
			if !ok || err != nil {
				break
			}
			if op, is := asSegOp(&in); is && !seen[op] {
				seen[op] = true
				ops = append(ops, op)
			}
		}
	}
	return ops
}

func asSegOp(in *wasm.Instr) (segOp, bool) {
	switch in.Op {
	case wasm.OpMemoryInit, wasm.OpDataDrop, wasm.OpElemDrop:
		return segOp{op: in.Op, seg: uint32(in.A)}, true
	case wasm.OpTableInit:
		return segOp{op: in.Op, seg: uint32(in.A), table: uint32(in.B)}, true
	}
	return segOp{}, false
}

// droppedBy keeps the segments that one of ops drops.
func droppedBy(all []segment, ops []segOp) []segment {
	dropped := map[segment]bool{}
	for _, op := range ops {
		if op.op == wasm.OpElemDrop || op.op == wasm.OpDataDrop {
			dropped[segment{op.op == wasm.OpElemDrop, op.seg}] = true
		}
	}
	var kept []segment
	for _, s := range all {
		if dropped[s] {
			kept = append(kept, s)
		}
	}
	return kept
}

// Droppable lists the segments that the module's code can drop, with the export
// that tells whether it has: an i32 global, 0 until then.
func (p *Plan) Droppable(f func(elem bool, index uint32, export string)) {
	for i, s := range p.lay.droppable {
		f(s.elem, s.index, GlobalExport(p.lay.dropped+uint32(i)))
	}
}

// Transfer returns how many values and references can be in transfer at once.
func (p *Plan) Transfer() (width, refs int) { return p.lay.width, p.lay.refs }

// guestFunc maps a function of the author's index space to the rewritten module's:
// an import that references can reach stays itself when called by name.
func (p *Plan) guestFunc(i uint32) uint32 {
	if i < p.imported() {
		return i
	}
	return i + 1
}

// refFunc maps a function that is referred to: imports from the host to their thunks.
func (p *Plan) refFunc(i uint32) uint32 {
	if i < p.imported() {
		if f := p.function(i); f != nil {
			return p.imported() + 1 + uint32(p.ord(f))
		}
	}
	return p.guestFunc(i)
}

func (p *Plan) ask() uint32 { return p.imported() }

// RefExport returns the export of what a reference to a function of the author's refers
// to: the thunk of an import from the host, or the function.
func (p *Plan) RefExport(fn uint32) string { return funcExport(p.refFunc(fn)) }
