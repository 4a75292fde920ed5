//go:build cgo && ((linux && amd64) || darwin)

package main

import (
	"bytes"
	"crypto/sha256"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"sojourn/compat"
	"sojourn/examples/guests"
	"sojourn/proxy"
	"sojourn/proxy/api"
	"sojourn/snapshotfmt"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childCommand { // launched by a test
		_ = child()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func idiomatic(t *testing.T, name string) []byte {
	t.Helper()
	b, err := guests.Module("idiomatic/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func client(t *testing.T, url string) *api.Client {
	t.Helper()
	c, err := api.NewClient(url, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func wasmerNode(t *testing.T) *api.Client {
	t.Helper()
	n, err := newNode("wasmer", "", "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(n.handler())
	n.url = s.URL
	t.Cleanup(func() { n.close(); s.Close() })
	return client(t, s.URL)
}

func wazeroNode(t *testing.T) *api.Client {
	t.Helper()
	n, err := proxy.New(proxy.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := n.Listen()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- n.Serve(l) }()
	t.Cleanup(func() { n.Close(); <-done })
	return client(t, n.URL())
}

// wait waits for a guest's end and returns what it has written.
func wait(t *testing.T, c *api.Client, id string) (api.Guest, string) {
	t.Helper()
	for {
		g, err := c.Show(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if g.State == api.StateExited {
			out, err := c.Output(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return g, string(out)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestThereAndBack moves each idiomatic guest from Wasmer to wazero and back, ten times, while
// it and the others work beside it; it ends as its twin does that never moves. A guest that
// has done all its work before its last move is given twice as much, on a fast machine.
func TestThereAndBack(t *testing.T) {
	on := []*api.Client{wasmerNode(t), wazeroNode(t)}
	for name, size := range map[string]int{"fib": 8_000_000, "kmeans": 120_000, "matmul": 1600} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for tries := 1; !thereAndBack(t, on, name, size); tries++ {
				if tries == 6 {
					t.Fatalf("a guest with work for %d has ended before twenty moves", size)
				}
				size *= 2
			}
		})
	}
}

// thereAndBack reports whether the guest moved twenty times before it ended.
func thereAndBack(t *testing.T, on []*api.Client, name string, size int) bool {
	spec := api.Spec{Args: []string{name, strconv.Itoa(size)}}
	g, err := on[0].Run(t.Context(), idiomatic(t, name), spec)
	if err != nil {
		t.Fatal(err)
	}
	const moves = 20
	for i := range moves {
		time.Sleep(20 * time.Millisecond) // let it do some work
		from, to := on[i%2], on[(i+1)%2]
		r, err := from.Migrate(t.Context(), g.ID, api.MigrateRequest{To: to.URL()}, nil)
		was, shown := from.Show(t.Context(), g.ID)
		if err != nil && shown == nil && was.State == api.StateExited && was.Error == "" && *was.ExitCode == 0 {
			return false
		}
		if err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
		if shown != nil || was.State != api.StateMoved || was.MovedTo != to.URL() {
			t.Errorf("move %d leaves %+v, %v", i, was, shown)
		}
		if g, err = to.Show(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		if g.ID != was.ID || g.Epoch != uint64(i)+2 || r.Epoch != g.Epoch {
			t.Errorf("move %d: %s has become %s at epoch %d, and the result says %d", i, was.ID, g.ID, g.Epoch, r.Epoch)
		}
	}
	twin, err := on[1].Run(t.Context(), idiomatic(t, name+"-twin"), spec)
	if err != nil {
		t.Fatal(err)
	}
	end, got := wait(t, on[moves%2], g.ID)
	if end.Error != "" || *end.ExitCode != 0 {
		t.Errorf("it ends with %d, %s", *end.ExitCode, end.Error)
	}
	if _, want := wait(t, on[1], twin.ID); got != want {
		t.Errorf("it prints %q, its twin %q", got, want)
	}
	return true
}

// TestSnapshotContinues: a snapshot of a running guest is one that both kinds of node
// continue.
func TestSnapshotContinues(t *testing.T) {
	on := []*api.Client{wasmerNode(t), wazeroNode(t)}
	module := idiomatic(t, "fib")
	g, err := on[0].Run(t.Context(), module, api.Spec{Args: []string{"fib", "2000000"}})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := on[0].Snapshot(t.Context(), g.ID, &file); err != nil {
		t.Fatal(err)
	}
	_, want := wait(t, on[0], g.ID)
	if !strings.HasPrefix(want, "fib(2000000) = ") {
		t.Fatalf("it prints %q", want)
	}
	for _, c := range on {
		if err := c.PutModule(t.Context(), module); err != nil {
			t.Fatal(err)
		}
		again, err := c.Restore(t.Context(), bytes.NewReader(file.Bytes()), api.Spec{})
		if err != nil {
			t.Fatal(err)
		}
		if _, got := wait(t, c, again.ID); got != want {
			t.Errorf("continued at %s it prints %q, not %q", c.URL(), got, want)
		}
	}
}

// TestHostileOnWasmer: guests that use the functions wrongly end with the reason, and the
// node lives on.
func TestHostileOnWasmer(t *testing.T) {
	c := wasmerNode(t)
	module := idiomatic(t, "fib") // restores three elements
	if err := c.PutModule(t.Context(), module); err != nil {
		t.Fatal(err)
	}
	s, err := begin(&compat.Snapshot{Module: sha256.Sum256(module), Args: []string{"fib", "9"}, Last: make([]byte, 16)}, module)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := s.snapshot(s.Last, snapshotfmt.Meta{}).Encode(&file); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		g, err := c.Restore(t.Context(), bytes.NewReader(file.Bytes()), api.Spec{})
		if err != nil {
			t.Fatal(err)
		}
		if end, _ := wait(t, c, g.ID); !strings.Contains(end.Error, compat.ErrLength.Error()) {
			t.Errorf("%d: a vector of another length: %q", i, end.Error)
		}
	}
	trap, err := guests.Module(guests.Trap)
	if err != nil {
		t.Fatal(err)
	}
	g, err := c.Run(t.Context(), trap, api.Spec{Args: []string{"trap"}})
	if err != nil {
		t.Fatal(err)
	}
	if end, _ := wait(t, c, g.ID); !strings.Contains(end.Error, "divide by zero") {
		t.Errorf("a trap: %q", end.Error)
	}
	spin, err := guests.Module(guests.Spin)
	if err != nil {
		t.Fatal(err)
	}
	if g, err = c.Run(t.Context(), spin, api.Spec{Args: []string{"spin"}}); err != nil {
		t.Fatal(err)
	}
	if end, err := c.Stop(t.Context(), g.ID); err != nil || end.State != api.StateExited {
		t.Errorf("a guest that never ends, stopped: %+v, %v", end, err)
	}
	if g, err = c.Run(t.Context(), module, api.Spec{Args: []string{"fib", "9"}}); err != nil {
		t.Fatal(err)
	}
	if _, out := wait(t, c, g.ID); out != "fib(9) = 34\n" {
		t.Errorf("afterwards fib prints %q", out)
	}
}
