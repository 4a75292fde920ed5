package engine_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"

	"sojourn/compat"
	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/examples/guests"
	"sojourn/interp"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

func addIdiomatic(t *testing.T, ms *engine.Modules, name string, k interp.Kind) *engine.Module {
	t.Helper()
	b, err := guests.Module("idiomatic/" + name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ms.Add(t.Context(), b, k)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// output is a stream that keeps what is written.
type output struct {
	wasi.Stream
	bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) { return o.Buffer.Write(p) }
func (o *output) Read(p []byte) (int, error)  { return o.Stream.Read(p) }

func newOutput() *output { return &output{Stream: wasi.Discard()} }

func undisturbed(t *testing.T, m *engine.Module, args []string) string {
	t.Helper()
	out := newOutput()
	e, err := engine.New(t.Context(), m, engine.Spec{Args: args, Stdout: out})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	e.Wait()
	if code, err := e.Result(); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	return out.String()
}

// TestIdiomaticMoves moves idiomatic guests again and again, from their last checkpoint
// and, in between, stopped anywhere; both must end as their twins do.
func TestIdiomaticMoves(t *testing.T) {
	for _, g := range guests.Idiomatic() {
		t.Run(g.Name, func(t *testing.T) {
			var ms engine.Modules
			t.Cleanup(func() { ms.Close() })
			args := append([]string{g.Name}, g.Short...)
			want := undisturbed(t, addIdiomatic(t, &ms, g.Name+"-twin", interp.Auto), args)
			on := []*engine.Module{addIdiomatic(t, &ms, g.Name, interp.Auto), addIdiomatic(t, &ms, g.Name, interp.Interpreter)}
			if got := undisturbed(t, on[0], args); got != want {
				t.Fatalf("it prints %q, its twin %q", got, want)
			}
			got, moves := move(t, on, args)
			if got != want {
				t.Errorf("moved, it prints %q, its twin %q", got, want)
			}
			if moves < 4 {
				t.Errorf("it has moved %d times only", moves)
			}
		})
	}
}

// move runs a guest by turns on two modules, and moves it idiomatically at every fourth
// stop, and precisely at the others.
func move(t *testing.T, on []*engine.Module, args []string) (out string, moves int) {
	o := newOutput()
	spec := engine.Spec{Args: args, Stdout: o, FreezeEvery: 97}
	e, err := engine.New(t.Context(), on[0], spec)
	if err != nil {
		t.Fatal(err)
	}
	start := e.Start
	for i := 1; ; i++ {
		if err := start(); err != nil {
			t.Fatal(err)
		}
		if e.Wait() == engine.Gone {
			code, err := e.Result()
			if code != 0 || err != nil {
				t.Errorf("exit code %d, %v", code, err)
			}
			e.Close()
			return o.String(), moves
		}
		if i > 60 { // often enough
			spec.FreezeEvery = 0
		}
		var file bytes.Buffer
		if i%4 == 0 {
			s, decide, err := e.Hold(snapshotfmt.Meta{})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Encode(&file); err != nil {
				t.Fatal(err)
			}
			decide(true)
			if _, err := e.Result(); !errors.Is(err, compat.ErrMoved) {
				t.Errorf("the guest that has moved ends with %v", err)
			}
			spec.FreezeEvery += 30 // or it would get no further than it did
		} else if err := e.Snapshot(&file, snapshotfmt.Meta{}); err != nil {
			t.Fatal(err)
		}
		moves++
		e.Close()
		if e, err = engine.Restore(t.Context(), on[i%2], spec, &file); err != nil {
			t.Fatal(err)
		}
		start = e.Thaw
	}
}

// callModule returns a module that makes calls of module "migration" from its start
// function, or else from _start, and has a memory of so many pages, none for -1.
func callModule(inStart bool, pages int, calls ...[3]any) []byte {
	names := []string{"checkpoint", "restore", "checkpoint_bytes", "restore_bytes"}
	i32s := []wasm.ValType{wasm.I32, wasm.I32}
	m := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, b []byte) { m = append(append(m, id, byte(len(b)|0x80), byte(len(b)>>7)), b...) }
	section(1, []byte{2, 0x60, 2, byte(i32s[0]), byte(i32s[1]), 0, 0x60, 0, 0})
	imports := []byte{byte(len(names))}
	for _, n := range names {
		imports = append(append(imports, 9), compat.Module...)
		imports = append(append(imports, byte(len(n))), n...)
		imports = append(imports, 0, 0)
	}
	section(2, imports)
	section(3, []byte{2, 1, 1})
	if pages >= 0 {
		section(5, []byte{1, 0, byte(pages)})
	}
	section(7, []byte{1, 6, '_', 's', 't', 'a', 'r', 't', 0, 4})
	var body []byte
	for _, c := range calls {
		for _, v := range c[1:] {
			body = append(append(body, 0x41), sleb(int32(v.(int)))...)
		}
		for i, n := range names {
			if n == c[0] {
				body = append(body, 0x10, byte(i))
			}
		}
	}
	bodies := [2][]byte{body, nil}
	if inStart {
		section(8, []byte{5})
		bodies = [2][]byte{nil, body}
	}
	code := []byte{2}
	for _, b := range bodies {
		b = append(append([]byte{0}, b...), 0x0b)
		code = append(append(code, byte(len(b)|0x80), byte(len(b)>>7)), b...)
	}
	section(10, code)
	return m
}

func sleb(v int32) (b []byte) {
	for {
		c := byte(v & 0x7f)
		if v >>= 7; v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// TestIdiomaticHostile runs guests that use the functions wrongly, one after the other on
// one set of modules: each ends with an error that says what is wrong, and the next runs.
func TestIdiomaticHostile(t *testing.T) {
	var ms engine.Modules
	t.Cleanup(func() { ms.Close() })
	longer := make([]byte, 16)
	for _, c := range []struct {
		name   string
		module []byte
		last   []byte
		want   error // nil: it ends well
	}{
		{"well", callModule(false, 1, [3]any{"restore", 0, 4}, [3]any{"checkpoint", 65520, 4}), nil, nil},
		{"negative length", callModule(false, 1, [3]any{"checkpoint", 0, -1}), nil, compat.ErrBounds},
		{"huge length", callModule(false, 1, [3]any{"checkpoint", 0, math.MaxInt32}), nil, compat.ErrBounds},
		{"length that wraps", callModule(false, 1, [3]any{"checkpoint", 0, 1<<30 + 1}), nil, compat.ErrBounds},
		{"pointer at the edge", callModule(false, 1, [3]any{"checkpoint", 65533, 1}), nil, compat.ErrBounds},
		{"negative pointer", callModule(false, 1, [3]any{"restore", -4, 1}), nil, compat.ErrBounds},
		{"negative bytes", callModule(false, 1, [3]any{"checkpoint_bytes", 1, -1}), nil, compat.ErrBounds},
		{"no memory", callModule(false, -1, [3]any{"checkpoint", 0, 1}), nil, compat.ErrNoMemory},
		{"memory of no pages", callModule(false, 0, [3]any{"checkpoint", 0, 1}), nil, compat.ErrBounds},
		{"no memory in start", callModule(true, -1, [3]any{"checkpoint", 0, 1}), nil, compat.ErrNoMemory},
		{"restore twice", callModule(false, 1, [3]any{"restore", 0, 4}, [3]any{"restore", 0, 4}), nil, compat.ErrRestored},
		{"a longer vector", callModule(false, 1, [3]any{"restore", 0, 5}), longer, compat.ErrLength},
		{"a shorter vector", callModule(false, 1, [3]any{"restore_bytes", 0, 15}), longer, compat.ErrLength},
		{"well, after all that", callModule(false, 1, [3]any{"restore_bytes", 65520, 16}), longer, nil},
	} {
		m, err := ms.Add(t.Context(), c.module, interp.Auto)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var file bytes.Buffer
		s := compat.Snapshot{Module: m.Digest(), ModuleSize: uint64(len(c.module)), Args: []string{"x"}, Last: c.last}
		if err := s.Encode(&file); err != nil {
			t.Fatal(err)
		}
		e, err := engine.Restore(t.Context(), m, engine.Spec{}, &file)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := e.Thaw(); err != nil {
			t.Fatal(err)
		}
		e.Wait()
		if _, err := e.Result(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		e.Close()
	}
}

// TestIdiomaticRefused: only guests that make checkpoints can be moved by them.
func TestIdiomaticRefused(t *testing.T) {
	var ms engine.Modules
	t.Cleanup(func() { ms.Close() })
	m := addIdiomatic(t, &ms, "fib-twin", interp.Auto)
	e, err := engine.New(t.Context(), m, engine.Spec{Args: []string{"fib"}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, _, err := e.Hold(snapshotfmt.Meta{}); !errors.Is(err, engine.ErrNotIdiomatic) {
		t.Errorf("Hold: %v", err)
	}
	var file bytes.Buffer
	if err := e.SnapshotIdiomatic(&file, snapshotfmt.Meta{}); !errors.Is(err, engine.ErrNotIdiomatic) {
		t.Errorf("SnapshotIdiomatic: %v", err)
	}
	s := compat.Snapshot{Module: m.Digest(), ModuleSize: uint64(len(m.Bytes()))}
	if err := s.Encode(&file); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Restore(context.Background(), m, engine.Spec{}, &file); !errors.Is(err, engine.ErrNotIdiomatic) {
		t.Errorf("Restore: %v", err)
	}
}
