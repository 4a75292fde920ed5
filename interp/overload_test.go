package interp

import (
	"context"
	"encoding/hex"
	"errors"
	"testing"

	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// overloaded is:
//
//	(module
//	  (import "h" "f" (func $one (param i32) (result i32)))
//	  (import "h" "f" (func $two (param i32 i32) (result i32)))
//	  (import "h" "f" (func $again (param i32) (result i32)))
//	  (func (export "all") (result i32 i32 i32)
//	    (call $one (i32.const 1)) (call $two (i32.const 2) (i32.const 3)) (call $again (i32.const 4))))
const overloaded = "0061736d0100000001120360017f017f60027f7f017f6000037f7f7f0213030168016600000168016600010168016600000302010207070103616c6c" +
	"00030a1201100041011000410241031001410410020b"

// unknownType imports "h" "f" as (i64) -> (i32).
const unknownType = "0061736d0100000001060160017e017f020701016801660000"

// Two host functions of one name are told apart by their types, wherever the guest is
// frozen.
func TestOverloads(t *testing.T) {
	module := mustHex(t, overloaded)
	one, two := []wasm.ValType{wasm.I32}, []wasm.ValType{wasm.I32, wasm.I32}
	host := []HostFunc{
		{Module: "h", Name: "f", Params: one, Results: one, Blocking: true,
			Call: func(c *HostCall) error { c.Stack[0] += 100; return nil }},
		{Module: "h", Name: "f", Params: two, Results: one, Blocking: true,
			Call: func(c *HostCall) error { c.Stack[0] = 10*c.Stack[0] + c.Stack[1]; return nil }},
	}
	for _, kind := range engines() {
		p := prepareWith(t, []Module{{Bytes: module}}, Options{Engine: kind, Host: host})
		cfg := Config{Library: true, FreezeEvery: 1}
		in, err := p.Instantiate(t.Context(), cfg)
		if err == nil {
			err = in.Run(t.Context())
		}
		if err == nil {
			err = in.Begin("all")
		}
		freezes := 0
		for err == nil {
			if err = in.Run(t.Context()); !errors.Is(err, ErrFrozen) {
				break
			}
			freezes++
			var st *snapshotfmt.State
			if st, err = in.Capture(t.Context()); err == nil {
				in.Close(context.Background())
				in, err = p.Thaw(t.Context(), st, cfg)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []uint32{101, 23, 104} {
			if got := in.Results()[i]; got != i32(want) {
				t.Errorf("%v: result %d is %v, want %d", kind, i, got, want)
			}
		}
		if freezes < 3 {
			t.Errorf("%v: %d freezes", kind, freezes)
		}
		in.Close(context.Background())
	}
	if _, err := Prepare(t.Context(), mustHex(t, unknownType), Options{Host: host}); !errors.Is(err, ErrLink) {
		t.Errorf("a third type: %v", err)
	}
	plain, err := PreparePlain(t.Context(), module, Options{Host: host})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close(context.Background())
	if err := plain.Run(t.Context(), nil, "all"); err != nil {
		t.Errorf("on plain wazero: %v", err)
	}
}

func mustHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
