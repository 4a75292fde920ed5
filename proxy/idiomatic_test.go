package proxy

import (
	"errors"
	"testing"
	"time"

	"sojourn/examples/guests"
	"sojourn/proxy/api"
)

// TestMigrateIdiomatic moves a guest by its last checkpoint, from node to node, and keeps
// it where it is when the target refuses it.
func TestMigrateIdiomatic(t *testing.T) {
	_, a := startNode(t, Config{})
	_, b := startNode(t, Config{})
	_, full := startNode(t, Config{MaxMemory: 1 << 16})
	module, err := guests.Module("idiomatic/fib")
	if err != nil {
		t.Fatal(err)
	}
	g, err := a.Run(t.Context(), module, api.Spec{Args: []string{"fib", "800000"}})
	if err != nil {
		t.Fatal(err)
	}
	var refused *api.Error
	if _, err := a.Migrate(t.Context(), g.ID, api.MigrateRequest{To: full.URL(), Idiomatic: true}, nil); !errors.As(err, &refused) || refused.Code != api.CodeMigrationFault {
		t.Fatalf("to a node without room: %v", err)
	}
	from, to := a, b
	for range 4 {
		r, err := from.Migrate(t.Context(), g.ID, api.MigrateRequest{To: to.URL(), Idiomatic: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		was, err := from.Show(t.Context(), g.ID)
		if err != nil || was.State != api.StateMoved || was.MovedTo != to.URL() {
			t.Errorf("left behind: %+v, %v", was, err)
		}
		epoch := g.Epoch
		if g, err = to.Show(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		if g.ID != was.ID || g.Epoch != epoch+1 || r.Epoch != g.Epoch {
			t.Errorf("%s at epoch %d has become %s at %d, and the result says %d", was.ID, epoch, g.ID, g.Epoch, r.Epoch)
		}
		from, to = to, from
	}
	for g.State != api.StateExited {
		time.Sleep(10 * time.Millisecond)
		if g, err = from.Show(t.Context(), g.ID); err != nil {
			t.Fatal(err)
		}
	}
	out, err := from.Output(t.Context(), g.ID)
	if err != nil || string(out) != "fib(800000) = 665915333\n" {
		t.Errorf("it prints %q, and ends with %q, %v", out, g.Error, err)
	}

	twin, err := guests.Module("idiomatic/fib-twin")
	if err != nil {
		t.Fatal(err)
	}
	if g, err = a.Run(t.Context(), twin, api.Spec{Args: []string{"fib", "2000000000"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Migrate(t.Context(), g.ID, api.MigrateRequest{To: b.URL(), Idiomatic: true}, nil); !errors.As(err, &refused) || refused.Code != api.CodeConflict {
		t.Errorf("a guest that makes no checkpoints: %v", err)
	}
	if _, err := a.Stop(t.Context(), g.ID); err != nil {
		t.Error(err)
	}
}
