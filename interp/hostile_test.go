package interp

import (
	"context"
	"strings"
	"testing"

	"sojourn/snapshotfmt"
)

// frozen returns a state of the guest, stopped deep in recursion.
func frozen(t testing.TB, p *Program) *snapshotfmt.State {
	t.Helper()
	in, err := p.Instantiate(t.Context(), Config{Host: &miniHost{args: []string{"guest", "10"}}, FreezeEvery: 40})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(context.Background())
	if err := in.Run(t.Context()); err != ErrFrozen {
		t.Fatal(err)
	}
	st, err := in.Capture(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(st.Frames) < 3 {
		t.Fatalf("%d frames; the test needs recursion", len(st.Frames))
	}
	return st
}

// A state that the module cannot have is refused, with what is wrong and where.
func TestHostileStates(t *testing.T) {
	p := prepare(t, readGuest(t, "fib"), Interpreter)
	last := func(st *snapshotfmt.State) *snapshotfmt.Frame { return &st.Frames[len(st.Frames)-1] }
	for _, c := range []struct {
		name, want string
		break_     func(st *snapshotfmt.State)
	}{
		{"pc inside an instruction", "is inside the instruction", func(st *snapshotfmt.State) { st.Frames[0].PC-- }},
		{"pc outside the function", "is outside function", func(st *snapshotfmt.State) { last(st).PC = 1 << 30 }},
		{"unknown function", "which the module does not have", func(st *snapshotfmt.State) { last(st).Func = 1 << 20 }},
		{"another module", "of module 1, and the guest has 1", func(st *snapshotfmt.State) { last(st).Module = 1 }},
		{"frame of a function that is not called", "it calls function", func(st *snapshotfmt.State) { st.Frames = append(st.Frames, st.Frames[0]) }},
		{"no outermost frame", "the outermost frame must be", func(st *snapshotfmt.State) { st.Frames = st.Frames[1:] }},
		{"too few locals", "locals; the function has", func(st *snapshotfmt.State) { last(st).Locals = nil }},
		{"value too many", "values on the stack", func(st *snapshotfmt.State) {
			last(st).Stack = append(last(st).Stack, snapshotfmt.Value{Type: snapshotfmt.I32})
		}},
		{"wrong type", "is needed", func(st *snapshotfmt.State) {
			for i := range last(st).Locals {
				last(st).Locals[i].Type = snapshotfmt.F64
			}
			for i := range last(st).Stack {
				last(st).Stack[i].Type = snapshotfmt.F64
			}
		}},
		{"globals missing", "globals; the module has", func(st *snapshotfmt.State) { st.Globals = nil }},
		{"memory too small", "cannot shrink", func(st *snapshotfmt.State) { st.MemoryPages = 0 }},
		{"memory too large", "memory limit", func(st *snapshotfmt.State) { st.MemoryPages = 1 << 31 }},
		{"tables of a module that writes none", "never writes its tables", func(st *snapshotfmt.State) { st.Tables = make([]snapshotfmt.Table, 1) }},
		{"dropped segment", "is said to be dropped", func(st *snapshotfmt.State) { st.DroppedDatas = []uint32{7} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := frozen(t, p)
			c.break_(st)
			in, err := p.Thaw(t.Context(), st, Config{Host: &miniHost{}})
			if err == nil {
				in.Close(context.Background())
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q does not say %q", err, c.want)
			}
		})
	}
}

// A module that cannot be run is refused before anything of it has.
func TestPrepareRefuses(t *testing.T) {
	for name, module := range map[string]string{
		"truncated":        "\x00asm\x01\x00\x00\x00\x01\x05",
		"not a module":     "#!/bin/sh",
		"no such function": "\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x02\x07\x01\x01m\x01f\x00\x00",
	} {
		if _, err := Prepare(t.Context(), []byte(module), Options{Engine: Interpreter}); err == nil {
			t.Errorf("%s: it was accepted", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}
