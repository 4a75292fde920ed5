package main

import "sojourn/interp/wasm"

// touchModule returns a program that fills so many pages of 64 KiB with numbers of which
// half the bits are by chance, and then counts for ever.
//
//	(loop $fill
//	  (i32.store (local.get $i) (i32.or (i32.and (i32.mul (local.get $i) PRIME) 0x00ff00ff) 1))
//	  (local.set $i (i32.add (local.get $i) 4))
//	  (br_if $fill (i32.lt_u (local.get $i) SIZE)))
//	(loop $for-ever (br $for-ever))
func touchModule(pages uint32) []byte {
	b := appendFill(nil, pages)
	b = wasm.AppendOp(b, wasm.OpLoop)
	b = append(b, 0x40)
	b = wasm.AppendOpU32(b, wasm.OpBr, 0)
	b = wasm.AppendOp(b, wasm.OpEnd)
	b = wasm.AppendOp(b, wasm.OpEnd)
	m := wasm.Module{
		Types:    []wasm.FuncType{{}},
		Funcs:    []wasm.Func{{Body: b, Locals: []wasm.LocalDecl{{Count: 1, Type: wasm.I32}}}},
		Memories: []wasm.Limits{{Min: pages, Max: pages, HasMax: true}},
		Exports:  []wasm.Export{{Name: "memory", Kind: wasm.KindMemory}, {Name: "_start", Kind: wasm.KindFunc}},
	}
	return m.Encode()
}

// appendFill appends $fill; local 0 is $i.
func appendFill(b []byte, pages uint32) []byte {
	num := func(v int32) { b = wasm.AppendI32Const(b, v) }
	op := func(o wasm.Opcode) { b = wasm.AppendOp(b, o) }
	local := func(o wasm.Opcode) { b = wasm.AppendOpU32(b, o, 0) }

	b = wasm.AppendOp(b, wasm.OpLoop)
	b = append(b, 0x40)
	local(wasm.OpLocalGet)
	local(wasm.OpLocalGet)
	num(-1640531535) // 2654435761: the golden ratio's
	op(wasm.OpI32Mul)
	num(0x00ff00ff)
	op(wasm.OpI32And)
	num(1)
	op(wasm.OpI32Or)
	b = wasm.AppendMem(b, wasm.OpI32Store, 2, 0)
	local(wasm.OpLocalGet)
	num(4)
	op(wasm.OpI32Add)
	local(wasm.OpLocalTee)
	num(int32(pages << 16))
	op(wasm.OpI32LtU)
	b = wasm.AppendOpU32(b, wasm.OpBrIf, 0)
	op(wasm.OpEnd)
	return b
}
