package rewrite

import "sojourn/interp/wasm"

// bulkChunk is how many bytes of a memory.copy or memory.fill run in one piece: some
// tens of microseconds. A longer one is cut, and its operands, which are in slots,
// always say what is left to do: stopping in the middle is to be about to do the rest.
const bulkChunk = 1 << 20

// bulk writes memory.copy or memory.fill:
//
//	block $rest
//	  loop
//	    n <= chunk, or out of bounds (which is for the instruction itself to say): br $rest
//	    …one chunk, from the end that overlap demands…
//	    …transfer…  i32.const $point  call $ask  if … return end
//	    br 0
//	  end
//	end
//	…what is left…
func (e *emitter) bulk(s *site) error {
	if e.ways != nil {
		e.arrive(wayIn{pos: e.in.Pos})
	}
	h := len(e.x.Stack())
	e.save()
	n, src, dst := e.slot(h-1, wasm.I32), e.slot(h-2, wasm.I32), e.slot(h-3, wasm.I32)
	for range 3 {
		e.op(wasm.OpDrop)
	}
	e.block(wasm.OpBlock)
	e.block(wasm.OpLoop)
	e.opU32(wasm.OpLocalGet, n)
	e.i32(bulkChunk)
	e.op(wasm.OpI32LeU)
	e.opU32(wasm.OpBrIf, 1)
	e.leaveIfOutside(dst, n)
	if e.in.Op == wasm.OpMemoryCopy {
		e.leaveIfOutside(src, n)
		e.copyChunk(dst, src, n)
	} else {
		e.opU32(wasm.OpLocalGet, dst)
		e.opU32(wasm.OpLocalGet, src)
		e.i32(bulkChunk)
		e.copy()
		e.add(dst, bulkChunk)
	}
	e.add(n, -bulkChunk)
	e.askHost(s.point)
	e.opU32(wasm.OpBr, 0)
	e.endBlock()
	e.endBlock()
	e.opU32(wasm.OpLocalGet, dst)
	e.opU32(wasm.OpLocalGet, src)
	e.opU32(wasm.OpLocalGet, n)
	e.copy()
	return e.step()
}

// leaveIfOutside branches out of the loop when at + n is beyond the memory's end.
func (e *emitter) leaveIfOutside(at, n uint32) {
	for _, l := range []uint32{at, n} {
		e.opU32(wasm.OpLocalGet, l)
		e.op(wasm.OpI64ExtendI32U)
	}
	e.op(wasm.OpI64Add)
	e.opU32(wasm.OpMemorySize, 0)
	e.op(wasm.OpI64ExtendI32U)
	e.out = wasm.AppendI64Const(e.out, 16)
	e.op(wasm.OpI64Shl)
	e.op(wasm.OpI64GtU)
	e.opU32(wasm.OpBrIf, 1)
}

// copyChunk copies the first chunk when the target is below the source, and the last
// one when it is not, as an overlap demands.
func (e *emitter) copyChunk(dst, src, n uint32) {
	e.opU32(wasm.OpLocalGet, dst)
	e.opU32(wasm.OpLocalGet, src)
	e.op(wasm.OpI32LeU)
	e.block(wasm.OpIf)
	e.opU32(wasm.OpLocalGet, dst)
	e.opU32(wasm.OpLocalGet, src)
	e.i32(bulkChunk)
	e.copy()
	e.add(dst, bulkChunk)
	e.add(src, bulkChunk)
	e.op(wasm.OpElse)
	for _, l := range []uint32{dst, src} {
		e.opU32(wasm.OpLocalGet, l)
		e.opU32(wasm.OpLocalGet, n)
		e.op(wasm.OpI32Add)
		e.i32(bulkChunk)
		e.op(wasm.OpI32Sub)
	}
	e.i32(bulkChunk)
	e.copy()
	e.endBlock()
}

func (e *emitter) add(local uint32, v int32) {
	e.opU32(wasm.OpLocalGet, local)
	e.i32(v)
	e.op(wasm.OpI32Add)
	e.opU32(wasm.OpLocalSet, local)
}
