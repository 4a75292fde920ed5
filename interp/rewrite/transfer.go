package rewrite

import "sojourn/interp/wasm"

// A frame passes through the transfer globals, all of type i64: narrower values
// zero-extended, floats as their bits, a vector as two. A function reference is in
// the table of references in transfer, and its global says whether it is null. A
// reference of the host's is in a table of its own, and has no global.

// spill writes the frame that stops at a point to transfer.
func (e *emitter) spill(point int) {
	height := 0
	e.p.Values(Entry{Point: point}, func(local int, t wasm.ValType, x, ref int) {
		from := uint32(local)
		if local < 0 {
			from = e.slot(height, t)
			height++
		}
		e.toTransfer(from, t, x, ref)
	})
}

func (e *emitter) toTransfer(local uint32, t wasm.ValType, x, ref int) {
	to := func(k int) { e.opU32(wasm.OpGlobalSet, e.idx.global(e.p.lay.transfer+uint32(x+k))) }
	get := func() { e.opU32(wasm.OpLocalGet, local) }
	switch t {
	case wasm.ExternRef:
		e.i32(int32(ref))
		get()
		e.opU32(wasm.OpTableSet, e.idx.table(e.p.lay.externs))
		return
	case wasm.V128, wasm.ExnRef:
		for lane := range 2 {
			get()
			e.op(wasm.OpI64x2ExtractLane)
			e.out = append(e.out, byte(lane))
			to(lane)
		}
		return
	case wasm.FuncRef:
		e.i32(int32(ref))
		get()
		e.opU32(wasm.OpTableSet, e.idx.table(e.p.lay.moving))
		get()
		e.op(wasm.OpRefIsNull)
		e.op(wasm.OpI64ExtendI32U)
	case wasm.I32:
		get()
		e.op(wasm.OpI64ExtendI32U)
	case wasm.I64:
		get()
	case wasm.F32:
		get()
		e.op(wasm.OpI32ReinterpretF32)
		e.op(wasm.OpI64ExtendI32U)
	case wasm.F64:
		get()
		e.op(wasm.OpI64ReinterpretF64)
	}
	to(0)
}

// restore reads the frame of an entry from transfer into its locals and slots.
func (e *emitter) restore(in Entry) {
	height := 0
	e.p.Values(in, func(local int, t wasm.ValType, x, ref int) {
		to := uint32(local)
		if local < 0 {
			to = e.slot(height, t)
			height++
		}
		e.fromTransfer(t, x, ref)
		e.opU32(wasm.OpLocalSet, to)
	})
}

// fromTransfer pushes a value.
func (e *emitter) fromTransfer(t wasm.ValType, x, ref int) {
	from := func(k int) { e.opU32(wasm.OpGlobalGet, e.idx.global(e.p.lay.transfer+uint32(x+k))) }
	switch t {
	case wasm.ExternRef:
		e.i32(int32(ref))
		e.opU32(wasm.OpTableGet, e.idx.table(e.p.lay.externs))
	case wasm.V128, wasm.ExnRef:
		from(0)
		e.op(wasm.OpI64x2Splat)
		from(1)
		e.op(wasm.OpI64x2ReplaceLane)
		e.out = append(e.out, 1)
	case wasm.FuncRef:
		e.i32(int32(ref))
		e.opU32(wasm.OpTableGet, e.idx.table(e.p.lay.moving))
	case wasm.I32:
		from(0)
		e.op(wasm.OpI32WrapI64)
	case wasm.I64:
		from(0)
	case wasm.F32:
		from(0)
		e.op(wasm.OpI32WrapI64)
		e.op(wasm.OpF32ReinterpretI32)
	case wasm.F64:
		from(0)
		e.op(wasm.OpF64ReinterpretI64)
	}
}
