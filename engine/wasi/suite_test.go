//go:build wasisuite

package wasi_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sojourn/engine/wasi"
)

// TestOfficialSuite runs the programs of the wasi-testsuite. Its binaries are too
// large to keep here:
//
//	git clone -b prod/testsuite-base https://github.com/WebAssembly/wasi-testsuite
//	WASI_TESTSUITE=$PWD/wasi-testsuite go test -tags wasisuite ./engine/wasi
func TestOfficialSuite(t *testing.T) {
	pattern := filepath.Join(os.Getenv("WASI_TESTSUITE"), "tests/*/testsuite/wasm32-wasip1/*.wasm")
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no programs at %s (%v); set WASI_TESTSUITE", pattern, err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) { t.Parallel(); runProgram(t, f) })
	}
}

// program is what the JSON file beside a program says of it.
type program struct {
	Args     []string
	Env      map[string]string
	Root     string
	ExitCode uint32 `json:"exit_code"`
	Stdout   *string
}

func runProgram(t *testing.T, file string) {
	var spec program
	if b, err := os.ReadFile(strings.TrimSuffix(file, ".wasm") + ".json"); err == nil {
		if err := json.Unmarshal(b, &spec); err != nil {
			t.Fatal(err)
		}
	}
	out, errs := wasi.NewBuffer(), wasi.NewBuffer()
	cfg := wasi.Config{Args: append([]string{filepath.Base(file)}, spec.Args...), Stdout: out, Stderr: errs}
	for k, v := range spec.Env {
		cfg.Env = append(cfg.Env, k+"="+v)
	}
	if spec.Root != "" {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(filepath.Dir(file), spec.Root))); err != nil {
			t.Fatal(err)
		}
		cfg.Mounts = []wasi.Mount{{Host: dir, Guest: "/"}}
	}
	stdout, stderr := output(t, out), output(t, errs)
	w, err := wasi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	code, err := runGuest(t.Context(), module, w)
	if err := errors.Join(w.Close(), out.Close(), errs.Close()); err != nil {
		t.Error(err)
	}
	if err != nil || code != spec.ExitCode || spec.Stdout != nil && *spec.Stdout != stdout() {
		t.Errorf("code %d, error %v\n%s%s", code, err, stdout(), stderr())
	}
}
