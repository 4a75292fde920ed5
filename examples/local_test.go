//go:build linux

package examples

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// patience bounds a test that hangs. Compiling a Go guest takes most of a minute on a busy machine.
const patience = 5 * time.Minute

// command runs a program to its end.
func command(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, b)
	}
}

// sojourn builds the command, and gives it a cache for compiled code.
func sojourn(t *testing.T) string {
	t.Helper()
	t.Setenv("GOCACHE", goEnv(t, "GOCACHE"))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	path := filepath.Join(t.TempDir(), "sojourn")
	command(t, nil, "go", "build", "-o", path, "../cmd/sojourn")
	return path
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	b, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// server is a guest behind the command.
type server struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string // of its listener
}

// serve starts the command, whose listener has the port 0.
func serve(t *testing.T, name string, args ...string) *server {
	t.Helper()
	cmd := exec.Command(name, args...)
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	t.Cleanup(func() { limit.Stop(); cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(errs).ReadString('\n')
	_, addr, ok := strings.Cut(strings.TrimSpace(line), " is at ")
	if err != nil || !ok {
		t.Fatalf("%v: it says %q, %v", cmd, line, err)
	}
	go func() {
		for r := bufio.NewReader(errs); ; {
			if _, err := r.ReadString('\n'); err != nil {
				return
			}
		}
	}()
	return &server{t: t, cmd: cmd, addr: addr}
}

// freeze stops the guest into its file.
func (s *server) freeze() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Fatalf("%v: %v", s.cmd, err)
	}
}

// TestCServer adds numbers over two connections, and over a checkpoint and a restore.
func TestCServer(t *testing.T) {
	bin, dir := sojourn(t), t.TempDir()
	module, snap := filepath.Join(dir, "server.wasm"), filepath.Join(dir, "server.snap")
	command(t, nil, "clang", "--target=wasm32-wasi", "-O2", "-Wall", "-Wextra", "-Werror", "cserver/server.c", "-o", module)

	s := serve(t, bin, "run", "--listen", "sum=tcp:0", "--checkpoint", snap, module)
	a, b := newLines(t, s.addr), newLines(t, s.addr)
	a.ask("1", "1 of 1")
	b.ask("40", "41 of 2")
	a.send("not whole")
	s.freeze()
	if text, err := b.in.ReadString('\n'); err == nil {
		t.Errorf("a frozen guest says %q", text)
	}

	if b, err := exec.Command(bin, "inspect", snap).CombinedOutput(); err != nil || !strings.Contains(string(b), "sum 1") {
		t.Errorf("inspect: %v\n%s", err, b)
	}

	s = serve(t, bin, "restore", "--listen", "sum=tcp:0", "--checkpoint", snap, snap)
	c := newLines(t, s.addr)
	c.ask("1", "42 of 3")
	s.freeze()
	s = serve(t, bin, "restore", "--listen", "sum=tcp:0", snap)
	c = newLines(t, s.addr)
	c.ask("-2", "40 of 4")
	c.send("quit\n")
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("quit: %v", err)
	}
	if b, err := exec.Command(bin, "restore", "--fork", snap).CombinedOutput(); err == nil || !strings.Contains(string(b), "--listen sum=tcp:PORT") {
		t.Errorf("without its listener: %v, %s", err, b)
	}
}

// lines is a client of lines.
type lines struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func newLines(t *testing.T, addr string) *lines {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &lines{t, conn, bufio.NewReader(conn)}
}

func (l *lines) send(text string) {
	l.t.Helper()
	if _, err := l.conn.Write([]byte(text)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lines) ask(text, want string) {
	l.t.Helper()
	l.send(text + "\n")
	if got, err := l.in.ReadString('\n'); err != nil || got != want+"\n" {
		l.t.Fatalf("%q gives %q, %v; want %q", text, got, err, want)
	}
}

// TestChat talks in a room, and goes on in it after a checkpoint and a restore.
func TestChat(t *testing.T) {
	bin, dir := sojourn(t), t.TempDir()
	module, snap := filepath.Join(dir, "chat.wasm"), filepath.Join(dir, "chat.snap")
	command(t, []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0"}, "go", "build", "-o", module, "./chat")

	s := serve(t, bin, "run", "--listen", "web=tcp:0", "--checkpoint", snap, module)
	ann, bob := chat(t, s.addr), chat(t, s.addr)
	say(t, ann, "hello")
	hear(t, "1 hello", ann, bob)
	say(t, bob, "hello yourself")
	hear(t, "2 hello yourself", ann, bob)
	s.freeze()
	if _, _, err := ann.ReadMessage(); err == nil {
		t.Error("a frozen room says something")
	}

	s = serve(t, bin, "restore", "--listen", "web=tcp:0", snap)
	ann, bob = chat(t, s.addr), chat(t, s.addr)
	hear(t, "1 hello", ann, bob)
	hear(t, "2 hello yourself", ann, bob)
	long := strings.Repeat("0123456789", 5000)
	say(t, ann, long)
	hear(t, "3 "+long, ann, bob)
	idle(t, s)
}

func chat(t *testing.T, addr string) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{HandshakeTimeout: patience}
	ws, _, err := d.Dial(fmt.Sprintf("ws://%s/chat", addr), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return ws
}

func say(t *testing.T, ws *websocket.Conn, text string) {
	t.Helper()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, want string, all ...*websocket.Conn) {
	t.Helper()
	for _, ws := range all {
		ws.SetReadDeadline(time.Now().Add(patience))
		if _, got, err := ws.ReadMessage(); err != nil || string(got) != want {
			t.Fatalf("heard %.40q, %v; want %.40q", got, err, want)
		}
	}
}

// idle holds a server that has clients and nothing to do to a hundredth of a core. What it still
// does of its own, as collecting garbage, may take it one or two attempts.
func idle(t *testing.T, s *server) {
	t.Helper()
	var share float64
	for range 5 {
		before, began := cpuTime(t, s.cmd.Process.Pid), time.Now()
		time.Sleep(4 * time.Second)
		share = float64(cpuTime(t, s.cmd.Process.Pid)-before) / float64(time.Since(began))
		if share < 0.01 {
			t.Logf("%.2f %% of a core", 100*share)
			return
		}
	}
	t.Errorf("an idle server takes %.1f %% of a core", 100*share)
}

// cpuTime returns how long a process has been running on a processor, in user code and the
// kernel, which Linux counts in hundredths of a second.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	var ticks [2]int64
	for i := range ticks {
		if ticks[i], err = strconv.ParseInt(fields[11+i], 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return time.Duration(ticks[0]+ticks[1]) * 10 * time.Millisecond
}
