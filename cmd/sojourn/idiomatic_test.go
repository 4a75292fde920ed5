package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"sojourn/engine"
	"sojourn/examples/guests"
	"sojourn/interp"
)

// TestIdiomaticFile freezes a running guest with its last checkpoint: inspect shows the
// file, and restore goes on with it.
func TestIdiomaticFile(t *testing.T) {
	module, err := guests.Module("idiomatic/fib")
	if err != nil {
		t.Fatal(err)
	}
	var ms engine.Modules
	t.Cleanup(func() { ms.Close() })
	m, err := ms.Add(t.Context(), module, interp.Auto)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(t.Context(), m, engine.Spec{Args: []string{"fib", "3000000"}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "a.snap")
	cmd := newRun()
	cmd.SetContext(t.Context())
	cmd.SetErr(t.Output())
	if err := watchSignals(false).freeze(cmd, e, freezing{file: file, idiomatic: true}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"inspect", file}, "a vector of "},
		{[]string{"inspect", "--dump", file}, "idiomatic: a vector of "},
		{[]string{"inspect", "--json", file}, "\"vector\""},
	} {
		var out, errs bytes.Buffer
		if code := run(c.args, &out, &errs); code != 0 || !strings.Contains(out.String(), c.want) {
			t.Errorf("%q ends with %d and prints %s%s, want %q", c.args, code, out.String(), errs.String(), c.want)
		}
	}
	s := snapshotSource{file: file}
	defer s.close()
	next, err := s.restore(t.Context(), &guestFlags{engine: "auto"}, engine.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if err := next.Thaw(); err != nil {
		t.Fatal(err)
	}
	next.Wait()
	if code, err := next.Result(); code != 0 || err != nil {
		t.Errorf("restored, it ends with %d, %v", code, err)
	}
}
