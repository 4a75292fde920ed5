package session

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/engine/wasi"
	"sojourn/proxy/session/frame"
)

// TestMain fails when a test leaves goroutines behind.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	if code != 0 || flag.Lookup("test.fuzz").Value.String() != "" { // which waits for signals
		os.Exit(code)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			os.Exit(code)
		}
		time.Sleep(20 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	println("goroutines are left behind:\n" + string(buf[:runtime.Stack(buf, true)]))
	os.Exit(1)
}

// guestConn lets a server of the host's be the guest.
type guestConn struct{ wasi.Conn }

func (c guestConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if !errors.Is(err, wasi.ErrAgain) {
			return n, err
		}
		<-c.Readable()
	}
}

func (c guestConn) Write(p []byte) (all int, err error) {
	for all < len(p) {
		n, err := c.Conn.Write(p[all:])
		all += n
		if errors.Is(err, wasi.ErrAgain) {
			<-c.Writable()
		} else if err != nil {
			return all, err
		}
	}
	return all, nil
}

// bridge is a connection of the host's with deadlines, which servers need.
func bridge(wg *sync.WaitGroup, c wasi.Conn) net.Conn {
	near, far := net.Pipe()
	wg.Go(func() { _, _ = io.Copy(near, guestConn{c}); _ = near.Close() })
	wg.Go(func() { _, _ = io.Copy(guestConn{c}, near); _ = c.Close() })
	return far
}

// once is a net.Listener of one connection.
type once struct {
	c    chan net.Conn
	done chan struct{}
	stop sync.Once
}

func (l *once) Accept() (net.Conn, error) {
	select {
	case c := <-l.c:
		return c, nil
	case <-l.done:
		return nil, io.EOF
	}
}
func (l *once) Close() error   { l.stop.Do(func() { close(l.done) }); return nil }
func (l *once) Addr() net.Addr { return &net.TCPAddr{} }

// attachTo serves a client's link, whose handshake is done.
func attachTo(t *testing.T, h *Hub, hello frame.Frame) (Link, frame.Frame) {
	t.Helper()
	far, near := NewLink()
	var wg sync.WaitGroup
	wg.Go(func() { _ = h.Serve(context.Background(), near, Remote{Epoch: max(1, h.cfg.Epoch)}) })
	t.Cleanup(func() { _ = far.Close(); wg.Wait() })
	if err := write(far, hello); err != nil {
		t.Fatal(err)
	}
	return far, recv(t, far)
}

func recv(t *testing.T, l Link) frame.Frame {
	t.Helper()
	b, err := l.Read()
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(l Link, f frame.Frame) error { return l.Write(frame.Append(nil, f)) }

// until skips acknowledgements.
func until(t *testing.T, l Link) frame.Frame {
	t.Helper()
	for {
		f := recv(t, l)
		if _, ok := f.(*frame.Ack); !ok {
			return f
		}
	}
}

func accept(t *testing.T, h *Hub) wasi.Conn {
	t.Helper()
	<-h.Acceptable()
	c, err := h.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var hello = &frame.Hello{Oldest: 1, Newest: 1}

// TestGuestWebSocket has a server of gorilla's as the guest, which pings, answers in
// pieces, and closes.
func TestGuestWebSocket(t *testing.T) {
	h := NewHub(Config{Name: "ws", Kind: WebSocket, Path: "/chat"})
	l := &once{c: make(chan net.Conn, 1), done: make(chan struct{})}
	pong := make(chan string, 9)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := (&websocket.Upgrader{WriteBufferSize: 128}).Upgrade(w, r, nil)
		if err != nil || r.URL.Path != "/chat" {
			t.Error(r.URL, err)
			return
		}
		defer c.Close()
		c.SetPongHandler(func(s string) error { pong <- s; return nil })
		for {
			kind, b, err := c.ReadMessage()
			if err != nil {
				return
			}
			_ = c.WriteControl(websocket.PingMessage, []byte("there?"), time.Now().Add(time.Second))
			out, _ := c.NextWriter(kind) // a small buffer: the message goes out in pieces
			_, _ = out.Write(b)
			_ = out.Close()
		}
	})}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(l) })
	link, _ := attachTo(t, h, hello)
	l.c <- bridge(&wg, accept(t, h))
	for i, m := range []*frame.Data{{Number: 1, Type: frame.Text, Payload: []byte("gr\u00fc\u00df dich")}, {Number: 2, Type: frame.Binary, Payload: []byte(strings.Repeat("\x00\xff", 100000))}, {Number: 3, Type: frame.Text, Payload: nil}} {
		if err := write(link, m); err != nil {
			t.Fatal(err)
		}
		got, ok := until(t, link).(*frame.Data)
		if !ok || got.Number != uint64(i+1) || got.Type != m.Type || string(got.Payload) != string(m.Payload) {
			t.Fatalf("message %d came back as %+v", i+1, got)
		}
	}
	if s := <-pong; s != "there?" {
		t.Errorf("pong %q", s)
	}
	if err := write(link, &frame.Close{Last: 3}); err != nil {
		t.Fatal(err)
	}
	if end, ok := until(t, link).(*frame.Close); !ok || end.Last != 3 || end.Code != frame.Done {
		t.Errorf("%+v", end)
	}
	_ = srv.Close()
	_ = h.Close()
	wg.Wait()
}

// TestConnectionMoves saves a hub with a connection in use, one that waits and one that
// the guest has closed, and goes on with all three.
func TestConnectionMoves(t *testing.T) {
	h := NewHub(Config{Name: "tcp", Kind: TCP})
	open, w1 := attachTo(t, h, hello)
	a := accept(t, h)
	shut, w2 := attachTo(t, h, hello)
	b := accept(t, h)
	_, w3 := attachTo(t, h, hello)
	for _, l := range []Link{open, shut} {
		if err := write(l, &frame.Data{Number: 1, Type: frame.Binary, Payload: []byte("to the guest")}); err != nil {
			t.Fatal(err)
		}
	}
	for a.(wasi.Buffered).Buffered() == 0 {
		<-a.Readable()
	}
	_, _ = a.Write([]byte("from a"))
	_, _ = b.Write([]byte("from b"))
	_ = b.Close()
	h.Seal()
	saved, conn := h.Save(), a.Save()
	h.Moved("http://there")
	for {
		if r, ok := until(t, open).(*frame.Redirect); ok {
			if len(r.URLs) != 1 || r.URLs[0] != "http://there" {
				t.Errorf("%+v", r)
			}
			break
		}
	}

	h2 := NewHub(Config{Name: "tcp", Kind: TCP, Epoch: 2})
	if err := h2.Load(saved); err != nil {
		t.Fatal(err)
	}
	a2, err := h2.Restore(a.ID(), conn)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 99)
	if n, err := a2.Read(buf); string(buf[:n]) != "to the guest" || err != nil {
		t.Errorf("%q, %v", buf[:n], err)
	}
	back := func(w frame.Frame) Link {
		l, r := attachTo(t, h2, &frame.Resume{Oldest: 1, Newest: 1, Session: w.(*frame.Welcome).Session, Token: w.(*frame.Welcome).Token, Epoch: 1, Sent: 1})
		if _, ok := r.(*frame.Resumed); !ok {
			t.Fatalf("%+v", r)
		}
		return l
	}
	if d, ok := until(t, back(w1)).(*frame.Data); !ok || string(d.Payload) != "from a" {
		t.Errorf("%+v", d)
	}
	l := back(w2)
	if d, ok := until(t, l).(*frame.Data); !ok || string(d.Payload) != "from b" {
		t.Errorf("%+v", d)
	}
	if c, ok := until(t, l).(*frame.Close); !ok || c.Last != 1 {
		t.Errorf("%+v", c)
	}
	back(w3)
	accept(t, h2)
	_ = h.Close()
	_ = h2.Close()
}

func TestTokens(t *testing.T) {
	h := NewHub(Config{Kind: Stdio})
	_, w := attachTo(t, h, hello)
	first := w.(*frame.Welcome)
	resume := func(token [32]byte) frame.Frame {
		_, f := attachTo(t, h, &frame.Resume{Oldest: 1, Newest: 1, Session: first.Session, Token: token, Epoch: 1})
		return f
	}
	second, ok := resume(first.Token).(*frame.Resumed)
	third, ok2 := resume(first.Token).(*frame.Resumed) // the answer before is taken as lost
	if !ok || !ok2 {
		t.Fatal("a token is not valid until the next is used")
	}
	if _, ok := resume(third.Token).(*frame.Resumed); !ok {
		t.Error("the newest token is not valid")
	}
	for _, token := range [][32]byte{first.Token, {}, {1}} {
		if r, ok := resume(token).(*frame.Reset); !ok || r.Reason != frame.WrongToken {
			t.Errorf("a token that is not valid: %+v", r)
		}
	}
	_ = second
	_ = h.Close()
}

func TestManyShareAGuest(t *testing.T) {
	h := NewHub(Config{Kind: Stdio, Many: true})
	a, _ := attachTo(t, h, hello)
	b, _ := attachTo(t, h, hello)
	for _, l := range []Link{a, b} {
		if err := write(l, &frame.Data{Number: 1, Type: frame.Text, Payload: []byte("same")}); err != nil {
			t.Fatal(err)
		}
	}
	got, buf := "", make([]byte, 3)
	for len(got) < len("same\nsame\n") {
		n, err := h.Stdin().Read(buf)
		if errors.Is(err, wasi.ErrAgain) {
			<-h.Stdin().Readable()
		}
		got += string(buf[:n])
	}
	if got != "same\nsame\n" {
		t.Errorf("%q", got)
	}
	_, _ = h.Stdout().Write([]byte("to all\n"))
	for _, l := range []Link{a, b} {
		if d, ok := until(t, l).(*frame.Data); !ok || string(d.Payload) != "to all" {
			t.Errorf("%+v", d)
		}
	}
	for range 3 * Window / maxPiece {
		_, _ = h.Stdout().Write([]byte(strings.Repeat("x", maxPiece)))
	}
	if got := len(h.Sessions()); got != 0 {
		t.Errorf("%d sessions whose clients do not read", got)
	}
	_ = h.Close()
}

func TestDetachedExpires(t *testing.T) {
	h := NewHub(Config{Kind: TCP, Linger: time.Millisecond})
	l, _ := attachTo(t, h, hello)
	c := accept(t, h)
	_ = l.Close()
	if _, err := (guestConn{c}).Read(make([]byte, 1)); !errors.Is(err, wasi.ECONNRESET) {
		t.Error(err)
	}
	_ = h.Close()
}

func TestEndIsDelivered(t *testing.T) {
	h := NewHub(Config{Kind: Stdio})
	_, _ = h.Stdout().Write([]byte("no end of line"))
	h.End(7)
	l, _ := attachTo(t, h, hello)
	if d, ok := until(t, l).(*frame.Data); !ok || string(d.Payload) != "no end of line" {
		t.Errorf("%+v", d)
	}
	if c, ok := until(t, l).(*frame.Close); !ok || c.Code != frame.GuestEnded || c.Text != "7" {
		t.Errorf("%+v", c)
	}
	_ = h.Close()
}

// FuzzLoad loads bytes, and uses what came of them.
func FuzzLoad(f *testing.F) {
	for _, kind := range []Kind{TCP, WebSocket} {
		h := NewHub(Config{Name: "x", Kind: kind})
		if _, err := h.begin(Default); err != nil {
			f.Fatal(err)
		}
		f.Add(h.Save(), byte(kind))
	}
	f.Fuzz(func(t *testing.T, b []byte, kind byte) {
		h := NewHub(Config{Name: "x", Kind: Kind(kind % 3), Many: true})
		defer h.Close()
		if h.Load(b) != nil {
			return
		}
		if again := NewHub(h.cfg); again.Load(h.Save()) != nil {
			t.Fatal("what was saved cannot be loaded")
		}
		for _, s := range h.ordered() {
			c := conn{s}
			_, _ = c.Write([]byte("HTTP/1.1 101 x\r\n\r\n\x81\x05hello"))
			_, _ = c.Read(make([]byte, 10))
			s.attach(1, s.Base)
			for range 4 {
				s.next()
			}
		}
	})
}
