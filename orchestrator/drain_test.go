package orchestrator

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"sojourn/proxy/api"
)

func TestDrain(t *testing.T) {
	x := start(t, func(c *Config) { c.Parallel = 3 })
	var ids []string
	for i := range 12 {
		ids = append(ids, fmt.Sprintf("g%02d", i))
	}
	a, b, c := x.join(t, "a", ids...), x.join(t, "b"), x.join(t, "c")
	results := 0
	res, err := x.c.Drain(t.Context(), "a", func(e Event) {
		if e.Result != nil {
			results++
		}
	})
	if err != nil || len(res.Moved) != 12 || len(res.Left) != 0 || results != 12 {
		t.Fatalf("%+v, %v; told of %d", res, err, results)
	}
	all := append(b.has(), c.has()...)
	slices.Sort(all)
	if len(a.has()) != 0 || !slices.Equal(all, ids) {
		t.Errorf("a %q, b %q, c %q", a.has(), b.has(), c.has())
	}
	if len(b.has()) < 4 || len(c.has()) < 4 { // a report may come at a bad moment
		t.Errorf("not even: b %q, c %q", b.has(), c.has())
	}
	if x.most > 3 {
		t.Errorf("%d migrations at a time, want at most 3", x.most)
	}
	n, err := x.o.nodes.get("a")
	if err != nil || n.State != NodeCordoned {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestDrainTellsWhatIsLeft(t *testing.T) {
	x := start(t, func(c *Config) { c.Parallel = 1 }) // "big" is tried first, and alone
	a := x.join(t, "a", "big", "small", "ended")
	b := x.join(t, "b")
	a.lock(func() {
		a.info.Guests[0].MemoryBytes = 2 << 30
		a.info.Guests[2].State = api.StateExited
	})
	res, err := x.c.Drain(t.Context(), "a", nil)
	if err != nil || len(res.Moved) != 1 || len(res.Left) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	left := res.Left[0]
	if left.Guest != "big" || left.Error.Code != CodeNoTarget || left.Decision == nil ||
		!slices.ContainsFunc(left.Decision.Candidates, func(c Candidate) bool {
			return c.Node == "b" && c.Reasons[0] == "1.0 GiB of memory free, 2.0 GiB needed"
		}) {
		t.Errorf("%+v %+v", left, left.Decision)
	}
	if !slices.Equal(a.has(), []string{"big"}) || !slices.Equal(b.has(), []string{"small"}) {
		t.Errorf("a %q, b %q", a.has(), b.has())
	}
}

// Guests whose memory together is more than the target has free are not sent
// there at the same time.
func TestDrainDoesNotOvercommit(t *testing.T) {
	x := start(t, func(c *Config) { c.Parallel = 4 })
	a, b := x.join(t, "a", "g1", "g2", "g3", "g4"), x.join(t, "b")
	gate := make(chan struct{})
	a.lock(func() { a.gate = gate })
	b.lock(func() { b.info.FreeMemory = 2*mib + mib/2 })
	eventually(t, "b's report", func() bool { n, _ := x.o.nodes.get("b"); return n.FreeMemory < 3*mib })
	type outcome struct {
		res DrainResult
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		res, err := x.c.Drain(t.Context(), "a", nil)
		done <- outcome{res, err}
	}()
	eventually(t, "two on their way", func() bool { return a.times() == 2 })
	close(gate)
	if out := <-done; out.err != nil || len(out.res.Moved) != 2 || len(out.res.Left) != 2 {
		t.Errorf("%+v", out)
	}
}

// Nor one after the other, before the target has reported what it got.
func TestDrainCountsWhatArrived(t *testing.T) {
	x := start(t, func(c *Config) { c.Parallel, c.LostAfter = 1, time.Hour })
	b := x.add(t, "b")
	b.info.FreeMemory = 2*mib + mib/2
	x.dial(t, b, "")
	x.until(t, "b", NodeReady)
	x.join(t, "a", "g1", "g2", "g3", "g4")
	res, err := x.c.Drain(t.Context(), "a", nil)
	if err != nil || len(res.Moved) != 2 || len(res.Left) != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	for _, l := range res.Left {
		wantCode(t, l.Error, CodeNoTarget, "no node can take")
	}
}

func TestDrainedNodeGetsNothing(t *testing.T) {
	x := start(t)
	x.join(t, "a", "g1")
	x.join(t, "b")
	if _, err := x.c.Drain(t.Context(), "b", nil); err != nil {
		t.Fatal(err)
	}
	_, err := x.c.Migrate(t.Context(), "g1", "b", nil)
	wantCode(t, err, CodeNoTarget, "node b cannot take")
	n, err := x.c.Uncordon(t.Context(), "b")
	if err != nil || n.State != NodeReady || n.Cordoned {
		t.Errorf("%+v, %v", n, err)
	}
	if _, err := x.c.Migrate(t.Context(), "g1", "b", nil); err != nil {
		t.Error(err)
	}
}

// Uncordon drops what is queued; what is under way is finished.
func TestUncordonEndsADrain(t *testing.T) {
	x := start(t, func(c *Config) { c.Parallel = 1 })
	a, b := x.join(t, "a", "g1", "g2", "g3"), x.join(t, "b")
	gate := make(chan struct{})
	a.lock(func() { a.gate = gate })
	type outcome struct {
		res DrainResult
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		res, err := x.c.Drain(t.Context(), "a", nil)
		done <- outcome{res, err}
	}()
	eventually(t, "one on its way", func() bool { return a.times() == 1 })
	_, err := x.c.Drain(t.Context(), "a", nil)
	wantCode(t, err, api.CodeConflict, "being drained already")
	if n, err := x.c.Uncordon(t.Context(), "a"); err != nil || n.State != NodeReady {
		t.Errorf("%+v, %v", n, err)
	}
	close(gate)
	out := <-done
	if out.err != nil || len(out.res.Moved) != 1 || len(out.res.Left) != 2 {
		t.Fatalf("%+v", out)
	}
	for _, l := range out.res.Left {
		wantCode(t, l.Error, api.CodeConflict, "uncordoned before this guest's turn")
	}
	if len(a.has()) != 2 || len(b.has()) != 1 {
		t.Errorf("a %q, b %q", a.has(), b.has())
	}
	if n, _ := x.o.nodes.get("a"); n.Cordoned {
		t.Error("cordoned again")
	}
}

// A guest that ends while it is being moved is not one that was left.
func TestDrainOfAGuestThatEnds(t *testing.T) {
	x := start(t)
	a := x.join(t, "a", "g1")
	b := x.join(t, "b")
	b.lock(func() { b.refuse = &api.Error{Code: api.CodeConflict, Message: "ended"} })
	gate := make(chan struct{})
	a.lock(func() { a.gate = gate })
	go func() {
		eventually(t, "asked", func() bool { return a.times() == 1 })
		a.lock(func() { a.info.Guests[0].State = api.StateExited })
		close(gate)
	}()
	res, err := x.c.Drain(t.Context(), "a", nil)
	if err != nil || len(res.Left) != 0 || len(res.Moved) != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestDrainUnknown(t *testing.T) {
	x := start(t)
	_, err := x.c.Drain(t.Context(), "nowhere", nil)
	wantCode(t, err, api.CodeNotFound, `no node "nowhere"`)
	_, err = x.c.Uncordon(t.Context(), "nowhere")
	wantCode(t, err, api.CodeNotFound, `no node "nowhere"`)
}

// An uncordon that comes between a drain's start and its cordon wins.
func TestCordonAfterUncordonIsRefused(t *testing.T) {
	x := start(t)
	x.join(t, "a")
	n, err := x.o.nodes.get("a")
	if err != nil {
		t.Fatal(err)
	}
	queue, done, err := x.o.drains.begin(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if _, err := x.o.uncordon(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := x.o.setCordon(t.Context(), n, true, queue.Err); err != context.Canceled {
		t.Errorf("%v", err)
	}
	if n, _ := x.o.nodes.get("a"); n.Cordoned {
		t.Error("cordoned")
	}
}
