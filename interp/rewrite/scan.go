package rewrite

import (
	"sort"

	"sojourn/interp/wasm"
)

// construct is one block, loop or if of a body: the positions of its instructions.
type construct struct {
	op         wasm.Opcode
	start, els int // els is -1 where there is no else
	end        int
	parent     int          // index in cons; -1 in the body itself
	points     bool         // some point is inside
	back       bool         // of a loop: some branch goes back to its head
	ticks      bool         // of a loop: some such branch counts: see rounds.go
	calls      bool         // a call that can suspend is inside, or what throws
	catches    []wasm.Catch // of a try_table
}

// site is an instruction at which a frame may have to stop.
type site struct {
	op      wasm.Opcode
	pos     int
	target  uint32 // function called, type of an indirect call, or the loop's construct
	parent  int    // construct it is in
	counted bool   // a call that takes one from the budget when it returns
	point   int    // index in Plan.Points, -1 where it is none
}

// throws reports whether the site throws.
func (s *site) throws() bool { return s.op == wasm.OpThrow || s.op == wasm.OpThrowRef }

// calls reports whether the site calls a function, and tail whether its frame is gone
// by then.
func (s *site) calls() bool { return s.op == wasm.OpCall || s.op == wasm.OpCallIndirect || s.tail() }
func (s *site) tail() bool {
	return s.op == wasm.OpReturnCall || s.op == wasm.OpReturnCallIndirect
}

// indirect reports whether the site calls through a table; its target is a type then.
func (s *site) indirect() bool {
	return s.op == wasm.OpCallIndirect || s.op == wasm.OpReturnCallIndirect
}

// scan reads every body once for its constructs and sites, and the module for
// where references to functions can come from.
func (p *Plan) scan() error {
	m := p.Module
	p.fns = make([]function, len(m.Funcs), len(m.Funcs)+8)
	for i := range m.Funcs {
		p.fns[i] = function{index: p.imported() + uint32(i), typ: m.Funcs[i].Type}
	}
	found := make([]refs, len(m.Funcs))
	_ = p.each(func(f *function) error {
		i := f.index - p.imported()
		f.read(m, m.Funcs[i].Body, &found[i])
		return nil
	})
	all := refs{}
	p.references = hasRefs(m, wasm.FuncRef) || p.link != nil
	p.externs = hasRefs(m, wasm.ExternRef)
	p.TableWrites = p.link != nil
	taken := map[uint32]bool{}
	for _, r := range found {
		all.throws = all.throws || r.throws
		all.exnRefs = all.exnRefs || r.exnRefs
		all.calls = all.calls || r.calls
		all.blocks = append(all.blocks, r.blocks...)
		p.references = p.references || r.any
		p.externs = p.externs || r.externs
		p.TableWrites = p.TableWrites || r.writes
		for _, f := range r.funcs {
			taken[f] = true
		}
	}
	constRefs(m, func(f uint32) { taken[f] = true })
	p.takeExports(taken)
	for f := range taken {
		p.taken = append(p.taken, f)
	}
	sort.Slice(p.taken, func(i, j int) bool { return p.taken[i] < p.taken[j] })
	p.tails = p.findTails()
	return p.scanExceptions(&all)
}

// refs is what a body does with references.
type refs struct {
	any, writes bool
	externs     bool // it makes some of the host's
	funcs       []uint32
	throws      bool            // it throws or catches
	exnRefs     bool            // it makes references to exceptions
	calls       bool            // it calls through tables
	blocks      []wasm.FuncType // of what is in a try_table, where the module has none
}

// read fills in the function's constructs and sites. The body is valid.
func (f *function) read(m *wasm.Module, body []byte, rf *refs) {
	r := wasm.NewReader(m, body)
	var in wasm.Instr
	open := -1
	for {
		if ok, err := r.Next(&in); !ok || err != nil {
			return
		}
		f.instrs++
		switch in.Op {
		case wasm.OpBlock, wasm.OpLoop, wasm.OpIf, wasm.OpTryTable:
			if in.Op == wasm.OpLoop {
				f.addSite(&in, uint32(len(f.cons)), open)
			}
			f.cons = append(f.cons, construct{op: in.Op, start: in.Pos, els: -1, parent: open})
			if in.Op == wasm.OpTryTable {
				f.cons[len(f.cons)-1].catches = append([]wasm.Catch{}, in.Catches...)
				for _, c := range in.Catches {
					f.goesTo(open, c.Label)
				}
				rf.tryTable(&in)
			}
			open = len(f.cons) - 1
		case wasm.OpElse:
			f.cons[open].els = in.Pos
		case wasm.OpEnd:
			if open >= 0 {
				f.cons[open].end = in.Pos
				open = f.cons[open].parent
			}
		case wasm.OpBr, wasm.OpBrIf:
			f.goesTo(open, uint32(in.A))
		case wasm.OpBrTable:
			for _, l := range in.Labels {
				f.goesTo(open, l)
			}
		case wasm.OpCall, wasm.OpCallIndirect, wasm.OpReturnCall, wasm.OpReturnCallIndirect:
			f.addSite(&in, uint32(in.A), open)
			rf.calls = rf.calls || f.sites[len(f.sites)-1].indirect()
		case wasm.OpThrow, wasm.OpThrowRef:
			rf.throws = true
			rf.exnRefs = rf.exnRefs || in.Op == wasm.OpThrowRef
			f.addSite(&in, uint32(in.A), open)
			f.sites[len(f.sites)-1].counted = true
		case wasm.OpMemoryCopy, wasm.OpMemoryFill:
			f.addSite(&in, 0, open)
		case wasm.OpLocalSet, wasm.OpLocalTee:
			f.writes = append(f.writes, write{uint32(in.A), in.Pos})
		case wasm.OpRefFunc:
			rf.any = true
			rf.funcs = append(rf.funcs, uint32(in.A))
		case wasm.OpTableSet, wasm.OpTableGrow, wasm.OpTableFill, wasm.OpTableCopy, wasm.OpTableInit:
			rf.any, rf.writes = true, true
		case wasm.OpTableGet:
			rf.any = true
			rf.externs = rf.externs || hasExternTables(m)
		case wasm.OpRefNull:
			rf.any = rf.any || wasm.ValType(in.A) == wasm.FuncRef
			rf.externs = rf.externs || wasm.ValType(in.A) == wasm.ExternRef
			rf.exnRefs = rf.exnRefs || wasm.ValType(in.A) == wasm.ExnRef
		}
	}
}

// tryTable notes what a try_table makes.
func (rf *refs) tryTable(in *wasm.Instr) {
	rf.throws = true
	for _, c := range in.Catches {
		rf.exnRefs = rf.exnRefs || c.Kind.HasRef()
	}
	if b := in.Block; len(b.Params) > 0 && len(b.Results) > 1 {
		rf.blocks = append(rf.blocks, LowType(wasm.FuncType{Results: b.Results}))
	}
}

// goesTo notes a branch out of l constructs.
func (f *function) goesTo(open int, l uint32) {
	if c := f.outer(open, l); c >= 0 && f.cons[c].op == wasm.OpLoop {
		f.cons[c].back = true
	}
}

// outer returns the construct that label l means in construct con, -1 for the body.
func (f *function) outer(con int, l uint32) int {
	for ; l > 0 && con >= 0; l-- {
		con = f.cons[con].parent
	}
	return con
}

func (f *function) addSite(in *wasm.Instr, target uint32, parent int) {
	f.sites = append(f.sites, site{op: in.Op, pos: in.Pos, target: target, parent: parent, point: -1})
}

// write is an instruction that changes a local.
type write struct {
	local uint32
	pos   int
}

// changed returns which locals change in a construct.
func (f *function) changed(con int) func(local uint32) bool {
	at := func(pos int) int {
		return sort.Search(len(f.writes), func(i int) bool { return f.writes[i].pos >= pos })
	}
	set := make([]uint64, len(f.locals)/64+1)
	for _, w := range f.writes[at(f.cons[con].start):at(f.cons[con].end)] {
		set[w.local/64] |= 1 << (w.local % 64)
	}
	return func(l uint32) bool { return set[l/64]&(1<<(l%64)) != 0 }
}
