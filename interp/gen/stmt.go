package gen

import (
	"slices"

	"sojourn/interp/wasm"
)

// stmt makes one statement.
func (f *body) stmt(d int) {
	if d <= 0 {
		f.set(0)
		return
	}
	d--
	switch f.src.n(22) {
	case 0, 1, 2:
		f.set(d)
	case 3, 4:
		f.store(d)
	case 5, 6, 7:
		f.construct(nil, d)
	case 8, 9:
		f.callAny(d)
	case 10:
		f.callReference(d)
	case 11, 12:
		f.branch(d)
	case 13:
		f.branchTable(d)
	case 14, 15:
		f.tableOp(d)
	case 16:
		f.memoryOp(d)
	case 17:
		f.logExpr(d)
	case 18:
		f.segmentOp(d)
	case 19:
		f.leave(d)
	case 20, 21:
		f.try(d)
	}
}

// set evaluates something and keeps it.
func (f *body) set(d int) {
	t := f.someType()
	f.expr(t, d)
	f.keep(t)
}

func (f *body) logExpr(d int) {
	f.expr(i64, d)
	f.opU32(wasm.OpCall, f.log)
}

// construct makes a block, loop or if that pushes results. Its parameters lie on the
// stack while statements inside run.
func (f *body) construct(results []typ, d int) {
	s := sig{results: results}
	for range f.src.n(3) {
		s.params = append(s.params, f.someType())
	}
	kind := f.src.n(3)
	if kind == 1 && f.leaf {
		kind = 0
	}
	short := kind == 2 && f.src.n(3) == 0 // no else arm
	if short {
		s.params = results
	}
	f.seq(s.params, d)
	op := [...]wasm.Opcode{wasm.OpBlock, wasm.OpLoop, wasm.OpIf}[kind]
	if op == wasm.OpIf {
		f.expr(i32, d)
	}
	f.start(op, s)
	if op == wasm.OpLoop {
		f.push(s.params, true)
	} else {
		f.push(results, false)
	}
	f.arm(s, d)
	if op == wasm.OpIf && !short {
		f.op(wasm.OpElse)
		f.arm(s, d)
	}
	f.close()
}

// arm makes what is inside a construct.
func (f *body) arm(s sig, d int) {
	late := f.src.n(2) == 1
	if late {
		f.stmts(d)
	}
	f.keepAll(s.params)
	if !late {
		f.stmts(d)
	}
	if l := f.labels[len(f.labels)-1]; l.loop && f.src.n(4) > 0 {
		f.branchTo(0, d)
	}
	f.seq(s.results, d)
}

// branch leaves some construct, or goes round a loop again.
func (f *body) branch(d int) {
	depth := f.src.n(len(f.labels))
	if f.labels[len(f.labels)-1-depth].loop || f.src.n(3) > 0 {
		f.branchTo(depth, d)
		return
	}
	f.when(d, func(depth int) {
		f.seq(f.labels[len(f.labels)-1-depth].types, d)
		f.opU32(wasm.OpBr, depth)
	}, depth)
}

// when makes an if without a result around what do makes: for what does not come back.
func (f *body) when(d int, do func(depth int), depth int) {
	if f.src.rare(8) { // what follows is dead code
		do(depth)
		return
	}
	f.expr(i32, d)
	f.start(wasm.OpIf, sig{})
	f.push(nil, false)
	do(depth + 1)
	f.close()
}

// branchTo makes a conditional branch; one back takes fuel.
func (f *body) branchTo(depth, d int) {
	l := f.labels[len(f.labels)-1-depth]
	f.seq(l.types, d)
	if l.loop {
		f.round(d)
	} else {
		f.expr(i32, d)
	}
	f.opU32(wasm.OpBrIf, depth)
	f.keepAll(l.types)
}

// round takes fuel, and pushes whether a loop goes round again: more often than not
// some times.
func (f *body) round(d int) {
	if f.src.n(3) == 0 {
		f.expr(i32, d)
	} else {
		f.opU32(wasm.OpGlobalGet, fuel)
		f.i32(4<<f.src.n(4) - 1)
		f.op(wasm.OpI32RemU)
		f.i32(0)
		f.op(wasm.OpI32Ne)
	}
	f.burn()
	f.op(wasm.OpI32And)
}

// branchTable branches to one of the labels that take what some label takes. The
// default is not a loop, and is where it goes without fuel.
func (f *body) branchTable(d int) {
	f.start(wasm.OpBlock, sig{})
	f.push(nil, false)
	defer f.close()
	last := f.src.n(len(f.labels))
	to := f.labels[len(f.labels)-1-last]
	if to.loop {
		last, to = 0, f.labels[len(f.labels)-1]
	}
	var fit []uint32
	for k := range f.labels {
		if slices.Equal(f.labels[len(f.labels)-1-k].types, to.types) {
			fit = append(fit, uint32(k))
		}
	}
	var ls []uint32
	for range f.src.n(5) {
		ls = append(ls, fit[f.src.n(len(fit))])
	}
	f.seq(to.types, d)
	f.masked(7, d)
	f.i32(len(ls))
	f.burn()
	f.op(wasm.OpSelect)
	f.b = wasm.AppendBrTable(f.b, append(ls, uint32(last)))
}

// leave ends the function, or seldom the program.
func (f *body) leave(d int) {
	f.when(d, func(int) {
		switch f.src.n(12) {
		case 8, 9:
			f.tailCall(d)
		case 10, 11:
			f.throw(d)
		case 7:
			f.op(wasm.OpUnreachable)
		case 6:
			f.i32(3)
			f.opU32(wasm.OpCall, f.exit)
		default:
			f.seq(f.sig.results, d)
			f.op(wasm.OpReturn)
		}
	}, 0)
}

// callees lists what the function can call, imports first.
func (f *body) callees(fit func(sig) bool) []int {
	var fs []int
	for i := range f.funcs {
		if f.leaf || i <= f.exit || i >= f.imported() && i < f.next {
			continue
		}
		if fit(f.sigs[f.funcs[i].sig]) {
			fs = append(fs, i)
		}
	}
	return fs
}

func (f *body) callAny(d int) {
	fs := f.callees(func(sig) bool { return true })
	if len(fs) == 0 {
		f.set(d)
		return
	}
	f.call(fs[f.src.n(len(fs))], d)
}

// callFor calls a function whose first results are ts, and drops the others.
func (f *body) callFor(ts []typ, d int) bool {
	fs := f.callees(func(s sig) bool { return len(s.results) >= len(ts) && slices.Equal(s.results[:len(ts)], ts) })
	if len(fs) == 0 {
		return false
	}
	fn := fs[f.src.n(len(fs))]
	s := f.sigs[f.funcs[fn].sig]
	f.arguments(s, d)
	f.opU32(wasm.OpCall, fn)
	f.dropAll(len(s.results) - len(ts))
	return true
}

func (f *body) call(fn, d int) {
	s := f.sigs[f.funcs[fn].sig]
	f.arguments(s, d)
	f.opU32(wasm.OpCall, fn)
	f.keepAll(s.results)
}

// arguments pushes the depth, one less, and the rest.
func (f *body) arguments(s sig, d int) {
	if f.entry {
		f.i32(2 + f.src.n(9))
	} else {
		f.opU32(wasm.OpLocalGet, 0)
		f.i32(1)
		f.op(wasm.OpI32Sub)
	}
	f.seq(s.params[1:], d)
}

// callReference puts a reference into a table, unless one is to be found there, and
// calls it through its type.
func (f *body) callReference(d int) {
	class := refA + typ(f.src.n(2))
	t, ok := f.tableOf(class)
	if !ok || f.leaf {
		f.set(d)
		return
	}
	at := f.local(i32)
	f.element(t, d)
	f.opU32(wasm.OpLocalSet, at)
	if f.src.n(2) == 0 {
		f.opU32(wasm.OpLocalGet, at)
		f.expr(class, d)
		f.opU32(wasm.OpTableSet, t)
	}
	careless := f.src.rare(24)
	s := f.sigs[class-refA]
	f.arguments(s, d)
	f.opU32(wasm.OpLocalGet, at)
	if !careless {
		f.orAnother(t, at)
	}
	f.b = wasm.AppendCallIndirect(f.b, uint32(class-refA), uint32(t))
	f.keepAll(s.results)
}

// orAnother follows an index on the stack: it puts a function there if there is none.
// The index may have changed since, or the table.
func (f *body) orAnother(t, at int) {
	f.opU32(wasm.OpLocalTee, at)
	f.opU32(wasm.OpTableGet, t)
	f.op(wasm.OpRefIsNull)
	f.start(wasm.OpIf, sig{})
	f.opU32(wasm.OpLocalGet, at)
	f.opU32(wasm.OpRefFunc, int(f.ofClass(f.tables[t].class)))
	f.opU32(wasm.OpTableSet, t)
	f.op(wasm.OpEnd)
	f.opU32(wasm.OpLocalGet, at)
}
