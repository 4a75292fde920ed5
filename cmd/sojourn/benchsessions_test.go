package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Plain and resumable clients of a Go WebSocket server lose nothing while it moves among
// three processes, and the table and the plot say so.
func TestBenchSessions(t *testing.T) {
	bin, dir := buildFor(t, runtime.GOARCH), t.TempDir()
	wasm, plot, page := filepath.Join(dir, "talk.wasm"), filepath.Join(dir, "plot.svg"), filepath.Join(dir, "page.md")
	build := exec.Command("go", "build", "-o", wasm, "../../examples/talk")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if b, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	mark := "<!-- sojourn bench sessions --doc: begin -->\n<!-- sojourn bench sessions --doc: end -->\n"
	if err := os.WriteFile(page, []byte(mark), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "bench", "sessions", "--clients", "6", "--for", "4s", "--every", "500ms", "--plot", plot, "--doc", page, "--json", wasm)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var r talkResult
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !r.OK || r.Moves < 2 || r.Plain.Clients != 3 || r.Resumable.Clients != 3 || r.Plain.Messages == 0 || r.Resumable.Messages == 0 {
		t.Errorf("%s", out)
	}
	for file, want := range map[string]string{plot: "resumable", page: "| 3 resumable |"} {
		if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s has no %q: %v", file, want, err)
		}
	}
}
