package rewrite

import (
	"fmt"
	"slices"
	"sync"

	"sojourn/interp/wasm"
)

// A program goes on from any instruction that can be reached, and not only from its
// own points: a snapshot may come from a program that counts instructions, or from
// rules that have changed since. Such a place becomes a point when it is asked for. A
// frame can be at it, and leave it; that the guest stops there needs code that says so
// (stride.go).

const (
	// maxAdHoc bounds the points that are made on demand for one plan: a snapshot
	// that nobody vouches for may name a million places.
	maxAdHoc = 1 << 16
	// maxAdHocValues bounds the locals and stack values of all of them.
	maxAdHocValues = 1 << 22
)

// place is an instruction: of a function in the author's index space.
type place struct{ fn, pc uint32 }

// adHoc are the points made on demand. They are numbered behind Plan.Points.
type adHoc struct {
	mu     sync.RWMutex
	points []*Point
	at     map[place]int // index in points
	values int           // locals and stack values of all
}

// Point returns the point with a number: one of Points, or one made on demand.
func (p *Plan) Point(i int) *Point {
	if i < len(p.Points) {
		return &p.Points[i]
	}
	p.more.mu.RLock()
	defer p.more.mu.RUnlock()
	return p.more.points[i-len(p.Points)]
}

// AdHoc reports whether a point was made on demand: no code but its own leads to it.
func (p *Plan) AdHoc(point int) bool { return point >= len(p.Points) }

// Add makes points of places in a function, so that Lookup finds them. It is cheaper
// for many places at once than Lookup is for each: both read the whole function.
func (p *Plan) Add(fn uint32, pcs ...uint32) error {
	f := p.function(fn)
	if f == nil || f.thunk {
		return nil // Lookup says what is wrong
	}
	p.more.mu.Lock()
	defer p.more.mu.Unlock()
	var missing []uint32
	for _, pc := range pcs {
		if _, ok := p.more.at[place{fn, pc}]; !ok {
			missing = append(missing, pc)
		}
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	if len(missing) == 0 {
		return nil
	}
	if n := len(p.more.points) + len(missing); n > maxAdHoc {
		return fmt.Errorf("%d places outside the module's own points; the limit is %d", n, maxAdHoc)
	}
	values := p.more.values
	pts, err := p.pointsAt(f, missing, func(n int) error {
		if values += n; values > maxAdHocValues {
			return fmt.Errorf("places outside the module's own points with more than %d values in all, which is the limit", maxAdHocValues)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.more.values = values
	if p.more.at == nil {
		p.more.at = map[place]int{}
	}
	for i := range pts {
		p.more.at[place{fn, pts[i].PC}] = len(p.more.points)
		p.more.points = append(p.more.points, &pts[i])
	}
	return nil
}

// findAdHoc finds a point that Add has made.
func (p *Plan) findAdHoc(fn, pc uint32, waiting bool) (Entry, bool) {
	p.more.mu.RLock()
	defer p.more.mu.RUnlock()
	i, ok := p.more.at[place{fn, pc}]
	if !ok || waiting && p.more.points[i].Kind != Call {
		return Entry{}, false
	}
	return Entry{Point: len(p.Points) + i}, true
}

// innermost returns a point at which the innermost frame can be at pc, with nothing of
// what is there done: that before a tail call has been counted.
func (p *Plan) innermost(f *function, pc uint32) (int, error) {
	if en, ok := p.find(f, pc, false); ok && !en.Before && p.Point(en.Point).Kind != Jump {
		return en.Point, nil
	}
	if err := p.Add(f.index, pc); err != nil {
		return 0, err
	}
	en, ok := p.findAdHoc(f.index, pc, false)
	if !ok {
		return 0, p.noPoint(f, pc, false)
	}
	return en.Point, nil
}

// pointsAt makes points of the given places, ascending, of a function. The values of
// each go to holds before there is room for them.
func (p *Plan) pointsAt(f *function, pcs []uint32, holds func(values int) error) ([]Point, error) {
	i := p.ord(f)
	x, err := p.types.New(i)
	if err != nil {
		return nil, err
	}
	var (
		pts  []Point
		in   wasm.Instr
		call wasm.Instr // the instruction before, when it is a call
		cons = walk{cons: f.cons, inside: -1}
		base = p.ext.Funcs[i].Offset
		r    = wasm.NewReader(p.ext, p.ext.Funcs[i].Body)
	)
	for len(pts) < len(pcs) {
		ok, err := r.Next(&in)
		if !ok || err != nil {
			break
		}
		at := base + uint32(in.Pos)
		if pcs[len(pts)] < at || pcs[len(pts)] == at && x.Unreachable() {
			break
		}
		if pcs[len(pts)] == at {
			if err := holds(len(x.Stack())); err != nil {
				return nil, err
			}
			pt := Point{Func: f.index, Kind: Step, PC: at, At: at, Stack: append([]wasm.ValType{}, x.Stack()...),
				Target: -1, pos: in.Pos, con: cons.inside, before: true}
			p.behind(&pt, &call, base)
			pts = append(pts, pt)
		}
		cons.pass(&in)
		if err := x.Step(&in); err != nil {
			return nil, err
		}
		call = wasm.Instr{}
		if in.Op == wasm.OpCall || in.Op == wasm.OpCallIndirect {
			call = in
		}
	}
	if len(pts) < len(pcs) {
		return nil, p.noPoint(f, pcs[len(pts)], false)
	}
	if p.count {
		paces := p.paces(f)
		for k := range pts {
			pts[k].setPace(paces, base)
		}
	}
	return pts, f.liveness(p, i, pts, holds)
}

// behind makes pt, which follows a call of the module's, a point where a frame can
// wait for the call to return.
func (p *Plan) behind(pt *Point, call *wasm.Instr, base uint32) {
	switch {
	case call.Op == wasm.OpCall && (uint32(call.A) >= p.imported() || p.linked(uint32(call.A))):
		pt.Target = int64(call.A)
		pt.Callee = p.typeOf(uint32(call.A))
	case call.Op == wasm.OpCallIndirect:
		pt.Callee = uint32(call.A)
	default:
		return
	}
	pt.Kind, pt.At = Call, base+uint32(call.Pos)
	pt.Results = len(p.Module.Types[pt.Callee].Results)
}

// walk follows a body through its constructs.
type walk struct {
	cons   []construct
	inside int // index of the innermost open one; -1 in the body itself
	next   int // how many were opened
}

// pass takes note that an instruction has been passed.
func (w *walk) pass(in *wasm.Instr) {
	switch in.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf, wasm.OpTryTable:
		w.inside = w.next
		w.next++
	case wasm.OpEnd:
		if w.inside >= 0 {
			w.inside = w.cons[w.inside].parent
		}
	}
}

// mostRefs returns how many references of type t a frame can hold at any instruction:
// those in transfer are in a table, whose size is fixed.
func (p *Plan) mostRefs(t wasm.ValType) int {
	most := make([]int, len(p.fns))
	_ = p.each(func(f *function) error {
		i := p.ord(f)
		x, err := p.types.New(i)
		if err != nil {
			return nil
		}
		held := count(f.locals, t)
		most[i] = held
		r := wasm.NewReader(p.ext, p.ext.Funcs[i].Body)
		for in := (wasm.Instr{}); ; {
			if ok, err := r.Next(&in); !ok || err != nil || x.Step(&in) != nil {
				return nil
			}
			most[i] = max(most[i], held+count(x.Stack(), t))
		}
	})
	return slices.Max(append(most, 0))
}

// count returns how many of the types are t.
func count(ts []wasm.ValType, t wasm.ValType) int {
	n := 0
	for _, u := range ts {
		if u == t {
			n++
		}
	}
	return n
}
