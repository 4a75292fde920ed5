package interp

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// linkable is a module in the making. All have the same types.
type linkable struct {
	wasm.Module
	t testing.TB
}

func newLinkable(t testing.TB) *linkable {
	list := func(ts ...wasm.ValType) []wasm.ValType { return ts }
	return &linkable{t: t, Module: wasm.Module{Types: []wasm.FuncType{
		0: {Params: list(wasm.I32), Results: list(wasm.I64)},
		1: {Params: list(wasm.I32), Results: list(wasm.I32)},
		2: {Params: list(wasm.I32)}, // and below: of tags
		3: {},
		4: {Params: list(wasm.I64, wasm.I32)},
		5: {Results: list(wasm.I64, wasm.I32)},
		6: {Results: list(wasm.I32, wasm.ExnRef)},
	}}}
}

func (l *linkable) imports(kind wasm.ExternKind, module, name string, typ uint32) {
	im := wasm.Import{Module: module, Name: name, Kind: kind}
	switch kind {
	case wasm.KindFunc:
		im.Func = typ
	case wasm.KindTag:
		im.Tag = typ
	case wasm.KindGlobal:
		im.Global = wasm.GlobalType{Type: wasm.ExnRef, Mutable: true}
	case wasm.KindTable:
		im.Table = wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 1}}
	}
	l.Imports = append(l.Imports, im)
}

func (l *linkable) exports(kind wasm.ExternKind, name string, index uint32) {
	l.Exports = append(l.Exports, wasm.Export{Name: name, Kind: kind, Index: index})
}

func (l *linkable) def(name string, typ uint32, text string, locals ...wasm.ValType) {
	f := wasm.Func{Type: typ, Body: assemble(l.t, text)}
	for _, t := range locals {
		f.Locals = append(f.Locals, wasm.LocalDecl{Count: 1, Type: t})
	}
	l.exports(wasm.KindFunc, name, uint32(l.NumImportedFuncs()+len(l.Funcs)))
	l.Funcs = append(l.Funcs, f)
}

// fill puts a function into slot 0 of table 0.
func (l *linkable) fill(fn uint32) {
	l.Elems = []wasm.Elem{{Offset: wasm.AppendI32Const(nil, 0), Type: wasm.FuncRef, Init: []wasm.ConstExpr{wasm.AppendOpU32(nil, wasm.OpRefFunc, fn)}}}
}

// throwingTrio is a guest whose first module throws, whose second knows no tag, and
// whose third knows the first one's by several names and one of its own.
func throwingTrio(t testing.TB) []Module {
	base := newLinkable(t)
	base.Tags = []uint32{2, 3, 4, 2}
	for i, name := range []string{"a", "b", "pair", "other"} {
		base.exports(wasm.KindTag, name, uint32(i))
	}
	base.exports(wasm.KindTag, "alias", 0)
	base.Tables = []wasm.TableType{{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 1}}}
	base.exports(wasm.KindTable, "table", 0)
	base.def("thrower", 1, `
		local.get 0 i32.const 6 i32.rem_u i32.const 1 i32.eq if - local.get 0 throw 0 end
		local.get 0 i32.const 6 i32.rem_u i32.const 2 i32.eq if - throw 1 end
		local.get 0 i32.const 6 i32.rem_u i32.const 3 i32.eq if - local.get 0 i64.extend_i32_u i64.const -7 i64.mul local.get 0 throw 2 end
		local.get 0 i32.const 6 i32.rem_u i32.const 4 i32.eq if - local.get 0 i32.const 100 i32.add throw 3 end
		local.get 0 i32.const 3 i32.mul`)
	return []Module{{Name: "base", Bytes: base.Encode()}, {Name: "mid", Bytes: knowingNone(t)}, {Name: "outer", Bytes: knowingAll(t)}}
}

func knowingNone(t testing.TB) []byte {
	mid := newLinkable(t)
	mid.imports(wasm.KindFunc, "base", "thrower", 1)
	mid.imports(wasm.KindTable, "base", "table", 0)
	mid.Globals = []wasm.Global{{Type: wasm.GlobalType{Type: wasm.ExnRef, Mutable: true}, Init: []byte{byte(wasm.OpRefNull), byte(wasm.ExnRef)}}}
	mid.exports(wasm.KindGlobal, "held", 0)
	// 1: a frame between, with a loop before and a value below the call.
	mid.def("middle", 1, `
		loop - local.get 1 i32.const 1 i32.add local.tee 1 i32.const 3 i32.lt_u br_if 0 end
		i32.const 1000 local.get 0 call 0 i32.add local.get 1 i32.add`, wasm.I32)
	mid.def("through", 1, `local.get 0 i32.const 0 call_indirect 1 0`)
	mid.def("all", 1, `
		block - try_table - catch_all 0 do local.get 0 call 2 return end end
		i32.const -5 local.get 0 i32.sub`)
	mid.def("again", 1, `
		block exnref try_table - catch_all_ref 0 do local.get 0 call 1 return end unreachable end
		local.set 1
		loop - local.get 2 i32.const 1 i32.add local.tee 2 i32.const 4 i32.lt_u br_if 0 end
		local.get 1 throw_ref`, wasm.ExnRef, wasm.I32)
	mid.def("hold", 1, `
		block exnref try_table - catch_all_ref 0 do local.get 0 call 1 drop end ref.null exnref end
		global.set 0 i32.const 1`)
	return mid.Encode()
}

func knowingAll(t testing.TB) []byte {
	outer := newLinkable(t)
	for _, im := range []struct {
		name string
		typ  uint32
	}{{"a", 2}, {"alias", 2}, {"other", 2}, {"pair", 4}, {"b", 3}} {
		outer.imports(wasm.KindTag, "base", im.name, im.typ)
	}
	outer.Tags = []uint32{2}
	for _, name := range []string{"middle", "through", "all", "again", "hold"} {
		outer.imports(wasm.KindFunc, "mid", name, 1)
	}
	outer.imports(wasm.KindFunc, "base", "thrower", 1)
	outer.imports(wasm.KindTable, "base", "table", 0)
	outer.imports(wasm.KindGlobal, "mid", "held", 0)
	// 6, which "through" calls: throws its own, or goes round through both modules.
	outer.def("back", 1, `
		local.get 0 i32.const 6 i32.rem_u i32.const 5 i32.eq if - local.get 0 throw 5 end
		local.get 0 i32.const 6 i32.ge_u
		if i32 local.get 0 i32.const 6 i32.sub call 1 else local.get 0 call 5 end`)
	outer.fill(6)
	// Its own tag, and "other", have the type of "a", which is caught by its second name.
	outer.def("each", 0, `
		block - block i32 block i32 block 5
			try_table i32 catch 5 2 catch 2 2 catch 1 1 catch 3 0 catch_all 3 do local.get 0 call 0 end
			i64.extend_i32_u return
		end
			i64.extend_i32_u i64.const 13 i64.mul i64.add return
		end
			i64.extend_i32_u i64.const 31 i64.mul return
		end
			i64.extend_i32_u i64.const 10007 i64.mul return
		end
		i64.const -4`)
	outer.def("round", 0, `
		block i32 block i32
			try_table i32 catch 5 1 catch 0 0 do local.get 0 call 1 end
			i64.extend_i32_u return
		end
			i64.extend_i32_u i64.const 3 i64.mul return
		end
		i64.extend_i32_u i64.const 7 i64.mul`)
	outer.def("swallow", 0, `local.get 0 call 2 i64.extend_i32_s`)
	outer.def("again", 0, `
		block exnref
			block 6
				try_table i32 catch_ref 1 0 catch_all_ref 1 do local.get 0 call 3 end
				i64.extend_i32_u return
			end
			local.set 1 i64.extend_i32_u local.get 1 ref.is_null i64.extend_i32_u i64.add i64.const 31 i64.mul return
		end
		local.set 1
		block 5 try_table - catch 3 0 do local.get 1 throw_ref end unreachable end
		i64.extend_i32_u i64.sub`, wasm.ExnRef)
	outer.def("held", 0, `
		local.get 0 call 4 drop
		global.get 0 ref.is_null if - i64.const -9 return end
		block i32 try_table - catch 0 0 do global.get 0 throw_ref end unreachable end
		i64.extend_i32_u`)
	outer.def("null", 0, `ref.null exnref throw_ref`)
	// A tail call out of a handler's scope, to another module.
	outer.def("tail", 1, `block - try_table - catch_all 0 do local.get 0 return_call 3 end end i32.const 8`)
	return outer.Encode()
}

// throwingPair is a guest whose first module has nothing to do with exceptions, but has
// those of the second pass through it.
func throwingPair(t testing.TB) []Module {
	base := newLinkable(t)
	base.Types = base.Types[:2] // none with an exnref
	base.Tables = []wasm.TableType{{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 1}}}
	base.exports(wasm.KindTable, "table", 0)
	base.def("visit", 1, `
		loop - local.get 1 i32.const 1 i32.add local.tee 1 i32.const 3 i32.lt_u br_if 0 end
		i32.const 7 local.get 0 i32.const 0 call_indirect 1 0 i32.add`, wasm.I32)
	outer := newLinkable(t)
	outer.imports(wasm.KindFunc, "base", "visit", 1)
	outer.imports(wasm.KindTable, "base", "table", 0)
	outer.Tags = []uint32{2, 3}
	outer.def("back", 1, `
		local.get 0 i32.eqz if - throw 1 end
		local.get 0 i32.const 3 i32.rem_u i32.eqz if - local.get 0 throw 0 end
		local.get 0 i32.const 1 i32.sub call 0`)
	outer.fill(1)
	outer.def("try", 0, `
		block i32
			try_table i32 catch 0 0 do local.get 0 call 0 end
			i64.extend_i32_u i64.const 3 i64.mul return
		end
		i64.extend_i32_u i64.const 5 i64.add`)
	return []Module{{Name: "base", Bytes: base.Encode()}, {Name: "outer", Bytes: outer.Encode()}}
}

// untagged is a guest that catches, and in which nothing can be thrown.
func untagged(t testing.TB) []Module {
	base := newLinkable(t)
	base.Types = base.Types[:2]
	base.def("three", 1, `local.get 0 i32.const 3 i32.mul`)
	outer := newLinkable(t)
	outer.imports(wasm.KindFunc, "base", "three", 1)
	outer.def("try", 0, `
		block exnref try_table - catch_all_ref 0 do local.get 0 call 0 i64.extend_i32_u return end unreachable end
		throw_ref`)
	return []Module{{Name: "base", Bytes: base.Encode()}, {Name: "outer", Bytes: outer.Encode()}}
}

func TestLinkedExceptions(t *testing.T) {
	for name, guest := range map[string]func(testing.TB) []Module{"trio": throwingTrio, "pair": throwingPair, "untagged": untagged} {
		t.Run(name, func(t *testing.T) {
			var progs []*Program
			for _, kind := range engines() {
				progs = append(progs, prepareLinked(t, guest(t), kind))
			}
			freezes, calls := 0, 0
			wantsLinked(t, guest(t), func(name string, n int32, want string) {
				if name == "tail" && want == "[8]" {
					want = "uncaught exception" // wazero calls another module there, from inside the handler's scope
				}
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
			if freezes < calls {
				t.Errorf("%d freezes in %d calls", freezes, calls)
			}
		})
	}
}

// A reference to an exception is held to the tags of all modules, and its tag's number
// is where its definition is among them.
func TestHostileLinkedExceptions(t *testing.T) {
	ctx := t.Context()
	p := prepareLinked(t, throwingTrio(t), Interpreter)
	in, err := p.Instantiate(ctx, Config{Library: true, FreezeEvery: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(context.Background())
	if err := in.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := in.Begin("again", i32(9)); err != nil {
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
		f := &st.Frames[len(st.Frames)-1]
		for i := range f.Locals {
			if v := &f.Locals[i]; f.Module == 1 && v.Type == snapshotfmt.ExnRef && v.Lo != 0 {
				ref = v
			}
		}
	}
	if want := (snapshotfmt.Value{Type: snapshotfmt.ExnRef, Lo: 3 | uint64(0xffffffc1)<<32, Hi: 0xffffffff | 9<<32}); *ref != want {
		t.Errorf("the exception is %v, want %v", *ref, want)
	}
	global := &st.Globals[0]
	if global.Type != snapshotfmt.ExnRef {
		t.Fatalf("the first global is %v", *global)
	}
	for _, v := range []*snapshotfmt.Value{ref, global} {
		for _, c := range []struct {
			lo, hi uint64
			want   string // "" when it is right
		}{
			{6, 0, "there are 5"},
			{1 << 31, 0, "there are 5"},
			{1 << 32, 0, "a null reference to an exception, with values"},
			{2 | 1<<32, 0, "with more values than it has"},
			{5 | 1<<32, 1, "with more values than it has"},
			{0, 0, ""}, {2, 0, ""}, {3 | 1<<32, 1 | 1<<32, ""}, {5 | 1<<32, 0, ""},
		} {
			was := *v
			v.Lo, v.Hi = c.lo, c.hi
			next, err := p.Thaw(ctx, st, Config{Library: true})
			*v = was
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%#x: %v", c.lo, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%#x %#x: %v, want %q", c.lo, c.hi, err, c.want)
			}
			if err == nil {
				next.Close(ctx)
			}
		}
	}
}

// What exceptions of several modules cannot do is refused by name.
func TestRefusedLinkedExceptions(t *testing.T) {
	wide := wasm.Module{Types: []wasm.FuncType{{Params: []wasm.ValType{wasm.I64, wasm.I64}}, {Params: []wasm.ValType{wasm.V128}}},
		Tags: []uint32{0}, Exports: []wasm.Export{{Name: "e", Kind: wasm.KindTag}}}
	null := wasm.ConstExpr{byte(wasm.OpRefNull), byte(wasm.ExnRef)}
	refers := wasm.Module{Globals: []wasm.Global{{Type: wasm.GlobalType{Type: wasm.ExnRef}, Init: null}}}
	imports := func(name string, params ...wasm.ValType) wasm.Module {
		return wasm.Module{Types: []wasm.FuncType{{Params: params}}, Imports: []wasm.Import{{Module: "first", Name: name, Kind: wasm.KindTag}}}
	}
	calls := wasm.Module{Types: []wasm.FuncType{{}, {Params: []wasm.ValType{wasm.ExnRef}}}, Tables: []wasm.TableType{{Elem: wasm.FuncRef}},
		Funcs: []wasm.Func{{Body: assemble(t, "unreachable call_indirect 0 0")}}}
	untagged := wasm.Module{Types: wide.Types}
	for _, c := range []struct {
		first, second wasm.Module
		want          string // "" when it is right
	}{
		{wide, refers, "tag 0 of module 0, [i64 i64]: a reference to such an exception cannot hold its 16 bytes of values; the limit is 12, and the guest refers to exceptions"},
		{refers, wide, "tag 0 of module 1"},
		{untagged, calls, "types 1 of module 0 and 1 of module 1"},
		{wide, imports("e", wasm.I64), "it is imported as"},
		{wide, imports("f", wasm.I64, wasm.I64), "has no such export"},
		{wide, imports("e", wasm.I64, wasm.I64), ""},
	} {
		p, err := PrepareLinked(t.Context(), []Module{{Name: "first", Bytes: c.first.Encode()}, {Name: "second", Bytes: c.second.Encode()}}, Options{Engine: Interpreter})
		if err == nil {
			p.Close(t.Context())
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
