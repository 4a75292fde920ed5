package orchestrator

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/proxy/api"
)

func TestNodeIsLostAndComesBack(t *testing.T) {
	x := start(t)
	a := x.add(t, "a", "g1")
	stop := x.dial(t, a, "")
	x.join(t, "b")
	x.until(t, "a", NodeReady)
	stop()
	x.until(t, "a", NodeLost)
	g, err := x.c.Locate(t.Context(), "g1")
	if err != nil || g.Node != "a" || g.NodeState != NodeLost {
		t.Errorf("%+v, %v", g, err)
	}
	_, err = x.c.Migrate(t.Context(), "g1", "b", nil)
	wantCode(t, err, CodeNodeLost, "on node a, which is lost")
	if d := Place(Need{Source: "b", Protocol: 1}, x.o.nodes.list()); d.Target != "" {
		t.Errorf("a lost node was picked: %+v", d)
	}
	x.dial(t, a, "")
	x.until(t, "a", NodeReady)
	if _, err := x.c.Migrate(t.Context(), "g1", "b", nil); err != nil {
		t.Error(err)
	}
}

func TestNodesStaysReadyWhileItReports(t *testing.T) {
	x := start(t, func(c *Config) { c.LostAfter = 150 * time.Millisecond })
	x.join(t, "a")
	first, _ := x.o.nodes.get("a")
	eventually(t, "later reports", func() bool {
		n, _ := x.o.nodes.get("a")
		return n.LastSeen.Sub(first.LastSeen) > 600*time.Millisecond
	})
	ns, err := x.c.Nodes(t.Context())
	if err != nil || len(ns) != 1 || ns[0].ISA != "amd64" || ns[0].Engine != "compiler" {
		t.Errorf("%+v, %v", ns, err)
	}
}

// What an orchestrator knew and decided is known to the next one, and the
// nodes find it again by themselves.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	same := func(c *Config) { c.Dir, c.Listen, c.LostAfter = dir, addr, 300*time.Millisecond }
	x := start(t, same)
	a := x.join(t, "a", "g1")
	b := x.join(t, "b")
	if _, err := x.c.Drain(t.Context(), "b", nil); err != nil {
		t.Fatal(err)
	}
	if err := x.o.Close(); err != nil {
		t.Fatal(err)
	}
	o, err := New(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ns := o.nodes.list()
	if len(ns) != 2 || ns[0].State != NodeLost || ns[0].URL != a.srv.URL || ns[0].LastSeen.IsZero() || !ns[1].Cordoned {
		t.Errorf("read back: %+v", ns)
	}
	if g, err := o.nodes.find("g1"); err != nil || g.Node != "a" {
		t.Errorf("read back: %+v, %v", g, err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	y := start(t, same)
	y.until(t, "a", NodeReady)
	y.until(t, "b", NodeCordoned)
	_, err = y.c.Migrate(t.Context(), "g1", "", nil)
	wantCode(t, err, CodeNoTarget, "no node can take")
	if _, err := y.c.Uncordon(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	y.fakeNodes = x.fakeNodes
	if _, err := y.c.Migrate(t.Context(), "g1", "", nil); err != nil || len(b.has()) != 1 {
		t.Errorf("%v; b has %q", err, b.has())
	}
}

func TestNotifyReportsAtOnce(t *testing.T) {
	x := start(t, func(c *Config) { c.LostAfter = time.Hour })
	n := x.add(t, "a")
	a, err := NewAgent(AgentConfig{URL: x.url, Info: n.report})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); a.Run(t.Context()) }()
	x.until(t, "a", NodeReady)
	n.lock(func() { n.info.Guests = []api.Guest{{ID: "new", State: api.StateRunning}} })
	a.Notify()
	a.Notify()
	eventually(t, "the new guest", func() bool { _, err := x.o.nodes.find("new"); return err == nil })
	t.Cleanup(func() { <-done })
}

func rawDial(t *testing.T, x *fixture) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(x.url, "http")+"/v1/register", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	return conn
}

func say(t *testing.T, conn *websocket.Conn, n api.Node) Answer {
	t.Helper()
	if err := conn.WriteJSON(Report{Seq: 1, Node: n}); err != nil {
		t.Fatal(err)
	}
	var a Answer
	if err := conn.ReadJSON(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRegisterRefuses(t *testing.T) {
	x := start(t)
	x.join(t, "a")
	for _, tt := range []struct {
		name, code, part string
		node             api.Node
	}{
		{"no name", api.CodeBadRequest, "node name", api.Node{URL: "http://h:1"}},
		{"a path for a name", api.CodeBadRequest, "node name", api.Node{Name: "../a", URL: "http://h:1"}},
		{"a long name", api.CodeBadRequest, "node name", api.Node{Name: strings.Repeat("n", maxName+1), URL: "http://h:1"}},
		{"no URL", api.CodeBadRequest, "want http://host:port", api.Node{Name: "b"}},
		{"another scheme", api.CodeBadRequest, "want http://host:port", api.Node{Name: "b", URL: "file:///etc"}},
		{"another's name", api.CodeConflict, "node a is at", api.Node{Name: "a", URL: "http://h:1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := rawDial(t, x)
			if a := say(t, conn, tt.node); a.Error == nil {
				t.Error("taken")
			} else {
				wantCode(t, a.Error, tt.code, tt.part)
			}
			if _, _, err := conn.ReadMessage(); err == nil {
				t.Error("the connection goes on")
			}
		})
	}
	if ns := x.o.nodes.list(); len(ns) != 1 || ns[0].State != NodeReady {
		t.Errorf("%+v", ns)
	}
}

func TestRegisterEndsWhatItCannotRead(t *testing.T) {
	x := start(t)
	for name, msg := range map[string]string{
		"not JSON": "{", "another type": `{"seq":"x"}`, "too long": `{"node":{"name":"` + strings.Repeat("n", maxMessage) + `"}}`,
	} {
		conn := rawDial(t, x)
		_ = conn.WriteMessage(websocket.TextMessage, []byte(msg)) // may fail: the other end need not read it all
		if _, _, err := conn.ReadMessage(); err == nil {
			t.Errorf("%s was answered", name)
		}
	}
	if len(x.o.nodes.list()) != 0 {
		t.Error("a node was registered")
	}
}

func TestRegisterChangesOfMind(t *testing.T) {
	x := start(t)
	conn := rawDial(t, x)
	n := api.Node{Name: "a", URL: "http://h:1"}
	if a := say(t, conn, n); a.Error != nil || a.HeartbeatMillis != x.o.cfg.LostAfter.Milliseconds()/3 || a.Seq != 1 {
		t.Fatalf("%+v", a)
	}
	n.Name = "b"
	if a := say(t, conn, n); a.Error == nil || a.Error.Code != api.CodeBadRequest {
		t.Errorf("%+v", a)
	}
}

// A node that dials again before its old connection is known to be dead takes
// its name over.
func TestRegisterAgainReplaces(t *testing.T) {
	x := start(t)
	n := api.Node{Name: "a", URL: "http://h:1"}
	old, fresh := rawDial(t, x), rawDial(t, x)
	if a := say(t, old, n); a.Error != nil {
		t.Fatal(a.Error)
	}
	if a := say(t, fresh, n); a.Error != nil {
		t.Fatal(a.Error)
	}
	if _, _, err := old.ReadMessage(); err == nil {
		t.Error("the old connection goes on")
	}
	if a := say(t, fresh, n); a.Error != nil {
		t.Error(a.Error)
	}
}

// An agent goes on dialling while it is refused.
func TestAgentKeepsTrying(t *testing.T) {
	x := start(t, func(c *Config) { c.Token = "secret" })
	n := x.add(t, "a")
	stop := x.dial(t, n, "wrong")
	time.Sleep(100 * time.Millisecond)
	if len(x.o.nodes.list()) != 0 {
		t.Error("registered with a wrong token")
	}
	stop()
	x.dial(t, n, "secret")
	x.until(t, "a", NodeReady)
}

func TestAgentConfig(t *testing.T) {
	info := func() api.Node { return api.Node{} }
	for name, cfg := range map[string]AgentConfig{
		"no URL":         {Info: info},
		"no scheme":      {URL: "host:1", Info: info},
		"nothing to say": {URL: "http://host:1"},
		"waits crossed":  {URL: "http://host:1", Info: info, MinWait: 2, MaxWait: 1},
	} {
		if _, err := NewAgent(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for range 1000 {
		if d := jitter(time.Second); d < time.Second/2 || d > time.Second {
			t.Fatalf("jitter of 1 s is %v", d)
		}
	}
}

func TestRegisterIsNotForBrowsers(t *testing.T) {
	x := start(t)
	h := http.Header{"Origin": {"http://elsewhere.example"}}
	_, res, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(x.url, "http")+"/v1/register", h)
	if err == nil || res == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("%v", err)
	}
}
