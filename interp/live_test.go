package interp

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

func engines() []Kind {
	if HasCompiler() {
		return []Kind{Compiler, Interpreter}
	}
	return []Kind{Interpreter}
}

// A guest in a tight loop asks by itself: the collector and other goroutines go on.
func TestSpinDoesNotStallTheProcess(t *testing.T) {
	for _, kind := range engines() {
		t.Run(kind.String(), func(t *testing.T) {
			in, err := prepare(t, readGuest(t, "spin"), kind).Instantiate(t.Context(), Config{Host: &miniHost{}})
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- in.Run(context.Background()) }()
			start, ticks := time.Now(), 0
			var worst time.Duration
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for range 50 { // each would wait for the guest's end, which never comes
				began := time.Now()
				runtime.GC()
				worst = max(worst, time.Since(began))
				<-tick.C
				ticks++
			}
			t.Logf("50 collections and %d ticks in %v, the longest collection %v", ticks, time.Since(start), worst)
			why := errors.New("enough")
			in.Kill(why)
			if err := <-ended; !errors.Is(err, why) {
				t.Fatalf("killed: %v", err)
			}
		})
	}
}

// A guest that is frozen whenever the clock says so, from outside, goes on as if it had
// not been, on the other engine.
func TestFreezeFromOutside(t *testing.T) {
	module := readGuest(t, "nqueens")
	var progs []*Program
	for _, k := range engines() {
		progs = append(progs, prepare(t, module, k))
	}
	want := torture(t, progs[:1], 0, "12")
	ctx := t.Context()
	h := &miniHost{args: []string{"guest", "12"}}
	in, err := progs[0].Instantiate(ctx, Config{Host: h})
	if err != nil {
		t.Fatal(err)
	}
	freezes := 0
	for {
		stop := time.AfterFunc(time.Millisecond, in.RequestFreeze)
		err := in.Run(ctx)
		stop.Stop()
		if !errors.Is(err, ErrFrozen) {
			if got := ending(err); got != want.end || h.out.String() != want.out {
				t.Errorf("after %d freezes: %q, %s; want %q, %s", freezes, h.out.String(), got, want.out, want.end)
			}
			in.Close(ctx)
			break
		}
		freezes++
		st, err := in.Capture(ctx)
		if err != nil {
			t.Fatal(err)
		}
		next, err := progs[freezes%len(progs)].Thaw(ctx, st, Config{Host: h})
		if err != nil {
			t.Fatal(err)
		}
		copy(next.Memory().Bytes(), in.Memory().Bytes())
		in.Close(ctx)
		in = next
	}
	if freezes == 0 {
		t.Error("never frozen")
	}
	t.Logf("%d freezes", freezes)
}

// A frozen guest goes on in the same instance, as after a migration that failed.
func TestGoOnInPlace(t *testing.T) {
	for _, kind := range engines() {
		p := prepare(t, readGuest(t, "fib"), kind)
		want := torture(t, []*Program{p}, 0, "12")
		h := &miniHost{args: []string{"guest", "12"}}
		in, err := p.Instantiate(t.Context(), Config{Host: h, FreezeEvery: 5})
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close(context.Background())
		n := 0
		for err = in.Run(t.Context()); errors.Is(err, ErrFrozen); err = in.Run(t.Context()) {
			n++
		}
		if h.out.String() != want.out || n == 0 {
			t.Errorf("%v, after %d freezes in place: %q, want %q", kind, n, h.out.String(), want.out)
		}
	}
}

// The number of points passed is the guest's alone: freezing does not change it.
func TestPointsAreExact(t *testing.T) {
	for _, name := range []string{"control", "fib", "trees", "hostcalls"} {
		args := map[string][]string{"fib": {"10"}, "trees": {"4"}}[name]
		p := []*Program{prepare(t, readGuest(t, name), Interpreter)}
		want := torture(t, p, 1<<29, args...)
		for _, k := range []uint64{1, 3, 10} {
			if got := torture(t, p, k, args...); got.points != want.points {
				t.Errorf("%s, frozen at every %d: %d points; undisturbed %d", name, k, got.points, want.points)
			}
		}
	}
}

// A trap names the author's functions, those of frames that waited as data among them.
func TestTrapNamesFunctions(t *testing.T) {
	for _, kind := range engines() {
		p := prepare(t, readGuest(t, "trap"), kind)
		plain := torture(t, []*Program{p}, 0)
		frozen := torture(t, []*Program{p}, 1)
		if plain.end != frozen.end || !strings.HasPrefix(plain.end, "trap ") {
			t.Errorf("%v: %s; after freezes %s", kind, plain.end, frozen.end)
		}
		t.Log(plain.end)
	}
}
