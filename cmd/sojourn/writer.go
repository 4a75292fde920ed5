package main

import "sojourn/interp/wasm"

// writerModule returns a program that fills so many pages of 64 KiB, of which half the bits are by
// chance, and then changes one number in each of batch pages of 4 KiB after the other about every
// millisecond, for ever. It sleeps in between.
//
//	(fill)
//	(loop $for-ever
//	  (local.set $n (i32.const BATCH))
//	  (loop $write                                     ;; not there when BATCH is 0
//	    (i32.store offset=2048 (local.get $i) (i32.add (i32.load offset=2048 (local.get $i)) (i32.const 1)))
//	    (local.set $i (select (i32.const 4096) (i32.add (local.get $i) (i32.const 4096)) ...at the end...))
//	    (br_if $write (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
//	  (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
//	  (br $for-ever))
func writerModule(pages, batch uint32) []byte {
	const i, n = 0, 1 // locals
	b := appendFill(nil, pages)
	b = appendSleep(b, 1_000_000)
	b = wasm.AppendI32Const(b, 4096)
	b = wasm.AppendOpU32(b, wasm.OpLocalSet, i)
	b = append(wasm.AppendOp(b, wasm.OpLoop), 0x40)
	if batch > 0 {
		b = wasm.AppendI32Const(b, int32(batch))
		b = wasm.AppendOpU32(b, wasm.OpLocalSet, n)
		b = append(wasm.AppendOp(b, wasm.OpLoop), 0x40)
		b = wasm.AppendOpU32(b, wasm.OpLocalGet, i)
		b = wasm.AppendOpU32(b, wasm.OpLocalGet, i)
		b = wasm.AppendMem(b, wasm.OpI32Load, 2, 2048)
		b = wasm.AppendI32Const(b, 1)
		b = wasm.AppendOp(b, wasm.OpI32Add)
		b = wasm.AppendMem(b, wasm.OpI32Store, 2, 2048)
		b = wasm.AppendI32Const(b, 4096)
		b = wasm.AppendOpU32(b, wasm.OpLocalGet, i)
		b = wasm.AppendI32Const(b, 4096)
		b = wasm.AppendOp(b, wasm.OpI32Add)
		b = wasm.AppendOpU32(b, wasm.OpLocalGet, i)
		b = wasm.AppendI32Const(b, int32(pages<<16-4096))
		b = wasm.AppendOp(b, wasm.OpI32GeU)
		b = wasm.AppendOp(b, wasm.OpSelect)
		b = wasm.AppendOpU32(b, wasm.OpLocalSet, i)
		b = wasm.AppendOpU32(b, wasm.OpLocalGet, n)
		b = wasm.AppendI32Const(b, 1)
		b = wasm.AppendOp(b, wasm.OpI32Sub)
		b = wasm.AppendOpU32(b, wasm.OpLocalTee, n)
		b = wasm.AppendOpU32(b, wasm.OpBrIf, 0)
		b = wasm.AppendOp(b, wasm.OpEnd)
	}
	for _, v := range []int32{0, 64, 1, 128} {
		b = wasm.AppendI32Const(b, v)
	}
	b = wasm.AppendOpU32(b, wasm.OpCall, 0)
	b = wasm.AppendOp(b, wasm.OpDrop)
	b = wasm.AppendOpU32(b, wasm.OpBr, 0)
	b = wasm.AppendOp(b, wasm.OpEnd)
	b = wasm.AppendOp(b, wasm.OpEnd)
	poll := wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32, wasm.I32}, Results: []wasm.ValType{wasm.I32}}
	m := wasm.Module{
		Types:    []wasm.FuncType{{}, poll},
		Imports:  []wasm.Import{{Module: "wasi_snapshot_preview1", Name: "poll_oneoff", Kind: wasm.KindFunc, Func: 1}},
		Funcs:    []wasm.Func{{Body: b, Locals: []wasm.LocalDecl{{Count: 2, Type: wasm.I32}}}},
		Memories: []wasm.Limits{{Min: pages, Max: pages, HasMax: true}},
		Exports:  []wasm.Export{{Name: "memory", Kind: wasm.KindMemory}, {Name: "_start", Kind: wasm.KindFunc, Index: 1}},
	}
	return m.Encode()
}

// appendSleep appends code that writes a subscription of poll_oneoff to address 0: the monotonic
// clock, so many nanoseconds from then.
func appendSleep(b []byte, nanoseconds int64) []byte {
	for at, v := range []int64{0, 0, 1, nanoseconds, 0, 0} {
		b = wasm.AppendI32Const(b, int32(8*at))
		b = wasm.AppendI64Const(b, v)
		b = wasm.AppendMem(b, wasm.OpI64Store, 3, 0)
	}
	return b
}
