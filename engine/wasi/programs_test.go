package wasi_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sojourn/engine/wasi"
)

// build compiles a program of testdata for an operating system and architecture, ""
// for this one.
func build(t *testing.T, program, goos, goarch string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), program)
	cmd := exec.Command("go", "build", "-o", out, "./testdata/"+program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, b)
	}
	return out
}

// TestFilesAsNative runs a Go program natively and as a guest: what it prints about
// its files must be the same.
func TestFilesAsNative(t *testing.T) {
	const input = "some input\n"
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(build(t, "files", "", ""), "an", "argument")
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"GREETING=hello"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewBufferString(input), &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) {
		t.Fatal(err)
	}

	module, err := os.ReadFile(build(t, "files", "wasip1", "wasm"))
	if err != nil {
		t.Fatal(err)
	}
	in, out, errs := wasi.NewBuffer(), wasi.NewBuffer(), wasi.NewBuffer()
	in.Feed([]byte(input))
	in.CloseInput()
	w, err := wasi.New(wasi.Config{
		Args:   []string{"files", "an", "argument"},
		Env:    []string{"GREETING=hello", "PWD=/"},
		Mounts: []wasi.Mount{{Host: t.TempDir(), Guest: "/"}},
		Stdin:  in, Stdout: out, Stderr: errs,
	})
	if err != nil {
		t.Fatal(err)
	}
	gotOut, gotErr := output(t, out), output(t, errs)
	code, err := runGuest(t.Context(), module, w)
	if err := errors.Join(err, w.Close(), out.Close(), errs.Close()); err != nil {
		t.Error(err)
	}
	if code != uint32(exit.ExitCode()) {
		t.Errorf("exit code %d, natively %d", code, exit.ExitCode())
	}
	if gotOut() != stdout.String() || gotErr() != stderr.String() {
		t.Errorf("as a guest:\n%s%s\nnatively:\n%s%s", gotOut(), gotErr(), &stdout, &stderr)
	}
}
