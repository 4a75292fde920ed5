package rewrite

import (
	"math/bits"

	"sojourn/interp/wasm"
)

// livenessWork bounds liveness analysis of one function, in words of bit set
// touched. Real functions stay far below; beyond it all locals count as live,
// which is slower and as right.
const livenessWork = 1 << 28

// livenessSets bounds the words of all sets that are kept for one function.
const livenessSets = 1 << 24

// liveness finds which locals each point needs: those read before they are written
// on some way on from it. It walks the body backwards, with a set for each label;
// the sets of loop heads start empty and grow, so the walk repeats until they stand.
type liveness struct {
	f     *function
	words int
	live  []uint64
	loops [][]uint64 // of each construct that is a loop: live at its head
	pts   []Point
	sets  [][]uint64 // result for each point
	free  [][]uint64

	// Of one pass.
	open    []label
	changed bool
	cost    int
}

// event is what liveness needs to know of one instruction.
type event struct {
	op     wasm.Opcode
	arg    uint32   // local, label, or index of the construct
	labels []uint32 // br_table
	point  int32    // that the instruction is, -1 if none
}

// jumps reports whether what is behind the instruction is never reached from it: its
// point is before it.
func (e *event) jumps() bool {
	switch e.op {
	case wasm.OpReturnCall, wasm.OpReturnCallIndirect, wasm.OpThrow, wasm.OpThrowRef:
		return true
	}
	return false
}

// liveness fills in the live locals of points, each of which holds may refuse.
func (f *function) liveness(p *Plan, i int, pts []Point, holds func(values int) error) error {
	if len(pts) == 0 {
		return nil
	}
	evs := f.events(p, i, pts)
	lv := &liveness{f: f, words: (len(f.locals) + 63) / 64, pts: pts}
	if !lv.solve(evs) {
		all := make([]uint32, len(f.locals))
		for k := range all {
			all[k] = uint32(k)
		}
		for k := range pts {
			if err := holds(len(all)); err != nil {
				return err
			}
			pts[k].Locals = all
		}
		return nil
	}
	for k := range pts {
		n := size(lv.sets[k])
		if err := holds(n); err != nil {
			return err
		}
		pts[k].Locals = members(lv.sets[k], n)
	}
	return nil
}

func (f *function) events(p *Plan, i int, pts []Point) []event {
	var (
		evs  []event
		in   wasm.Instr
		next int
		con  = -1
		open []int
		r    = wasm.NewReader(p.ext, p.ext.Funcs[i].Body)
	)
	for {
		ok, err := r.Next(&in)
		if !ok || err != nil {
			return evs
		}
		for next < len(pts) && pts[next].pos == in.Pos && pts[next].before {
			evs = append(evs, event{op: wasm.OpNop, point: int32(next)})
			next++
		}
		e := event{op: in.Op, arg: uint32(in.A), point: -1}
		if next < len(pts) && pts[next].pos == in.Pos {
			e.point = int32(next)
			next++
		}
		switch in.Op {
		case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee, wasm.OpBr, wasm.OpBrIf,
			wasm.OpReturn, wasm.OpUnreachable, wasm.OpReturnCall, wasm.OpReturnCallIndirect, wasm.OpThrow, wasm.OpThrowRef:
		case wasm.OpElse, wasm.OpEnd:
			e.arg = ^uint32(0)
			if len(open) > 0 {
				e.arg = uint32(open[len(open)-1])
				if in.Op == wasm.OpEnd {
					open = open[:len(open)-1]
				}
			}
		case wasm.OpCall, wasm.OpCallIndirect:
			if e.point < 0 && !p.exn.any {
				continue
			}
		case wasm.OpBlock, wasm.OpLoop, wasm.OpIf, wasm.OpTryTable:
			con++
			open = append(open, con)
			e.arg = uint32(con)
		case wasm.OpBrTable:
			e.labels = append([]uint32{}, in.Labels...)
		default:
			if e.point < 0 {
				continue
			}
		}
		evs = append(evs, e)
	}
}

// solve walks until the loop heads stand; false when that takes too much work.
func (lv *liveness) solve(evs []event) bool {
	if (len(lv.pts)+len(lv.f.cons))*lv.words > livenessSets {
		return false
	}
	lv.loops = make([][]uint64, len(lv.f.cons))
	lv.sets = make([][]uint64, len(lv.pts))
	for k := range lv.sets {
		lv.sets[k] = make([]uint64, lv.words)
	}
	for c := range lv.f.cons {
		if lv.f.cons[c].op == wasm.OpLoop {
			lv.loops[c] = make([]uint64, lv.words)
		}
	}
	for work := 0; ; {
		if work += len(evs) + len(lv.f.cons)*lv.words; work > livenessWork {
			return false
		}
		changed, cost := lv.pass(evs)
		if work += cost; !changed {
			return true
		}
	}
}

// label is an open construct of the backward walk.
type label struct {
	con   int      // -1: the function itself
	after []uint64 // live behind the construct, where a br to a block goes
	els   []uint64 // live at the start of the else arm, once it has been walked
	// handler is what is live where the exceptions of a try_table go, nil when it is
	// none: what is live where any of its clauses, or of those around it, leads.
	handler []uint64
}

// pass walks once; changed says that the set of some loop's head grew, and cost is in
// words touched.
func (lv *liveness) pass(evs []event) (changed bool, cost int) {
	lv.live, lv.open, lv.changed, lv.cost = make([]uint64, lv.words), nil, false, 0
	for i := len(evs) - 1; i >= 0; i-- {
		e := &evs[i]
		lv.throws(e)
		// A point of a loop is inside its head; that of a call is behind it, and
		// the call touches no local. One before an instruction is an event of its own.
		if e.point >= 0 && !e.jumps() {
			lv.at(e.point)
		}
		switch e.op {
		case wasm.OpEnd, wasm.OpElse:
			lv.enter(e)
		case wasm.OpBlock, wasm.OpLoop, wasm.OpIf, wasm.OpTryTable:
			lv.leave(e)
		default:
			lv.instr(e)
		}
		if e.point >= 0 && e.jumps() {
			lv.at(e.point)
		}
	}
	return lv.changed, lv.cost
}

// at notes what is live at a point.
func (lv *liveness) at(point int32) {
	copy(lv.sets[point], lv.live)
	lv.cost += lv.words
}

// throws adds what is live where an exception of the instruction would go.
func (lv *liveness) throws(e *event) {
	switch e.op {
	case wasm.OpThrow, wasm.OpThrowRef:
		clear(lv.live)
		fallthrough
	case wasm.OpCall, wasm.OpCallIndirect:
		lv.cost += lv.words
		lv.handled(lv.live)
	}
}

// handled adds what is live in the innermost handler around to set.
func (lv *liveness) handled(set []uint64) {
	for k := len(lv.open) - 1; k >= 0; k-- {
		if lv.open[k].handler != nil {
			union(set, lv.open[k].handler)
			return
		}
	}
}

// target returns what is live where label l leads.
func (lv *liveness) target(l uint32) []uint64 {
	o := &lv.open[len(lv.open)-1-int(l)]
	if o.con >= 0 && lv.f.cons[o.con].op == wasm.OpLoop {
		return lv.loops[o.con]
	}
	return o.after
}

// instr passes an instruction that opens and ends no construct.
func (lv *liveness) instr(e *event) {
	switch e.op {
	case wasm.OpLocalGet:
		lv.live[e.arg/64] |= 1 << (e.arg % 64)
	case wasm.OpLocalSet, wasm.OpLocalTee:
		lv.live[e.arg/64] &^= 1 << (e.arg % 64)
	case wasm.OpBr:
		copy(lv.live, lv.target(e.arg))
		lv.cost += lv.words
	case wasm.OpBrIf:
		union(lv.live, lv.target(e.arg))
		lv.cost += lv.words
	case wasm.OpBrTable:
		clear(lv.live)
		for _, l := range e.labels {
			union(lv.live, lv.target(l))
		}
		lv.cost += lv.words * (len(e.labels) + 1)
	case wasm.OpReturn, wasm.OpUnreachable, wasm.OpReturnCall, wasm.OpReturnCallIndirect:
		clear(lv.live)
		lv.cost += lv.words
	}
}

// enter passes the end of a construct, or of its first arm, into it.
func (lv *liveness) enter(e *event) {
	lv.cost += lv.words
	if e.op == wasm.OpElse {
		o := &lv.open[len(lv.open)-1]
		o.els = lv.copy()
		copy(lv.live, o.after)
		return
	}
	o := label{con: int(int32(e.arg)), after: lv.copy()}
	if o.con >= 0 && lv.f.cons[o.con].op == wasm.OpTryTable {
		catches := lv.f.cons[o.con].catches
		o.handler = lv.handler(catches)
		lv.cost += lv.words * (len(catches) + 1)
	}
	lv.open = append(lv.open, o)
}

// leave passes the start of a construct, out of it.
func (lv *liveness) leave(e *event) {
	o := lv.open[len(lv.open)-1]
	lv.open = lv.open[:len(lv.open)-1]
	switch {
	case e.op == wasm.OpLoop:
		lv.changed = grow(lv.loops[o.con], lv.live) || lv.changed
	case e.op == wasm.OpIf && o.els != nil:
		union(lv.live, o.els)
	case e.op == wasm.OpIf:
		union(lv.live, o.after)
	}
	lv.release(o.after)
	lv.release(o.els)
	lv.release(o.handler)
	lv.cost += lv.words
}

// handler returns what is live where exceptions that a try_table catches go, or where
// those around it would take them.
func (lv *liveness) handler(catches []wasm.Catch) []uint64 {
	set := lv.copy()
	clear(set)
	for _, c := range catches {
		union(set, lv.target(c.Label))
	}
	lv.handled(set)
	return set
}

func (lv *liveness) copy() []uint64 {
	var s []uint64
	if n := len(lv.free); n > 0 {
		s, lv.free = lv.free[n-1], lv.free[:n-1]
	} else {
		s = make([]uint64, lv.words)
	}
	copy(s, lv.live)
	return s
}

func (lv *liveness) release(s []uint64) {
	if s != nil {
		lv.free = append(lv.free, s)
	}
}

func union(dst, src []uint64) {
	for i, w := range src {
		dst[i] |= w
	}
}

// grow adds src to dst and reports whether dst changed.
func grow(dst, src []uint64) bool {
	changed := false
	for i, w := range src {
		changed = changed || w&^dst[i] != 0
		dst[i] |= w
	}
	return changed
}

// size returns how many members a set has.
func size(set []uint64) int {
	n := 0
	for _, w := range set {
		n += bits.OnesCount64(w)
	}
	return n
}

// members lists the n members of a set.
func members(set []uint64, n int) []uint32 {
	out := make([]uint32, 0, n)
	for i, w := range set {
		for ; w != 0; w &= w - 1 {
			out = append(out, uint32(i*64+bits.TrailingZeros64(w)))
		}
	}
	return out
}
