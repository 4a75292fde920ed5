package orchestrator

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sojourn/examples/guests"
	"sojourn/proxy"
	"sojourn/proxy/api"
)

// joinReal starts a real node and has it report here.
func (x *fixture) joinReal(t *testing.T, name, engine string) *api.Client {
	t.Helper()
	n, err := proxy.New(proxy.Config{Name: name, Engine: engine, Dir: t.TempDir(), Token: x.o.cfg.Token})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := n.Listen()
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- n.Serve(ln) }()
	c, err := api.NewClient(n.URL(), api.Options{Token: x.o.cfg.Token})
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewAgent(AgentConfig{URL: x.url, Token: x.o.cfg.Token, Info: n.Info})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		c.Close()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	x.until(t, name, NodeReady)
	return c
}

// Guests on real nodes are moved by request and by drains while a client asks
// one of them questions; no answer is lost, repeated or wrong.
func TestRealNodes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	x := start(t, func(c *Config) { c.Token, c.LostAfter = "secret", 2*time.Second })
	nodes := map[string]*api.Client{"a": x.joinReal(t, "a", "compiler"), "b": x.joinReal(t, "b", "interpreter")}
	mod, err := guests.Module("echo-kv")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for range 3 {
		g, err := nodes["a"].Run(ctx, mod, api.Spec{Args: []string{"echo-kv", "3"}, Session: api.One})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, g.ID)
		eventually(t, "guest known", func() bool { _, err := x.c.Locate(ctx, g.ID); return err == nil })
	}
	s, err := nodes["a"].Session(ctx, ids[0], api.Lines)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ledger, n := guests.NewLedgerDepth(3), 0
	ask := func() {
		t.Helper()
		req := fmt.Sprintf("%d set k%d v%d", n, n%50, n)
		n++
		if err := s.Send([]byte(req)); err != nil {
			t.Fatal(err)
		}
		got, err := s.Receive()
		if want := ledger.Answer(req); err != nil || string(got) != want {
			t.Fatalf("answer to %q is %q (%v), want %q", req, got, err, want)
		}
	}
	during := func(f func() error) {
		t.Helper()
		done := make(chan error, 1)
		go func() { done <- f() }()
		for {
			ask()
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				return
			default:
			}
		}
	}
	for i := range 4 {
		during(func() error {
			steps := 0
			m, err := x.c.Migrate(ctx, ids[0], "", func(e Event) {
				if e.Progress != nil {
					steps++
				}
			})
			if err == nil && (m.Result.Epoch != uint64(i)+2 || steps == 0) {
				err = fmt.Errorf("move %d: epoch %d, %d steps", i, m.Result.Epoch, steps)
			}
			return err
		})
	}
	for _, from := range []string{"a", "b"} {
		during(func() error {
			res, err := x.c.Drain(ctx, from, nil)
			if err == nil && (len(res.Moved) != 3 || len(res.Left) != 0) {
				err = fmt.Errorf("drain of %s: %+v", from, res)
			}
			if err == nil {
				_, err = x.c.Uncordon(ctx, from)
			}
			return err
		})
		for _, id := range ids {
			if g, err := nodes[from].Show(ctx, id); err != nil || g.State != api.StateMoved {
				t.Errorf("guest %s on %s after its drain: %+v, %v", id, from, g, err)
			}
		}
	}
	for _, id := range ids {
		if g, err := x.c.Locate(ctx, id); err != nil || g.Node != "a" || g.State != api.StateRunning {
			t.Errorf("%+v, %v", g, err)
		}
	}
	t.Logf("%d answers", n)
}
