//go:build cgo && ((linux && amd64) || darwin)

package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/orchestrator"
	"sojourn/proxy/api"
	"sojourn/proxy/handover"
	"sojourn/proxy/wire"
)

// silent is a target that takes a guest up to Ready, and does not answer Commit on the channel.
// Asked outside the channel it says phase, and nothing while that is empty.
type silent struct {
	srv *httptest.Server

	mu     sync.Mutex
	phase  handover.Phase
	commit chan struct{} // closed when the source has committed
}

func newSilent(t *testing.T) *silent {
	s := &silent{commit: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/handover", func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{Subprotocols: []string{channelProtocol}}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		ch := wire.NewConn(ws)
		defer ch.Close()
		s.take(t, ch)
	})
	mux.HandleFunc("POST /v1/migrations/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.phase == "" {
			writeError(w, fail(api.CodeInternal, "not now"))
			return
		}
		_ = json.NewEncoder(w).Encode(api.Migration{ID: r.PathValue("id"), Role: string(handover.TargetRole), Phase: string(s.phase)})
	})
	s.srv = httptest.NewServer(mux)
	t.Cleanup(s.srv.Close)
	return s
}

func (s *silent) take(t *testing.T, ch *wire.Conn) {
	answers := map[wire.Kind][]wire.Kind{wire.Hello: {wire.Welcome}, wire.Plan: {wire.Reserved}, wire.Stage: {wire.Staged, wire.Compiled},
		wire.State: {wire.Ack}, wire.Final: {wire.Ready}}
	for {
		k, _, b, err := ch.Receive()
		if err != nil {
			return
		}
		if k == wire.Commit {
			close(s.commit)
			return
		}
		for _, a := range answers[k] {
			switch a {
			case wire.Reserved:
				b = []byte{0}
			case wire.Welcome:
			default:
				b = nil
			}
			if _, err := ch.Send(a, b); err != nil {
				t.Error(err)
			}
		}
	}
}

func (s *silent) says(p handover.Phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = p
}

func startNode(t *testing.T, dir string) *node {
	t.Helper()
	n, err := newNode("wasmer", "", "", dir)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(n.handler())
	n.url = s.URL
	t.Cleanup(func() { n.close(); s.Close() })
	return n
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within 10 s: %s", what)
}

// TestInDoubt: the answer to Commit is lost. The caller that goes away is told so, the guest is
// held here, and the source asks on until it knows.
func TestInDoubt(t *testing.T) {
	for _, c := range []struct {
		says  handover.Phase
		state string
		epoch uint64
		final handover.Phase
	}{
		{handover.Active, api.StateMoved, 1, handover.Moved},
		{handover.Lost, api.StateRunning, 3, handover.Reclaimed},
	} {
		t.Run(string(c.says), func(t *testing.T) {
			far, n := newSilent(t), startNode(t, t.TempDir())
			on := client(t, n.url)
			g, err := on.Run(t.Context(), idiomatic(t, "fib"), api.Spec{Args: []string{"fib", "2000000000"}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-far.commit; cancel() }()
			_, err = n.migrate(ctx, g.ID, far.srv.URL)
			if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.CodeInDoubt {
				t.Fatalf("%v, want %s", err, api.CodeInDoubt)
			}
			if g, err = on.Show(t.Context(), g.ID); err != nil {
				t.Fatal(err)
			}
			if r, err := on.Migration(t.Context(), g.Migration); err != nil || r.Phase != string(handover.Committed) {
				t.Errorf("the record says %+v, %v", r, err)
			}
			if _, err := n.migrate(t.Context(), g.ID, far.srv.URL); asError(err).Code != api.CodeConflict {
				t.Errorf("moved again meanwhile: %v", err)
			}
			far.says(c.says)
			eventually(t, "the source knows", func() bool {
				r, err := on.Migration(t.Context(), g.Migration)
				return err == nil && r.Phase == string(c.final)
			})
			eventually(t, "the guest is "+c.state, func() bool {
				g, err = on.Show(t.Context(), g.ID)
				return err == nil && g.State == c.state && g.Epoch == c.epoch
			})
		})
	}
}

// TestRestarted: a source that ends when it has committed asks on when it is started again, and
// a target that ends when it is ready says that it lost the guest.
func TestRestarted(t *testing.T) {
	far, dir := newSilent(t), t.TempDir()
	n := startNode(t, dir)
	g, err := client(t, n.url).Run(t.Context(), idiomatic(t, "fib"), api.Spec{Args: []string{"fib", "2000000000"}})
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-far.commit; n.close() }()
	if _, err = n.migrate(t.Context(), g.ID, far.srv.URL); asError(err).Code != api.CodeInDoubt {
		t.Fatalf("%v, want %s", err, api.CodeInDoubt)
	}
	arrived := handover.Record{Migration: "abc", Instance: "i", Role: handover.TargetRole, Phase: handover.Ready, Epoch: 1, Source: far.srv.URL}
	if err := n.store.Put(arrived); err != nil {
		t.Fatal(err)
	}
	far.says(handover.Active)
	again := startNode(t, dir)
	if err := again.resume(); err != nil {
		t.Fatal(err)
	}
	id := n.show(n.guests[g.ID]).Migration
	eventually(t, "the source has heard", func() bool {
		m, err := again.migration(id)
		return err == nil && m.Phase == string(handover.Moved)
	})
	eventually(t, "the target has lost", func() bool {
		m, err := again.migration("abc")
		return err == nil && m.Phase == string(handover.Lost)
	})
}

// TestRefuses: a guest that cannot move by a checkpoint of its own stays where it is.
func TestRefuses(t *testing.T) {
	from, to := wazeroNode(t), wasmerNode(t)
	for name, spec := range map[string]api.Spec{
		"unmodified": {Args: []string{"fib", "2000000000"}},
		"session":    {Args: []string{"fib", "2000000000"}, Session: api.One},
	} {
		module := idiomatic(t, map[string]string{"unmodified": "fib-twin", "session": "fib"}[name])
		g, err := from.Run(t.Context(), module, spec)
		if err != nil {
			t.Fatal(err)
		}
		_, err = from.Migrate(t.Context(), g.ID, api.MigrateRequest{To: to.URL()}, nil)
		if err == nil || !strings.Contains(err.Error(), "last checkpoint") {
			t.Errorf("%s: %v", name, err)
		}
		if g, err = from.Show(t.Context(), g.ID); err != nil || g.State != api.StateRunning || g.Epoch != 1 {
			t.Errorf("%s: it is left as %+v, %v", name, g, err)
		}
	}
}

// TestOrchestrator: a Wasmer node registers; a guest that makes checkpoints is placed there and
// back, one that makes none is not.
func TestOrchestrator(t *testing.T) {
	o, err := orchestrator.New(orchestrator.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(o.Handler())
	t.Cleanup(func() { o.Close(); srv.Close() })
	c, err := orchestrator.NewClient(srv.URL, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)

	n, precise := startNode(t, t.TempDir()), wazeroNode(t)
	if err := n.report(n.ctx, srv.URL); err != nil {
		t.Fatal(err)
	}
	a, err := orchestrator.NewAgent(orchestrator.AgentConfig{URL: srv.URL, Info: func() api.Node {
		i, err := precise.Node(context.Background())
		if err != nil {
			t.Error(err)
		}
		i.Name = "precise"
		return i
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); a.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	eventually(t, "both are known", func() bool { l, err := c.Nodes(t.Context()); return err == nil && len(l) == 2 })

	spec := api.Spec{Args: []string{"fib", "2000000000"}}
	g, err := precise.Run(t.Context(), idiomatic(t, "fib"), spec)
	if err != nil {
		t.Fatal(err)
	}
	twin, err := precise.Run(t.Context(), idiomatic(t, "fib-twin"), spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{g.ID, twin.ID} {
		a.Notify()
		eventually(t, "the guest is known", func() bool { _, err := c.Locate(t.Context(), id); return err == nil })
	}
	if _, err := c.Migrate(t.Context(), twin.ID, "", nil); err == nil || !strings.Contains(decisionOf(err), "make checkpoints by themselves") {
		t.Errorf("a guest that makes no checkpoints, moved: %v", err)
	}
	m, err := c.Migrate(t.Context(), g.ID, "", nil)
	if err != nil || m.Result.To != n.url || m.Result.ID != g.ID || m.Result.Epoch != 2 {
		t.Fatalf("moved to Wasmer: %+v, %v", m, err)
	}
	if m, err = c.Migrate(t.Context(), g.ID, "", nil); err != nil || m.Result.To != precise.URL() || m.Result.Epoch != 3 {
		t.Errorf("and back: %+v, %v", m, err)
	}
}

func decisionOf(err error) string {
	r, ok := errors.AsType[*orchestrator.Refused](err)
	if !ok {
		return ""
	}
	b, _ := json.Marshal(r.Decision)
	return string(b)
}
