package interp

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sojourn/snapshotfmt"
)

// A state that a guest of several modules cannot have is refused.
func TestHostileLinkedStates(t *testing.T) {
	p := prepareLinked(t, readLinked(t, "pair"), Interpreter)
	deep := func() *snapshotfmt.State { // frames of both modules, in turn
		for n := uint64(80); ; n++ {
			st := frozenAt(t, p, n)
			if st == nil {
				t.Fatal("never deep")
			}
			if k := len(st.Frames); k > 4 && st.Frames[k-1].Module != st.Frames[k-2].Module && st.Frames[k-2].Module != st.Frames[k-3].Module {
				return st
			}
		}
	}
	last := func(st *snapshotfmt.State) *snapshotfmt.Frame { return &st.Frames[len(st.Frames)-1] }
	for _, c := range []struct {
		name, want string
		spoil      func(st *snapshotfmt.State)
	}{
		{"frame of a module that is not there", "of module 2, and the guest has 2", func(st *snapshotfmt.State) { last(st).Module = 2 }},
		{"outermost frame of another module", "the outermost frame must be", func(st *snapshotfmt.State) { st.Frames = st.Frames[1:] }},
		{"frame of the other module", "is outside function", func(st *snapshotfmt.State) { last(st).Module ^= 1 }},
		{"reference to a module that is not there", "of module 7, and the guest has 2", func(st *snapshotfmt.State) { st.Tables[0].Refs[0] = snapshotfmt.Ref(7, 1) }},
		{"reference to a function that is not there", "which no code of the guest can refer to", func(st *snapshotfmt.State) { st.Tables[0].Refs[0] = snapshotfmt.Ref(1, 900) }},
		{"reference to an import", "which no code of the guest can refer to", func(st *snapshotfmt.State) { st.Tables[0].Refs[0] = snapshotfmt.Ref(1, 0) }},
		{"global that refers to nowhere", "of module 9", func(st *snapshotfmt.State) {
			for i := range st.Globals {
				if st.Globals[i].Type == snapshotfmt.FuncRef {
					st.Globals[i].Lo = snapshotfmt.Ref(9, 0)
				}
			}
		}},
		{"globals of one module", "globals; the module has", func(st *snapshotfmt.State) { st.Globals = st.Globals[:3] }},
		{"no tables", "tables; the module has", func(st *snapshotfmt.State) { st.Tables = nil }},
		{"memories that are not there", "memories", func(st *snapshotfmt.State) { st.Memories = []uint32{st.MemoryPages, 1} }},
		{"more modules ready than there are", "the guest has 2", func(st *snapshotfmt.State) { st.Started, st.Ready = false, 2 }},
		{"a program that waits", "in libraries only", func(st *snapshotfmt.State) { st.Started, st.Ready, st.Waiting = false, 1, true }},
		{"in the start function of another module", "the outermost frame must be", func(st *snapshotfmt.State) { st.Started = false }},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := deep()
			c.spoil(st)
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
	// Ready looks at states before anybody else has.
	in, err := p.Receive(t.Context(), Config{Host: &miniHost{}})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(context.Background())
	st := deep()
	st.Started, st.Ready = false, 7
	if err := in.Ready(t.Context(), st); err == nil || !strings.Contains(err.Error(), "the guest has 2") {
		t.Errorf("ready for a state of 7 modules: %v", err)
	}
}

// Modules that do not fit each other are refused by name, before anything has run.
func TestLinkRefuses(t *testing.T) {
	store, pair := readGuest(t, "linked/store"), readGuest(t, "linked/pair")
	for name, modules := range map[string][]Module{
		"no library":             {{Bytes: pair}},
		"in the wrong order":     {{Name: "pair", Bytes: pair}, {Name: "store", Bytes: store}},
		"under another name":     {{Name: "shop", Bytes: store}, {Bytes: pair}},
		"a library without them": {{Name: "store", Bytes: readGuest(t, "spin")}, {Bytes: pair}},
	} {
		var host []HostFunc
		for _, mod := range modules {
			host = append(host, hostOf(t, mod.Bytes)...)
		}
		p, err := PrepareLinked(t.Context(), modules, Options{Engine: Interpreter, Host: host})
		if err == nil {
			p.Close(context.Background())
		}
		if !errors.Is(err, ErrLink) || !strings.Contains(err.Error(), "store") && !strings.Contains(err.Error(), "import") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A library's modules are instantiated as its host asks, with calls in between, which
// freeze and thaw as ever.
func TestInstantiateLater(t *testing.T) {
	var progs []*Program
	for _, k := range engines() {
		progs = append(progs, prepareLinked(t, readLinked(t, "pair"), k))
	}
	for _, every := range []uint64{0, 1} {
		cfg := Config{Host: &miniHost{}, Library: true, Modules: 1, FreezeEvery: every}
		in, err := progs[0].Instantiate(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		call := func(module int, name string, args ...snapshotfmt.Value) error {
			if err := in.BeginIn(module, name, args...); err != nil {
				t.Fatal(err)
			}
			var err error
			in, _, err = runOn(t, in, progs)
			return err
		}
		i64 := func(v uint64) snapshotfmt.Value { return snapshotfmt.Value{Type: snapshotfmt.I64, Lo: v} }
		if in, _, err = runOn(t, in, progs); err != nil {
			t.Fatal(err)
		}
		if err := call(0, "even", i64(3)); err == nil || !strings.Contains(err.Error(), "guest trapped") {
			t.Errorf("slot 2 of the table is null as yet: %v", err)
		}
		if err := call(0, "each", i32(5), i32(0), i64(1)); err != nil || in.Results()[0] != i64(32) {
			t.Errorf("each: %v, %v", in.Results(), err)
		}
		in.Instantiate(2)
		if in, _, err = runOn(t, in, progs); err != nil {
			t.Fatal(err)
		}
		if err := call(0, "even", i64(8)); err != nil || in.Results()[0] != i64(1) {
			t.Errorf("even: %v, %v", in.Results(), err)
		}
		in.Close(context.Background())
	}
}
