package client

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/proxy/session/frame"
)

// model is a small guest's end over real WebSockets: it answers each message with the
// same, on any of its nodes, and keeps one session.
type model struct {
	t     *testing.T
	nodes []*httptest.Server

	mu       sync.Mutex
	wake     chan struct{}
	id       [16]byte
	token    [32]byte
	old      [32]byte
	begun    int // sessions
	epoch    uint64
	at       int // the node that has the guest
	newest   int // link
	received uint64
	durable  uint64 // of received; all when lax
	lax      bool
	sent     uint64
	out      []Message // 1 to sent
	have     uint64    // the client's acknowledgement
	theirs   *ending
	held     bool
	moves    int
}

func newModel(t *testing.T, nodes int) *model {
	m := &model{t: t, epoch: 1, lax: true, wake: make(chan struct{})}
	_, _ = rand.Read(m.id[:])
	for i := range nodes {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.serve(w, r, i) }))
		t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
		m.nodes = append(m.nodes, s)
	}
	return m
}

func (m *model) urls() []string {
	var all []string
	for _, s := range m.nodes {
		all = append(all, s.URL)
	}
	return all
}

func (m *model) options() Options {
	return Options{URLs: m.urls(), Guest: "g", Listener: "echo", Mode: Raw, GiveUp: 20 * time.Second}
}

func (m *model) dial(t *testing.T, opt Options) *Session {
	t.Helper()
	s, err := Dial(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (m *model) update(do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	do()
	close(m.wake)
	m.wake = make(chan struct{})
}

// move puts the guest on the next node.
func (m *model) move() {
	m.update(func() { m.held = true })
	m.update(func() { m.at, m.epoch, m.moves, m.held = (m.at+1)%len(m.nodes), m.epoch+1, m.moves+1, false })
}

// answer is to the first frame of a link; a resume rotates the token. The caller holds
// mu.
func (m *model) answer(f frame.Frame, node int) frame.Frame {
	if node != m.at {
		return &frame.Reset{Reason: Unavailable, Text: "elsewhere"}
	}
	urls := []string{m.nodes[m.at].URL}
	switch f := f.(type) {
	case *frame.Hello:
		m.begun++
		m.received, m.sent, m.have, m.out, m.theirs = 0, 0, 0, nil, nil
		_, _ = rand.Read(m.token[:])
		return &frame.Welcome{Version: 1, Session: m.id, Token: m.token, Epoch: m.epoch, Next: 1,
			MaxMessage: frame.MaxMessage, Window: 1 << 20, URLs: urls}
	case *frame.Resume:
		if f.Session != m.id || f.Token != m.token && f.Token != m.old {
			return &frame.Reset{Reason: WrongToken, Text: "not the token"}
		}
		m.have = min(f.Received, m.sent)
		m.old = f.Token
		_, _ = rand.Read(m.token[:])
		return &frame.Resumed{Version: 1, Token: m.token, Epoch: m.epoch, Received: m.received, Sent: m.sent,
			MaxMessage: frame.MaxMessage, Window: 1 << 20, URLs: urls}
	}
	return &frame.Reset{Reason: Malformed, Text: "no handshake"}
}

func (m *model) serve(w http.ResponseWriter, r *http.Request, node int) {
	u := websocket.Upgrader{Subprotocols: []string{Protocol}}
	ws, err := u.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	l := NewSocket(ws)
	defer l.CloseWith(1001, "")
	b, err := l.Read()
	if err != nil {
		return
	}
	first, err := frame.Parse(b)
	if err != nil {
		m.t.Error(err)
		return
	}
	var me int
	var told, acked, epoch uint64
	var f frame.Frame
	m.update(func() {
		f = m.answer(first, node)
		m.newest++
		me = m.newest
		told, acked, epoch = m.have, m.received, m.epoch
	})
	if l.Write(frame.Append(nil, f)) != nil || f.Kind() == frame.KindReset {
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { m.tell(l, epoch, me, told, acked) })
	for {
		b, err := l.Read()
		if err != nil {
			break
		}
		f, err := frame.Parse(b)
		if err != nil {
			m.t.Error(err)
			break
		}
		m.waitHeld()
		m.update(func() { m.take(f, epoch, me) })
	}
	m.update(func() {
		if m.newest == me {
			m.newest++
		}
	})
}

// waitHeld takes nothing while the guest is held.
func (m *model) waitHeld() {
	for {
		m.mu.Lock()
		held, wake := m.held, m.wake
		m.mu.Unlock()
		if !held {
			return
		}
		<-wake
	}
}

func (m *model) take(f frame.Frame, epoch uint64, me int) {
	if epoch != m.epoch || me != m.newest {
		return
	}
	switch f := f.(type) {
	case *frame.Data:
		switch {
		case f.Number > m.received+1:
			m.t.Errorf("message %d came, %d was due", f.Number, m.received+1)
		case f.Number == m.received+1:
			m.received++
			if m.lax {
				m.durable = m.received
			}
			m.out = append(m.out, Message{Kind(f.Type), f.Payload})
			m.sent++
		}
	case *frame.Ack:
		m.have = f.Received
		m.old = m.token
	case *frame.Close:
		m.theirs = &ending{last: f.Last, code: f.Code}
	}
}

// tell writes what is new, until the link is not the newest or the guest has gone.
func (m *model) tell(l *Socket, epoch uint64, me int, told, acked uint64) {
	defer l.CloseWith(1001, "")
	closed, holding := false, false
	for {
		var fs []frame.Frame
		last := false
		m.mu.Lock()
		switch {
		case me != m.newest && epoch == m.epoch:
			last = true
		case epoch != m.epoch:
			fs, last = append(fs, &frame.Redirect{Try: 10_000, URLs: []string{m.nodes[m.at].URL}}), true
		default:
			if m.held != holding {
				holding = m.held
				if holding {
					fs = append(fs, &frame.Hold{Millis: 5})
				} else {
					fs = append(fs, &frame.Go{})
				}
			}
			for ; told < m.sent; told++ {
				fs = append(fs, &frame.Data{Number: told + 1, Type: uint8(m.out[told].Kind), Payload: m.out[told].Data})
			}
			if acked < m.received {
				acked = m.received
				fs = append(fs, &frame.Ack{Received: acked, Durable: min(acked, m.durable)})
			}
			if m.theirs != nil && m.theirs.last == m.received && !closed {
				closed = true
				fs = append(fs, &frame.Close{Last: m.sent})
			}
		}
		wake := m.wake
		m.mu.Unlock()
		for _, f := range fs {
			if l.Write(frame.Append(nil, f)) != nil {
				return
			}
		}
		if last {
			return
		}
		<-wake
	}
}
