package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"sojourn/engine"
	"sojourn/examples/guests"
	"sojourn/snapshotfmt"
)

// frozenFile returns a snapshot of a guest that was frozen on its way, and its module's
// path.
func frozenFile(t *testing.T, name string, args ...string) (file []byte, module string) {
	t.Helper()
	b, err := guests.Module(name)
	if err != nil {
		t.Fatal(err)
	}
	module = filepath.Join(t.TempDir(), name+".wasm")
	if err := os.WriteFile(module, b, 0o666); err != nil {
		t.Fatal(err)
	}
	p := &program{path: module, bytes: b}
	t.Cleanup(func() { p.set.Close() })
	m, err := p.prepare(t.Context(), "interpreter")
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(t.Context(), m, engine.Spec{Args: append([]string{name}, args...), FreezeEvery: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	if s := e.Wait(); s != engine.Frozen {
		t.Fatalf("%s is %v, and was to be frozen", name, s)
	}
	var buf bytes.Buffer
	if err := e.Snapshot(&buf, snapshotfmt.Meta{}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), module
}

// A snapshot with any bit changed, cut anywhere, or with something behind it, is refused
// with an error by restore and by inspect, and nothing of it runs.
func TestDamagedSnapshots(t *testing.T) {
	good, module := frozenFile(t, "trees", "4")
	p, err := readProgram(module)
	if err != nil {
		t.Fatal(err)
	}
	defer p.set.Close()
	m, err := p.prepare(t.Context(), "interpreter")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bad.snap")
	refused := func(what string, bad []byte) {
		t.Helper()
		if e, err := engine.Restore(context.Background(), m, engine.Spec{}, bytes.NewReader(bad)); err == nil {
			e.Close()
			t.Errorf("%s: restored", what)
		}
		if err := os.WriteFile(path, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := inspect(&snapshotSource{file: path, modules: []string{module}}); err == nil {
			t.Errorf("%s: inspected", what)
		}
	}
	step := max(1, len(good)/150)
	for at := 0; at < len(good); at += step {
		bad := bytes.Clone(good)
		bad[at] ^= 1 << (at % 8)
		refused(fmt.Sprintf("bit %d of byte %d flipped", at%8, at), bad)
		refused(fmt.Sprintf("cut to %d bytes", at), good[:at])
	}
	refused("a byte more", append(bytes.Clone(good), 0))

	e, err := engine.Restore(t.Context(), m, engine.Spec{}, bytes.NewReader(good))
	if err != nil {
		t.Fatalf("the snapshot itself: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
