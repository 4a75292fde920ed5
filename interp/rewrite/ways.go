package rewrite

import (
	"sort"

	"sojourn/interp/wasm"
)

// A resume function is the guarded function with ways in: labels to which its head
// jumps, with locals and slots restored, when a frame goes on from the middle.
// Structured code cannot be entered from outside, so whatever a way leads through
// gives way:
//
//   - a block becomes a label opened at the head of its region;
//   - an if becomes two of them, entered by br_if, and a try_table two;
//   - a loop is a region of its own: it is entered at its head, and sent on from
//     there. Its head asks whether to only when the budget is used up, which the
//     host sees to, so that an iteration costs no more than in the guarded code.
//
// A region is the body of the function or of such a loop, with all of its labels
// opened at its head, those that end last outermost:
//
//	i32.const 1           block $p                    ;; label of the way in
//	call $f       =>        …dispatch: br $p…
//	(point)                 i32.const 1  call $f  (check)
//	i32.add                 local.set $s1  local.set $s0
//	                      end
//	                      local.get $s0  local.get $s1
//	                      i32.add
type ways struct {
	entries  []Entry // in the order of their numbers
	entered  []bool  // of each construct: a way leads into it
	regions  map[int]*region
	ends     map[int]label32 // of entered blocks and ifs: their own label
	elses    map[int]label32 // of entered ifs: where the else arm begins
	labels   map[wayIn]label32
	stack    []*region // open ones, innermost last
	selected uint32    // local: number of the way to take, from 1; 0 once there
}

func (w *ways) top() *region { return w.stack[len(w.stack)-1] }

// wayIn is a place where a label for a way in ends: before the call or bulk instruction
// of a point, behind it, at a loop that a way leads into, or before any instruction.
type wayIn struct {
	pos   int
	after bool
	any   bool // before whatever instruction is there
}

// region is the body of the function, or of an entered loop.
type region struct {
	con    int // -1: the function
	base   int // height of the stack below its own
	lo, hi int // numbers of its entries, and those of loops inside it
	direct int // those from lo that are not in a loop inside it
	inner  []*region
	closes []closing
}

// closing is the end of a label that is opened at the head of a region.
type closing struct {
	pos, rank int
	label     label32
	results   []wasm.ValType
}

// newWays finds what the entries into the i-th function lead through.
func (e *emitter) newWays(entries []Entry) *ways {
	w := &ways{entered: make([]bool, len(e.f.cons)), regions: map[int]*region{},
		ends: map[int]label32{}, elses: map[int]label32{}, labels: map[wayIn]label32{}}
	body := &region{con: -1}
	w.regions[-1] = body
	at := map[int][]Entry{} // by region
	for _, en := range entries {
		con := e.regionOf(e.parent(en))
		at[con] = append(at[con], en)
		for c := e.parent(en); c >= 0 && !w.entered[c]; c = e.f.cons[c].parent {
			w.entered[c] = true
		}
	}
	for c := range e.f.cons { // outer ones come first
		if w.entered[c] && e.f.cons[c].op == wasm.OpLoop {
			r := &region{con: c}
			w.regions[c] = r
			out := w.regions[e.regionOf(e.f.cons[c].parent)]
			out.inner = append(out.inner, r)
		}
	}
	w.number(body, at)
	for c := range e.f.cons {
		if w.entered[c] {
			e.addConstruct(w, c)
		}
	}
	for con, ens := range at {
		for _, en := range ens {
			in := e.place(en)
			if _, ok := w.labels[in]; ok {
				continue
			}
			w.labels[in] = e.addClosing(w.regions[con], in.pos, in.rank(), nil)
		}
	}
	for _, r := range w.regions {
		sort.Slice(r.closes, func(i, j int) bool {
			a, b := r.closes[i], r.closes[j]
			return a.pos < b.pos || a.pos == b.pos && a.rank < b.rank
		})
	}
	return w
}

// rank orders labels that end at one instruction, innermost first.
func (in wayIn) rank() int {
	switch {
	case in.any:
		return -1
	case in.after:
		return 1
	}
	return 0
}

// place returns where the label of an entry ends.
func (e *emitter) place(en Entry) wayIn {
	pt := e.p.Point(en.Point)
	if pt.before {
		return wayIn{pos: pt.pos, any: true}
	}
	return wayIn{pos: pt.pos, after: !en.Before && pt.Kind != Bulk && pt.Kind != Loop}
}

// parent returns the construct that an entry is in: for a loop's, what is around the loop.
func (e *emitter) parent(en Entry) int { return e.p.Point(en.Point).con }

// regionOf returns the innermost loop around a construct, itself included, or -1.
func (e *emitter) regionOf(con int) int {
	for con >= 0 && e.f.cons[con].op != wasm.OpLoop {
		con = e.f.cons[con].parent
	}
	return con
}

// number gives each region a range of numbers: first its own entries, then those
// of each loop inside it.
func (w *ways) number(r *region, at map[int][]Entry) {
	r.lo = len(w.entries)
	w.entries = append(w.entries, at[r.con]...)
	r.direct = len(at[r.con])
	for _, in := range r.inner {
		w.number(in, at)
	}
	r.hi = len(w.entries)
}

// addConstruct makes the labels of an entered construct, in the region around it.
func (e *emitter) addConstruct(w *ways, c int) {
	con := &e.f.cons[c]
	r := w.regions[e.regionOf(con.parent)]
	bt := blockType(e.p.ext, e.src.Body, con.start)
	switch con.op {
	case wasm.OpLoop:
		w.labels[wayIn{pos: con.start}] = e.addClosing(r, con.start, 0, nil)
	case wasm.OpBlock:
		w.ends[c] = e.addClosing(r, con.end, 0, bt.Results)
	case wasm.OpTryTable:
		w.elses[c] = e.addClosing(r, con.end, 0, nil)
		w.ends[c] = e.addClosing(r, con.end, 1, bt.Results)
	case wasm.OpIf:
		els := con.els
		if els < 0 {
			els = con.end
		}
		w.elses[c] = e.addClosing(r, els, 0, bt.Params)
		w.ends[c] = e.addClosing(r, con.end, 1, bt.Results)
	}
}

func (e *emitter) addClosing(r *region, pos, rank int, results []wasm.ValType) label32 {
	l := e.newLabel()
	r.closes = append(r.closes, closing{pos, rank, l, results})
	return l
}

// blockType reads the type of the construct whose instruction is at pos of a body.
func blockType(m *wasm.Module, body []byte, pos int) wasm.BlockType {
	var in wasm.Instr
	r := wasm.NewReader(m, body[pos:])
	if ok, err := r.Next(&in); !ok || err != nil {
		panic("rewrite: a construct that cannot be read again")
	}
	return in.Block
}

// enterFunction writes the head of a resume function: it restores the frame of the
// entry that the host has chosen, and opens the region of the body.
func (e *emitter) enterFunction() {
	w, l := e.ways, &e.p.lay
	w.selected = e.temp("selected")
	e.block(wasm.OpBlock)
	for range w.entries {
		e.block(wasm.OpBlock)
	}
	e.opU32(wasm.OpGlobalGet, e.idx.global(l.entry))
	e.opU32(wasm.OpLocalTee, w.selected)
	e.i32(1)
	e.op(wasm.OpI32Sub)
	e.brTable(0, len(w.entries), func(i int) uint32 { return uint32(i) })
	for i, en := range w.entries {
		e.endBlock()
		e.restore(en)
		e.opU32(wasm.OpBr, uint32(len(w.entries)-1-i))
	}
	e.endBlock()
	body := w.regions[-1]
	e.openWays(body)
	w.stack = append(w.stack, body)
	e.dispatch(body)
}

// openWays opens the labels of a region.
func (e *emitter) openWays(r *region) {
	for i := len(r.closes) - 1; i >= 0; i-- {
		e.blockOf(wasm.FuncType{Results: r.closes[i].results})
		e.openLabel(r.closes[i].label)
	}
}

// dispatchAgain is dispatch at the head of an entered loop, if a way is being taken.
func (e *emitter) dispatchAgain(r *region) {
	e.opU32(wasm.OpLocalGet, e.ways.selected)
	e.block(wasm.OpIf)
	e.dispatch(r)
	e.endBlock()
}

// dispatch branches to the selected way in, and forgets it unless it leads into a loop
// inside, whose head dispatches again.
func (e *emitter) dispatch(r *region) {
	w := e.ways
	way := w.selected
	arrive := func() {
		e.i32(0)
		e.opU32(wasm.OpLocalSet, w.selected)
	}
	if r.direct > 0 {
		way = e.temp("way")
		e.opU32(wasm.OpLocalGet, w.selected)
		e.opU32(wasm.OpLocalSet, way)
	}
	switch {
	case r.direct == 0:
	case r.lo+r.direct == r.hi:
		arrive()
	default:
		e.opU32(wasm.OpLocalGet, way)
		e.i32(int32(r.lo + r.direct))
		e.op(wasm.OpI32LeU)
		e.block(wasm.OpIf)
		arrive()
		e.endBlock()
	}
	e.opU32(wasm.OpLocalGet, way)
	e.i32(int32(r.lo + 1))
	e.op(wasm.OpI32Sub)
	e.brTable(r.lo, r.hi, func(n int) uint32 { return e.depth(e.target(r, n)) })
}

// brTable branches on the number on the stack, counted from lo; the last way is the
// default, for the host offers no other number.
func (e *emitter) brTable(lo, hi int, depth func(n int) uint32) {
	ls := make([]uint32, 0, hi-lo)
	for n := lo; n < hi; n++ {
		ls = append(ls, depth(n))
	}
	e.out = wasm.AppendBrTable(e.out, ls)
}

// target returns the label in r on the way to the entry with number n.
func (e *emitter) target(r *region, n int) label32 {
	w := e.ways
	if n < r.lo+r.direct {
		return w.labels[e.place(w.entries[n])]
	}
	for _, in := range r.inner {
		if n >= in.lo && n < in.hi {
			return w.labels[wayIn{pos: e.f.cons[in.con].start}]
		}
	}
	panic("rewrite: a way in that leads nowhere")
}

// arrive ends the label of a way in, if there is one here: those who fall in have
// their stack in slots, as those who jump in do.
func (e *emitter) arrive(in wayIn) bool {
	l, ok := e.ways.labels[in]
	if !ok {
		return false
	}
	e.save()
	e.opU32(wasm.OpBr, e.depth(l))
	e.closeLabel(l)
	e.load(e.ways.top().base, len(e.x.Stack()))
	return true
}
