package engine_test

import (
	"strings"
	"testing"
	"time"

	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/examples/guests"
	"sojourn/interp"
)

// TestSleepsOn moves a guest that is asleep. It wakes when it has slept as long as it asked
// for, and not longer by what it had slept before.
func TestSleepsOn(t *testing.T) {
	t.Parallel()
	const asleep = 2 * time.Second
	module, err := guests.Module("sleep")
	if err != nil {
		t.Fatal(err)
	}
	var ms engine.Modules
	t.Cleanup(func() { ms.Close() })
	m, err := ms.Add(t.Context(), module, interp.Auto)
	if err != nil {
		t.Fatal(err)
	}
	in, out := wasi.NewBuffer(), newCollector()
	in.CloseInput()
	spec := engine.Spec{Args: []string{"sleep", "1", "2000"}, Stdin: in, Stdout: out.stream}
	e, err := engine.New(t.Context(), m, spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { e.Close() }()
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	var ran, last time.Duration
	for range 4 { // moved four times in the first half
		time.Sleep(asleep / 8)
		if err := e.Freeze(t.Context()); err != nil {
			code, why := e.Result()
			t.Fatalf("%v: exit %d, %v; it says %q", err, code, why, out.wait())
		}
		ran += e.RunTime()
		e = through(t, e, m, spec)
		if err := e.Thaw(); err != nil {
			t.Fatal(err)
		}
	}
	e.Wait()
	last = e.RunTime()
	if code, err := e.Result(); err != nil || code != 0 || !strings.HasPrefix(string(out.wait()), "1 of 1 sleeps lasted") {
		t.Errorf("exit %d, %v; it says %q", code, err, out.wait())
	}
	// Its own clock goes on a little between freezing and being written down.
	if ran+last < asleep*9/10 || last >= asleep {
		t.Errorf("it ran for %v and then %v, of a sleep of %v", ran, last, asleep)
	}
}
