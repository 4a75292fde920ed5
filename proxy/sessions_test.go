package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/examples/guests"
	"sojourn/proxy/api"
	"sojourn/proxy/client"
	"sojourn/proxy/session/frame"
)

// compiled compiles a C program for WASI.
func compiled(t *testing.T, source string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.wasm")
	if b, err := exec.Command("clang", "--target=wasm32-wasi", "-O2", source, "-o", out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tour moves a guest from node to node, so many times, with a pause in between.
func tour(ctx context.Context, id string, moves int, nodes ...*api.Client) error {
	for i := range moves {
		at, to := nodes[i%len(nodes)], nodes[(i+1)%len(nodes)]
		if _, err := at.Migrate(ctx, id, api.MigrateRequest{To: to.URL()}, nil); err != nil {
			return fmt.Errorf("move %d: %w", i, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// sums is a conversation with examples/cserver: each answer is the sum of all numbers, and
// how many there were.
type sums struct {
	conn net.Conn
	r    *bufio.Reader
	n    int
}

func newSums(c net.Conn) *sums { return &sums{conn: c, r: bufio.NewReader(c)} }

func (s *sums) ask() error {
	_ = s.conn.SetDeadline(time.Now().Add(time.Minute))
	s.n++
	if _, err := fmt.Fprintf(s.conn, "%d\n", s.n); err != nil {
		return err
	}
	got, err := s.r.ReadString('\n')
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%d of %d\n", s.n*(s.n+1)/2, s.n); got != want {
		return fmt.Errorf("answer %q, want %q", got, want)
	}
	return nil
}

// until asks until done is closed, and at least once after it.
func (s *sums) until(t *testing.T, done <-chan error) {
	t.Helper()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			if err := s.ask(); err != nil {
				t.Fatalf("after question %d: %v", s.n, err)
			}
			return
		default:
			if err := s.ask(); err != nil {
				t.Fatalf("question %d: %v", s.n, err)
			}
		}
	}
}

func deploySums(t *testing.T, c *api.Client) api.Guest {
	t.Helper()
	g, err := c.Run(testContext(t), compiled(t, "../examples/cserver/server.c"), api.Spec{Args: []string{"server"}, Listen: []string{"sum=tcp:0"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Listening) != 1 || g.Listening[0].Address == "" {
		t.Fatalf("it listens at %+v", g.Listening)
	}
	return g
}

// Clients notice nothing of twelve moves among three nodes: one of the first node's port, a
// plain WebSocket, and one that goes with the guest. The third node has no port.
func TestListenerFollows(t *testing.T) {
	ctx := testContext(t)
	_, a := startNode(t, Config{Name: "a", AllowListen: []string{"127.0.0.1:0"}})
	_, b := startNode(t, Config{Name: "b", AllowListen: []string{"127.0.0.1:0"}})
	_, c := startNode(t, Config{Name: "c"})
	for name, dial := range map[string]func(api.Guest) (net.Conn, error){
		"port": func(g api.Guest) (net.Conn, error) { return net.Dial("tcp", g.Listening[0].Address) },
		"resumable": func(g api.Guest) (net.Conn, error) {
			return client.DialConn(ctx, client.Options{URLs: []string{a.URL(), b.URL(), c.URL()}, Guest: g.ID, Listener: "sum"})
		},
		"WebSocket": func(g api.Guest) (net.Conn, error) {
			ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws"+a.URL()[4:]+client.Endpoint(g.ID, "sum"), nil)
			return &wsConn{Conn: ws}, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := deploySums(t, a)
			conn, err := dial(g)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			done := make(chan error, 1)
			go func() { done <- tour(ctx, g.ID, 12, a, b, c) }()
			s := newSums(conn)
			s.until(t, done)
			t.Logf("%d questions", s.n)
			if i, err := c.Show(ctx, g.ID); err != nil || i.Listening[0].Address != "" || !strings.Contains(i.Listening[0].Note, "not allowed") {
				t.Errorf("where no port is allowed: %+v, %v", i.Listening, err)
			}
		})
	}
}

// wsConn is a WebSocket as bytes.
type wsConn struct {
	*websocket.Conn
	left []byte
}

func (c *wsConn) Read(p []byte) (int, error) {
	for len(c.left) == 0 {
		_, b, err := c.ReadMessage()
		if err != nil {
			return 0, err
		}
		c.left = b
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	return n, nil
}

func (c *wsConn) Write(p []byte) (int, error) {
	return len(p), c.WriteMessage(websocket.BinaryMessage, p)
}

func (c *wsConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// Moves that fail at each of their frames, those behind the freeze among them, cost a
// client nothing either.
func TestSessionAfterCancel(t *testing.T) {
	ctx := testContext(t)
	_, a := startNode(t, Config{AllowListen: []string{"127.0.0.1:0"}})
	target, b := startNode(t, Config{})
	cut := newCutter(t, target.URL()[len("http://"):])
	g := deploySums(t, a)
	conn, err := client.DialConn(ctx, client.Options{URLs: []string{a.URL()}, Guest: g.ID, Listener: "sum"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	done := make(chan error, 1)
	failed := 0
	go func() {
		for frames := 0; ; frames++ {
			cut.after(frames)
			if _, err := a.Migrate(ctx, g.ID, api.MigrateRequest{To: cut.url()}, nil); err == nil || frames > 100 {
				done <- err
				return
			}
			if settleOn(ctx, t, g.ID, a, b) != a {
				done <- fmt.Errorf("it is at the target after a cut at frame %d", frames)
				return
			}
			failed++
		}
	}()
	s := newSums(conn)
	s.until(t, done)
	t.Logf("%d questions, %d moves failed", s.n, failed)
	if failed < 8 {
		t.Errorf("%d moves failed", failed)
	}
}

// A node that is killed and started again still knows where the guest went, and its
// resumable clients go on through it.
func TestGatewayRestarts(t *testing.T) {
	ctx := testContext(t)
	a, b := newProcess(t, false, ""), newProcess(t, false, "")
	g, err := a.Run(ctx, module(t, "echo-kv"), api.Spec{Args: []string{"echo-kv", "3"}, Session: api.One})
	if err != nil {
		t.Fatal(err)
	}
	opt := client.Options{URLs: []string{a.URL()}, Guest: g.ID}
	opt.Dial = func(ctx context.Context, _ string) (client.Link, error) { return client.DialSocket(ctx, opt, a.URL()) } // it cannot reach b
	opt.Listener = client.Stdio
	s, err := client.Dial(ctx, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ledger := guests.NewLedgerDepth(3)
	n := 0
	ask := func() {
		t.Helper()
		n++
		req := fmt.Sprintf("%d set k%d v%d", n, n%50, n)
		if err := s.Send(ctx, client.Message{Kind: client.Text, Data: []byte(req)}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Receive(ctx)
		if err != nil || string(got.Data) != ledger.Answer(req) {
			t.Fatalf("answer to %q is %q, %v", req, got.Data, err)
		}
	}
	ask()
	if _, err := a.Migrate(ctx, g.ID, api.MigrateRequest{To: b.URL()}, nil); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		ask()
		a.kill()
		a.start(t)
		ask()
	}
}

// Whoever comes without the token, with a session's that is not right, with frames that
// are none, or with thousands of handshakes that it never ends, is told so or closed, and
// others are not disturbed.
func TestHostileClients(t *testing.T) {
	ctx := testContext(t)
	n, c := startNode(t, Config{Token: "secret"})
	g, err := c.Run(ctx, module(t, "echo-kv"), api.Spec{Args: []string{"echo-kv", "3"}, Session: api.Many})
	if err != nil {
		t.Fatal(err)
	}
	good, err := client.Dial(ctx, client.Options{URLs: []string{n.URL()}, Guest: g.ID, Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	d := websocket.Dialer{Subprotocols: []string{client.Protocol}}
	hello := frame.Append(nil, &frame.Hello{Oldest: 1, Newest: 1, Auth: "secret"})
	for name, h := range map[string]struct {
		frames [][]byte
		code   int
	}{
		"no token":      {[][]byte{frame.Append(nil, &frame.Hello{Oldest: 1, Newest: 1})}, 4401},
		"another token": {[][]byte{frame.Append(nil, &frame.Hello{Oldest: 1, Newest: 1, Auth: "public"})}, 4401},
		"no session":    {[][]byte{frame.Append(nil, &frame.Resume{Oldest: 1, Newest: 1, Auth: "secret"})}, 4410},
		"nonsense":      {[][]byte{{99, 1, 2}}, 4400},
		"not first":     {[][]byte{frame.Append(nil, &frame.Ping{})}, 4400},
		"then nonsense": {[][]byte{hello, {3}}, 4400},
		"a gap":         {[][]byte{hello, frame.Append(nil, &frame.Data{Number: 7, Type: 1})}, 4411},
		"not sent":      {[][]byte{hello, frame.Append(nil, &frame.Ack{Received: 1 << 40})}, 4411},
		"hello again":   {[][]byte{hello, hello}, 4400},
		"too long":      {[][]byte{make([]byte, frame.MaxFrame+1)}, websocket.CloseMessageTooBig},
	} {
		ws, _, err := d.DialContext(ctx, "ws"+n.URL()[4:]+client.Endpoint(g.ID, client.Stdio), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, f := range h.frames {
			_ = ws.WriteMessage(websocket.BinaryMessage, f)
		}
		_ = ws.SetReadDeadline(time.Now().Add(time.Minute))
		for err == nil {
			_, _, err = ws.ReadMessage()
		}
		if !websocket.IsCloseError(err, h.code) {
			t.Errorf("%s: %v, want close code %d", name, err, h.code)
		}
		ws.Close()
	}
	if _, _, err := d.DialContext(ctx, "ws"+n.URL()[4:]+client.Endpoint(g.ID, client.Stdio), http.Header{"Origin": {"https://elsewhere.example"}}); err == nil {
		t.Error("a page of another origin was let in")
	}
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for i := range 10_000 {
		conn, err := net.Dial("tcp", n.URL()[len("http://"):])
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		open = append(open, conn)
		_, _ = conn.Write([]byte("GET /v1/gu"))
	}
	last := open[len(open)-1]
	_ = last.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := last.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("connection %d of those that say nothing is open: %v", len(open), err)
	}
	if in := n.hall.turns.in.Load(); in > maxUnread {
		t.Errorf("%d wait", in)
	}
	if err := good.Send(ctx, client.Message{Kind: client.Text, Data: []byte("1 get a")}); err != nil {
		t.Fatal(err)
	}
	if got, err := good.Receive(ctx); err != nil || !strings.HasPrefix(string(got.Data), "1 ") {
		t.Errorf("the others are disturbed: %q, %v", got.Data, err)
	}
}

// An outward connection of the guest stays up through 20 moves; when its anchor ends
// the guest is told that it is reset.
func TestOutwardFollows(t *testing.T) {
	ctx := testContext(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	accepted := make(chan struct{}, 10)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			accepted <- struct{}{}
			go func() {
				defer c.Close()
				for r := bufio.NewReader(c); ; {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					fmt.Fprintf(c, "heard %s", line)
				}
			}()
		}
	}()
	allow := Config{AllowDial: []string{ln.Addr().String()}}
	anchor, a := startNode(t, allow)
	_, b := startNode(t, allow)
	_, c := startNode(t, allow)
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	wasm := compiled(t, "testdata/ask.c")
	_, err = c.Run(ctx, wasm, api.Spec{Args: []string{"ask", port}, Dial: []string{"nonsense"}})
	wantCode(t, err, api.CodeBadRequest)
	g, err := a.Run(ctx, wasm, api.Spec{Args: []string{"ask", port}, Dial: []string{ln.Addr().String()}, Session: api.One})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Session(ctx, g.ID, api.Lines)
	wantCode(t, err, api.CodeNotFound) // c has never seen it
	s, err := a.Session(ctx, g.ID, api.Lines)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ask := func(n int) error {
		_ = s.SetDeadline(time.Now().Add(time.Minute))
		want := fmt.Sprintf("question %d", n)
		if err := s.Send([]byte(want)); err != nil {
			return err
		}
		got, err := s.Receive()
		if err == nil && string(got) != "heard "+want {
			err = fmt.Errorf("answer %q", got)
		}
		return err
	}
	done := make(chan error, 1)
	go func() { done <- tour(ctx, g.ID, 20, a, b, c) }() // it ends at c
	n := 0
	for moving := true; moving; n++ {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			moving = false
		default:
		}
		if err := ask(n); err != nil {
			t.Fatalf("question %d: %v", n, err)
		}
	}
	t.Logf("%d questions; the guest connected %d times", n, len(accepted))
	if len(accepted) != 1 {
		t.Errorf("it connected %d times", len(accepted))
	}
	s.Close()
	if s, err = c.Session(ctx, g.ID, api.Lines); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := anchor.Close(); err != nil {
		t.Error(err)
	}
	_ = s.SetDeadline(time.Now().Add(time.Minute))
	for {
		if err := s.Send([]byte("anybody there?")); err != nil {
			t.Fatal(err)
		}
		got, err := s.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(got), "recv: 15") || strings.HasPrefix(string(got), "send: 15") { // ECONNRESET
			return
		}
		t.Logf("%s", got)
	}
}
