package interp

import (
	"testing"

	"sojourn/interp/wasm"
)

// recursive is a program in which function i calls, twice, another one, a depth less:
// itself, the other of two, or what is in a table.
func recursive(kind string) *wasm.Module {
	m := &wasm.Module{Types: []wasm.FuncType{{Params: []wasm.ValType{wasm.I32}}, {}}, Memories: []wasm.Limits{{Min: 1}}}
	for i := range uint32(2) {
		b := wasm.AppendBlock(wasm.AppendOpU32(nil, wasm.OpLocalGet, 0), wasm.OpIf, wasm.Unknown)
		for range 2 {
			b = wasm.AppendOp(wasm.AppendI32Const(wasm.AppendOpU32(b, wasm.OpLocalGet, 0), 1), wasm.OpI32Sub)
			switch kind {
			case "direct":
				b = wasm.AppendOpU32(b, wasm.OpCall, i)
			case "mutual":
				b = wasm.AppendOpU32(b, wasm.OpCall, 1-i)
			case "indirect":
				b = wasm.AppendCallIndirect(wasm.AppendI32Const(b, int32(1-i)), 0, 0)
			}
		}
		b = wasm.AppendOp(wasm.AppendOp(b, wasm.OpEnd), wasm.OpEnd)
		m.Funcs = append(m.Funcs, wasm.Func{Body: b})
	}
	b := wasm.AppendOp(wasm.AppendOpU32(wasm.AppendI32Const(nil, 10), wasm.OpCall, 0), wasm.OpEnd)
	m.Funcs = append(m.Funcs, wasm.Func{Type: 1, Body: b})
	m.Exports = []wasm.Export{{Name: "_start", Index: 2}, {Name: "memory", Kind: wasm.KindMemory}}
	m.Tables = []wasm.TableType{{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 2}}}
	m.Elems = []wasm.Elem{{Offset: wasm.AppendI32Const(nil, 0), Type: wasm.FuncRef,
		Init: []wasm.ConstExpr{wasm.AppendOpU32(nil, wasm.OpRefFunc, 0), wasm.AppendOpU32(nil, wasm.OpRefFunc, 1)}}}
	return m
}

// A guest that recurses, and has no loop, asks all the same: of its 2,046 calls those
// that close a cycle are counted, of two functions those of one.
func TestRecursionIsCounted(t *testing.T) {
	for _, kind := range []string{"direct", "mutual", "indirect"} {
		m := recursive(kind)
		r, err := newRunner(t.Context(), m.Encode(), m, AtPoints)
		if err != nil {
			t.Fatal(err)
		}
		defer r.close(t.Context())
		for _, every := range []uint64{seldom, 10} {
			got, err := r.run(t.Context(), how{every: every})
			if err != nil {
				t.Fatal(err)
			}
			if got.points < 682 {
				t.Errorf("%s recursion, frozen at every %d: only %d points", kind, every, got.points)
			}
		}
	}
}
