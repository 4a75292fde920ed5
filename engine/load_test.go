package engine

import (
	"bytes"
	"errors"
	"testing"

	"sojourn/snapshotfmt"
)

// A guest goes on in one that waits, told of an earlier state, as it does anywhere; one
// that waits takes no guest of another module.
func TestLoad(t *testing.T) {
	ms, other := modules(t, "fib"), modules(t, "spin")[0]
	run := func(load bool) uint64 {
		e, err := New(t.Context(), ms[0], Spec{Args: []string{"fib", "10"}, FreezeEvery: 5})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { e.Close() }()
		if err := e.Start(); err != nil {
			t.Fatal(err)
		}
		var points uint64
		for n := 0; e.Wait() == Frozen; n++ {
			if load {
				points += e.Points()
				e = loaded(t, e, ms[n%len(ms)], other)
			}
			if err := e.Thaw(); err != nil {
				t.Fatal(err)
			}
		}
		if code, err := e.Result(); code != 0 || err != nil {
			t.Fatalf("the guest ends with %d, %v", code, err)
		}
		return points + e.Points()
	}
	if a, b := run(false), run(true); a != b || a < 50 {
		t.Errorf("%d points in place, %d from one waiting guest to the next", a, b)
	}
}

// loaded carries a frozen guest into one of module m that waits.
func loaded(t *testing.T, e *Environment, m, other *Module) *Environment {
	t.Helper()
	var file bytes.Buffer
	if err := e.Snapshot(&file, snapshotfmt.Meta{}); err != nil {
		t.Fatal(err)
	}
	st, err := e.Capture()
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := Receive(t.Context(), other, Spec{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Load(bytes.NewReader(file.Bytes())); !errors.Is(err, ErrModule) {
		t.Fatalf("a guest of another module: %v, want %v", err, ErrModule)
	}
	in, err := Receive(t.Context(), m, Spec{FreezeEvery: 5})
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Ready(st); err != nil {
		t.Fatal(err)
	}
	next, err := in.Load(&file)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return next
}
