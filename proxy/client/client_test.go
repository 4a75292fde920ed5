package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/proxy/session/frame"
)

// talk sends numbered messages of many sizes and checks each answer.
func talk(t *testing.T, s *Session, messages int) {
	t.Helper()
	var wg sync.WaitGroup
	defer wg.Wait()
	make := func(i int) Message {
		body := bytes.Repeat([]byte{byte('a' + i%26)}, []int{0, 1, 100, 70_000}[i%4])
		return Message{Kind(1 + i%2), append(fmt.Appendf(nil, "%d:", i), body...)}
	}
	wg.Go(func() {
		for i := range messages {
			if err := s.Send(t.Context(), make(i)); err != nil {
				t.Errorf("message %d: %v", i, err)
				return
			}
		}
		s.CloseSend()
	})
	for i := range messages {
		got, err := s.Receive(t.Context())
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if want := make(i); got.Kind != want.Kind || !bytes.Equal(got.Data, want.Data) {
			t.Fatalf("answer %d is %d bytes of kind %d: %.20q", i, len(got.Data), got.Kind, got.Data)
		}
	}
	if _, err := s.Receive(t.Context()); err != io.EOF {
		t.Errorf("behind the last answer: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestConversation(t *testing.T) {
	m := newModel(t, 1)
	talk(t, m.dial(t, m.options()), 400)
}

func TestMoves(t *testing.T) {
	m := newModel(t, 3)
	s := m.dial(t, m.options())
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				m.move()
			}
		}
	})
	talk(t, s, 1000)
	close(stop)
	wg.Wait()
	kinds := map[EventKind]int{}
	for e := range s.Events() {
		kinds[e.Kind]++
	}
	if kinds[Moved] == 0 || kinds[Resumed] == 0 {
		t.Errorf("events: %v, after %d moves", kinds, m.moves)
	}
	if m.begun != 1 {
		t.Errorf("%d sessions began", m.begun)
	}
}

// limited is a network connection that breaks after a number of bytes, both ways
// together.
type limited struct {
	net.Conn
	left *atomic.Int64
}

func (c limited) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b[:min(len(b), int(max(c.left.Load(), 1)))])
	if c.left.Add(-int64(n)) < 0 {
		c.Conn.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

func (c limited) Write(b []byte) (int, error) {
	if left := c.left.Add(-int64(len(b))); left < 0 {
		n, _ := c.Conn.Write(b[:max(0, int(left)+len(b))])
		c.Conn.Close()
		return n, io.ErrClosedPipe
	}
	return c.Conn.Write(b)
}

// cutting is a dial hook whose links break after as many bytes as budget says.
func cutting(opt Options, budget func() int64) func(context.Context, string) (Link, error) {
	return func(ctx context.Context, node string) (Link, error) {
		left := &atomic.Int64{}
		left.Store(budget())
		d := websocket.Dialer{Subprotocols: []string{Protocol}, HandshakeTimeout: handshakeLimit,
			NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				return limited{c, left}, err
			}}
		ws, res, err := d.DialContext(ctx, "ws"+node[4:]+Endpoint(opt.Guest, opt.Listener), nil)
		if err != nil {
			if res != nil {
				res.Body.Close()
			}
			return nil, err
		}
		return NewSocket(ws), nil
	}
}

// TestCutAtEachByte cuts a resume's link after each number of bytes, from the first of
// the HTTP request to behind the first messages, and then lets one through.
func TestCutAtEachByte(t *testing.T) {
	m := newModel(t, 1)
	opt := m.options()
	var budget atomic.Int64
	budget.Store(1 << 40)
	opt.Dial = cutting(opt, func() int64 { return budget.Swap(1 << 40) })
	s := m.dial(t, opt)
	defer s.Close()
	step := int64(1)
	if testing.Short() {
		step = 7
	}
	for cut := int64(1); cut < 800; cut += step {
		budget.Store(cut)
		m.update(func() { m.newest++ }) // the link in use ends
		want := Message{Text, fmt.Appendf(nil, "after %d bytes", cut)}
		if err := s.Send(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := s.Receive(t.Context())
		if err != nil || !bytes.Equal(got.Data, want.Data) {
			t.Fatalf("cut after %d bytes: %q, %v", cut, got.Data, err)
		}
	}
	if m.begun != 1 {
		t.Errorf("%d sessions began", m.begun)
	}
}

func TestCutAtRandom(t *testing.T) {
	m := newModel(t, 2)
	opt := m.options()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	opt.Dial = cutting(opt, func() int64 { mu.Lock(); defer mu.Unlock(); return 2000 + r.Int64N(2_000_000) })
	s := m.dial(t, opt)
	talk(t, s, 1000)
}

// TestRewound takes the guest back to a checkpoint: what it had not made durable is
// sent again, and the user hears of it.
func TestRewound(t *testing.T) {
	m := newModel(t, 1)
	m.lax = false
	s := m.dial(t, m.options())
	defer s.Close()
	say := func(text string) {
		t.Helper()
		if err := s.Send(t.Context(), Message{Text, []byte(text)}); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Receive(t.Context()); err != nil || string(got.Data) != text {
			t.Fatalf("%q, %v", got.Data, err)
		}
	}
	say("one")
	m.update(func() { m.durable = 1 })
	say("two")
	say("three")
	m.update(func() { m.received, m.sent, m.out, m.epoch = 1, 1, m.out[:1], m.epoch+1 })
	for _, want := range []string{"two", "three"} {
		if got, err := s.Receive(t.Context()); err != nil || string(got.Data) != want {
			t.Fatalf("%q, %v: %q is due again", got.Data, err, want)
		}
	}
	for e := range s.Events() {
		if e.Kind == Rewound {
			if e.From != 3 || e.To != 1 {
				t.Errorf("rewound from %d to %d", e.From, e.To)
			}
			break
		}
	}
	say("four")
}

// TestForgotten is a guest's end that has lost messages without a new epoch.
func TestForgotten(t *testing.T) {
	m := newModel(t, 1)
	s := m.dial(t, m.options())
	defer s.Close()
	_ = s.Send(t.Context(), Message{Text, []byte("x")})
	if _, err := s.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.update(func() { m.received, m.sent, m.out = 0, 0, nil; m.newest++ })
	_, err := s.Receive(t.Context())
	var re *ResetError
	if !errors.As(err, &re) || re.Reason != Gap {
		t.Errorf("got %v", err)
	}
	if err := s.Send(t.Context(), Message{}); !errors.As(err, &re) {
		t.Errorf("sending got %v", err)
	}
}

// TestHeldAndNotMoved holds the guest while a client sends, and lets it go on where it
// was: what was on its way comes again.
func TestHeldAndNotMoved(t *testing.T) {
	m := newModel(t, 1)
	s := m.dial(t, m.options())
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for held := true; ; held = !held {
			select {
			case <-stop:
				m.update(func() { m.held = false })
				return
			case <-time.After(2 * time.Millisecond):
				m.update(func() { m.held = held })
			}
		}
	})
	talk(t, s, 500)
	close(stop)
	wg.Wait()
	if m.begun != 1 || m.newest > 2 {
		t.Errorf("%d sessions, %d links", m.begun, m.newest)
	}
}

// TestOldToken resumes with a guest's end that came back from a time before the last
// tokens were given out.
func TestOldToken(t *testing.T) {
	m := newModel(t, 1)
	s := m.dial(t, m.options())
	defer s.Close()
	first := m.token
	for i := range 5 {
		m.update(func() { m.newest++ })
		want := fmt.Sprint(i)
		if err := s.Send(t.Context(), Message{Text, []byte(want)}); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Receive(t.Context()); err != nil || string(got.Data) != want {
			t.Fatalf("%q, %v", got.Data, err)
		}
	}
	m.update(func() { m.token, m.old, m.epoch, m.newest = first, first, m.epoch+1, m.newest+1 })
	if err := s.Send(t.Context(), Message{Text, []byte("after")}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Receive(t.Context()); err != nil || string(got.Data) != "after" {
		t.Fatalf("%q, %v", got.Data, err)
	}
	m.update(func() { m.token, m.old, m.newest = [32]byte{1}, [32]byte{1}, m.newest+1 })
	_, err := s.Receive(t.Context())
	var re *ResetError
	if !errors.As(err, &re) || re.Reason != WrongToken {
		t.Errorf("got %v", err)
	}
}

// TestTake leaves a message that was not done with where it was.
func TestTake(t *testing.T) {
	m := newModel(t, 1)
	s := m.dial(t, m.options())
	defer s.Close()
	_ = s.Send(t.Context(), Message{Text, []byte("x")})
	no := errors.New("no")
	if err := s.Take(t.Context(), func(Message) error { return no }); err != no {
		t.Fatalf("got %v", err)
	}
	var got string
	if err := s.Take(t.Context(), func(m Message) error { got = string(m.Data); return nil }); err != nil || got != "x" {
		t.Fatalf("%q, %v", got, err)
	}
	s.CloseSend()
	if err := s.Take(t.Context(), func(Message) error { return no }); err != io.EOF {
		t.Errorf("behind the end: %v", err)
	}
}

func TestBackpressure(t *testing.T) {
	m := newModel(t, 1)
	s := m.dial(t, m.options())
	defer s.Abort()
	m.update(func() { m.held = true }) // nothing is acknowledged
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	sent := 0
	for ; ; sent++ {
		if err := s.Send(ctx, Message{Binary, make([]byte, 64<<10)}); err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			break
		}
	}
	if sent != 15 {
		t.Errorf("%d messages of 64 KiB and their overhead fit into 1 MiB", sent)
	}
}

func TestNobodyThere(t *testing.T) {
	opt := Options{URLs: []string{"http://127.0.0.1:1"}, Guest: "g", GiveUp: 50 * time.Millisecond}
	if _, err := Dial(t.Context(), opt); err == nil {
		t.Error("dialled")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	opt.GiveUp = time.Hour
	if _, err := Dial(ctx, opt); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestConn(t *testing.T) {
	m := newModel(t, 2)
	c, err := DialConn(t.Context(), m.options())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	_ = c.SetReadDeadline(time.Time{})
	sent := make([]byte, 3<<20)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(sent)
	go func() {
		_, _ = c.Write(sent)
		_ = c.CloseWrite()
	}()
	var got bytes.Buffer
	buf := make([]byte, 10_000)
	for {
		n, err := c.Read(buf)
		got.Write(buf[:n])
		if got.Len()>>20 > m.moves {
			m.move()
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got.Bytes(), sent) {
		t.Errorf("%d bytes came back, not those that were sent", got.Len())
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read from a closed connection: %v", err)
	}
	if errors.Is(err, syscall.ECONNRESET) {
		t.Error("reset")
	}
}

// TestTakenWhileResuming: what the user takes between a resume and its answer is
// acknowledged, or the guest's end would wait for it.
func TestTakenWhileResuming(t *testing.T) {
	m := &machine{}
	m.begin(Raw, "")
	if err := m.welcomed([16]byte{1}, terms{epoch: 1, maxMessage: 100, window: 100}); err != nil {
		t.Fatal(err)
	}
	for n := uint64(1); n <= 3; n++ {
		if err := m.data(n, Message{Binary, []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	m.lost()
	if r := m.begin(Raw, "").(*frame.Resume); r.Received != 0 {
		t.Fatalf("resumes with %d messages taken, want 0", r.Received)
	}
	for range 3 {
		m.pull()
	}
	if err := m.resumed(terms{epoch: 1, sent: 3, maxMessage: 100, window: 100}); err != nil {
		t.Fatal(err)
	}
	if f, ok := m.next(); !ok || f.(*frame.Ack).Received != 3 {
		t.Errorf("the first frame is %+v, want an acknowledgement of 3", f)
	}
}
