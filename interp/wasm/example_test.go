package wasm_test

import (
	"fmt"

	"sojourn/interp/wasm"
)

// The types on the stack before each instruction of a function.
func Example() {
	var body []byte
	body = wasm.AppendOpU32(body, wasm.OpLocalGet, 0)
	body = wasm.AppendI64Const(body, 7)
	body = wasm.AppendOp(body, wasm.OpI64Add)
	body = wasm.AppendOp(body, wasm.OpEnd)
	m := &wasm.Module{
		Types: []wasm.FuncType{{Params: []wasm.ValType{wasm.I64}, Results: []wasm.ValType{wasm.I64}}},
		Funcs: []wasm.Func{{Body: body}},
	}
	x, err := wasm.NewMachine(m, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	r := m.Reader(0)
	var in wasm.Instr
	for {
		ok, err := r.Next(&in)
		if err != nil {
			fmt.Println(err)
		}
		if !ok {
			return
		}
		fmt.Println(in.String(), x.Stack())
		if err := x.Step(&in); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// local.get 0 []
	// i64.const 7 [i64]
	// i64.add [i64 i64]
	// end [i64]
}
