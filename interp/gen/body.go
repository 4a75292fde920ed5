package gen

import "sojourn/interp/wasm"

// Bounds on one function: what is chosen beyond them is the smallest.
const (
	maxBody  = 4 << 10 // bytes
	maxDepth = 4       // of expressions and constructs inside each other
	maxStmts = 8       // in one sequence
)

// body is a function that is being made.
type body struct {
	*maker
	b      []byte
	sig    sig
	locals []typ // parameters first
	args   int
	open   int      // how many of them statements use: the others are the generator's own
	labels []target // open, innermost last
	leaf   bool
	entry  bool // has no parameters: the depth handed down is a constant
	next   int
	temps  [types]int // one local a type that is read where it was written
}

// target is what a branch to a label takes, and where it goes.
type target struct {
	types []typ
	loop  bool
}

func (f *body) op(op wasm.Opcode)             { f.b = wasm.AppendOp(f.b, op) }
func (f *body) opU32(op wasm.Opcode, v int)   { f.b = wasm.AppendOpU32(f.b, op, uint32(v)) }
func (f *body) i32(v int)                     { f.b = wasm.AppendI32Const(f.b, int32(v)) }
func (f *body) start(op wasm.Opcode, s sig)   { f.b = f.blockType(f.b, op, s) }
func (f *body) zero(t typ)                    { f.b = wasm.AppendZero(f.b, valTypes[t]) }
func (f *body) local(t typ) int               { f.locals = append(f.locals, t); return len(f.locals) - 1 }
func (f *body) push(types []typ, isLoop bool) { f.labels = append(f.labels, target{types, isLoop}) }

func (f *body) close() {
	f.op(wasm.OpEnd)
	f.labels = f.labels[:len(f.labels)-1]
}

func (g *maker) newBody(s sig) *body {
	f := &body{maker: g, sig: s, args: len(s.params), locals: append([]typ{}, s.params...)}
	for range g.src.n(7) {
		f.local(g.someType())
	}
	f.open = len(f.locals)
	for t := range types {
		f.temps[t] = -1
	}
	f.push(s.results, false)
	return f
}

func (f *body) temp(t typ) int {
	if f.temps[t] < 0 {
		f.temps[t] = f.local(t)
	}
	return f.temps[t]
}

// done ends the body.
func (f *body) done(typ int) wasm.Func {
	f.close()
	fn := wasm.Func{Type: uint32(typ), Body: f.b}
	for _, t := range f.locals[f.args:] {
		fn.Locals = append(fn.Locals, wasm.LocalDecl{Count: 1, Type: valTypes[t]})
	}
	return fn
}

// makeFunc makes function i of the index space. At depth 0, or without fuel, it
// answers with constants of its own at once.
func (g *maker) makeFunc(i int) wasm.Func {
	fn := g.funcs[i]
	f := g.newBody(g.sigs[fn.sig])
	f.leaf, f.next = fn.leaf, fn.next
	f.opU32(wasm.OpLocalGet, 0)
	f.i32(0)
	f.op(wasm.OpI32LeS)
	if !f.leaf {
		f.burn()
		f.op(wasm.OpI32Eqz)
		f.op(wasm.OpI32Or)
	}
	f.start(wasm.OpIf, sig{})
	f.push(nil, false)
	for _, t := range f.sig.results {
		f.own(t, i)
	}
	f.op(wasm.OpReturn)
	f.close()
	if fn.high && fn.next < len(g.funcs) {
		for range 3 {
			f.call(fn.next, 0)
		}
	}
	f.stmts(maxDepth)
	f.seq(f.sig.results, maxDepth)
	return f.done(fn.sig)
}

// own pushes a constant that tells function i from others.
func (f *body) own(t typ, i int) {
	switch t {
	case i32:
		f.i32(1000 + i)
	case i64:
		f.b = wasm.AppendI64Const(f.b, int64(2000+i))
	case f64:
		f.b = wasm.AppendF64Const(f.b, uint64(i))
	default:
		f.zero(t)
	}
}

// burn takes from the fuel, and pushes whether there is some left.
func (f *body) burn() {
	f.opU32(wasm.OpGlobalGet, fuel)
	f.i32(1)
	f.op(wasm.OpI32Sub)
	f.opU32(wasm.OpGlobalSet, fuel)
	f.opU32(wasm.OpGlobalGet, fuel)
	f.i32(0)
	f.op(wasm.OpI32GtS)
}

func (f *body) full() bool { return len(f.b) > maxBody }

// stmts makes a sequence of statements. Each leaves the stack as it was.
func (f *body) stmts(d int) {
	for range maxStmts {
		end := f.src.span()
		if f.full() || f.src.n(4) == 0 {
			return
		}
		f.stmt(d)
		end()
	}
}

// seq pushes values of the given types.
func (f *body) seq(ts []typ, d int) {
	if len(ts) > 1 && d > 0 && !f.full() {
		switch f.src.n(4) {
		case 2:
			f.construct(ts, d-1)
			return
		case 3:
			if f.callFor(ts, d-1) {
				return
			}
		}
	}
	for _, t := range ts {
		f.expr(t, d)
	}
}

// keep takes the value of type t off the stack.
func (f *body) keep(t typ) {
	if l, ok := f.localOf(t); ok && f.src.n(3) > 0 {
		f.opU32(wasm.OpLocalSet, l)
		return
	}
	if g, ok := f.globalOf(t, true); ok && f.src.n(2) > 0 {
		f.opU32(wasm.OpGlobalSet, g)
		return
	}
	f.op(wasm.OpDrop)
}

func (f *body) keepAll(ts []typ) {
	for i := len(ts) - 1; i >= 0; i-- {
		f.keep(ts[i])
	}
}

func (f *body) dropAll(n int) {
	for range n {
		f.op(wasm.OpDrop)
	}
}

// localOf chooses a local that can be written: the depth cannot.
func (f *body) localOf(t typ) (int, bool) {
	var ls []int
	for i, l := range f.locals[:f.open] {
		if l == t && (i > 0 || f.entry) {
			ls = append(ls, i)
		}
	}
	if len(ls) == 0 {
		return 0, false
	}
	return ls[f.src.n(len(ls))], true
}

func (f *body) globalOf(t typ, write bool) (int, bool) {
	var gs []int
	for i, g := range f.globals[firstGlobal:] {
		if g.typ == t && (g.mutable || !write) {
			gs = append(gs, firstGlobal+i)
		}
	}
	if len(gs) == 0 {
		return 0, false
	}
	return gs[f.src.n(len(gs))], true
}

// tableOf chooses a table of a class.
func (f *body) tableOf(class typ) (int, bool) {
	var ts []int
	for i, t := range f.tables {
		if t.class == class && t.size > 0 {
			ts = append(ts, i)
		}
	}
	if len(ts) == 0 {
		return 0, false
	}
	return ts[f.src.n(len(ts))], true
}

// masked pushes a small number.
func (f *body) masked(mask, d int) {
	f.expr(i32, d)
	f.i32(mask)
	f.op(wasm.OpI32And)
}

// element pushes an index into table t: a valid one, but for when it is empty, and
// now and then.
func (f *body) element(t, d int) {
	f.expr(i32, d)
	if f.src.rare(40) {
		return
	}
	f.opU32(wasm.OpTableSize, t)
	f.i32(1)
	f.opU32(wasm.OpTableSize, t)
	f.op(wasm.OpSelect)
	f.op(wasm.OpI32RemU)
}
