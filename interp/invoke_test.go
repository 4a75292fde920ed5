package interp

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"sojourn/snapshotfmt"
)

// library is:
//
//	(module
//	  (global $n (mut i32) (i32.const 0))
//	  (func $start
//	    (loop (global.set $n (i32.add (global.get $n) (i32.const 1)))
//	          (br_if 0 (i32.lt_u (global.get $n) (i32.const 100)))))
//	  (start $start)
//	  (func (export "add") (param i32) (result i32 i32) (local i32)
//	    (loop (global.set $n (i32.add (global.get $n) (i32.const 1)))
//	          (local.set 1 (i32.add (local.get 1) (i32.const 1)))
//	          (br_if 0 (i32.lt_u (local.get 1) (local.get 0))))
//	    (global.get $n) (local.get 0))
//	  (func (export "fail") (param v128) (result v128)
//	    (local i32)
//	    (loop (br_if 0 (local.tee 1 (i32.eqz (local.get 1)))))
//	    (call $hidden) (unreachable))
//	  (func $hidden (local i32)
//	    (loop (br_if 0 (local.tee 0 (i32.eqz (local.get 0)))))))
const library = "" +
	"0061736d01000000010f0360000060017f027f7f60017b017b030504000102000606017f0141000b070e020361646400" +
	"01046661696c00020801000a580414000340230041016a2400230041e400490d000b0b2001017f0340230041016a2400" +
	"200141016a210120012000490d000b230020000b1101017f034020014522010d000b1003000b0e01017f034020004522" +
	"000d000b0b"

func prepareLibrary(t *testing.T, kind Kind) *Program {
	t.Helper()
	b, err := hex.DecodeString(library)
	if err != nil {
		t.Fatal(err)
	}
	return prepare(t, b, kind)
}

func i32(v uint32) snapshotfmt.Value { return snapshotfmt.Value{Type: snapshotfmt.I32, Lo: uint64(v)} }

// runOn runs a library that freezes at every point until its call has ended, in a
// fresh instance each time.
func runOn(t *testing.T, in *Instance, progs []*Program) (*Instance, int, error) {
	t.Helper()
	for n := 0; ; n++ {
		err := in.Run(t.Context())
		if !errors.Is(err, ErrFrozen) {
			return in, n, err
		}
		st, err := in.Capture(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in.Close(context.Background())
		if in, err = progs[n%len(progs)].Thaw(t.Context(), st, in.cfg); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInvoke(t *testing.T) {
	progs := []*Program{prepareLibrary(t, Interpreter)}
	if HasCompiler() {
		progs = append(progs, prepareLibrary(t, Compiler))
	}
	in, err := progs[0].Instantiate(t.Context(), Config{Library: true, FreezeEvery: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Begin("add", i32(1)); err == nil {
		t.Error("a call before the start function was accepted")
	}
	in, n, err := runOn(t, in, progs)
	if err != nil || n != 99 {
		t.Fatalf("start: %d freezes, %v", n, err)
	}
	v := snapshotfmt.Value{Type: snapshotfmt.V128, Lo: 1, Hi: 2}
	for i, want := range []uint64{105, 110, 115} {
		if err := in.Begin("add", i32(5)); err != nil {
			t.Fatal(err)
		}
		if err := in.Begin("add", i32(5)); err == nil {
			t.Error("a call in another was accepted")
		}
		in, n, err = runOn(t, in, progs)
		if err != nil || n != 4 {
			t.Fatalf("add: %d freezes, %v", n, err)
		}
		if r := in.Results(); len(r) != 2 || r[0].Lo != want || r[1] != i32(5) {
			t.Errorf("call %d returned %v, want %d and 5", i, r, want)
		}
		if err := in.Begin("fail", v); err != nil {
			t.Fatal(err)
		}
		var trap *Trap
		in, n, err = runOn(t, in, progs)
		if !errors.As(err, &trap) || trap.Reason != "unreachable" || n < 2 || in.Depth() != 0 {
			t.Fatalf("fail: %d freezes, %v, %d frames", n, err, in.Depth())
		}
	}
	if err := in.Run(t.Context()); err != nil {
		t.Errorf("a library with nothing to do: %v", err)
	}
	in.Close(context.Background())
}

func TestBeginRefuses(t *testing.T) {
	p := prepareLibrary(t, Interpreter)
	in, err := p.Instantiate(t.Context(), Config{Library: true})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(context.Background())
	if err := in.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		args       []snapshotfmt.Value
	}{
		{"hidden", "exports no function", nil},
		{"add", "0 arguments", nil},
		{"add", "argument 0: it is i64", []snapshotfmt.Value{{Type: snapshotfmt.I64}}},
	} {
		if err := in.Begin(c.name, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s%v: %v, want %q", c.name, c.args, err, c.want)
		}
	}
	if _, err := p.Instantiate(t.Context(), Config{Entry: "add"}); err == nil {
		t.Error("an entry function with parameters was accepted")
	}
}

// A state says what was called from outside by its outermost frame, and only what is
// exported can have been.
func TestHostileLibraryStates(t *testing.T) {
	p := prepareLibrary(t, Interpreter)
	in, err := p.Instantiate(t.Context(), Config{Library: true})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(context.Background())
	if err := in.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := snapshotfmt.Value{Type: snapshotfmt.V128}
	if err := in.Begin("fail", v); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Capture(t.Context()); err == nil {
		t.Error("captured with arguments that no state has room for")
	}
	in.RequestFreeze()
	in.Run(t.Context())
	in.RequestFreeze()
	if err := in.Run(t.Context()); !errors.Is(err, ErrFrozen) {
		t.Fatal(err)
	}
	st, err := in.Capture(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(st.Frames) != 2 {
		t.Fatalf("%d frames, want that of fail and that of hidden", len(st.Frames))
	}
	for name, c := range map[string]struct {
		cfg    Config
		break_ func(*snapshotfmt.State)
		want   string
	}{
		"a function that is not exported":     {Config{Library: true}, func(st *snapshotfmt.State) { st.Frames = st.Frames[1:] }, "that the module exports"},
		"an export inside the start function": {Config{Library: true}, func(st *snapshotfmt.State) { st.Started = false }, "the outermost frame must be of function 0"},
	} {
		bad := *st
		c.break_(&bad)
		in, err := p.Thaw(t.Context(), &bad, c.cfg)
		if err == nil {
			in.Close(context.Background())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
