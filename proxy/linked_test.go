package proxy

import (
	"bytes"
	"testing"
	"time"

	"sojourn/proxy/api"
)

// A guest of two modules, each with a memory that is written to all the time, moves
// between an interpreter and a compiler; its library travels with it, once. It is also
// written down, and goes on from there.
func TestLinkedGuestMoves(t *testing.T) {
	ctx := testContext(t)
	a, ca := startNode(t, Config{Name: "a", Engine: "compiler"})
	b, cb := startNode(t, Config{Name: "b", Engine: "interpreter"})
	run := func() api.Guest {
		t.Helper()
		g, err := ca.RunLinked(ctx, []string{"tally"}, [][]byte{module(t, "linked/tally")}, module(t, "linked/errand"), api.Spec{Args: []string{"errand"}})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	still := run()
	want := output(t, ca, still.ID)
	g := run()
	for i := range 6 {
		from, to := ca, b
		if i%2 == 1 {
			from, to = cb, a
		}
		time.Sleep(20 * time.Millisecond)
		res, err := from.Migrate(ctx, g.ID, api.MigrateRequest{To: to.URL()}, nil)
		if err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
		t.Logf("move %d: %d rounds, stopped for %.1f ms, %d bytes of %d", i, len(res.Rounds), res.DowntimeMS, res.BytesSent, res.MemoryBytes)
	}
	if i, err := ca.Show(ctx, g.ID); err != nil || i.State != api.StateRunning || len(i.Libraries) != 1 || i.Libraries[0].Name != "tally" {
		t.Errorf("%+v, %v", i, err)
	}
	var file bytes.Buffer
	if err := ca.Snapshot(ctx, g.ID, &file); err != nil {
		t.Fatal(err)
	}
	again, err := cb.Restore(ctx, &file, api.Spec{Args: []string{"errand"}, Engine: "compiler"})
	if err != nil {
		t.Fatal(err)
	}
	if got := output(t, ca, g.ID); got != want {
		t.Errorf("it printed %q, and %q where it never moved", got, want)
	}
	if got := output(t, cb, again.ID); got != want {
		t.Errorf("from the snapshot it printed %q, want %q", got, want)
	}
}

// output waits until a guest has ended, and returns what it printed.
func output(t *testing.T, c *api.Client, id string) string {
	t.Helper()
	for ctx := testContext(t); ; time.Sleep(5 * time.Millisecond) {
		g, err := c.Show(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if g.ExitCode != nil {
			out, err := c.Output(ctx, id)
			if err != nil || g.Error != "" || *g.ExitCode != 0 {
				t.Fatalf("it ended with %+v, %v", g, err)
			}
			return string(out)
		}
	}
}
