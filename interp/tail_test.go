package interp

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sojourn/snapshotfmt"
)

// Tail calls take no stack, frozen or not: the guest's deepest recursion is of millions.
func TestDeepTailCalls(t *testing.T) {
	module := readGuest(t, "tail")
	ctx := t.Context()
	for _, kind := range engines() {
		for _, every := range []uint64{0, 400_009} {
			p := prepare(t, module, kind)
			h := &miniHost{}
			in, err := p.Instantiate(ctx, Config{Host: h, Entry: "deep", FreezeEvery: every})
			if err != nil {
				t.Fatal(err)
			}
			freezes := 0
			for err = in.Run(ctx); errors.Is(err, ErrFrozen); err = in.Run(ctx) {
				if freezes++; in.Depth() > 3 {
					t.Fatalf("%v: %d frames wait", kind, in.Depth())
				}
			}
			in.Close(ctx)
			if want := "000000746a5a2920\n"; err != nil || !strings.HasPrefix(h.out.String(), want) {
				t.Errorf("%v, every %d: %q, %v", kind, every, h.out.String(), err)
			}
			if every > 0 && freezes < 3 {
				t.Errorf("%v: %d freezes", kind, freezes)
			}
		}
	}
}

// A frame may stand where another function was called only if a tail call can have put
// it there.
func TestHostileTails(t *testing.T) {
	ctx := t.Context()
	p := prepare(t, readGuest(t, "tail"), Interpreter)
	states := innermost(t, p)
	for _, name := range []string{"spin", "sum", "odd", "leap", "turn", "print", "yield"} {
		st := states[name]
		if st == nil {
			t.Errorf("never frozen in %s", name)
			continue
		}
		in, err := p.Thaw(ctx, st, Config{Host: &miniHost{}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		in.Close(ctx)
		if len(st.Frames) < 3 {
			continue
		}
		hostile := *st
		hostile.Frames = append(append([]snapshotfmt.Frame{}, st.Frames...), st.Frames[1])
		hostile.Frames[len(st.Frames)-1] = st.Frames[1]
		if _, err := p.Thaw(ctx, &hostile, Config{Host: &miniHost{}}); err == nil || !strings.Contains(err.Error(), "it calls ") {
			t.Errorf("%s, called by main, replaced by main: %v", name, err)
		}
		hostile.Frames = st.Frames[1:]
		if _, err := p.Thaw(ctx, &hostile, Config{Host: &miniHost{}}); err == nil || !strings.Contains(err.Error(), "the outermost frame must be") {
			t.Errorf("%s without its outermost frame: %v", name, err)
		}
	}
}

// innermost returns a state for each function that the guest can freeze in.
func innermost(t *testing.T, p *Program) map[string]*snapshotfmt.State {
	t.Helper()
	ctx := t.Context()
	in, err := p.Instantiate(ctx, Config{Host: &miniHost{}, FreezeEvery: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(context.Background())
	states := map[string]*snapshotfmt.State{}
	for err = in.Run(ctx); errors.Is(err, ErrFrozen); err = in.Run(ctx) {
		st, err := in.Capture(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(st.Frames); n > 0 {
			states[p.Module().FuncName(st.Frames[n-1].Func)] = st
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return states
}
