package measure

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/examples/guests"
	"sojourn/interp"
)

func guest(t *testing.T, name string, args ...string) *Guest {
	t.Helper()
	module, err := guests.Module(name)
	if err != nil {
		t.Fatal(err)
	}
	var set engine.Modules
	t.Cleanup(func() { set.Close() })
	m, err := set.Add(t.Context(), module, interp.Auto)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := interp.PreparePlain(t.Context(), module, interp.Options{Host: wasi.Functions()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plain.Close(context.Background()) })
	spec := func() (engine.Spec, error) { return engine.Spec{Args: append([]string{name}, args...)}, nil }
	return &Guest{Plain: plain, Module: m, Spec: spec}
}

// A guest shows the same on every side, with input that is half read when it is moved.
func TestInTurn(t *testing.T) {
	g := guest(t, "echo-kv", "4")
	g.Stdin = []byte(strings.Repeat("1 hello\n", 200))
	first, err := g.Movable().Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	took, err := InTurn(t.Context(), 2, g.OnPlain(), g.Movable(), g.Moved(first.Points/2))
	if err != nil {
		t.Fatal(err)
	}
	for i, side := range took {
		if len(side) != 2 || side[0].Wall <= 0 {
			t.Errorf("side %d: %v", i, side)
		}
	}
	if a, b := took[1][0].Points, took[2][0].Points; a != b || a == 0 {
		t.Errorf("%d points undisturbed, %d moved", a, b)
	}
}

func TestInTurnDiffers(t *testing.T) {
	exit := func(code uint32) Side {
		return Side{"x", func(context.Context) (Sample, error) { return Sample{Exit: code}, nil }}
	}
	_, err := InTurn(t.Context(), 1, exit(0), exit(3))
	if d, ok := errors.AsType[*DifferError](err); !ok || d.SampleB.Exit != 3 {
		t.Errorf("%v, want the difference", err)
	}
}

func TestMovedEnds(t *testing.T) {
	g := guest(t, "sieve", "10")
	if _, err := g.Moved(1 << 40).Run(t.Context()); !errors.Is(err, ErrEnds) {
		t.Errorf("%v, want %v", err, ErrEnds)
	}
}

func TestCompare(t *testing.T) {
	cpu := func(ms ...int) (all []Sample) {
		for _, n := range ms {
			all = append(all, Sample{Cost: Cost{CPU: time.Duration(n) * time.Millisecond}})
		}
		return all
	}
	plain, movable := cpu(10, 30, 20), cpu(12, 30, 50)
	if got, want := Pairs(plain, movable, CPU), (Compare{20, 30, 1.2}); got != want {
		t.Errorf("pairs: %v, want %v", got, want)
	}
	if got, want := Least(plain, movable, CPU), (Compare{10, 12, 1.2}); got != want {
		t.Errorf("least: %v, want %v", got, want)
	}
	if got := Mean([]float64{2, 8}); got < 3.999 || got > 4.001 {
		t.Errorf("mean of 2 and 8: %v", got)
	}
	if got := ratio(1, 0); got != 0 {
		t.Errorf("ratio to nothing: %v", got)
	}
}
