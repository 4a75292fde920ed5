package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"sojourn/examples/guests"
	"sojourn/internal/corpus"
	"sojourn/proxy/api"
)

// buildFor compiles this command for an architecture and returns the binary.
func buildFor(t *testing.T, arch string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "sojourn-"+arch)
	c := exec.Command("go", "build", "-o", bin, ".")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build for %s: %v\n%s", arch, err, out)
	}
	return bin
}

// testNode is a node in a process of its own.
type testNode struct {
	*api.Client
	cmd *exec.Cmd
}

// startNode starts a node, under an emulator if one is given.
func startNode(t *testing.T, argv []string, args ...string) *testNode {
	t.Helper()
	argv = append(append([]string{}, argv...), "node", "--state", t.TempDir())
	argv = append(argv, args...)
	c := exec.Command(argv[0], argv[1:]...)
	var log bytes.Buffer
	c.Stderr = &log
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(10*time.Second, func() { _ = c.Process.Kill() })
		_ = c.Wait()
		kill.Stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", argv[0], log.String())
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var a announcement
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		t.Fatalf("%v did not start: %v", argv, err)
	}
	cl, err := api.NewClient(a.URL, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &testNode{cl, c}
}

// Programs that nobody here wrote run for at least 20 s, and are moved ten times
// between a compiling and an interpreting node meanwhile. They print what they print
// undisturbed.
func TestLongProgramsMove(t *testing.T) {
	bin := buildFor(t, runtime.GOARCH)
	for _, c := range []struct {
		get  func(corpus.TB) corpus.Program
		size int
	}{{corpus.CPython, 25}, {corpus.SQLite, 30}, {corpus.Goja, 30}} {
		p := c.get(t).Sized(c.size)
		t.Run(p.Name, func(t *testing.T) {
			dir := t.TempDir()
			spec := deploy(t, p, dir)
			allow := []string{"--engine", "compiler", "--max-memory", "4294967296"}
			for _, d := range spec.Dirs {
				host, _, _ := strings.Cut(d, ":")
				allow = append(allow, "--allow-dir", host)
			}
			comp := startNode(t, []string{bin}, allow...)
			allow[1] = "interpreter"
			intp := startNode(t, []string{bin}, allow...)
			want := undisturbed(t, bin, p, deploy(t, p, t.TempDir()))

			module, err := os.ReadFile(p.Module)
			if err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			g, err := comp.Run(ctx, module, spec)
			if err != nil {
				t.Fatal(err)
			}
			output := func() string { return "" }
			if spec.Session != "" {
				output = talk(t, comp, g.ID, p.Stdin)
			}
			at, other := comp, intp
			for move := 1; move <= 10; move++ {
				stay := 1500 * time.Millisecond
				if at == intp {
					stay = 300 * time.Millisecond
				}
				time.Sleep(stay)
				res, err := at.Migrate(ctx, g.ID, api.MigrateRequest{To: other.URL()}, nil)
				if err != nil {
					g, _ := at.Show(ctx, g.ID)
					t.Fatalf("move %d: %v; the guest is %s, %s", move, err, g.State, g.Error)
				}
				t.Logf("move %d: %d rounds, %.0f ms, stopped %.1f ms, %d KiB", move, len(res.Rounds), res.TotalMS, res.DowntimeMS, res.BytesSent>>10)
				at, other = other, at
			}
			got := awaitEnd(t, at, g.ID, p.Exit)
			if spec.Session != "" {
				got = output()
			}
			if got != want {
				t.Errorf("printed %q; undisturbed %q", got, want)
			}
		})
	}
}

func deploy(t *testing.T, p corpus.Program, dir string) api.Spec {
	t.Helper()
	mounts, err := p.MountsIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	spec := api.Spec{Name: p.Name, Args: p.Args, Env: p.Env}
	for _, m := range mounts {
		d := m.Host + ":" + m.Guest
		if m.ReadOnly {
			d += ":ro"
		}
		spec.Dirs = append(spec.Dirs, d)
	}
	if p.Stdin != "" {
		spec.Session = api.One
	}
	return spec
}

// talk gives a guest its standard input through a node, and returns what collects its
// output there to the end.
func talk(t *testing.T, n *testNode, id, input string) func() string {
	t.Helper()
	s, err := n.Session(t.Context(), id, api.Raw)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			b, err := s.Receive()
			if err != nil {
				return
			}
			out.Write(b)
		}
	}()
	for rest := []byte(input); len(rest) > 0; {
		k := min(len(rest), 64<<10)
		if err := s.Send(rest[:k]); err != nil {
			t.Fatal(err)
		}
		rest = rest[k:]
	}
	if err := s.CloseInput(); err != nil {
		t.Fatal(err)
	}
	return func() string {
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Error("the session did not end with its guest")
		}
		s.Close()
		<-done
		return out.String()
	}
}

// undisturbed returns what the program prints in one go.
func undisturbed(t *testing.T, bin string, p corpus.Program, spec api.Spec) string {
	t.Helper()
	args := []string{"run", "--engine", "compiler"}
	for _, d := range spec.Dirs {
		args = append(args, "--dir", d)
	}
	for _, e := range spec.Env {
		args = append(args, "--env", e)
	}
	c := exec.Command(bin, append(append(args, p.Module, "--"), p.Args[1:]...)...)
	c.Stdin = strings.NewReader(p.Stdin)
	start := time.Now()
	out, err := c.Output()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && uint32(exit.ExitCode()) == p.Exit) {
		t.Fatalf("undisturbed: %v", err)
	}
	t.Logf("undisturbed: %v", time.Since(start).Round(time.Millisecond))
	return string(out)
}

// awaitEnd waits for a guest's end and returns what it has printed.
func awaitEnd(t *testing.T, n *testNode, id string, exit uint32) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for {
		g, err := n.Show(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if g.State == api.StateExited {
			if g.Error != "" || g.ExitCode == nil || *g.ExitCode != exit {
				t.Fatalf("it ended with %+v", g)
			}
			out, err := n.Output(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A guest goes from this machine's architecture to others, where processes run under
// emulation, and back: to arm64, which compiles, and to riscv64, which interprets.
func TestOtherArchitectures(t *testing.T) {
	here := startNode(t, []string{buildFor(t, runtime.GOARCH)})
	var others []*testNode
	for arch, emulator := range map[string]string{"arm64": "qemu-aarch64-static", "riscv64": "qemu-riscv64-static"} {
		if _, err := exec.LookPath(emulator); err != nil {
			t.Fatalf("%s is missing: apt-get install qemu-user-static", emulator)
		}
		others = append(others, startNode(t, []string{emulator, buildFor(t, arch)}))
	}
	ctx := t.Context()
	g, err := here.Run(ctx, guests.EchoKV, api.Spec{Args: []string{"echo-kv", "6"}, Session: api.One})
	if err != nil {
		t.Fatal(err)
	}
	s, err := here.Session(ctx, g.ID, api.Lines)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ledger := guests.NewLedgerDepth(6)
	n := uint64(0)
	talk := func() {
		for range 20 {
			n++
			req := guests.Request(n)
			if err := s.Send([]byte(req)); err != nil {
				t.Fatal(err)
			}
			got, err := s.Receive()
			if want := ledger.Answer(req); err != nil || string(got) != want {
				t.Fatalf("answer %d: %q, %v; want %q", n, got, err, want)
			}
		}
	}
	talk()
	at := here
	for _, next := range []*testNode{others[0], here, others[1], others[0], here} {
		res, err := at.Migrate(ctx, g.ID, api.MigrateRequest{To: next.URL()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		info, err := next.Node(ctx)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("to %s, %s: stopped for %.0f ms", info.ISA, info.Engine, res.DowntimeMS)
		talk()
		at = next
	}
}

// The demo says that nobody noticed, in a table and in JSON.
func TestDemo(t *testing.T) {
	bin := buildFor(t, runtime.GOARCH)
	var said bytes.Buffer
	c := exec.Command(bin, "demo", "--json", "--moves", "2")
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, said.String(), out)
	}
	var r demoResult
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !r.OK || r.Moves != 2 || r.Client.Messages == 0 || r.Bytes.Sent == 0 || r.DowntimeMS.Max <= 0 {
		t.Errorf("%s", out)
	}
}
