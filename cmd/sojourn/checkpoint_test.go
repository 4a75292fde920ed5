package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sojourn/examples/guests"
	"sojourn/proxy/api"
)

// A guest of a node is written down and runs on; the file is a guest of its own.
func TestCheckpoint(t *testing.T) {
	n := startNode(t, []string{"sojourn"})
	module, err := guests.Module(guests.Spin)
	if err != nil {
		t.Fatal(err)
	}
	g, err := n.Run(t.Context(), module, api.Spec{Args: []string{"spin"}})
	if err != nil {
		t.Fatal(err)
	}
	file, app := filepath.Join(t.TempDir(), "g.snap"), filepath.Join(t.TempDir(), "spin.wasm")
	if err := os.WriteFile(app, module, 0o666); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := run([]string{"checkpoint", "--node", n.URL(), "--json", g.ID, file}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var r checkpointResult
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if r.ID != g.ID || r.Bytes != info.Size() || r.Module != g.Module {
		t.Errorf("%+v for guest %s of module %s, in a file of %d bytes", r, g.ID, g.Module, info.Size())
	}
	if g, err = n.Show(t.Context(), g.ID); err != nil || g.State != api.StateRunning {
		t.Errorf("the guest is %s, %v; it must run on", g.State, err)
	}
	if code := run([]string{"restore", "--module", app, "--time", "20ms", file}, &out, &errs); code != exitKilled {
		t.Errorf("restore ends with %d: %s", code, errs.String())
	}
}

// What cannot be written down leaves no file.
func TestCheckpointNothing(t *testing.T) {
	n := startNode(t, []string{"sojourn"})
	dir := t.TempDir()
	var out, errs bytes.Buffer
	if code := run([]string{"checkpoint", "--node", n.URL(), "nobody", filepath.Join(dir, "g.snap")}, &out, &errs); code != exitFailure {
		t.Errorf("exit code %d, want %d", code, exitFailure)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("files %v, %v; want none", files, err)
	}
	if !strings.Contains(errs.String(), "nobody") {
		t.Errorf("the error does not name the guest: %s", errs.String())
	}
	if code := run([]string{"checkpoint", "g", "f"}, &out, &errs); code != exitUsage && os.Getenv("SOJOURN_NODE") == "" {
		t.Errorf("without a node: exit code %d, want %d", code, exitUsage)
	}
}

func TestCommandsAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range newRoot().Commands() {
		if seen[c.Name()] {
			t.Errorf("%s is there twice", c.Name())
		}
		seen[c.Name()] = true
	}
}
