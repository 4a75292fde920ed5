package engine

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sojourn/engine/wasi"
	"sojourn/interp"
	"sojourn/snapshotfmt"
)

// linked prepares a guest of modules in examples/guests that have their files' names.
func linked(t testing.TB, ms *Modules, kind interp.Kind, names ...string) *Module {
	t.Helper()
	var list []interp.Module
	for _, name := range names {
		list = append(list, interp.Module{Name: name, Bytes: guest(t, "linked/"+name)})
	}
	m, err := ms.AddLinked(t.Context(), list, kind)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A guest of several modules and memories goes through snapshot files at every point,
// and what it prints does not change. Other modules are refused.
func TestLinkedSnapshots(t *testing.T) {
	var ms Modules
	defer ms.Close()
	var mods []*Module
	for _, k := range kinds() {
		mods = append(mods, linked(t, &ms, k, "store", "words", "trio"))
	}
	run := func(every uint64) (string, int, []byte) {
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		var last []byte
		spec := Spec{Args: []string{"trio"}, Stdout: wasi.FromFile(out), FreezeEvery: every}
		e, err := New(t.Context(), mods[0], spec)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Start(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; e.Wait() == Frozen; n++ {
			var file bytes.Buffer
			if err := e.Snapshot(&file, snapshotfmt.Meta{}); err != nil {
				t.Fatal(err)
			}
			e.Close()
			last = bytes.Clone(file.Bytes())
			if e, err = Restore(t.Context(), mods[n%len(mods)], spec, &file); err != nil {
				t.Fatal(err)
			}
			if err := e.Thaw(); err != nil {
				t.Fatal(err)
			}
		}
		if code, err := e.Result(); code != 0 || err != nil {
			t.Errorf("exit %d, %v", code, err)
		}
		e.Close()
		printed, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(printed), n, last
	}
	want, _, _ := run(0)
	got, n, file := run(2)
	if got != want || want == "" || n == 0 {
		t.Errorf("after %d freezes %q, want %q", n, got, want)
	}
	for what, m := range map[string]*Module{
		"a library too many": linked(t, &ms, interp.Interpreter, "store", "store", "words", "trio"),
		"another program":    linked(t, &ms, interp.Interpreter, "store", "words"),
	} {
		e, err := Restore(t.Context(), m, Spec{}, bytes.NewReader(file))
		if err == nil {
			e.Close()
		}
		if !errors.Is(err, ErrModule) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
