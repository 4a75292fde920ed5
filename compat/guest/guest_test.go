package guest_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sojourn/compat"
	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/interp"
	"sojourn/snapshotfmt"
)

// output is a stream that keeps what is written.
type output struct {
	wasi.Stream
	bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) { return o.Buffer.Write(p) }
func (o *output) Read(p []byte) (int, error)  { return o.Stream.Read(p) }

// sums returns the module of testdata/sums.
func sums(t *testing.T, ms *engine.Modules) *engine.Module {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sums.wasm")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", file, "./testdata/sums")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ms.Add(t.Context(), b, interp.Auto)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run runs sums to its end, and returns what it has printed; when half is not 0 it is moved by its
// last checkpoint after so many points.
func run(t *testing.T, m *engine.Module, args []string, half uint64) (printed string, points uint64, err error) {
	t.Helper()
	out := &output{Stream: wasi.Discard()}
	spec := engine.Spec{Args: args, Stdout: out, Stderr: wasi.Discard(), FreezeEvery: half}
	e, err := engine.New(t.Context(), m, spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { e.Close() }()
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	if e.Wait() == engine.Frozen {
		s, decide, err := e.Hold(snapshotfmt.Meta{})
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if err := s.Encode(&file); err != nil {
			t.Fatal(err)
		}
		decide(true)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		spec.FreezeEvery = 0
		if e, err = engine.Restore(t.Context(), m, spec, &file); err != nil {
			t.Fatal(err)
		}
		if err := e.Thaw(); err != nil {
			t.Fatal(err)
		}
		e.Wait()
	}
	_, err = e.Result()
	return out.String(), e.Points(), err
}

// TestMoves moves a guest in Go in the middle of its work, with vectors of several types: it goes
// on from a checkpoint, and ends as one that is left alone.
func TestMoves(t *testing.T) {
	var ms engine.Modules
	t.Cleanup(func() { ms.Close() })
	m := sums(t, &ms)
	for _, kind := range []string{"int8", "uint16", "int64", "float32", "float64"} {
		args := []string{"sums", kind, "100"}
		alone, points, err := run(t, m, args, 0)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		want, ok := strings.CutPrefix(alone, "at 0\n")
		if !ok || !strings.HasPrefix(want, "[100 ") {
			t.Fatalf("%s: it prints %q", kind, alone)
		}
		got, _, err := run(t, m, args, points/2)
		if err != nil {
			t.Fatalf("%s, moved: %v", kind, err)
		}
		if !strings.HasSuffix(got, want) || strings.Count(got, "at ") != 2 || strings.Count(got, "at 0\n") != 1 {
			t.Errorf("%s: moved it prints %q, alone %q", kind, got, alone)
		}
	}
	if _, _, err := run(t, m, []string{"sums", "empty", "1"}, 0); !errors.Is(err, compat.ErrLength) {
		t.Errorf("an empty vector: %v, want %v", err, compat.ErrLength)
	}
}
