package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sojourn/internal/postgres"
	"sojourn/proxy/api"
)

// booking is a guest that has a transaction open, and the session that gives it lines to book.
type booking struct {
	t    *testing.T
	s    *api.Session
	id   string
	next int    // number of its next row
	by   string // the server's process that it spoke to first
}

// bookingGuest compiles examples/postgres, which is a module of its own.
func bookingGuest(t *testing.T) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "postgres.wasm")
	c := exec.Command("go", "build", "-ldflags=-s -w", "-o", out, ".")
	c.Dir, c.Env = filepath.Join("..", "..", "examples", "postgres"), append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if b, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", c, err, b)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// beginBooking starts the guest on a node, which becomes the anchor of its connection.
func beginBooking(t *testing.T, n *testNode, wasm []byte, db *postgres.Server, name string, next int) *booking {
	t.Helper()
	g, err := n.Run(t.Context(), wasm, api.Spec{Args: []string{name, db.DSN(name)}, Dial: []string{db.Addr}, Session: api.One})
	if err != nil {
		t.Fatal(err)
	}
	b := &booking{t: t, id: g.ID, next: next}
	b.at(n)
	if got := b.hear(); got != "begun" {
		t.Fatalf("the guest says %q", got)
	}
	return b
}

// at speaks to the guest through a node.
func (b *booking) at(n *testNode) {
	b.t.Helper()
	if b.s != nil {
		b.s.Close()
	}
	s, err := n.Session(b.t.Context(), b.id, api.Lines)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = s.SetDeadline(time.Now().Add(5 * time.Minute)) // what hangs ends
	b.t.Cleanup(func() { s.Close() })
	b.s = s
}

func (b *booking) say(line string) {
	b.t.Helper()
	if err := b.s.Send([]byte(line)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *booking) hear() string {
	b.t.Helper()
	got, err := b.s.Receive()
	if err != nil {
		b.t.Fatal(err)
	}
	return string(got)
}

// book has a line booked, as the next row and by the process of the server as ever.
func (b *booking) book() {
	b.t.Helper()
	line := fmt.Sprintf("line %d", b.next)
	b.say(line)
	said := b.hear()
	row, by, ok := strings.Cut(said, " by ")
	if b.by == "" {
		b.by = by
	}
	if want := fmt.Sprintf("%d %s", b.next, line); !ok || row != want || by != b.by {
		b.t.Fatalf("the guest says %q, want %q by %s", said, want, b.by)
	}
	b.next++
}

// around takes a guest around, so many times, and says how often it went.
func around(ctx context.Context, id string, times int, nodes ...*testNode) error {
	for i := range times {
		from, to := nodes[i%len(nodes)], nodes[(i+1)%len(nodes)]
		if _, err := from.Migrate(ctx, id, api.MigrateRequest{To: to.URL()}, nil); err != nil {
			return fmt.Errorf("move %d: %w", i+1, err)
		}
	}
	return nil
}

// A guest has a transaction open in a real PostgreSQL, which knows nothing of moves, and
// works in it without a pause while it moves 20 times. The server sees one connection from
// the beginning to the end, and has each row once. When the node dies that holds a guest's
// connection, the guest is told that it is reset, and the server undoes the transaction.
func TestTransactionFollows(t *testing.T) {
	db := postgres.Start(t)
	bin, wasm := buildFor(t, runtime.GOARCH), bookingGuest(t)
	allow := []string{"--allow-dial", db.Addr}
	anchor := startNode(t, []string{bin}, allow...)
	b := startNode(t, []string{bin}, append(allow, "--engine", "interpreter")...)
	c := startNode(t, []string{bin}, allow...)

	g := beginBooking(t, anchor, wasm, db, "moved", 1)
	const seen = `SELECT pid || ' ' || state FROM pg_stat_activity WHERE application_name = 'moved'`
	g.book()
	db.Want(t, seen, g.by+" idle in transaction")
	done := make(chan error, 1)
	go func() { done <- around(t.Context(), g.id, 20, anchor, b, c) }() // it ends at c
	for moving := true; moving; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			moving = false
		default:
			g.book()
		}
	}
	g.book()
	db.Want(t, seen, g.by+" idle in transaction")
	db.Want(t, "SELECT count(*) FROM booked", "0") // for nobody else, yet
	if err := g.s.CloseInput(); err != nil {
		t.Fatal(err)
	}
	if got := g.hear(); got != "committed" {
		t.Fatalf("the guest says %q", got)
	}
	awaitEnd(t, c, g.id, 0)
	rows := g.next - 1
	t.Logf("%d rows", rows)
	const all = `SELECT count(*), min(n), max(n), count(DISTINCT line), bool_and(line = 'line ' || n) FROM booked`
	db.Want(t, all, fmt.Sprintf("%d|1|%[1]d|%[1]d|t", rows))

	lost := beginBooking(t, anchor, wasm, db, "lost", g.next)
	lost.book()
	if err := around(t.Context(), lost.id, 1, anchor, b); err != nil {
		t.Fatal(err)
	}
	lost.at(b)
	lost.book()
	if err := anchor.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	lost.say("too late")
	died := time.Now()
	if got := lost.hear(); !strings.HasPrefix(got, "failed: ") || !strings.Contains(got, "ECONNRESET") {
		t.Errorf("the guest says %q, want that its connection is reset", got)
	}
	t.Logf("reset after %v", time.Since(died).Round(time.Millisecond))
	awaitEnd(t, b, lost.id, 1)
	db.Await(t, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lost'", "0")
	db.Want(t, all, fmt.Sprintf("%d|1|%[1]d|%[1]d|t", rows))
}
