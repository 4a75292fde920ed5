package gen

import "sojourn/interp/wasm"

// entryFunc begins a function that the host calls.
func (g *maker) entryFunc() *body {
	f := g.newBody(sig{})
	f.entry, f.next = true, g.imported()
	return f
}

// makeEntries makes the start function, if there is one, and _start, which shows in
// the end what has become of globals, tables and memory.
func (g *maker) makeEntries() []*body {
	var fs []*body
	if g.src.rare(4) {
		f := g.entryFunc()
		f.catchAll(func() { f.stmts(maxDepth) })
		fs = append(fs, f)
	}
	f := g.entryFunc()
	f.start(wasm.OpBlock, sig{}) // what branches out of it still shows itself
	f.push(nil, false)
	f.catchAll(func() {
		f.call(g.imported(), 1)
		f.stmts(maxDepth)
		if g.big {
			f.memoryOp(1)
			f.memoryOp(1)
		}
		f.call(g.imported()+1, 1)
		f.stmts(maxDepth)
	})
	f.close()
	for i := range g.globals {
		f.opU32(wasm.OpGlobalGet, i)
		f.show(g.globals[i].typ)
	}
	for t := range g.tables {
		f.showTable(t)
	}
	f.opU32(wasm.OpCall, g.end)
	return append(fs, f)
}

// addEntries puts them behind all functions that others call.
func (g *maker) addEntries(fs []*body) {
	var last uint32
	for i, f := range fs {
		last = uint32(g.imported() + len(g.m.Funcs))
		g.m.Funcs = append(g.m.Funcs, f.done(g.none))
		if i < len(fs)-1 {
			start := last
			g.m.Start = &start
		}
	}
	g.m.Exports = append(g.m.Exports, wasm.Export{Name: "_start", Kind: wasm.KindFunc, Index: last})
}

// show logs the value on the stack.
func (f *body) show(t typ) {
	switch t {
	case i32:
		f.op(wasm.OpI64ExtendI32S)
	case f32:
		f.op(wasm.OpI32ReinterpretF32)
		f.op(wasm.OpI64ExtendI32U)
	case f64:
		f.op(wasm.OpI64ReinterpretF64)
	case v128:
		v := f.temp(v128)
		f.opU32(wasm.OpLocalTee, v)
		f.op(wasm.OpI64x2ExtractLane)
		f.b = append(f.b, 1)
		f.opU32(wasm.OpCall, f.log)
		f.opU32(wasm.OpLocalGet, v)
		f.op(wasm.OpI64x2ExtractLane)
		f.b = append(f.b, 0)
	case refA, refB, ext:
		f.op(wasm.OpRefIsNull)
		f.op(wasm.OpI64ExtendI32U)
	}
	f.opU32(wasm.OpCall, f.log)
}

// showTable logs a table's size, and for each element whether it is null and what the
// function answers.
func (f *body) showTable(t int) {
	i := f.local(i32)
	f.opU32(wasm.OpTableSize, t)
	f.show(i32)
	f.start(wasm.OpBlock, sig{})
	f.start(wasm.OpLoop, sig{})
	f.opU32(wasm.OpLocalGet, i)
	f.opU32(wasm.OpTableSize, t)
	f.op(wasm.OpI32GeU)
	f.opU32(wasm.OpBrIf, 1)
	f.opU32(wasm.OpLocalGet, i)
	f.opU32(wasm.OpTableGet, t)
	f.show(ext)
	if class := f.tables[t].class; class != ext {
		f.showFunction(t, i, f.sigs[class-refA])
	}
	f.opU32(wasm.OpLocalGet, i)
	f.i32(1)
	f.op(wasm.OpI32Add)
	f.opU32(wasm.OpLocalSet, i)
	f.opU32(wasm.OpBr, 0)
	f.op(wasm.OpEnd)
	f.op(wasm.OpEnd)
}

func (f *body) showFunction(t, i int, s sig) {
	f.opU32(wasm.OpLocalGet, i)
	f.opU32(wasm.OpTableGet, t)
	f.op(wasm.OpRefIsNull)
	f.op(wasm.OpI32Eqz)
	f.start(wasm.OpIf, sig{})
	for _, p := range s.params { // at depth 0
		f.zero(p)
	}
	f.opU32(wasm.OpLocalGet, i)
	class := int(f.tables[t].class - refA)
	f.b = wasm.AppendCallIndirect(f.b, uint32(class), uint32(t))
	for k := len(s.results) - 1; k >= 0; k-- {
		f.show(s.results[k])
	}
	f.op(wasm.OpEnd)
}
