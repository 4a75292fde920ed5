package gen

import "sojourn/interp/wasm"

// expr pushes a value of type t.
func (f *body) expr(t typ, d int) {
	defer f.src.span()()
	if d <= 0 || f.full() {
		f.leafExpr(t)
		return
	}
	switch f.src.n(16) {
	case 0, 1, 2:
		f.leafExpr(t)
	case 3:
		f.selectExpr(t, d-1)
	case 4, 5:
		f.construct([]typ{t}, d-1)
	case 6, 7:
		if !f.callFor([]typ{t}, d-1) {
			f.leafExpr(t)
		}
	case 8:
		f.tee(t, d-1)
	case 9:
		f.special(t, d-1)
	default:
		if t.isRef() {
			f.special(t, d-1)
		} else {
			f.numeric(t, d-1)
		}
	}
}

// leafExpr pushes a constant, a local or a global.
func (f *body) leafExpr(t typ) {
	switch f.src.n(4) {
	case 1, 2:
		for i, l := range f.locals[:f.open] {
			if l == t && f.src.n(2) == 0 {
				f.opU32(wasm.OpLocalGet, i)
				return
			}
		}
	case 3:
		if g, ok := f.globalOf(t, false); ok {
			f.opU32(wasm.OpGlobalGet, g)
			return
		}
	}
	f.b = f.constant(f.b, t)
}

func (f *body) selectExpr(t typ, d int) {
	if t == exn { // wazero knows no such select
		f.leafExpr(t)
		return
	}
	f.expr(t, d)
	f.expr(t, d)
	f.expr(i32, d)
	if t.isRef() || f.src.n(2) == 1 {
		f.b = wasm.AppendSelect(f.b, valTypes[t])
	} else {
		f.op(wasm.OpSelect)
	}
}

func (f *body) tee(t typ, d int) {
	f.expr(t, d)
	if l, ok := f.localOf(t); ok {
		f.opU32(wasm.OpLocalTee, l)
	}
}

// special pushes what only some instruction gives.
func (f *body) special(t typ, d int) {
	switch t {
	case refA, refB, ext:
		if tb, ok := f.tableOf(t); ok {
			f.element(tb, d)
			f.opU32(wasm.OpTableGet, tb)
			return
		}
	case i32:
		f.specialNumber(d)
		return
	}
	f.leafExpr(t)
}

func (f *body) specialNumber(d int) {
	switch f.src.n(4) {
	case 0:
		f.opU32(wasm.OpMemorySize, 0)
	case 1:
		f.masked(1, d)
		f.opU32(wasm.OpMemoryGrow, 0)
	case 2:
		f.expr(refA+typ(f.src.n(3)), d)
		f.op(wasm.OpRefIsNull)
	case 3:
		if len(f.tables) == 0 {
			f.i32(7)
			return
		}
		t := f.src.n(len(f.tables))
		if f.src.n(2) == 0 {
			f.opU32(wasm.OpTableSize, t)
			return
		}
		f.expr(f.tables[t].class, d)
		f.masked(3, d)
		f.opU32(wasm.OpTableGrow, t)
	}
}

// numeric applies an instruction of the table.
func (f *body) numeric(t typ, d int) {
	list := byResult[t]
	in := list[(f.src.n(256)<<8|f.src.n(256))%len(list)]
	if in.kind == trunc && !f.src.rare(8) {
		in = list[0]
	}
	f.apply(in, d)
	if in.kind == nan {
		f.canonical(t, in.single)
	}
}

// store writes memory.
func (f *body) store(d int) {
	list := byResult[types]
	f.apply(list[f.src.n(len(list))], d)
}

// apply pushes the operands of an instruction, and writes it.
func (f *body) apply(in instr, d int) {
	memory := in.kind >= mem0
	for i, t := range in.in {
		switch {
		case memory && i == 0 && !f.src.rare(64):
			f.masked(0xfff, d)
		default:
			f.expr(t, d)
		}
	}
	if in.kind == div && !f.src.rare(16) {
		f.safeDivisor(in.in[1])
	}
	f.op(in.op)
	switch {
	case in.kind >= memLane0:
		width := int(in.kind - memLane0)
		f.memarg(width)
		f.b = append(f.b, byte(f.src.n(16>>width)))
	case memory:
		f.memarg(int(in.kind - mem0))
	case in.kind >= lanes2 && in.kind <= lanes16:
		f.b = append(f.b, byte(f.src.n(2<<(in.kind-lanes2))))
	case in.kind == shuffle:
		for range 16 {
			f.b = append(f.b, byte(f.src.n(32)))
		}
	}
}

func (f *body) memarg(align int) {
	f.b = wasm.AppendU32(f.b, uint32(f.src.n(align+1)))
	f.b = wasm.AppendU32(f.b, uint32(f.src.n(64)))
}

// safeDivisor makes the divisor on the stack neither 0 nor -1.
func (f *body) safeDivisor(t typ) {
	if t == i32 {
		f.i32(0xff)
		f.op(wasm.OpI32And)
		f.i32(1)
		f.op(wasm.OpI32Or)
		return
	}
	f.b = wasm.AppendI64Const(f.b, 0xff)
	f.op(wasm.OpI64And)
	f.b = wasm.AppendI64Const(f.b, 1)
	f.op(wasm.OpI64Or)
}

// canonical makes any NaN on the stack, or in a lane, the same one.
func (f *body) canonical(t typ, single bool) {
	v := f.temp(t)
	f.opU32(wasm.OpLocalTee, v)
	eq := wasm.OpF32Eq
	switch {
	case t == f32:
		f.b = wasm.AppendF32Const(f.b, 0x7fc00000)
	case t == f64:
		f.b, eq = wasm.AppendF64Const(f.b, 0x7ff8000000000000), wasm.OpF64Eq
	case single:
		f.b, eq = wasm.AppendV128Const(f.b, 0x7fc000007fc00000, 0x7fc000007fc00000), wasm.OpF32x4Eq
	default:
		f.b, eq = wasm.AppendV128Const(f.b, 0x7ff8000000000000, 0x7ff8000000000000), wasm.OpF64x2Eq
	}
	f.opU32(wasm.OpLocalGet, v)
	f.opU32(wasm.OpLocalGet, v)
	f.op(eq)
	if t == v128 {
		f.op(wasm.OpV128Bitselect)
	} else {
		f.op(wasm.OpSelect)
	}
}
