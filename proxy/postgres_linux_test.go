package proxy

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"sojourn/internal/postgres"
	"sojourn/proxy/api"
)

// A transaction of a real PostgreSQL, which knows nothing of moves, stays open while the
// guest that began it moves twenty times, and is committed after them.
func TestTransactionFollows(t *testing.T) {
	ctx := testContext(t)
	db := postgres.Start(t)
	_, port, _ := net.SplitHostPort(db.Addr)
	allow := Config{AllowDial: []string{db.Addr}}
	_, a := startNode(t, allow)
	_, b := startNode(t, allow)
	_, c := startNode(t, allow)
	g, err := a.Run(ctx, compiled(t, "testdata/sql.c"), api.Spec{Args: []string{"sql", port, postgres.User}, Dial: allow.AllowDial, Session: api.One})
	if err != nil {
		t.Fatal(err)
	}
	s, err := a.Session(ctx, g.ID, api.Lines)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_ = s.SetDeadline(time.Now().Add(2 * time.Minute))
	hear := func() string {
		t.Helper()
		var all []string
		for {
			line, err := s.Receive()
			if err != nil {
				t.Fatalf("after %q: %v", all, err)
			}
			if all = append(all, string(line)); strings.HasPrefix(string(line), "state ") {
				return strings.Join(all, ", ")
			}
		}
	}
	query := func(sql, want string) {
		t.Helper()
		if err := s.Send([]byte(sql)); err != nil {
			t.Fatal(err)
		}
		if got := hear(); got != want {
			t.Fatalf("%s: %q, want %q", sql, got, want)
		}
	}
	if got := hear(); got != "state I" {
		t.Fatalf("connected: %q", got)
	}
	query("CREATE TABLE moves (n int PRIMARY KEY)", "state I")
	query("BEGIN", "state T")
	nodes := []*api.Client{a, b, c}
	for i := range 20 {
		query(fmt.Sprintf("INSERT INTO moves VALUES (%d)", i), "state T")
		if _, err := nodes[i%3].Migrate(ctx, g.ID, api.MigrateRequest{To: nodes[(i+1)%3].URL()}, nil); err != nil {
			t.Fatal(err)
		}
		query("SELECT count(*) FROM moves", fmt.Sprintf("%d, state T", i+1))
	}
	query("COMMIT", "state I")
	query("SELECT sum(n) FROM moves", "190, state I")
	query("SELECT pg_backend_pid() = (SELECT min(pid) FROM pg_stat_activity WHERE client_port IS NOT NULL)", "t, state I")
}
