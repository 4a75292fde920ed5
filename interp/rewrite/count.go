package rewrite

import "sojourn/interp/wasm"

// Counting (Options.Count) gives the guest a count of instructions and a place to stop
// at each of them. What counts as one:
//
//   - every instruction that the author wrote and that is executed counts one, but for
//     block, loop, try_table, else and end, which only mark structure;
//   - a call counts when it is made, before anything of the callee does; a call of the
//     host that is still to be made again, after a freeze in it, has not counted;
//   - bulk instructions count one when they are done, however long they are;
//   - an instruction that traps counts, with those of its segment that follow it: the
//     count of a guest that has trapped is that of the segments which it has entered;
//   - between a throw and the first instruction where it is caught nothing counts, and
//     the guest cannot be stopped there.
//
// Counting is by segment: a stretch that is executed whole or, by a trap, ends the guest.
// One begins at the head of the function, of a loop and of each arm of an if, behind each
// call, bulk instruction, br_if, and end of a block or if. It is taken at its head
// from the i64 global left, what the guest may still execute.
//
// Whether that is enough is asked less often: at the head of the function, of a loop,
// behind each call that can suspend, and behind each construct whose end a clause of a
// try_table leads to. From one of these to the next the code cannot loop, so there is a
// longest way, Most:
//
//	(call $f) (check)         (call $f) (check)
//	i32.add             =>    (if (i64.lt_s (global.get $left) (i64.const Most)) (then …ask…))
//	local.set 0               (global.set $left (i64.sub (global.get $left) (i64.const 2)))
//	…                         i32.add  local.set 0
//
// A guest that could run out before the next is stopped right there, and goes the rest
// in strides (stride.go).

// pace is what counting needs to know of one instruction.
type pace struct {
	pos  int
	head bool   // a segment begins with it
	asks bool   // at the head of the function or of a loop, or where what is caught goes: counting asks
	rest uint32 // how many it is to the end of its segment, itself included
	most uint32 // how many it is on the longest way to the next place that asks
}

// counted reports whether an instruction counts.
func counted(op wasm.Opcode) bool {
	switch op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpTryTable, wasm.OpElse, wasm.OpEnd:
		return false
	}
	return true
}

// stroke is an instruction, for the walk backwards.
type stroke struct {
	op     wasm.Opcode
	con    int      // of block, loop, if, try_table, else and end; -1 of the last end
	label  uint32   // of br, br_if
	labels []uint32 // of br_table
	asks   bool     // a call behind which the guest is asked
}

// paces returns the pace of each instruction of a function that is no thunk.
func (p *Plan) paces(f *function) []pace {
	var (
		strokes []stroke
		out     []pace
		in      wasm.Instr
		cons    = walk{cons: f.cons, inside: -1}
		head    = true
		asks    = true
		catches = f.catches()
		r       = wasm.NewReader(p.Module, p.Module.Funcs[f.index-p.imported()].Body)
	)
	for {
		if ok, err := r.Next(&in); !ok || err != nil {
			break
		}
		s := stroke{op: in.Op, label: uint32(in.A), con: cons.inside}
		switch in.Op {
		case wasm.OpBrTable:
			s.labels = append([]uint32{}, in.Labels...)
		case wasm.OpCall:
			fn := uint32(in.A)
			s.asks = fn >= p.imported() || p.linked(fn) || p.blocks(fn)
		case wasm.OpCallIndirect:
			s.asks = true
		case wasm.OpBlock, wasm.OpLoop, wasm.OpIf, wasm.OpTryTable:
			s.con = cons.next
		}
		cons.pass(&in)
		strokes = append(strokes, s)
		out = append(out, pace{pos: in.Pos, head: head, asks: asks})
		head, asks = endsSegment(f, &s), in.Op == wasm.OpLoop || in.Op == wasm.OpEnd && catches[s.con]
	}
	f.measure(strokes, out)
	return out
}

// catches returns the constructs to whose ends clauses of a try_table lead.
func (f *function) catches() map[int]bool {
	set := map[int]bool{}
	for i := range f.cons {
		for _, c := range f.cons[i].catches {
			if to := f.outer(f.cons[i].parent, c.Label); to >= 0 && f.cons[to].op != wasm.OpLoop {
				set[to] = true
			}
		}
	}
	return set
}

// endsSegment reports whether a segment begins behind s.
func endsSegment(f *function, s *stroke) bool {
	switch s.op {
	case wasm.OpEnd:
		return s.con >= 0 && f.cons[s.con].op != wasm.OpLoop // nothing branches to a loop's end
	case wasm.OpLoop, wasm.OpIf, wasm.OpElse, wasm.OpBrIf, wasm.OpCall, wasm.OpCallIndirect,
		wasm.OpMemoryCopy, wasm.OpMemoryFill:
		return true
	}
	return false
}

// measure walks backwards and fills in rest and most.
func (f *function) measure(strokes []stroke, out []pace) {
	type label struct {
		con        int
		after, els uint32
		arms       bool // els is known
	}
	var open []label
	var rest, most uint32
	target := func(l uint32) uint32 {
		o := &open[len(open)-1-int(l)]
		if o.con >= 0 && f.cons[o.con].op == wasm.OpLoop {
			return 0 // its head asks
		}
		return o.after
	}
	for i := len(strokes) - 1; i >= 0; i-- {
		s := &strokes[i]
		switch s.op {
		case wasm.OpEnd:
			open = append(open, label{con: s.con, after: most})
			if endsSegment(f, s) {
				rest = 0
			}
		case wasm.OpElse:
			o := &open[len(open)-1]
			o.els, o.arms = most, true
			rest, most = 0, o.after
		case wasm.OpBlock, wasm.OpTryTable:
			open = open[:len(open)-1]
		case wasm.OpLoop:
			open = open[:len(open)-1]
			rest, most = 0, 0
		case wasm.OpIf:
			o := open[len(open)-1]
			open = open[:len(open)-1]
			if !o.arms {
				o.els = o.after
			}
			rest, most = 1, 1+max(most, o.els)
		case wasm.OpBr:
			rest, most = 1, 1+target(s.label)
		case wasm.OpBrIf:
			rest, most = 1, 1+max(most, target(s.label))
		case wasm.OpBrTable:
			rest, most = 1, 1
			for _, l := range s.labels {
				most = max(most, 1+target(l))
			}
		case wasm.OpReturn, wasm.OpUnreachable, wasm.OpReturnCall, wasm.OpReturnCallIndirect,
			wasm.OpThrow, wasm.OpThrowRef: // where that is caught asks
			rest, most = 1, 1
		case wasm.OpCall, wasm.OpCallIndirect:
			if s.asks {
				most = 0
			}
			rest, most = 1, most+1
		case wasm.OpMemoryCopy, wasm.OpMemoryFill:
			rest, most = 1, most+1
		default:
			rest, most = rest+1, most+1
		}
		out[i].rest, out[i].most = rest, most
		if out[i].asks {
			most = 0
		}
	}
}

// paceAt returns the pace of the instruction at pos.
func paceAt(ps []pace, pos int) *pace {
	lo, hi := 0, len(ps)
	for lo < hi {
		if mid := (lo + hi) / 2; ps[mid].pos < pos {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return &ps[lo]
}

// setPace notes at a point how far it is from there. Of a way in behind the head of its
// segment the host takes the rest; at a head the code does.
func (p *Point) setPace(ps []pace, base uint32) {
	pc := paceAt(ps, int(p.PC-base))
	p.Rest, p.Most = pc.rest, pc.most
	if p.Kind == Bulk || p.Kind == Jump || p.before && !pc.head {
		p.Ahead = pc.rest
	}
}

// Pace returns what is known of an entry when instructions are counted: how many it is
// to the end of its segment, how many of these the host takes from left for who enters
// there, and how many it is on the longest way to the next place that asks.
func (p *Plan) Pace(en Entry) (rest, ahead, most uint32) {
	pt := p.Point(en.Point)
	switch {
	case !en.Before:
		return pt.Rest, pt.Ahead, pt.Most
	case p.function(pt.Func).thunk:
		return 0, 0, 0
	}
	return 1, 1, 1 // the call itself
}

// MustStop reports whether a guest that asks at a point could run out, with left
// instructions to go, before it asks again. At a point inside a segment all of that has
// been counted.
func (p *Plan) MustStop(point int, left uint64) bool {
	pt := p.Point(point)
	return pt.Ahead == 0 && left < uint64(pt.Most)
}

// Counts reports whether instructions are counted.
func (p *Plan) Counts() bool { return p.count }

// beforeInstr writes what comes before any instruction: the end of a way in, and at the
// head of a segment its count.
func (e *emitter) beforeInstr() {
	if e.ways != nil {
		e.arrive(wayIn{pos: e.in.Pos, any: true})
	}
	if len(e.paces) == 0 {
		return
	}
	pc := e.paces[0]
	e.paces = e.paces[1:]
	if pt, ok := e.f.asks[pc.pos]; ok {
		e.asker = pt
	}
	if pc.head && !e.x.Unreachable() {
		e.takeSegment(&pc)
	}
	e.asker = -1
}

// takeSegment counts a segment, and stops the guest first where it asks and the guest
// could run out before it asks again.
func (e *emitter) takeSegment(pc *pace) {
	left := e.idx.global(e.p.lay.left)
	if e.asker >= 0 && pc.most > 0 {
		e.save()
		e.opU32(wasm.OpGlobalGet, left)
		e.out = wasm.AppendI64Const(e.out, int64(pc.most))
		e.op(wasm.OpI64LtS)
		e.block(wasm.OpIf)
		e.askHost(e.asker)
		e.endBlock()
	}
	if pc.rest > 0 {
		e.opU32(wasm.OpGlobalGet, left)
		e.out = wasm.AppendI64Const(e.out, int64(pc.rest))
		e.op(wasm.OpI64Sub)
		e.opU32(wasm.OpGlobalSet, left)
	}
}

// askedAt reports whether the guest is asked before an instruction that can be reached.
func (f *function) askedAt(pc *pace) bool { return pc.asks && pc.most > 0 }

// asking makes the number-th point of the function, at which it is asked before the
// instruction at pos, in construct con.
func (f *function) asking(pos, con int, base uint32, stack []wasm.ValType, number int) Point {
	if f.asks == nil {
		f.asks = map[int]int{}
	}
	f.asks[pos] = number
	for c := con; c >= 0 && !f.cons[c].points; c = f.cons[c].parent {
		f.cons[c].points = true
	}
	pc := base + uint32(pos)
	return Point{Func: f.index, Kind: Step, PC: pc, At: pc, Stack: append([]wasm.ValType{}, stack...),
		Target: -1, pos: pos, con: con, before: true}
}
