//go:build unix

// Package postgres runs a PostgreSQL of Debian's package, for tests of guests that connect
// outward to a server which knows nothing of them.
//
//	db := postgres.Start(t)              // fails t when there is none, naming what installs it
//	db.Want(t, "SELECT 1", "1")          // by a client of its own
//	guest(db.DSN("guest"))
//
// The server has a folder and a port of its own, keeps nothing, and is gone when the test ends.
package postgres

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
)

// User is who owns the database "postgres", without a password.
const User = "guest"

const (
	startLimit = time.Minute
	endLimit   = 10 * time.Second
)

var settings = []string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB", "dynamic_shared_memory_type=mmap"}

// Server is one that runs.
type Server struct {
	Addr string // host:port
	psql string
}

// Start starts a server that ends with the test.
func Start(t *testing.T) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "sojourn-postgres-") // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	bin, as, data := programs(t), unprivileged(t, dir), filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-A", "trust", "-U", User, "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, as
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", initdb, err, out)
	}
	s := &Server{Addr: freeAddr(t), psql: filepath.Join(bin, "psql")}
	_, port, _ := net.SplitHostPort(s.Addr)
	cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", port)
	for _, set := range settings {
		cmd.Args = append(cmd.Args, "-c", set)
	}
	cmd.Dir, cmd.SysProcAttr = dir, as
	run(t, cmd)
	s.Await(t, "SELECT 1", "1")
	return s
}

// run starts the server, and has it end its connections and itself with the test.
func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		kill := time.AfterFunc(endLimit, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
		_ = cmd.Wait()
		kill.Stop()
		if t.Failed() {
			t.Logf("PostgreSQL said:\n%s", log.String())
		}
	})
}

// programs returns the folder of PostgreSQL's programs, which Debian leaves out of PATH.
func programs(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		t.Fatal("PostgreSQL is missing: apt-get install postgresql")
	}
	return filepath.Dir(path)
}

// unprivileged is how a process becomes somebody else than root, as whom PostgreSQL refuses
// to run, and who then owns dir; nil when nobody has to become another.
func unprivileged(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("the user of Debian's package is missing: apt-get install postgresql: %v", err)
	}
	uid, uerr := strconv.Atoi(u.Uid)
	gid, gerr := strconv.Atoi(u.Gid)
	if uerr != nil || gerr != nil {
		t.Fatalf("user %+v has no numbers", u)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// DSN is where clients reach it. Their name is application_name in pg_stat_activity.
func (s *Server) DSN(name string) string {
	return fmt.Sprintf("postgres://%s@%s/postgres?sslmode=disable&application_name=%s", User, s.Addr, name)
}

// Ask returns the rows that a connection of its own gets, with | between columns.
func (s *Server) Ask(query string) (string, error) {
	out, err := exec.Command(s.psql, "-XAtq", "-d", s.DSN("test"), "-c", query).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", s.psql, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// Want fails the test unless the server answers so.
func (s *Server) Want(t *testing.T, query, want string) {
	t.Helper()
	if got, err := s.Ask(query); err != nil || got != want {
		t.Errorf("%s: %q, %v; want %q", query, got, err, want)
	}
}

// Await waits until the server answers so.
func (s *Server) Await(t *testing.T, query, want string) {
	t.Helper()
	for end := time.Now().Add(startLimit); ; time.Sleep(50 * time.Millisecond) {
		got, err := s.Ask(query)
		if err == nil && got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %q, %v; want %q", query, got, err, want)
		}
	}
}
