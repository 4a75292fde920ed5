package orchestrator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sojourn/proxy/api"
)

// fakeNodes are nodes that speak package api over real HTTP; their guests are
// only entries in a list, which a migration moves.
type fakeNodes struct {
	mu   sync.Mutex
	by   map[string]*fakeNode // by URL
	most int                  // migrations at a time, ever
	now  int
}

type fakeNode struct {
	all *fakeNodes
	srv *httptest.Server

	// Guarded by all.mu.
	info   api.Node
	refuse *api.Error    // as a target
	cut    bool          // as a source, break off after the first line
	gate   chan struct{} // as a source, wait for it to close
	asked  int           // migrations asked for
	token  string        // asked of callers when not empty
}

func (f *fakeNodes) add(t *testing.T, name string, guests ...string) *fakeNode {
	t.Helper()
	n := &fakeNode{all: f, info: api.Node{
		Name: name, Protocol: 1, ISA: "amd64", OS: "linux", Engine: "compiler", Engines: []string{"compiler", "interpreter"},
		CPUs: 2, TotalMemory: 1 << 30, FreeMemory: 1 << 30, MaxGuests: 64,
	}}
	for _, id := range guests {
		n.info.Guests = append(n.info.Guests, api.Guest{ID: id, State: api.StateRunning, Epoch: 1, MemoryBytes: mib})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/node", func(w http.ResponseWriter, _ *http.Request) { answer(w, n.report()) })
	mux.HandleFunc("POST /v1/guests/{id}/migrate", n.migrate)
	n.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var tok string
		n.lock(func() { tok = n.token })
		if tok != "" && r.Header.Get("Authorization") != "Bearer "+tok {
			fail(w, &api.Error{Code: api.CodeUnauthorized, Message: "no"})
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		n.srv.CloseClientConnections() // what waits at a gate
		n.srv.Close()
	})
	n.info.URL = n.srv.URL
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil {
		f.by = make(map[string]*fakeNode)
	}
	f.by[n.srv.URL] = n
	return n
}

func (n *fakeNode) lock(f func()) {
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	f()
}

// times says how often the node was asked to migrate.
func (n *fakeNode) times() (asked int) {
	n.lock(func() { asked = n.asked })
	return asked
}

// report is the node now.
func (n *fakeNode) report() api.Node {
	n.all.mu.Lock()
	defer n.all.mu.Unlock()
	out := n.info
	out.Guests = slices.Clone(out.Guests)
	return out
}

// has lists the ids of the guests that run here.
func (n *fakeNode) has() []string {
	var ids []string
	for _, g := range n.report().Guests {
		if live(g.State) {
			ids = append(ids, g.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func (n *fakeNode) migrate(w http.ResponseWriter, r *http.Request) {
	var req api.MigrateRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		fail(w, err)
		return
	}
	id, f := r.PathValue("id"), n.all
	f.mu.Lock()
	n.asked++
	f.now++
	f.most = max(f.most, f.now)
	gate, cut := n.gate, n.cut
	f.mu.Unlock()
	defer func() { n.lock(func() { f.now-- }) }()
	w.Header().Set("Content-Type", ndjson)
	line(w, api.Event{Progress: &api.Progress{Migration: "m-" + id, Step: "pre-copy", Round: 1}})
	if cut {
		panic(http.ErrAbortHandler)
	}
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	res, err := f.hand(n, id, req.To)
	if err != nil {
		line(w, api.Event{Error: asError(err)})
		return
	}
	line(w, api.Event{Result: &res})
}

func line(w http.ResponseWriter, e api.Event) {
	_ = json.NewEncoder(w).Encode(e)
	_ = http.NewResponseController(w).Flush()
}

// hand gives a guest from one node to another, or says why not.
func (f *fakeNodes) hand(n *fakeNode, id, to string) (api.MigrateResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(n.info.Guests, func(g api.Guest) bool { return g.ID == id })
	target := f.by[to]
	switch {
	case i < 0:
		return api.MigrateResult{}, &api.Error{Code: api.CodeNotFound, Message: "no guest " + id}
	case n.info.Guests[i].State == api.StateMoved:
		return api.MigrateResult{}, &api.Error{Code: api.CodeMoved, Message: id + " moved", Location: n.info.Guests[i].MovedTo}
	case target == nil:
		return api.MigrateResult{}, &api.Error{Code: api.CodeMigrationFault, Message: "no node at " + to}
	case target.refuse != nil:
		return api.MigrateResult{}, target.refuse
	}
	g := n.info.Guests[i]
	n.info.Guests[i].State, n.info.Guests[i].MovedTo = api.StateMoved, to
	g.Epoch++
	target.info.Guests = slices.DeleteFunc(target.info.Guests, func(x api.Guest) bool { return x.ID == id })
	target.info.Guests = append(target.info.Guests, g)
	return api.MigrateResult{ID: id, Migration: "m-" + id, From: n.info.URL, To: to, Epoch: g.Epoch, BytesSent: 7}, nil
}

// fixture is an orchestrator on real sockets.
type fixture struct {
	*fakeNodes
	o   *Orchestrator
	url string
	c   *Client
}

func start(t *testing.T, change ...func(*Config)) *fixture {
	t.Helper()
	cfg := Config{Dir: t.TempDir(), LostAfter: 2 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	o, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := o.Listen()
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- o.Serve(ln) }()
	c, err := NewClient("http://"+ln.Addr().String(), api.Options{Token: cfg.Token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if err := o.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return &fixture{fakeNodes: new(fakeNodes), o: o, url: "http://" + ln.Addr().String(), c: c}
}

// dial has an agent report for the node until stop or the test's end.
func (x *fixture) dial(t *testing.T, n *fakeNode, token string) (stop func()) {
	t.Helper()
	a, err := NewAgent(AgentConfig{URL: x.url, Token: token, Info: n.report, MinWait: 5 * time.Millisecond, MaxWait: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// join adds a node that is ready by the time it returns.
func (x *fixture) join(t *testing.T, name string, guests ...string) *fakeNode {
	t.Helper()
	n := x.add(t, name, guests...)
	x.dial(t, n, x.o.cfg.Token)
	x.until(t, name, NodeReady)
	return n
}

func (x *fixture) until(t *testing.T, name string, want NodeState) {
	t.Helper()
	eventually(t, fmt.Sprintf("node %s %s", name, want), func() bool {
		n, err := x.o.nodes.get(name)
		return err == nil && n.State == want
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}

func wantCode(t *testing.T, err error, code, part string) {
	t.Helper()
	if err == nil || asError(err).Code != code || !strings.Contains(err.Error(), part) {
		t.Errorf("error %v (%s), want %s with %q", err, asError(orNone(err)).Code, code, part)
	}
}

func orNone(err error) error {
	if err == nil {
		return &api.Error{Code: "none"}
	}
	return err
}
