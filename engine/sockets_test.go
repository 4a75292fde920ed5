package engine_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sojourn/engine"
	"sojourn/engine/hostsock"
	"sojourn/engine/wasi"
	"sojourn/engine/wasi/memsock"
	"sojourn/interp"
)

// socketPrograms returns the programs of testdata/sockets, each of which checks one call
// or a few, and ends with 0. Their clients do what they are told: see memsock.Obey.
func socketPrograms(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("testdata/sockets/*.c")
	if err != nil || len(list) < 6 {
		t.Fatalf("%d programs, %v", len(list), err)
	}
	return append(list, "testdata/sockets/listen.rs", "testdata/sockets/golisten", "testdata/sockets/godial")
}

// dials reports whether a program makes its connections itself.
func dials(source string) bool { return strings.Contains(source, "dial") }

// compileGuest compiles a program in C or Rust (Debian's, which has the target's library),
// or a folder in Go.
func compileGuest(t *testing.T, source string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-o", out, "./"+source)
	switch filepath.Ext(source) {
	case ".rs":
		cmd = exec.Command("/usr/bin/rustc", "--edition", "2021", "--target", "wasm32-wasi", "-C", "linker=wasm-ld", "-O", source, "-o", out)
	case ".c":
		cmd = exec.Command("clang", "--target=wasm32-wasi", "-O2", "-Wall", "-Wextra", "-Werror", source, "-o", out)
	}
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, b)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// world gives a guest its end of a network, again each time it is continued.
type world struct {
	net  *memsock.Network
	dial bool
	dir  string
	out  *collector
}

func (w *world) spec(every uint64) engine.Spec {
	s := engine.Spec{Args: []string{"guest", "10.0.0.7:5432"}, Stdout: w.out.stream, Stderr: w.out.stream, FreezeEvery: every,
		Mounts: []wasi.Mount{{Host: w.dir, Guest: "/"}}}
	if w.dial {
		s.Dialer, s.Mounts = w.net.Dialer(), nil
	} else {
		s.Listeners = []wasi.Listener{w.net.Listener()}
	}
	return s
}

// TestSockets runs each program stoppable, and then frozen at its points, each time through
// the bytes of a snapshot into a fresh instance, from one engine to the other.
func TestSockets(t *testing.T) {
	for _, source := range socketPrograms(t) {
		t.Run(filepath.Base(source), func(t *testing.T) {
			module := compileGuest(t, source)
			var ms engine.Modules
			t.Cleanup(func() { ms.Close() })
			var mods []*engine.Module
			for _, kind := range []interp.Kind{interp.Compiler, interp.Interpreter} {
				m, err := ms.Add(t.Context(), module, kind)
				if err != nil {
					t.Fatal(err)
				}
				mods = append(mods, m)
			}
			points, _ := converse(t, source, mods[:1], 0)
			every := max(1, points/mostFreezes)
			_, freezes := converse(t, source, mods, every)
			if freezes < 20 {
				t.Errorf("%d points and %d freezes: too few", points, freezes)
			}
			t.Logf("%d points, frozen at every %d: %d freezes", points, every, freezes)
		})
	}
}

// mostFreezes is about how often a program is frozen.
const mostFreezes = 200

// converse runs a program to its end, on the modules' engines by turns.
func converse(t *testing.T, source string, mods []*engine.Module, every uint64) (points uint64, freezes int) {
	t.Helper()
	w := &world{net: memsock.New("net"), dial: dials(source), dir: t.TempDir(), out: newCollector()}
	if !w.dial {
		w.net.Obeying()
	}
	e, err := engine.New(t.Context(), mods[0], w.spec(every))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { e.Close() }()
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	for e.Wait() == engine.Frozen {
		freezes++
		points += e.Points()
		e = through(t, e, mods[freezes%len(mods)], w.spec(every))
		if err := e.Thaw(); err != nil {
			t.Fatal(err)
		}
	}
	points += e.Points()
	if code, err := e.Result(); err != nil || code != 0 {
		t.Fatalf("after %d freezes: exit %d, %v; it says:\n%s", freezes, code, err, w.out.wait())
	}
	if out := string(w.out.wait()); strings.Count(out, ": ") == 0 {
		t.Fatalf("after %d freezes it says %q", freezes, out)
	}
	return points, freezes
}

// tcpEnd is the far end of a real connection.
type tcpEnd struct{ *net.TCPConn }

func (e tcpEnd) CloseWrite() { e.TCPConn.CloseWrite() }
func (e tcpEnd) Break()      { e.SetLinger(0); e.Close() }

// TestSocketsOfTheHost runs the programs that listen with real clients.
func TestSocketsOfTheHost(t *testing.T) {
	for _, source := range socketPrograms(t) {
		if dials(source) {
			continue
		}
		t.Run(filepath.Base(source), func(t *testing.T) {
			var ms engine.Modules
			t.Cleanup(func() { ms.Close() })
			m, err := ms.Add(t.Context(), compileGuest(t, source), interp.Auto)
			if err != nil {
				t.Fatal(err)
			}
			l, err := hostsock.Listen("net=tcp:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var connect func()
			connect = func() {
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				go func() {
					memsock.Obey(tcpEnd{c.(*net.TCPConn)}, connect)
					c.Close()
				}()
			}
			connect()
			finish(t, m, engine.Spec{Args: []string{"guest"}, Listeners: []wasi.Listener{l},
				Mounts: []wasi.Mount{{Host: t.TempDir(), Guest: "/"}}})
		})
	}
}

// finish runs a guest to its end, which must be a good one.
func finish(t *testing.T, m *engine.Module, spec engine.Spec) {
	t.Helper()
	out := newCollector()
	spec.Stdout, spec.Stderr = out.stream, out.stream
	e, err := engine.New(t.Context(), m, spec)
	if err != nil {
		t.Fatal(err)
	}
	err = e.Start()
	e.Wait()
	code, err2 := e.Result()
	if err := errors.Join(err, err2, e.Close()); err != nil || code != 0 {
		t.Errorf("exit %d, %v; it says:\n%s", code, err, out.wait())
	}
}

// TestDialOfTheHost lets a guest connect to a real server, where it may and where not.
func TestDialOfTheHost(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				memsock.Obey(tcpEnd{c.(*net.TCPConn)}, func() {})
				c.Close()
			}()
		}
	}()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	var ms engine.Modules
	t.Cleanup(func() { ms.Close() })
	m, err := ms.Add(t.Context(), compileGuest(t, "testdata/sockets/godial"), interp.Auto)
	if err != nil {
		t.Fatal(err)
	}
	dialer := func(rule string) *hostsock.Dialer {
		allow, err := hostsock.ParseAllow([]string{rule})
		if err != nil {
			t.Fatal(err)
		}
		d := hostsock.NewDialer(allow)
		t.Cleanup(func() { d.Close() })
		return d
	}
	spec := engine.Spec{Args: []string{"guest", ln.Addr().String()}, Dialer: dialer("localhost:" + port)}
	finish(t, m, spec)

	spec.Dialer = dialer("localhost:1")
	e, err := engine.New(t.Context(), m, spec)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	e.Wait()
	if code, err := e.Result(); err != nil || code == 0 {
		t.Errorf("what is not allowed ends with %d, %v", code, err)
	}
}
