package rewrite

import "sojourn/interp/wasm"

// heavyWork is how many instructions a call may run, with all that it calls, before
// some budget is taken. Above it the calls that add up to it are counted: 40
// functions that call the next one twice run for a year without a loop or a cycle.
const heavyWork = 1 << 12

// The call graph decides which functions can be on the stack when the guest stops,
// and which calls must take from the budget so that no path is endless without
// asking. Its nodes are the functions of Plan.ext and, behind them, one node for
// each function type that an indirect call uses, with an edge to each function that
// a reference can name. One depth-first walk does it: an edge back to a function
// that the walk is still in closes a cycle and is counted; when a function is left,
// all that it calls is known.
type graph struct {
	p      *Plan
	types  map[string]int // structure of a type -> its node, counted from 0
	byType [][]int        // functions (in fns) of each type node
	state  []uint8        // of each node
	work   []int          // instructions up to the next counted place, saturated
	susp   []bool
	cycle  []bool // type node: some function behind it closes a cycle
}

const (
	unseen uint8 = iota
	inside
	left
)

func (p *Plan) callGraph() {
	g := &graph{p: p, types: map[string]int{}}
	for i := range p.Module.Types {
		g.typeNode(uint32(i))
	}
	for _, f := range p.taken {
		if fn := p.function(f); fn != nil {
			t := g.typeNode(fn.typ)
			g.byType[t] = append(g.byType[t], p.ord(fn))
		}
	}
	n := len(p.fns) + len(g.byType)
	g.state, g.work, g.susp, g.cycle = make([]uint8, n), make([]int, n), make([]bool, n), make([]bool, n)
	for t := range g.byType { // a table of a linked guest may hold any module's functions
		g.susp[len(p.fns)+t], g.cycle[len(p.fns)+t] = p.link != nil, p.link != nil
	}
	for i := range p.fns {
		if g.state[i] == unseen {
			g.walk(i)
		}
	}
	for i := range p.fns {
		p.fns[i].suspends = p.count || g.susp[i]
	}
	p.typeSuspends = make([]bool, len(p.Module.Types))
	for i := range p.typeSuspends {
		p.typeSuspends[i] = p.count || g.susp[len(p.fns)+g.typeNode(uint32(i))]
	}
	// An indirect call is counted when any function behind its type closes a cycle.
	for i := range p.fns {
		for k := range p.fns[i].sites {
			s := &p.fns[i].sites[k]
			if s.indirect() && g.cycle[len(p.fns)+g.typeNode(s.target)] {
				s.counted = true
			}
		}
	}
}

func (p *Plan) ord(f *function) int {
	if f.thunk {
		for i := len(p.Module.Funcs); ; i++ {
			if p.fns[i].index == f.index {
				return i
			}
		}
	}
	return int(f.index - p.imported())
}

func (g *graph) typeNode(t uint32) int {
	ft := &g.p.Module.Types[t]
	key := make([]byte, 0, len(ft.Params)+len(ft.Results)+1)
	for _, v := range ft.Params {
		key = append(key, byte(v))
	}
	key = append(key, 0)
	for _, v := range ft.Results {
		key = append(key, byte(v))
	}
	if n, ok := g.types[string(key)]; ok {
		return n
	}
	n := len(g.byType)
	g.types[string(key)] = n
	g.byType = append(g.byType, nil)
	return n
}

// step is where the walk stands in one node.
type step struct{ node, next int }

// walk visits what can be reached from a node, without recursion: call chains of
// hostile modules are long.
func (g *graph) walk(root int) {
	stack := []step{{node: root}}
	g.state[root] = inside
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		to, more := g.edge(top.node, top.next)
		if !more {
			g.leave(top.node)
			stack = stack[:len(stack)-1]
			continue
		}
		top.next++
		if to < 0 {
			continue
		}
		switch g.state[to] {
		case unseen:
			g.state[to] = inside
			stack = append(stack, step{node: to})
		case inside:
			g.closes(top.node, top.next-1)
		}
	}
}

// edge returns where the i-th edge of a node leads, -1 where it leads out of the
// module, and whether there is one.
func (g *graph) edge(node, i int) (int, bool) {
	if t := node - len(g.p.fns); t >= 0 {
		if i >= len(g.byType[t]) {
			return 0, false
		}
		return g.byType[t][i], true
	}
	f := &g.p.fns[node]
	if i >= len(f.sites) {
		return 0, false
	}
	return g.target(&f.sites[i]), true
}

// target returns the node that a site calls, or -1.
func (g *graph) target(s *site) int {
	switch {
	case s.indirect():
		return len(g.p.fns) + g.typeNode(s.target)
	case s.calls() && s.target >= g.p.imported():
		return int(s.target - g.p.imported())
	case s.tail() && g.p.blocks(s.target):
		return g.p.ord(g.p.function(s.target)) // its thunk
	}
	return -1
}

func (g *graph) closes(node, edge int) {
	if node >= len(g.p.fns) {
		g.cycle[node] = true
		g.susp[node] = true
		return
	}
	g.p.fns[node].sites[edge].counted = true
}

// leave settles a node whose callees are settled, or are above it in a cycle whose
// closing call is counted.
func (g *graph) leave(node int) {
	g.state[node] = left
	if t := node - len(g.p.fns); t >= 0 {
		for _, f := range g.byType[t] {
			g.work[node] = max(g.work[node], g.work[f])
			g.susp[node] = g.susp[node] || g.susp[f]
		}
		return
	}
	f := &g.p.fns[node]
	work := f.instrs
	for i := range f.sites {
		s := &f.sites[i]
		to := g.target(s)
		switch {
		case s.op == wasm.OpLoop:
			g.susp[node] = g.susp[node] || f.cons[s.target].back
		case !s.calls(): // bulk, throw
			g.susp[node] = true
		case to < 0 && g.p.linked(s.target):
			s.counted, g.susp[node] = true, true
		case to < 0:
			g.susp[node] = g.susp[node] || g.p.blocks(s.target)
		default:
			g.susp[node] = g.susp[node] || g.susp[to] || s.counted
			work = min(work+g.work[to], 2*heavyWork)
		}
	}
	if work > heavyWork && work > f.instrs {
		f.heavy, g.susp[node] = true, true
		for i := range f.sites {
			if s := &f.sites[i]; g.target(s) >= 0 {
				s.counted = true
			}
		}
		work = min(f.instrs, heavyWork)
	}
	g.work[node] = work
}
