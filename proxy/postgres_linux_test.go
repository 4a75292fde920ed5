package proxy

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sojourn/proxy/api"
)

// tool is the path of a program of PostgreSQL's, which Debian keeps out of the way.
func tool(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(all) == 0 {
		t.Fatalf("there is no %s: apt-get install -y postgresql", name)
	}
	return all[len(all)-1]
}

// postgres starts a server on a free port of the loopback address, and returns it.
func postgres(t *testing.T) string {
	t.Helper()
	var who *syscall.SysProcAttr
	dir, err := os.MkdirTemp("", "sojourn-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if os.Getuid() == 0 { // it refuses to be root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		who = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(tool(t, "initdb"), "-D", data, "-A", "trust", "-U", "guest", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = who, dir
	if b, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	ln.Close()
	server := exec.Command(tool(t, "postgres"), "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	server.SysProcAttr, server.Dir = who, dir
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Signal(os.Interrupt); _ = server.Wait() })
	for range 600 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return port
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("PostgreSQL does not start")
	return ""
}

// A transaction of a real PostgreSQL, which knows nothing of moves, stays open while the
// guest that began it moves twenty times, and is committed after them.
func TestTransactionFollows(t *testing.T) {
	ctx := testContext(t)
	port := postgres(t)
	allow := Config{AllowDial: []string{"127.0.0.1:" + port}}
	_, a := startNode(t, allow)
	_, b := startNode(t, allow)
	_, c := startNode(t, allow)
	g, err := a.Run(ctx, compiled(t, "testdata/sql.c"), api.Spec{Args: []string{"sql", port, "guest"}, Dial: allow.AllowDial, Session: api.One})
	if err != nil {
		t.Fatal(err)
	}
	s, err := a.Session(ctx, g.ID, api.Lines)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_ = s.SetDeadline(time.Now().Add(2 * time.Minute))
	hear := func() string {
		t.Helper()
		var all []string
		for {
			line, err := s.Receive()
			if err != nil {
				t.Fatalf("after %q: %v", all, err)
			}
			if all = append(all, string(line)); strings.HasPrefix(string(line), "state ") {
				return strings.Join(all, ", ")
			}
		}
	}
	query := func(sql, want string) {
		t.Helper()
		if err := s.Send([]byte(sql)); err != nil {
			t.Fatal(err)
		}
		if got := hear(); got != want {
			t.Fatalf("%s: %q, want %q", sql, got, want)
		}
	}
	if got := hear(); got != "state I" {
		t.Fatalf("connected: %q", got)
	}
	query("CREATE TABLE moves (n int PRIMARY KEY)", "state I")
	query("BEGIN", "state T")
	nodes := []*api.Client{a, b, c}
	for i := range 20 {
		query(fmt.Sprintf("INSERT INTO moves VALUES (%d)", i), "state T")
		if _, err := nodes[i%3].Migrate(ctx, g.ID, api.MigrateRequest{To: nodes[(i+1)%3].URL()}, nil); err != nil {
			t.Fatal(err)
		}
		query("SELECT count(*) FROM moves", fmt.Sprintf("%d, state T", i+1))
	}
	query("COMMIT", "state I")
	query("SELECT sum(n) FROM moves", "190, state I")
	query("SELECT pg_backend_pid() = (SELECT min(pid) FROM pg_stat_activity WHERE client_port IS NOT NULL)", "t, state I")
}
