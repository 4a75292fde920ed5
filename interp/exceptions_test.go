package interp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// throwing is a library of functions of type (i32) -> (i64), and what they call: every
// kind of clause, labels of every kind, references in locals, on the stack, in a global
// and through calls.
func throwing(t testing.TB) []byte {
	list := func(ts ...wasm.ValType) []wasm.ValType { return ts }
	m := &wasm.Module{
		Types: []wasm.FuncType{
			0: {Params: list(wasm.I32), Results: list(wasm.I64)},
			1: {Params: list(wasm.I32), Results: list(wasm.I32)},
			2: {Params: list(wasm.I32)}, // and below: of tags
			3: {},
			4: {Params: list(wasm.I64, wasm.I32)},
			5: {Params: list(wasm.F64)},
			6: {Params: list(wasm.ExnRef, wasm.I32), Results: list(wasm.ExnRef)},
			7: {Results: list(wasm.I64, wasm.I32)},
			8: {Params: list(wasm.I32, wasm.I64), Results: list(wasm.I64, wasm.I32)},
			9: {Results: list(wasm.I32, wasm.ExnRef)},
		},
		Tags:    []uint32{2, 3, 4, 5},
		Globals: []wasm.Global{{Type: wasm.GlobalType{Type: wasm.ExnRef, Mutable: true}, Init: []byte{byte(wasm.OpRefNull), byte(wasm.ExnRef)}}},
		Tables:  []wasm.TableType{{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 2}}},
	}
	def := func(name string, typ uint32, locals []wasm.ValType, text string) {
		f := wasm.Func{Type: typ, Body: assemble(t, text)}
		for _, l := range locals {
			f.Locals = append(f.Locals, wasm.LocalDecl{Count: 1, Type: l})
		}
		m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.KindFunc, Index: uint32(len(m.Funcs))})
		m.Funcs = append(m.Funcs, f)
	}
	// 0: throws by its parameter modulo 5, or returns three times that.
	def("thrower", 1, nil, `
		local.get 0 i32.const 5 i32.rem_u i32.const 1 i32.eq if - local.get 0 throw 0 end
		local.get 0 i32.const 5 i32.rem_u i32.const 2 i32.eq if - throw 1 end
		local.get 0 i32.const 5 i32.rem_u i32.const 3 i32.eq if - local.get 0 i64.extend_i32_u i64.const -7 i64.mul local.get 0 throw 2 end
		local.get 0 i32.const 5 i32.rem_u i32.const 4 i32.eq if - local.get 0 f64.convert_i32_u f64.const 0.5 f64.mul throw 3 end
		local.get 0 i32.const 3 i32.mul`)
	// 1: a frame between, with a loop before and a value below the call.
	def("middle", 1, []wasm.ValType{wasm.I32}, `
		loop - local.get 1 i32.const 1 i32.add local.tee 1 i32.const 3 i32.lt_u br_if 0 end
		i32.const 1000 local.get 0 call 0 i32.add local.get 1 i32.add`)
	// 2: catches each tag at a label of its own; a local changes in the body.
	def("each", 0, []wasm.ValType{wasm.I64}, `
		block - block i32 block 7
			i64.const 1 local.set 1
			try_table i32 catch 0 1 catch 2 0 catch_all 2 do
				i64.const 5 local.set 1
				local.get 0 call 1
				i64.const 9 local.set 1
			end
			i64.extend_i32_u local.get 1 i64.add return
		end
			i64.extend_i32_u i64.add local.get 1 i64.const 100 i64.mul i64.add return
		end
			i64.extend_i32_u local.get 1 i64.const 10000 i64.mul i64.add return
		end
		local.get 1 i64.const -1 i64.mul`)
	// 3: keeps a reference in a local through a loop, and throws it on.
	def("again", 1, []wasm.ValType{wasm.ExnRef, wasm.I32}, `
		block exnref
			try_table - catch_all_ref 0 do local.get 0 call 1 return end
			unreachable
		end
		local.set 1
		loop - local.get 2 i32.const 1 i32.add local.tee 2 i32.const 4 i32.lt_u br_if 0 end
		local.get 1 throw_ref`)
	// 4: catches what again throws, by tag, and what that leaves by all.
	def("caught", 0, []wasm.ValType{wasm.ExnRef}, `
		block f64 block exnref block 9
			i64.const 77
			try_table i32 catch_ref 0 0 catch 3 2 catch_all_ref 1 do
				local.get 0 call 3
			end
			i64.extend_i32_u i64.add return
		end
			local.set 1 i64.extend_i32_u local.get 1 ref.is_null i64.extend_i32_u i64.add i64.const 31 i64.mul return
		end
			local.set 1
			block -
				try_table - catch 1 0 do local.get 1 throw_ref end
			end
			i64.const 4242 return
		end
		i64.reinterpret_f64`)
	// 5: a handler within a handler's scope: the inner one's label is outside the outer's.
	def("nested", 0, nil, `
		block i32
			block -
				try_table - catch_all 0 do
					try_table i32 catch 0 2 do local.get 0 call 1 end
					drop
				end
				local.get 0 call 0 i64.extend_i32_u return
			end
			block -
				try_table - catch 1 0 do
					try_table - do local.get 0 call 0 drop end
				end
				i64.const 5 return
			end
			i64.const 6 return
		end
		i64.extend_i32_u i64.const 64 i64.shl`)
	// 6: a clause leads to a loop: it tries again with what it was given.
	def("retry", 0, []wasm.ValType{wasm.I64}, `
		local.get 0
		loop 1
			i32.const 1 i32.sub local.set 0
			local.get 1 i64.const 3 i64.mul local.get 0 i64.extend_i32_s i64.add local.set 1
			local.get 0 i32.const 0 i32.le_s if - local.get 1 return end
			block -
				try_table i32 catch 0 1 catch_all 0 do local.get 0 call 0 end
				i64.extend_i32_u local.get 1 i64.xor local.set 1
			end
			local.get 0
			br 0
		end
		i64.extend_i32_u`)
	// 7: a clause leads out of the function.
	def("out", 1, nil, `
		i32.const 5
		try_table i32 catch 0 0 do local.get 0 call 1 end
		i32.add`)
	// 8: a try_table with parameters and several results.
	def("params", 0, []wasm.ValType{wasm.I64, wasm.I32}, `
		block 7
			local.get 0 i64.const 11
			try_table 8 catch 2 0 do
				local.set 1 local.set 2
				local.get 2 call 0 i64.extend_i32_u local.get 1 i64.add local.get 2
			end
			i64.extend_i32_u i64.mul return
		end
		i64.extend_i32_u i64.const 13 i64.mul i64.sub`)
	// 9: references as parameters and results, in a global, and of an if.
	def("pick", 6, nil, `
		local.get 0 global.set 0
		local.get 1 call 1 drop
		local.get 1 i32.const 10 i32.rem_u i32.const 5 i32.lt_u if exnref local.get 0 else ref.null exnref end`)
	def("refs", 0, []wasm.ValType{wasm.ExnRef}, `
		block exnref
			try_table - catch_all_ref 0 do i32.const 13 call 0 drop unreachable end
			unreachable
		end
		block exnref
			try_table exnref catch_all_ref 0 do
				block exnref
					try_table - catch_all_ref 0 do i32.const 16 call 0 drop unreachable end
					unreachable
				end
				local.get 0 call 9
			end
		end
		local.set 1 drop
		local.get 1 ref.is_null if - i64.const -3 return end
		block 7
			try_table - catch 2 0 do
				block i32
					try_table - catch 0 0 do local.get 1 throw_ref end
					unreachable
				end
				global.get 0 ref.is_null i32.add
				i64.extend_i32_u return
			end
			unreachable
		end
		i64.extend_i32_u i64.add`)
	// 11: recursion, each frame with a handler that passes most things on, and through a table.
	def("deep", 0, []wasm.ValType{wasm.I64}, `
		local.get 0 i32.const 4 i32.le_s if - local.get 0 call 0 i64.extend_i32_u return end
		block -
			try_table - catch 1 0 do
				local.get 0 i32.const 4 i32.sub i32.const 1 call_indirect 0 0
				local.get 0 i64.extend_i32_u i64.add return
			end
			unreachable
		end
		i64.const 3 local.get 0 i64.extend_i32_u i64.sub`)
	def("uncaught", 0, nil, `local.get 0 call 11`)
	def("null", 0, nil, `block - try_table - catch_all 0 do ref.null exnref throw_ref end end i64.const 3`)
	// 14: a tail call out of a handler's scope leaves the scope.
	def("tail", 0, nil, `block - try_table - catch_all 0 do local.get 0 return_call 2 end end i64.const 8`)
	m.Elems = []wasm.Elem{{Offset: wasm.AppendI32Const(nil, 0), Type: wasm.FuncRef,
		Init: []wasm.ConstExpr{wasm.AppendOpU32(nil, wasm.OpRefFunc, 2), wasm.AppendOpU32(nil, wasm.OpRefFunc, 11)}}}
	return m.Encode()
}

// wants runs every function on plain wazero's interpreter.
func wants(t *testing.T, module []byte, f func(name string, n int32, want string)) {
	t.Helper()
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, runtimeConfig(Interpreter))
	defer rt.Close(ctx)
	in, err := rt.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig())
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range m.Exports {
		if ft, _ := m.FuncType(e.Index); len(ft.Params) > 1 {
			continue
		}
		for n := range int32(17) {
			res, err := in.ExportedFunction(e.Name).Call(ctx, uint64(uint32(n)))
			want := fmt.Sprint(res)
			if err != nil {
				want, _, _ = strings.Cut(err.Error(), "\n")
				want = strings.TrimPrefix(want, "wasm error: ")
			}
			f(e.Name, n, want)
		}
	}
}

// outcomeOf runs one call of a library that freezes at every k-th point, going on in a
// fresh instance of the next program each time.
func outcomeOf(t *testing.T, progs []*Program, k uint64, name string, n int32) (string, int) {
	t.Helper()
	ctx := t.Context()
	cfg := Config{Library: true, FreezeEvery: k}
	in, err := progs[0].Instantiate(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := in.Begin(name, snapshotfmt.Value{Type: snapshotfmt.I32, Lo: uint64(uint32(n))}); err != nil {
		t.Fatal(err)
	}
	for freezes := 0; ; {
		err := in.Run(ctx)
		if !errors.Is(err, ErrFrozen) {
			defer in.Close(context.Background())
			var trap *Trap
			if errors.As(err, &trap) {
				return trap.Reason, freezes
			}
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint([]uint64{in.Results()[0].Lo}), freezes
		}
		freezes++
		st, err := in.Capture(ctx)
		if err != nil {
			t.Fatal(err)
		}
		next, err := progs[freezes%len(progs)].Thaw(ctx, st, cfg)
		if err != nil {
			t.Fatalf("%s(%d), freeze %d: %v", name, n, freezes, err)
		}
		in.Close(ctx)
		in = next
	}
}

func TestExceptions(t *testing.T) {
	module := throwing(t)
	var progs []*Program
	for _, kind := range engines() {
		progs = append(progs, prepare(t, module, kind))
	}
	freezes, calls := 0, 0
	wants(t, module, func(name string, n int32, want string) {
		for _, p := range progs {
			if got, _ := outcomeOf(t, []*Program{p}, 0, name, n); got != want {
				t.Errorf("%s(%d) on %v: %s, want %s", name, n, p.Engine(), got, want)
			}
		}
		for _, k := range []uint64{1, 2, 3} {
			got, froze := outcomeOf(t, progs, k, name, n)
			if got != want {
				t.Errorf("%s(%d), every %d, %d freezes: %s, want %s", name, n, k, froze, got, want)
			}
			freezes += froze
		}
		calls++
	})
	t.Logf("%d calls, %d freezes", calls, freezes)
	if freezes < 1000 {
		t.Errorf("%d freezes", freezes)
	}
}
