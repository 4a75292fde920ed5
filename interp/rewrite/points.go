package rewrite

import (
	"fmt"

	"sojourn/interp/wasm"
)

// findPoints numbers the places where frames can stop, with what is on the value
// stack and which locals are live there.
func (p *Plan) findPoints() error {
	found := make([][]Point, len(p.fns))
	err := p.each(func(f *function) error {
		if !f.suspends {
			return nil
		}
		i := p.ord(f)
		pts, err := p.functionPoints(f, i)
		found[i] = pts
		return err
	})
	if err != nil {
		return err
	}
	for i := range p.fns {
		f := &p.fns[i]
		f.first = len(p.Points)
		for pos := range f.asks {
			f.asks[pos] += f.first
		}
		for k := range f.sites {
			if f.sites[k].point >= 0 {
				f.sites[k].point += f.first
			}
		}
		p.Points = append(p.Points, found[i]...)
	}
	return p.checkNumbers()
}

// isPoint reports whether a frame of a function that suspends can stop at s.
func (p *Plan) isPoint(f *function, s *site) (Kind, bool) {
	switch s.op {
	case wasm.OpLoop:
		return Loop, f.cons[s.target].ticks
	case wasm.OpMemoryCopy, wasm.OpMemoryFill:
		return Bulk, true
	case wasm.OpCall:
		if p.linked(s.target) {
			return Call, true
		}
		if s.target < p.imported() {
			return Host, p.blocks(s.target)
		}
		return Call, s.counted || p.fns[s.target-p.imported()].suspends
	case wasm.OpReturnCall, wasm.OpReturnCallIndirect, wasm.OpThrow, wasm.OpThrowRef:
		return Jump, s.counted
	}
	return Call, s.counted || p.typeSuspends[s.target]
}

// before reports whether a frame that stops at the site is about to run it.
func (s *site) before() bool {
	return s.op == wasm.OpMemoryCopy || s.op == wasm.OpMemoryFill || s.tail() || s.throws()
}

// functionPoints finds the points of the i-th function of Plan.ext. Points of
// unreachable code are none.
func (p *Plan) functionPoints(f *function, i int) ([]Point, error) {
	x, err := p.types.New(i)
	if err != nil {
		return nil, fmt.Errorf("function %d: %w", f.index, err)
	}
	w := &finder{p: p, f: f, x: x, base: p.ext.Funcs[i].Offset, cons: walk{cons: f.cons, inside: -1}}
	if p.count && !f.thunk {
		w.paces = p.paces(f)
	}
	r := wasm.NewReader(p.ext, p.ext.Funcs[i].Body)
	for in := (wasm.Instr{}); ; {
		if ok, err := r.Next(&in); err != nil || !ok {
			break
		}
		if err := w.instr(&in); err != nil {
			return nil, err
		}
	}
	if w.paces != nil {
		for k := range w.pts {
			w.pts[k].setPace(w.paces, w.base)
		}
	}
	return w.pts, f.liveness(p, i, w.pts, func(values int) error { return p.holds(f, values) })
}

// finder finds the points of one function.
type finder struct {
	p     *Plan
	f     *function
	x     *wasm.Machine
	base  uint32 // of the body, in the Code section
	cons  walk
	paces []pace // nil when nothing is counted
	next  int    // site
	pts   []Point
}

// instr finds the points at one instruction.
func (w *finder) instr(in *wasm.Instr) error {
	if w.paces != nil && !w.x.Unreachable() && w.f.askedAt(paceAt(w.paces, in.Pos)) {
		stack, err := w.stack()
		if err != nil {
			return err
		}
		w.pts = append(w.pts, w.f.asking(in.Pos, w.cons.inside, w.base, stack, len(w.pts)))
	}
	w.cons.pass(in)
	s, kind := w.site(in)
	var stack []wasm.ValType
	var err error
	if s != nil && s.before() {
		if stack, err = w.stack(); err != nil {
			return err
		}
	}
	if err := w.x.Step(in); err != nil {
		return fmt.Errorf("function %d: %w", w.f.index, err)
	}
	if s == nil {
		return nil
	}
	if !s.before() {
		if stack, err = w.stack(); err != nil {
			return err
		}
	}
	w.add(s, kind, in, stack)
	return nil
}

// stack returns what is on the value stack, if there is room for it.
func (w *finder) stack() ([]wasm.ValType, error) {
	if err := w.p.holds(w.f, len(w.x.Stack())); err != nil {
		return nil, err
	}
	return append([]wasm.ValType{}, w.x.Stack()...), nil
}

// site returns the site that an instruction is, nil where no frame can stop.
func (w *finder) site(in *wasm.Instr) (*site, Kind) {
	if w.next >= len(w.f.sites) || w.f.sites[w.next].pos != in.Pos {
		return nil, 0
	}
	s := &w.f.sites[w.next]
	w.next++
	kind, is := w.p.isPoint(w.f, s)
	if !is || w.x.Unreachable() || kind == Jump && w.f.countedBefore(w.pts, w.next-1, w.base) {
		return nil, 0
	}
	return s, kind
}

func (w *finder) add(s *site, kind Kind, in *wasm.Instr, stack []wasm.ValType) {
	s.point = len(w.pts)
	w.pts = append(w.pts, w.p.newPoint(w.f, s, kind, in, stack))
	if kind == Loop {
		w.f.cons[s.target].points = true
	}
	for c := s.parent; c >= 0 && !w.f.cons[c].points; c = w.f.cons[c].parent {
		w.f.cons[c].points = true
	}
}

// maxValues bounds the live locals and stack values of all points of a module: each is
// some ten bytes of code that hand it over. CPython has two million.
const maxValues = 1 << 25

// holds counts n values of a point.
func (p *Plan) holds(f *function, n int) error {
	if p.values.Add(int64(n)) > maxValues {
		return fmt.Errorf("function %d (%s): with it, the frames that could stop in the module would have more than %d values to hand over", f.index, p.Module.FuncName(f.index), maxValues)
	}
	return nil
}

// countedBefore makes the call that ends where the k-th site, a tail call or a throw,
// begins count in its place. Points at both would be at the same instruction with the
// same state: a frame that has stopped at one would go on from the other, and stop at
// the first again.
func (f *function) countedBefore(pts []Point, k int, base uint32) bool {
	if len(pts) == 0 || k == 0 {
		return false
	}
	last, call := &pts[len(pts)-1], &f.sites[k-1]
	if last.Kind != Call && last.Kind != Host || call.point != len(pts)-1 || last.PC != base+uint32(f.sites[k].pos) {
		return false
	}
	if last.Kind == Call { // the host counts its own
		last.Counted, call.counted = true, true
	}
	return true
}

func (p *Plan) newPoint(f *function, s *site, kind Kind, in *wasm.Instr, stack []wasm.ValType) Point {
	base := p.ext.Funcs[p.ord(f)].Offset
	pt := Point{Func: f.index, Kind: kind, Stack: stack, pos: in.Pos, con: s.parent, Target: -1, Counted: s.counted && kind == Call,
		At: base + uint32(in.Pos), PC: base + uint32(in.Pos+in.Len)}
	switch kind {
	case Bulk, Jump:
		pt.PC = pt.At
	case Call, Host:
		pt.Callee = s.target
		if s.op == wasm.OpCall {
			pt.Target = int64(s.target)
			pt.Callee = p.typeOf(s.target)
		}
		pt.Results = len(p.Module.Types[pt.Callee].Results)
	}
	if f.thunk { // an import has no code of its own: see FORMAT.md
		pt.At, pt.PC = 0, 1
	}
	return pt
}

func (p *Plan) typeOf(fn uint32) uint32 {
	if fn < p.imported() {
		return p.funcImport(fn).Func
	}
	return p.Module.Funcs[fn-p.imported()].Type
}
