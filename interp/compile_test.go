package interp_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"sojourn/engine/wasi"
	"sojourn/examples/guests"
	"sojourn/interp"
	"sojourn/interp/codecache"
)

// freezeAndGoOn runs fib, frozen on the way and continued in a fresh instance, which
// needs resume functions.
func freezeAndGoOn(t *testing.T, p *interp.Program) {
	t.Helper()
	world, err := wasi.New(wasi.Config{Args: []string{"fib", "14"}})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	in, err := p.Instantiate(t.Context(), interp.Config{Host: world, FreezeEvery: 200})
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Run(t.Context()); !errors.Is(err, interp.ErrFrozen) {
		t.Fatalf("%v; want it frozen", err)
	}
	st, err := in.Capture(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next, err := p.Thaw(t.Context(), st, interp.Config{Host: world})
	if err != nil {
		t.Fatal(err)
	}
	copy(next.Memory().Bytes(), in.Memory().Bytes())
	var exit *interp.Exit
	if err := next.Run(t.Context()); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err := errors.Join(in.Close(t.Context()), next.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// A second start takes compiled code from the store; one that was damaged is compiled
// again, and never run.
func TestCompiledOnce(t *testing.T) {
	if !interp.HasCompiler() {
		t.Log("there is no compiler here, and nothing to keep")
		return
	}
	module, err := guests.Module("fib")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "code")
	start := func(want bool) {
		t.Helper()
		store, err := codecache.Open(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		p, err := interp.Prepare(t.Context(), module, interp.Options{Engine: interp.Compiler, Host: wasi.Functions(), Cache: store})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close(t.Context())
		if got := p.Stats().Cached; got != want {
			t.Errorf("taken from the store: %v, want %v", got, want)
		}
		freezeAndGoOn(t, p)
	}
	start(false)
	start(true)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the store holds %v, %v; want one file", files, err)
	}
	code, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, 30, len(code) / 2, len(code) - 1} {
		bad := append([]byte(nil), code...)
		bad[at] ^= 0x40
		if err := os.WriteFile(files[0], bad, 0o600); err != nil {
			t.Fatal(err)
		}
		start(false)
		start(true)
	}
}

// What a killed process has left is removed by the next one.
func TestSweep(t *testing.T) {
	if !interp.HasCompiler() {
		t.Log("there is no compiler here, and nothing to sweep")
		return
	}
	parent := os.TempDir()
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		parent = "/dev/shm"
	}
	dead := exec.Command(os.Args[0], "-test.run=^$")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	left, err := os.MkdirTemp(parent, fmt.Sprintf("sojourn-code-%d-*", dead.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	store, err := codecache.Open(filepath.Join(t.TempDir(), "code"), 0)
	if err != nil {
		t.Fatal(err)
	}
	module, err := guests.Module("exit")
	if err != nil {
		t.Fatal(err)
	}
	p, err := interp.Prepare(t.Context(), module, interp.Options{Engine: interp.Compiler, Host: wasi.Functions(), Cache: store})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(t.Context())
	if _, err := os.Stat(left); runtime.GOOS != "windows" && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
}
