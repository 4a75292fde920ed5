package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sojourn/examples/guests"
	"sojourn/proxy/api"
)

// startNode serves a node on loopback until the test ends.
func startNode(t *testing.T, cfg Config) (*Node, *api.Client) {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Engine == "" {
		cfg.Engine = "interpreter"
	}
	if testing.Verbose() {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	cfg.AskEvery = 50 * time.Millisecond
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := n.Listen()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- n.Serve(ln) }()
	c, err := api.NewClient(n.URL(), api.Options{Token: cfg.Token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n, c
}

func module(t *testing.T, name string) []byte {
	t.Helper()
	b, err := guests.Module(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func runKV(t *testing.T, c *api.Client) api.Guest {
	t.Helper()
	g, err := c.Run(testContext(t), module(t, "echo-kv"), api.Spec{Args: []string{"echo-kv", "3"}, Session: api.One})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestSessionFollows streams requests through the node that was asked first
// while the guest goes to and fro between a compiler and an interpreter.
func TestSessionFollows(t *testing.T) {
	ctx := testContext(t)
	a, ca := startNode(t, Config{Name: "a", Engine: "compiler"})
	b, cb := startNode(t, Config{Name: "b", Engine: "interpreter"})
	g := runKV(t, ca)
	s, err := ca.Session(ctx, g.ID, api.Lines)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	const messages = 400
	moved := make(chan error, 1)
	go func() {
		defer close(moved)
		at, to := ca, b
		for i := range 6 {
			res, err := at.Migrate(ctx, g.ID, api.MigrateRequest{To: to.URL()}, nil)
			if err != nil {
				moved <- fmt.Errorf("move %d: %w", i, err)
				return
			}
			t.Logf("move %d: %d rounds, downtime %.1f ms, total %.0f ms, %d bytes of %d (%s)", i, len(res.Rounds), res.DowntimeMS, res.TotalMS, res.BytesSent, res.MemoryBytes, res.StopReason)
			if res.Epoch != uint64(i+2) {
				moved <- fmt.Errorf("move %d: epoch %d", i, res.Epoch)
				return
			}
			if at == ca {
				at, to = cb, a
			} else {
				at, to = ca, b
			}
		}
	}()
	ledger := guests.NewLedgerDepth(3)
	for i := 0; i < messages || moved != nil; i++ {
		req := fmt.Sprintf("%d set k%d v%d", i, i%50, i)
		if err := s.Send([]byte(req)); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		got, err := s.Receive()
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if want := ledger.Answer(req); want != string(got) {
			t.Fatalf("answer to %q is %q, want %q", req, got, want)
		}
		select {
		case err, ok := <-moved:
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				moved = nil
			}
		default:
		}
	}
	if err := s.CloseInput(); err != nil {
		t.Fatal(err)
	}
	for {
		i, err := ca.Show(ctx, g.ID)
		if err != nil {
			t.Fatal(err)
		}
		if i.State == api.StateExited {
			if i.ExitCode == nil || *i.ExitCode != 0 {
				t.Errorf("exit: %+v", i)
			}
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the guest has not ended: %+v", i)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestSnapshotAndRestore(t *testing.T) {
	ctx := testContext(t)
	_, ca := startNode(t, Config{})
	_, cb := startNode(t, Config{})
	g := runKV(t, ca)
	s, err := ca.Session(ctx, g.ID, api.Lines)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Send([]byte("1 set a b")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(); err != nil {
		t.Fatal(err)
	}
	var snap bytes.Buffer
	if err := ca.Snapshot(ctx, g.ID, &snap); err != nil {
		t.Fatal(err)
	}
	spec := api.Spec{Args: []string{"echo-kv"}, Session: api.One}
	_, err = cb.Restore(ctx, bytes.NewReader(snap.Bytes()), spec)
	wantCode(t, err, api.CodeModuleUnknown)
	if err := cb.PutModule(ctx, module(t, "echo-kv")); err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{0, 10, snap.Len() / 2, snap.Len() - 1} {
		_, err = cb.Restore(ctx, bytes.NewReader(snap.Bytes()[:cut]), spec)
		wantCode(t, err, api.CodeBadSnapshot)
	}
	r, err := cb.Restore(ctx, &snap, spec)
	if err != nil {
		t.Fatal(err)
	}
	s2, err := cb.Session(ctx, r.ID, api.Lines)
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	if err := s2.Send([]byte("2 get a")); err != nil {
		t.Fatal(err)
	}
	got, err := s2.Receive()
	if bytes.HasPrefix(got, []byte("1 ")) { // it was written down before its delivery was known
		got, err = s2.Receive()
	}
	if err != nil || !strings.HasPrefix(string(got), "2 ") || !strings.HasSuffix(string(got), " b") {
		t.Errorf("answer %q, %v", got, err)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var ae *api.Error
	if !errors.As(err, &ae) || ae.Code != code {
		t.Errorf("got error %v, want %s", err, code)
	}
}

// TestRefusals asks for what a node does not do. It lives on.
func TestRefusals(t *testing.T) {
	ctx := testContext(t)
	a, ca := startNode(t, Config{Token: "secret", AllowDirs: []string{t.TempDir()}})
	_, cb := startNode(t, Config{Token: "secret"})
	bare, err := api.NewClient(a.URL(), api.Options{Token: "other"})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	_, err = bare.Node(ctx)
	wantCode(t, err, api.CodeUnauthorized)
	_, err = ca.Run(ctx, []byte("\x00asm\x01\x00\x00\x00\x01\xff"), api.Spec{})
	wantCode(t, err, api.CodeBadModule)
	_, err = ca.Run(ctx, module(t, "sleep"), api.Spec{Dirs: []string{"/etc:/x"}})
	wantCode(t, err, api.CodeNotAllowed)
	_, err = ca.Show(ctx, "nobody")
	wantCode(t, err, api.CodeNotFound)
	_, err = ca.Migration(ctx, "../../x")
	wantCode(t, err, api.CodeNotFound)

	dir := a.cfg.AllowDirs[0]
	g, err := ca.Run(ctx, module(t, "echo-kv"), api.Spec{Args: []string{"echo-kv"}, Dirs: []string{dir + ":/d"}, Session: api.One})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ca.Migrate(ctx, g.ID, api.MigrateRequest{To: cb.URL()}, nil)
	wantCode(t, err, api.CodeMigrationFault)
	if err == nil || !strings.Contains(err.Error(), "not allowed") {
		t.Errorf("the reason is missing: %v", err)
	}
	_, err = ca.Migrate(ctx, g.ID, api.MigrateRequest{To: "http://127.0.0.1:1"}, nil)
	wantCode(t, err, api.CodeMigrationFault)
	if i, err := ca.Show(ctx, g.ID); err != nil || i.State != api.StateRunning {
		t.Errorf("after refused migrations: %+v, %v", i, err)
	}
	if i, err := ca.Stop(ctx, g.ID); err != nil || i.State != api.StateExited {
		t.Errorf("stopped: %+v, %v", i, err)
	}
}

func TestExposed(t *testing.T) {
	_, err := New(Config{Dir: t.TempDir(), Listen: "0.0.0.0:0"})
	if !errors.Is(err, ErrExposed) {
		t.Errorf("got %v", err)
	}
}
