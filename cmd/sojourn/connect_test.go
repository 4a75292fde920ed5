//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sojourn/examples/guests"
	"sojourn/proxy/api"
)

// terminal is a pseudo-terminal of 80 by 24 with a program on it.
type terminal struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd

	mu    sync.Mutex
	shown bytes.Buffer
}

func openTerminal(t *testing.T, argv ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var number uint32
	fd := int(master.Fd())
	err = errors.Join(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0),
		unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}))
	if err == nil {
		number, err = unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	c := exec.Command(argv[0], argv[1:]...)
	c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, master: master, cmd: c}
	var reading sync.WaitGroup
	reading.Go(term.read)
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		reading.Wait() // the kernel ends the master's reads with the last slave
		_ = master.Close()
	})
	return term
}

func (s *terminal) read() {
	b := make([]byte, 4096)
	for {
		n, err := s.master.Read(b)
		s.mu.Lock()
		s.shown.Write(b[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *terminal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

func (s *terminal) typed(text string) {
	s.t.Helper()
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *terminal) await(text string) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(s.text(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waited a minute in vain for %q; the terminal shows %q", text, s.text())
		}
	}
}

// exit waits until the program has ended, and returns its exit code.
func (s *terminal) exit() int {
	s.t.Helper()
	done := make(chan int, 1)
	go func() { _ = s.cmd.Wait(); done <- s.cmd.ProcessState.ExitCode() }()
	select {
	case code := <-done:
		return code
	case <-time.After(time.Minute):
		s.t.Fatalf("it goes on; the terminal shows %q", s.text())
		return 0
	}
}

// TestConnectRaw types requests key by key while the server moves between two nodes in the
// middle of each.
func TestConnectRaw(t *testing.T) {
	nodes, id, sojourn := connectNodes(t, guests.EchoKV, "echo-kv")
	s := openTerminal(t, sojourn, "connect", "--raw", "--node", nodes[0].URL(), id)
	s.await("at " + nodes[0].URL())
	ledger := guests.NewLedger()
	for i := range 4 {
		request := guests.Request(uint64(i + 1))
		s.typed(string(request[:len(request)/2]))
		from, to := nodes[i%2], nodes[(i+1)%2]
		if _, err := from.Migrate(t.Context(), id, api.MigrateRequest{To: to.URL()}, nil); err != nil {
			t.Fatal(err)
		}
		s.typed(string(request[len(request)/2:]) + "\r")
		s.await(ledger.Answer(request) + "\r\n")
		s.await("now at " + to.URL())
	}
	s.typed("\x1d")
	if code := s.exit(); code != 0 {
		t.Errorf("Ctrl+] ends it with code %d", code)
	}
	if g, err := nodes[0].Show(t.Context(), id); err != nil || g.State != api.StateRunning {
		t.Errorf("the guest is %+v, %v: want it to run on", g, err)
	}
}

// TestConnectLines sends what comes on a pipe, to its end, and ends as the guest does.
func TestConnectLines(t *testing.T) {
	for _, flag := range []string{"--quiet", "--lines"} {
		nodes, id, sojourn := connectNodes(t, guests.EchoKV, "echo-kv")
		c := exec.Command(sojourn, "connect", flag, "--node", nodes[0].URL(), id)
		ledger := guests.NewLedger()
		var want strings.Builder
		var in bytes.Buffer
		for i := range 50 {
			r := guests.Request(uint64(i + 1))
			fmt.Fprintf(&in, "%s\n", r)
			fmt.Fprintf(&want, "%s\n", ledger.Answer(r))
		}
		var said bytes.Buffer
		c.Stdin, c.Stderr = &in, &said
		out, err := c.Output()
		if err != nil || string(out) != want.String() {
			t.Errorf("connect %s: %v, %s\n%s\nwant\n%s", flag, err, said.String(), out, want.String())
		}
		if flag == "--lines" && !strings.Contains(said.String(), "sojourn: at "+nodes[0].URL()) {
			t.Errorf("it says %q, not where the guest is", said.String())
		}
	}
}

// TestConnectExit ends with the guest's exit code.
func TestConnectExit(t *testing.T) {
	module, err := guests.Module("exit")
	if err != nil {
		t.Fatal(err)
	}
	nodes, id, sojourn := connectNodes(t, module, "exit")
	c := exec.Command(sojourn, "connect", "--node", nodes[0].URL(), id)
	out, err := c.CombinedOutput()
	if code := c.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit code %d, %v, want the guest's, 7: %s", code, err, out)
	}
	c = exec.Command(sojourn, "connect", "--node", nodes[0].URL(), "nobody")
	out, _ = c.CombinedOutput()
	if code := c.ProcessState.ExitCode(); code != exitFailure || !strings.Contains(string(out), "hint: 'sojourn ps'") {
		t.Errorf("a guest that is not there: exit code %d: %s", code, out)
	}
}

// connectNodes starts two nodes, and a guest with a session on the first.
func connectNodes(t *testing.T, module []byte, name string) (nodes [2]*testNode, id, sojourn string) {
	t.Helper()
	sojourn, err := exec.LookPath("sojourn") // this test's own binary: see TestMain
	if err != nil {
		t.Fatal(err)
	}
	for i := range nodes {
		nodes[i] = startNode(t, []string{sojourn})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	g, err := nodes[0].Run(ctx, module, api.Spec{Name: name, Args: []string{name}, Session: api.One})
	if err != nil {
		t.Fatal(err)
	}
	return nodes, g.ID, sojourn
}

// TestConnectKeyboard types whole lines, as the terminal edits them, and leaves by Ctrl+C.
func TestConnectKeyboard(t *testing.T) {
	nodes, id, sojourn := connectNodes(t, guests.EchoKV, "echo-kv")
	s := openTerminal(t, sojourn, "connect", "--node", nodes[0].URL(), id)
	s.await("at " + nodes[0].URL())
	if text := s.text(); !strings.Contains(text, "\x1b[1;23r") || !strings.Contains(text, "\x1b[24;1H") {
		t.Errorf("the status is not in the lowest of 24 rows, out of what scrolls: %q", text)
	}
	request := guests.Request(1)
	s.typed(request + "x\x7f\n") // the terminal takes the x back
	s.await(guests.NewLedger().Answer(request))
	s.typed("\x03")
	if code := s.exit(); code != exitLeft {
		t.Errorf("Ctrl+C ends it with code %d", code)
	}
	s.await("\x1b[r") // all rows scroll again
}

// TestConnectToken asks a node that wants a token. Its pages are for everybody; nothing else is.
func TestConnectToken(t *testing.T) {
	sojourn, err := exec.LookPath("sojourn")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := startNode(t, []string{sojourn}, "--token-file", file)
	for path, want := range map[string]int{"/terminal/x": 200, "/web/sojourn.js": 200, "/v1/guests": 401, "/terminal/../v1/guests": 401, "/web": 401} {
		res, err := http.Get(n.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("GET %s without the token: %s, want %d", path, res.Status, want)
		}
	}
	run := func(args ...string) (string, error) {
		c := exec.Command(sojourn, append(args, "--node", n.URL())...)
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if out, err := run("connect", "x"); err == nil || !strings.Contains(out, "hint: show the node's token") {
		t.Errorf("without the token: %v: %s", err, out)
	}
	if out, err := run("connect", "x", "--token-file", file); err == nil || !strings.Contains(out, "404") {
		t.Errorf("with it, for a guest that is not there: %v: %s", err, out)
	}
}
