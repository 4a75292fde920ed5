package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sojourn/examples/guests"
	"sojourn/proxy/api"
)

// What a guest carried is to be had when it has ended, and not before; then it is forgotten.
func TestFiles(t *testing.T) {
	src := t.TempDir()
	if err := os.WriteFile(filepath.Join(src, "note"), []byte("carried"), 0o666); err != nil {
		t.Fatal(err)
	}
	n := startNode(t, []string{"sojourn"}, "--allow-dir", src)
	module, err := guests.Module(guests.Spin)
	if err != nil {
		t.Fatal(err)
	}
	g, err := n.Run(t.Context(), module, api.Spec{Args: []string{"spin"}, Dirs: []string{src + ":/d:carried"}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "d.tar")
	ask := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		code := run(append([]string{"files", "--node", n.URL()}, append(args, g.ID, file)...), &out, &errs)
		return code, errs.String()
	}
	if code, said := ask(); code != 1 || !strings.Contains(said, "has not ended") {
		t.Errorf("of a guest that runs: exit code %d, %s", code, said)
	}
	if _, err := n.Stop(t.Context(), g.ID); err != nil {
		t.Fatal(err)
	}
	code, said := ask("--forget")
	for code != 0 && strings.Contains(said, "has not ended") { // it is still letting go of them
		code, said = ask("--forget")
	}
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	to := t.TempDir()
	if out, err := exec.Command("tar", "-xf", file, "-C", to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if b, err := os.ReadFile(filepath.Join(to, "note")); err != nil || string(b) != "carried" {
		t.Errorf("the archive holds %q, %v", b, err)
	}
	if code, said := ask(); code != 1 || !strings.Contains(said, "no guest") {
		t.Errorf("of a guest that is forgotten: exit code %d, %s", code, said)
	}
}
