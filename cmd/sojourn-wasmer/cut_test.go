//go:build cgo && ((linux && amd64) || darwin)

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"sojourn/proxy/api"
)

// relay stands before a node, and breaks migration channels off after a number of frames, counted
// in both directions; all else passes.
type relay struct {
	srv *httptest.Server
	to  string

	mu   sync.Mutex
	left int
	cut  bool
}

func newRelay(t *testing.T, to string) *relay {
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{to: to}
	mux := http.NewServeMux()
	mux.Handle("/", httputil.NewSingleHostReverseProxy(u))
	mux.HandleFunc("/v1/handover", r.channel)
	r.srv = httptest.NewServer(mux)
	t.Cleanup(r.srv.Close)
	return r
}

func (r *relay) arm(frames int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left, r.cut = frames, false
}

func (r *relay) wasCut() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cut
}

func (r *relay) pass() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = r.cut || r.left == 0
	r.left--
	return !r.cut
}

func (r *relay) channel(w http.ResponseWriter, req *http.Request) {
	near, err := (&websocket.Upgrader{Subprotocols: []string{channelProtocol}}).Upgrade(w, req, nil)
	if err != nil {
		return
	}
	defer near.Close()
	far, _, err := (&websocket.Dialer{Subprotocols: []string{channelProtocol}}).DialContext(req.Context(), "ws"+strings.TrimPrefix(r.to, "http")+"/v1/handover", nil)
	if err != nil {
		return
	}
	defer far.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	forward := func(from, to *websocket.Conn) {
		defer near.Close()
		defer far.Close()
		for {
			kind, b, err := from.ReadMessage()
			if err != nil || !r.pass() || to.WriteMessage(kind, b) != nil {
				return
			}
		}
	}
	wg.Go(func() { forward(far, near) })
	forward(near, far)
}

// TestCutAtEachFrame breaks the channel off at each frame of a move to a Wasmer node and of one
// from it: afterwards the guest runs on one of the two, and both know which.
func TestCutAtEachFrame(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to *api.Client
	}{
		{"to Wasmer", wazeroNode(t), wasmerNode(t)},
		{"from Wasmer", wasmerNode(t), wazeroNode(t)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRelay(t, c.to.URL())
			module := idiomatic(t, "fib")
			for frames := 0; ; frames++ {
				r.arm(frames)
				g, err := c.from.Run(t.Context(), module, api.Spec{Args: []string{"fib", "2000000000"}})
				if err != nil {
					t.Fatal(err)
				}
				_, failed := c.from.Migrate(t.Context(), g.ID, api.MigrateRequest{To: r.srv.URL, Idiomatic: true}, nil)
				at := c.from
				if failed == nil {
					at = c.to
				}
				eventually(t, "one node runs the guest", func() bool {
					return runs(t.Context(), c.from, g.ID)+runs(t.Context(), c.to, g.ID) == 1 && runs(t.Context(), at, g.ID) == 1
				})
				if _, err := at.Stop(t.Context(), g.ID); err != nil {
					t.Error(err)
				}
				if !r.wasCut() {
					if failed != nil {
						t.Errorf("not cut, and yet: %v", failed)
					}
					if frames < 10 {
						t.Errorf("a move has only %d frames", frames)
					}
					return
				}
			}
		})
	}
}

// runs returns 1 when a guest runs on a node, else 0.
func runs(ctx context.Context, c *api.Client, id string) int {
	g, err := c.Show(ctx, id)
	if err == nil && g.State == api.StateRunning {
		return 1
	}
	return 0
}
