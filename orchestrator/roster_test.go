package orchestrator

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"sojourn/proxy/api"
)

// clocked is a roster whose time is moved by hand.
func clocked() (r *roster, forward func(time.Duration)) {
	now := time.Now()
	r = newRoster(10 * time.Second)
	r.now = func() time.Time { return now }
	return r, func(d time.Duration) { now = now.Add(d) }
}

func joined(t *testing.T, r *roster, n api.Node) *link {
	t.Helper()
	l := new(link)
	if err := r.join(l, n); err != nil {
		t.Fatal(err)
	}
	return l
}

func wantState(t *testing.T, r *roster, name string, want NodeState) {
	t.Helper()
	if n, err := r.get(name); err != nil || n.State != want {
		t.Errorf("node %s is %s (%v), want %s", name, n.State, err, want)
	}
}

func TestRosterLostInTime(t *testing.T) {
	r, forward := clocked()
	n := api.Node{Name: "a", URL: "http://a:1"}
	l := joined(t, r, n)
	forward(10*time.Second - 1)
	wantState(t, r, "a", NodeReady)
	forward(1)
	wantState(t, r, "a", NodeLost)
	if !r.report(l, n) {
		t.Error("its connection was given up")
	}
	wantState(t, r, "a", NodeReady)
	r.leave(l, "a")
	wantState(t, r, "a", NodeReady) // it may be dialling again
	if r.report(l, n) {
		t.Error("a report over a connection that was left")
	}
	r.stored("a", nodeRecord{Node: n, Cordoned: true}, 1)
	wantState(t, r, "a", NodeCordoned)
	forward(time.Minute)
	wantState(t, r, "a", NodeLost)
}

func TestRosterNamesChangeHandsWhenLost(t *testing.T) {
	r, forward := clocked()
	l := joined(t, r, api.Node{Name: "a", URL: "http://a:1"})
	r.leave(l, "a")
	elsewhere := api.Node{Name: "a", URL: "http://a:2"}
	if err := r.join(new(link), elsewhere); err == nil {
		t.Error("the name of a node that is alive was taken")
	}
	forward(10 * time.Second)
	joined(t, r, elsewhere)
	if n, err := r.get("http://a:2"); err != nil || n.Name != "a" {
		t.Errorf("%+v, %v", n, err)
	}
}

// An old record that arrives late does not undo a newer one.
func TestRosterKeepsTheNewestRecord(t *testing.T) {
	r, _ := clocked()
	joined(t, r, api.Node{Name: "a"})
	r.stored("a", nodeRecord{Cordoned: true}, 5)
	r.stored("a", nodeRecord{Cordoned: false}, 4)
	wantState(t, r, "a", NodeCordoned)
}

func TestRosterBelievesTheHighestEpoch(t *testing.T) {
	guest := func(epoch uint64, state string) []api.Guest {
		return []api.Guest{{ID: "g", Epoch: epoch, State: state}}
	}
	for _, tt := range []struct {
		name string
		a, b []api.Guest
		want string
	}{
		{"one of them", guest(3, api.StateRunning), nil, "a"},
		{"an old life elsewhere", guest(3, api.StateRunning), guest(4, api.StateRunning), "b"},
		{"ended since", guest(4, api.StateExited), guest(3, api.StateRunning), "a"},
		{"left at the same epoch", guest(3, api.StateMoved), guest(3, api.StateFrozen), "b"},
		{"arrived at the same epoch", guest(3, api.StateRunning), guest(3, api.StateMoved), "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := clocked()
			joined(t, r, api.Node{Name: "a", URL: "http://a", Guests: tt.a})
			joined(t, r, api.Node{Name: "b", URL: "http://b", Guests: tt.b})
			gs := r.guests()
			if len(gs) != 1 || gs[0].Node != tt.want {
				t.Errorf("%+v, want it on %s", gs, tt.want)
			}
		})
	}
}

// What callers were given does not change under them.
func TestRosterDoesNotChangeWhatItGaveOut(t *testing.T) {
	r, _ := clocked()
	joined(t, r, api.Node{Name: "a", URL: "http://a", Guests: []api.Guest{{ID: "g", Epoch: 1, State: api.StateRunning}}})
	joined(t, r, api.Node{Name: "b", URL: "http://b"})
	before := r.list()
	r.departed("g", "a", "http://b")
	r.arrived(before[0].Guests[0], "http://b", 2)
	if before[0].Guests[0].State != api.StateRunning || len(before[1].Guests) != 0 {
		t.Errorf("%+v", before)
	}
	if g, err := r.find("g"); err != nil || g.Node != "b" || g.Epoch != 2 {
		t.Errorf("%+v, %v", g, err)
	}
}

// failing is a Registry that has another writer get in first, or a full disk.
type failing struct {
	Registry
	conflicts atomic.Int32 // Puts that somebody else comes before
	full      atomic.Bool
}

func (f *failing) Put(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
	if f.full.Load() {
		return 0, errors.New("no space left on device")
	}
	if f.conflicts.Add(-1) >= 0 {
		if _, err := f.Registry.Put(ctx, key, value, rev); err != nil {
			return 0, err
		}
	}
	return f.Registry.Put(ctx, key, value, rev)
}

func TestSaveOverOtherWriters(t *testing.T) {
	reg := &failing{Registry: openFiles(t, t.TempDir())}
	x := start(t, func(c *Config) { c.Dir, c.Registry = "", reg })
	x.join(t, "a")
	reg.conflicts.Store(3)
	if _, err := x.c.Drain(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	rec, err := reg.Get(t.Context(), nodeKeys+"a")
	if err != nil || rec.Revision < 5 {
		t.Errorf("at revision %d, %v", rec.Revision, err)
	}
	if n, _ := x.o.nodes.get("a"); n.State != NodeCordoned {
		t.Errorf("%+v", n)
	}
}

// A drain that cannot be written down does not begin; a node that is known
// stays in service, one that is not is refused.
func TestRegistryFull(t *testing.T) {
	reg := &failing{Registry: openFiles(t, t.TempDir())}
	x := start(t, func(c *Config) { c.Dir, c.Registry = "", reg })
	a := x.join(t, "a", "g1")
	x.join(t, "b")
	reg.full.Store(true)
	_, err := x.c.Drain(t.Context(), "a", nil)
	wantCode(t, err, api.CodeInternal, "cordon of node a: no space left")
	if n, _ := x.o.nodes.get("a"); n.Cordoned || len(a.has()) != 1 {
		t.Errorf("%+v", n)
	}
	if ans := say(t, rawDial(t, x), api.Node{Name: "c", URL: "http://c:1"}); ans.Error == nil {
		t.Error("a node was taken that is not written down")
	}
	if _, err := x.c.Migrate(t.Context(), "g1", "b", nil); err != nil {
		t.Error(err)
	}
	time.Sleep(2 * x.o.cfg.LostAfter)
	wantState(t, x.o.nodes, "a", NodeReady)
}

// stuck is a caller that takes one line and no more.
type stuck struct {
	http.ResponseWriter
	header  http.Header
	writes  int
	waiting time.Time
}

func (s *stuck) Header() http.Header                 { return s.header }
func (s *stuck) Flush()                              {}
func (s *stuck) SetWriteDeadline(at time.Time) error { s.waiting = at; return nil }
func (s *stuck) Write(b []byte) (int, error) {
	if s.writes++; s.writes == 1 {
		return len(b), nil
	}
	if s.waiting.IsZero() {
		panic("this would wait for ever")
	}
	return 0, os.ErrDeadlineExceeded
}

func TestLinesLeaveAStuckCallerBehind(t *testing.T) {
	s := &stuck{header: http.Header{}}
	l := newLines(s, &http.Request{Header: http.Header{"Accept": {ndjson}}})
	for range 5 {
		l.tell(Event{Guest: "g"})
	}
	l.end(Event{Guest: "g"}, nil, nil)
	if s.writes != 2 {
		t.Errorf("written to %d times, want 2: one taken, one given up", s.writes)
	}
}
