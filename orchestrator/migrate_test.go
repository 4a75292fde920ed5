package orchestrator

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"sojourn/proxy/api"
)

func TestMigratePicksTheLeastLoaded(t *testing.T) {
	x := start(t)
	a, b, c := x.join(t, "a", "g1"), x.join(t, "b", "g2"), x.join(t, "c")
	var steps []string
	m, err := x.c.Migrate(t.Context(), "g1", "", func(e Event) {
		if e.Progress != nil {
			steps = append(steps, e.Progress.Step)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if m.Decision.Target != "c" || len(m.Decision.Candidates) != 3 || m.Result.Epoch != 2 || m.Result.BytesSent != 7 {
		t.Errorf("%+v", m)
	}
	if !slices.Equal(steps, []string{"pre-copy"}) {
		t.Errorf("steps %q", steps)
	}
	if len(a.has()) != 0 || !slices.Equal(b.has(), []string{"g2"}) || !slices.Equal(c.has(), []string{"g1"}) {
		t.Errorf("a %q, b %q, c %q", a.has(), b.has(), c.has())
	}
	eventually(t, "g1 located on c", func() bool {
		g, err := x.c.Locate(t.Context(), "g1")
		return err == nil && g.Node == "c" && g.NodeURL == c.srv.URL && g.State == api.StateRunning && g.Epoch == 2
	})
}

func TestMigrateBackAndForth(t *testing.T) {
	x := start(t)
	a, b := x.join(t, "a", "g1"), x.join(t, "b")
	for i := range 10 {
		to, at := "b", b
		if i%2 == 1 {
			to, at = "a", a
		}
		if i%4 >= 2 {
			to = "" // there is only one other node
		}
		m, err := x.c.Migrate(t.Context(), "g1", to, nil)
		if err != nil || m.Result.Epoch != uint64(i)+2 {
			t.Fatalf("move %d: %+v, %v", i, m.Result, err)
		}
		if !slices.Equal(at.has(), []string{"g1"}) {
			t.Fatalf("move %d: a has %q, b has %q", i, a.has(), b.has())
		}
	}
}

func TestPlanMovesNothing(t *testing.T) {
	x := start(t)
	a := x.join(t, "a", "g1")
	x.join(t, "b")
	d, err := x.c.Plan(t.Context(), "g1", MigrateRequest{})
	if err != nil || d.Target != "b" || d.Source != "a" {
		t.Errorf("%+v, %v", d, err)
	}
	d, err = x.c.Plan(t.Context(), "g1", MigrateRequest{Engine: "quantum"})
	wantCode(t, err, CodeNoTarget, "no node can take guest g1")
	if len(d.Candidates) != 2 {
		t.Errorf("the refusal tells of %d nodes: %+v", len(d.Candidates), d)
	}
	if !slices.Equal(a.has(), []string{"g1"}) || a.times() != 0 {
		t.Error("the guest was touched")
	}
}

func TestMigrateRefusals(t *testing.T) {
	x := start(t)
	n := x.join(t, "a", "g1", "gone")
	n.lock(func() { n.info.Guests[1].State = api.StateExited })
	small := x.join(t, "small")
	small.lock(func() { small.info.FreeMemory = 5 })
	eventually(t, "reports", func() bool {
		s, _ := x.o.nodes.get("small")
		g, err := x.o.nodes.find("gone")
		return s.FreeMemory == 5 && err == nil && g.State == api.StateExited
	})
	ctx := t.Context()
	_, err := x.c.Migrate(ctx, "nobody", "", nil)
	wantCode(t, err, api.CodeNotFound, `no node speaks of a guest "nobody"`)
	_, err = x.c.Migrate(ctx, "gone", "", nil)
	wantCode(t, err, api.CodeConflict, "exited on node a")
	_, err = x.c.Migrate(ctx, "g1", "nowhere", nil)
	wantCode(t, err, api.CodeNotFound, `no node "nowhere"`)
	_, err = x.c.Migrate(ctx, "g1", "small", nil)
	wantCode(t, err, CodeNoTarget, "node small cannot take guest g1")
	var refused *Refused
	if !errors.As(err, &refused) || len(refused.Decision.Candidates) != 2 {
		t.Errorf("no reasons: %v", err)
	}
	_, err = x.c.Migrate(ctx, "g1", "a", nil)
	wantCode(t, err, CodeNoTarget, "node a cannot")
}

func TestMigrateTriesTheNextBest(t *testing.T) {
	x := start(t)
	a, b, c := x.join(t, "a", "g1"), x.join(t, "b"), x.join(t, "c")
	b.lock(func() { b.refuse = &api.Error{Code: api.CodeMigrationFault, Message: "folder /data is not granted"} })
	var decided []string
	m, err := x.c.Migrate(t.Context(), "g1", "", func(e Event) {
		if e.Decision != nil {
			decided = append(decided, e.Decision.Target)
		}
	})
	if err != nil || !slices.Equal(decided, []string{"b", "c"}) || !slices.Equal(c.has(), []string{"g1"}) {
		t.Errorf("decided %q, %v", decided, err)
	}
	if last := m.Decision.Candidates[len(m.Decision.Candidates)-1]; last.Node != "b" || last.Reasons[0] != "tried: folder /data is not granted" {
		t.Errorf("%+v", m.Decision)
	}
	_, err = x.c.Migrate(t.Context(), "g1", "b", nil)
	wantCode(t, err, api.CodeMigrationFault, "not granted")
	c.lock(func() { c.refuse = b.refuse })
	a.lock(func() { a.refuse = b.refuse })
	_, err = x.c.Migrate(t.Context(), "g1", "", nil)
	wantCode(t, err, CodeNoTarget, "no node can take")
}

// A guest that moved without the orchestrator is found where its source says.
func TestMigrateFollowsAGuestThatMoved(t *testing.T) {
	x := start(t, func(c *Config) { c.LostAfter = time.Hour }) // no report comes between
	a, b, c := x.join(t, "a", "g1"), x.join(t, "b", "g2"), x.join(t, "c")
	if _, err := x.hand(a, "g1", b.srv.URL); err != nil {
		t.Fatal(err)
	}
	m, err := x.c.Migrate(t.Context(), "g1", "c", nil)
	if err != nil || m.Decision.Source != "b" || !slices.Equal(c.has(), []string{"g1"}) {
		t.Errorf("%+v, %v; c has %q", m, err, c.has())
	}
	if g, err := x.c.Locate(t.Context(), "g1"); err != nil || g.Node != "c" {
		t.Errorf("located %+v, %v", g, err)
	}
}

func TestMigrateLosesTouch(t *testing.T) {
	x := start(t)
	a := x.join(t, "a", "g1")
	x.join(t, "b")
	a.lock(func() { a.cut = true })
	_, err := x.c.Migrate(t.Context(), "g1", "", nil)
	wantCode(t, err, api.CodeInDoubt, "lost touch with node a")
	a.srv.Close()
	_, err = x.c.Migrate(t.Context(), "g1", "", nil)
	wantCode(t, err, CodeUnreachable, "does not answer")
	if n, _ := x.o.nodes.get("b"); n.IncomingGuests != 0 || n.IncomingBytes != 0 {
		t.Errorf("still counted as coming: %+v", n)
	}
}

func TestMigrateOnceAtATime(t *testing.T) {
	x := start(t)
	a, b := x.join(t, "a", "g1"), x.join(t, "b")
	gate := make(chan struct{})
	a.lock(func() { a.gate = gate })
	first := make(chan error, 1)
	go func() {
		_, err := x.c.Migrate(t.Context(), "g1", "b", nil)
		first <- err
	}()
	eventually(t, "the first under way", func() bool {
		n, _ := x.o.nodes.get("b")
		return n.IncomingGuests == 1 && n.IncomingBytes == mib
	})
	_, err := x.c.Migrate(t.Context(), "g1", "b", nil)
	wantCode(t, err, api.CodeConflict, "being migrated already")
	close(gate)
	if err := <-first; err != nil || !slices.Equal(b.has(), []string{"g1"}) {
		t.Errorf("%v; b has %q", err, b.has())
	}
}

func TestMigrateGoesOnWithoutItsCaller(t *testing.T) {
	x := start(t)
	a, b := x.join(t, "a", "g1"), x.join(t, "b")
	gate := make(chan struct{})
	a.lock(func() { a.gate = gate })
	ctx, cancel := context.WithCancel(t.Context())
	_, err := x.c.Migrate(ctx, "g1", "b", func(e Event) {
		if e.Progress != nil {
			cancel()
		}
	})
	if err == nil || !errors.Is(err, context.Canceled) {
		t.Errorf("the caller gave up: %v", err)
	}
	close(gate)
	eventually(t, "g1 on b", func() bool { return slices.Equal(b.has(), []string{"g1"}) })
}

// Close does not wait for a migration to end: the nodes go on by themselves.
func TestCloseDuringAMigration(t *testing.T) {
	x := start(t)
	a := x.join(t, "a", "g1")
	x.join(t, "b")
	a.lock(func() { a.gate = make(chan struct{}) })
	done := make(chan error, 1)
	go func() {
		_, err := x.c.Migrate(t.Context(), "g1", "b", nil)
		done <- err
	}()
	eventually(t, "under way", func() bool { return a.times() == 1 })
	if err := x.o.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("the caller was told of a result")
	}
}
