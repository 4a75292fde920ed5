package interp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

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
	// 15: throws right behind a call.
	def("behind", 0, nil, `block i32 try_table - catch 0 0 do local.get 0 call 1 throw 0 end unreachable end i64.extend_i32_u`)
	m.Elems = []wasm.Elem{{Offset: wasm.AppendI32Const(nil, 0), Type: wasm.FuncRef,
		Init: []wasm.ConstExpr{wasm.AppendOpU32(nil, wasm.OpRefFunc, 2), wasm.AppendOpU32(nil, wasm.OpRefFunc, 11)}}}
	return m.Encode()
}

// wants runs every function on plain wazero's interpreter.
func wants(t *testing.T, module []byte, f func(name string, n int32, want string)) {
	t.Helper()
	wantsLinked(t, []Module{{Bytes: module}}, f)
}

// wantsLinked is wants for the last of several modules.
func wantsLinked(t *testing.T, modules []Module, f func(name string, n int32, want string)) {
	t.Helper()
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, runtimeConfig(Interpreter))
	defer rt.Close(ctx)
	var in api.Module
	var err error
	for _, mod := range modules {
		if in, err = rt.InstantiateWithConfig(ctx, mod.Bytes, wazero.NewModuleConfig().WithName(mod.Name)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := wasm.Decode(modules[len(modules)-1].Bytes)
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
// fresh instance of the next program each time. It returns what came of it, and how many
// freezes and points there were.
func outcomeOf(t *testing.T, progs []*Program, k uint64, name string, n int32) (string, int, uint64) {
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
	points := uint64(0)
	for freezes := 0; ; {
		err := in.Run(ctx)
		points += in.Points()
		if !errors.Is(err, ErrFrozen) {
			defer in.Close(context.Background())
			var trap *Trap
			if errors.As(err, &trap) {
				return trap.Reason, freezes, points
			}
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint([]uint64{in.Results()[0].Lo}), freezes, points
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
		var passed uint64
		for _, p := range progs {
			got, _, points := outcomeOf(t, []*Program{p}, 0, name, n)
			if got != want || passed != 0 && points != passed {
				t.Errorf("%s(%d) on %v: %s, want %s; %d points, %d elsewhere", name, n, p.Engine(), got, want, points, passed)
			}
			passed = points
		}
		for _, k := range []uint64{1, 2, 3} {
			got, froze, points := outcomeOf(t, progs, k, name, n)
			if got != want || points != passed {
				t.Errorf("%s(%d), every %d, %d freezes: %s, want %s; %d points, %d undisturbed", name, n, k, froze, got, want, points, passed)
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

// A library goes on after an exception that nothing caught.
func TestUncaughtInLibrary(t *testing.T) {
	ctx := t.Context()
	for _, kind := range engines() {
		in, err := prepare(t, throwing(t), kind).Instantiate(ctx, Config{Library: true})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close(context.Background())
		if err := in.Run(ctx); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			n    uint32
			want string
		}{{9, "guest trapped: uncaught exception"}, {10, "<nil>"}, {6, "<nil>"}, {3, "guest trapped: uncaught exception"}, {10, "<nil>"}} {
			if err := in.Begin("deep", i32(c.n)); err != nil {
				t.Fatal(err)
			}
			if err := in.Run(ctx); fmt.Sprint(err) != c.want {
				t.Errorf("%v: deep(%d): %v, want %s", kind, c.n, err, c.want)
			}
		}
	}
}

// A reference to an exception in a snapshot is held to the module's tags.
func TestHostileExceptions(t *testing.T) {
	ctx := t.Context()
	p := prepare(t, throwing(t), Interpreter)
	in, err := p.Instantiate(ctx, Config{Library: true, FreezeEvery: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(context.Background())
	if err := in.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := in.Begin("again", i32(3)); err != nil {
		t.Fatal(err)
	}
	var st *snapshotfmt.State
	var ref *snapshotfmt.Value
	for ref == nil {
		if err := in.Run(ctx); !errors.Is(err, ErrFrozen) {
			t.Fatalf("never frozen with a reference to an exception: %v", err)
		}
		if st, err = in.Capture(ctx); err != nil {
			t.Fatal(err)
		}
		for i := range st.Frames[0].Locals {
			if v := &st.Frames[0].Locals[i]; v.Type == snapshotfmt.ExnRef && v.Lo != 0 {
				ref = v
			}
		}
	}
	if want := (snapshotfmt.Value{Type: snapshotfmt.ExnRef, Lo: 3 | uint64(0xffffffeb)<<32, Hi: 0xffffffff | 3<<32}); *ref != want {
		t.Errorf("the exception is %v, want %v", *ref, want)
	}
	for _, c := range []struct {
		lo, hi uint64
		want   string
	}{
		{5, 0, "there are 4"},
		{1 << 32, 0, "a null reference to an exception, with values"},
		{0, 1, "a null reference to an exception, with values"},
		{2 | 1<<32, 0, "with more values than it has"},
		{1 | 1<<32, 1, "with more values than it has"},
		{4, 1 << 32, "with more values than it has"},
	} {
		ref.Lo, ref.Hi = c.lo, c.hi
		if _, err := p.Thaw(ctx, st, Config{Library: true}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%#x %#x: %v, want %q", c.lo, c.hi, err, c.want)
		}
	}
	for _, good := range [][2]uint64{{0, 0}, {1 | 1<<32, 0}, {2, 0}, {3 | 1<<32, 1 | 1<<32}, {4, 1}} {
		ref.Lo, ref.Hi = good[0], good[1]
		next, err := p.Thaw(ctx, st, Config{Library: true})
		if err != nil {
			t.Errorf("%#x: %v", good, err)
			continue
		}
		next.Close(ctx)
	}
}

// What cannot be captured of exceptions is refused by name.
func TestRefusedExceptions(t *testing.T) {
	null := wasm.ConstExpr{byte(wasm.OpRefNull), byte(wasm.ExnRef)}
	global := []wasm.Global{{Type: wasm.GlobalType{Type: wasm.ExnRef}, Init: null}}
	params := func(ts ...wasm.ValType) []wasm.FuncType { return []wasm.FuncType{{Params: ts}} }
	for _, c := range []struct {
		m    wasm.Module
		want string
	}{
		{wasm.Module{Types: params(wasm.I64, wasm.I64), Tags: []uint32{0}, Globals: global}, "cannot hold its 16 bytes"},
		{wasm.Module{Types: params(wasm.V128), Tags: []uint32{0}, Globals: global}, "cannot hold a value of type v128"},
		{wasm.Module{Types: params(wasm.FuncRef), Tags: []uint32{0}, Globals: global}, "cannot hold a value of type funcref"},
		{wasm.Module{Types: params(wasm.ExnRef), Tags: []uint32{0}}, "cannot hold a value of type exnref"},
		{wasm.Module{Imports: []wasm.Import{{Module: "env", Name: "e", Kind: wasm.KindTag}}, Types: params()}, "only functions can be imported"},
		{wasm.Module{Types: append(params(wasm.ExnRef, wasm.I32), wasm.FuncType{Params: []wasm.ValType{wasm.V128, wasm.I32}}),
			Tables: []wasm.TableType{{Elem: wasm.FuncRef}},
			Funcs:  []wasm.Func{{Body: assemble(t, "unreachable call_indirect 0 0")}}}, "differ in nothing but exnref and v128"},
	} {
		_, err := Prepare(t.Context(), c.m.Encode(), Options{Engine: Interpreter})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	for _, m := range []wasm.Module{ // without references, any tag will do
		{Types: params(wasm.I64, wasm.V128, wasm.FuncRef), Tags: []uint32{0}},
	} {
		p, err := Prepare(t.Context(), m.Encode(), Options{Engine: Interpreter})
		if err != nil {
			t.Error(err)
			continue
		}
		p.Close(t.Context())
	}
}
