package rewrite

import (
	"strings"
	"testing"

	"sojourn/interp/wasm"
)

// Small modules whose frames would be huge at a great many points are refused before
// anything of that size is made.
func TestTooManyValues(t *testing.T) {
	const points = 100_000
	round := ops(wasm.AppendBlock(nil, wasm.OpLoop, wasm.Unknown), wasm.AppendI32Const(nil, 0), at(wasm.OpBrIf, 0), wasm.AppendOp(nil, wasm.OpEnd))
	rounds := func() (b []byte) {
		for range points {
			b = append(b, round...)
		}
		return b
	}
	locals := rounds()
	for i := range uint32(wasm.MaxLocals) {
		locals = wasm.AppendOp(wasm.AppendOpU32(locals, wasm.OpLocalGet, i), wasm.OpDrop)
	}
	var stack []byte
	for range 20_000 {
		stack = append(stack, wasm.AppendI32Const(nil, 0)...)
	}
	stack = append(append(stack, rounds()...), byte(wasm.OpUnreachable))
	for name, f := range map[string]wasm.Func{
		"locals": {Body: append(locals, byte(wasm.OpEnd)), Locals: []wasm.LocalDecl{{Count: wasm.MaxLocals, Type: wasm.I32}}},
		"stack":  {Body: append(stack, byte(wasm.OpEnd))},
	} {
		t.Run(name, func(t *testing.T) {
			m := &wasm.Module{Types: []wasm.FuncType{{}}, Funcs: []wasm.Func{f}}
			m, err := wasm.Decode(m.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Validate(); err != nil {
				t.Fatal(err)
			}
			if _, err = Analyze(m, Options{Blocking: func(wasm.Import) bool { return true }}); err == nil || !strings.Contains(err.Error(), "values to hand over") {
				t.Errorf("analyzed: %v", err)
			}
		})
	}
}
