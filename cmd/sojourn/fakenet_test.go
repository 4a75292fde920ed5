package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/interp"
)

const listens = `package main

import "net"

func main() {
	l, err := net.Listen("tcp", ":80")
	if err != nil {
		panic(err)
	}
	l.Accept()
}
`

// TestFakeListener runs a program that listens as Go programs do elsewhere.
func TestFakeListener(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(listens), 0o666); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", "guest.wasm", "main.go")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if b, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	module, err := os.ReadFile(filepath.Join(dir, "guest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	var ms engine.Modules
	defer ms.Close()
	m, err := ms.Add(t.Context(), module, interp.Auto)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(t.Context(), m, engine.Spec{Args: []string{"guest"}, Stderr: &netWatch{Stream: wasi.Discard()}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	e.Wait()
	var exit *exitError
	if err := finish(e); !errors.As(err, &exit) || exit.code != goExit || !strings.Contains(err.Error(), "net.Listen") {
		t.Errorf("it ends with %v", err)
	}
}

// single takes one byte at a time.
type single struct{ wasi.Stream }

func (s single) Write(p []byte) (int, error) { return s.Stream.Write(p[:min(1, len(p))]) }

func TestNetWatchOfPieces(t *testing.T) {
	w := &netWatch{Stream: single{wasi.Discard()}}
	const text = "goroutine 1 [select]:\nnet.(*fakeNetFD).accept(0x1)\n"
	for p := []byte(text); len(p) > 0; {
		n, err := w.Write(p)
		if err != nil || n != 1 {
			t.Fatal(n, err)
		}
		p = p[n:]
	}
	if !w.seen {
		t.Error("not noticed")
	}
	w = &netWatch{Stream: wasi.Discard()}
	if _, err := io.WriteString(w, strings.Repeat("net.(*netFD).accept(", 100)); err != nil || w.seen {
		t.Errorf("noticed too much, or %v", err)
	}
}
