package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sojourn/engine/wasi"
	"sojourn/interp"
)

func guest(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../examples/guests/bin", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func kinds() []interp.Kind {
	if interp.HasCompiler() {
		return []interp.Kind{interp.Compiler, interp.Interpreter}
	}
	return []interp.Kind{interp.Interpreter}
}

// modules prepares a guest for every engine that there is.
func modules(t testing.TB, name string) []*Module {
	t.Helper()
	var ms Modules
	t.Cleanup(func() { ms.Close() })
	var out []*Module
	for _, k := range kinds() {
		m, err := ms.Add(t.Context(), guest(t, name), k)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// move carries a frozen guest to another module's engine.
func move(t testing.TB, e *Environment, to *Module, spec Spec) *Environment {
	t.Helper()
	st, err := e.Capture()
	if err != nil {
		t.Fatal(err)
	}
	in, err := Receive(t.Context(), to, spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Grow(st.MemoryPages); err != nil {
		t.Fatal(err)
	}
	copy(in.Memory().Bytes(), e.Memory().Bytes())
	next, err := in.Complete(st)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return next
}

// freeze freezes within the test's patience.
func freeze(t testing.TB, e *Environment) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := e.Freeze(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestLife(t *testing.T) {
	m := modules(t, "spin")[0]
	e, err := New(t.Context(), m, Spec{Args: []string{"spin"}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	want := func(s State) {
		t.Helper()
		if got := e.State(); got != s {
			t.Fatalf("state is %v, want %v", got, s)
		}
	}
	want(Prepared)
	if err := e.Thaw(); err == nil {
		t.Error("a prepared guest was thawed")
	}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	want(Running)
	if _, err := e.Capture(); err == nil {
		t.Error("a running guest was captured")
	}
	for range 3 {
		freeze(t, e)
		want(Frozen)
		freeze(t, e) // again: nothing to do
		if err := e.Thaw(); err != nil {
			t.Fatal(err)
		}
	}
	why := errors.New("the test is over")
	e.Kill(why)
	<-e.Done()
	want(Gone)
	if _, err := e.Result(); !errors.Is(err, why) {
		t.Errorf("result is %v, want %v", err, why)
	}
	if err := e.Freeze(t.Context()); !errors.Is(err, ErrGone) {
		t.Errorf("freezing a guest that is gone: %v", err)
	}
}

func TestRunTime(t *testing.T) {
	e, err := New(t.Context(), modules(t, "spin")[0], Spec{Limits: Limits{RunTime: 30 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	e.Wait()
	if _, err := e.Result(); !errors.Is(err, ErrRunTime) {
		t.Errorf("result is %v, want %v", err, ErrRunTime)
	}
}

func TestMemoryLimit(t *testing.T) {
	ms := modules(t, "memgrow")
	if _, err := New(t.Context(), ms[0], Spec{Limits: Limits{MemoryPages: 1}}); !errors.Is(err, interp.ErrMemoryLimit) {
		t.Errorf("a guest that starts over its limit: %v", err)
	}
}

// A guest that waits for input is frozen in the middle of its call, moves, and gets the
// input there; nothing that was read or written is lost or seen twice.
func TestMoveWhileServing(t *testing.T) {
	ms := modules(t, "echo-kv")
	io := wasi.NewBuffer()
	spec := Spec{Args: []string{"echo-kv"}, Stdin: io, Stdout: io}
	e, err := New(t.Context(), ms[0], spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { e.Close() }()
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for i := 1; i <= 12; i++ {
		line := fmt.Sprintf("%d payload-%d\n", i, i)
		half := len(line) / 2
		feed(t, io, line[:half])
		freeze(t, e)
		e = move(t, e, ms[i%len(ms)], spec)
		if err := e.Thaw(); err != nil {
			t.Fatal(err)
		}
		feed(t, io, line[half:])
		got.WriteString(readLine(t, io))
	}
	lines := strings.Split(strings.TrimSpace(got.String()), "\n")
	if len(lines) != 12 {
		t.Fatalf("%d answers to 12 requests: %q", len(lines), lines)
	}
	for i, l := range lines {
		if !strings.HasPrefix(l, fmt.Sprintf("%d ", i+1)) || !strings.HasSuffix(l, fmt.Sprintf("payload-%d", i+1)) {
			t.Errorf("answer %d is %q", i+1, l)
		}
	}
	undisturbed := serve(t, ms[0], 12)
	if got.String() != undisturbed {
		t.Errorf("answers differ from an undisturbed run's:\n%s\n%s", got.String(), undisturbed)
	}
}

func serve(t testing.TB, m *Module, n int) string {
	t.Helper()
	io := wasi.NewBuffer()
	e, err := New(t.Context(), m, Spec{Args: []string{"echo-kv"}, Stdin: io, Stdout: io})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for i := 1; i <= n; i++ {
		feed(t, io, fmt.Sprintf("%d payload-%d\n", i, i))
		got.WriteString(readLine(t, io))
	}
	return got.String()
}

func feed(t testing.TB, b *wasi.Buffer, s string) {
	t.Helper()
	for s != "" {
		n, err := b.Feed([]byte(s))
		if err != nil && !errors.Is(err, wasi.ErrAgain) {
			t.Fatal(err)
		}
		if s = s[n:]; s != "" {
			<-b.Feedable()
		}
	}
}

func readLine(t testing.TB, b *wasi.Buffer) string {
	t.Helper()
	var line []byte
	var p [1]byte
	for {
		n, err := b.Drain(p[:])
		if n == 1 {
			if line = append(line, p[0]); p[0] == '\n' {
				return string(line)
			}
			continue
		}
		if err != nil && !errors.Is(err, wasi.ErrAgain) {
			t.Fatal(err)
		}
		select {
		case <-b.Drainable():
		case <-time.After(20 * time.Second):
			t.Fatalf("no answer after 20 s; so far %q", line)
		}
	}
}
