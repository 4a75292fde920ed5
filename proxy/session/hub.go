package session

import (
	"crypto/rand"
	"strconv"
	"sync"
	"time"

	"sojourn/engine/wasi"
)

// Kind is what a guest knows of a Hub's sessions.
type Kind uint8

const (
	Stdio     Kind = iota // its standard input and output
	TCP                   // connections that it accepts
	WebSocket             // likewise; it is a WebSocket server
)

// Config is what a Hub is made with.
type Config struct {
	Name   string
	Kind   Kind
	Many   bool          // of Stdio: every client has a session, and all hear all output
	Path   string        // of WebSocket: what the guest is asked for, as "/chat"
	Linger time.Duration // [Linger] when 0
	Epoch  uint64        // at which the guest is here
}

// Hub is the sessions of one listener of a guest, or of its standard streams: the end
// at the guest, which follows it. It is safe for concurrent use.
type Hub struct {
	cfg Config

	mu       sync.Mutex
	arrived  wasi.Gate // a session waits to be accepted
	heard    wasi.Gate // of Many: there is input
	sessions map[[16]byte]*session
	queue    []*session // not accepted
	standing *session   // of Stdio, without Many
	next     uint64     // name of the next session
	held     int        // bytes
	in       []byte     // of Many: input that is the guest's next
	turn     uint64     // of Many: whose turn it was
	sealed   bool
	moved    []string // where the guest is, when it is elsewhere
	refuse   bool     // the guest has closed the listener
	ended    bool
	closed   bool
	loaded   bool // from a Hub's own state
}

// session is one session of a Hub, whose lock holds for it.
type session struct {
	machine
	hub     *Hub
	changed chan struct{} // closed and replaced at each change
	in, out wasi.Gate     // the guest can read, and write
	gen     uint64        // the newest link
	weight  int           // bytes counted in hub.held
	timer   *time.Timer   // of a session without a client
	left    time.Duration
	reset   *ResetError // what its client is told, when it is gone
}

// NewHub returns the sessions of a guest that nobody has come to.
func NewHub(cfg Config) *Hub {
	if cfg.Linger == 0 {
		cfg.Linger = Linger
	}
	h := &Hub{cfg: cfg, sessions: map[[16]byte]*session{}}
	if cfg.Kind == Stdio && !cfg.Many {
		h.standing = h.add(state{ID: random16(), Mode: Lines, Accepted: true})
	}
	h.settle()
	return h
}

func random16() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

func random32() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return b
}

// Name is the listener's.
func (h *Hub) Name() string { return h.cfg.Name }

// add makes a session of a state. The caller holds mu, or nobody else knows h.
func (h *Hub) add(st state) *session {
	st.Number, st.Secret = h.next, random32()
	h.next++
	return h.put(st)
}

func (h *Hub) put(st state) *session {
	s := &session{hub: h, changed: make(chan struct{}), left: h.cfg.Linger}
	s.machine = machine{state: st, codec: codecOf(st.Mode), window: Window,
		standing: h.cfg.Kind == Stdio && !h.cfg.Many}
	h.sessions[st.ID] = s
	s.account()
	return s
}

// settle tells the guest of sessions that wait, and of input of many.
func (h *Hub) settle() {
	h.arrived.Set(len(h.queue) > 0)
	if !h.cfg.Many {
		return
	}
	input := len(h.in) > 0 || h.closed
	for _, s := range h.sessions {
		input = input || len(s.Inbox) > 0
	}
	h.heard.Set(input)
}

// wakeAll tells those that wait for any session.
func (h *Hub) wakeAll() {
	h.settle()
	for _, s := range h.sessions {
		s.wake()
	}
}

// wake tells those that wait for the session, after a change.
func (s *session) wake() {
	s.account()
	close(s.changed)
	s.changed = make(chan struct{})
}

// account counts what the session holds, and says what the guest can do with it.
func (s *session) account() {
	was := s.hub.full()
	if s.hub.sessions[s.ID] == s {
		n := s.machine.held()
		s.hub.held += n - s.weight
		s.weight = n
	}
	s.say()
	if s.hub.full() != was {
		for _, other := range s.hub.sessions {
			other.say()
		}
	}
}

func (s *session) say() {
	s.in.Set(s.readable())
	s.out.Set(s.writable())
}

// writable says that the guest's next write takes something, or fails.
func (s *session) writable() bool {
	return s.Broken || s.OutEnd != nil || s.room() > 0 && !(s.hub.full() && s.weight > 0)
}

// full says that the Hub holds all that it may.
func (h *Hub) full() bool { return h.held >= MaxHeld }

// drop forgets a session. One that was not accepted stays in the queue: the guest may
// have been told of it.
func (h *Hub) drop(s *session) {
	s.stop()
	if h.sessions[s.ID] == s {
		delete(h.sessions, s.ID)
		h.held -= s.weight
		s.weight = 0
	}
}

// end breaks a session off for good: its client is told why, the guest has lost it.
func (s *session) end(why *ResetError) {
	s.broken()
	s.reset = why
	s.hub.drop(s)
	s.wake()
	s.hub.settle()
}

// start begins the time after which a session without a client is over; stop ends it.
func (s *session) start() {
	s.stop()
	if s.standing || s.attached || s.hub.sealed || s.hub.closed {
		return
	}
	wait := s.left
	if s.over() {
		wait = min(wait, farewell)
	}
	s.timer = time.AfterFunc(wait, func() {
		s.hub.mu.Lock()
		defer s.hub.mu.Unlock()
		if !s.attached && !s.hub.sealed && !s.hub.closed && s.timer != nil {
			s.end(resetf(expired, "nobody resumed it for %v", wait))
		}
	})
}

func (s *session) stop() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// Seal takes nothing from clients from now on, and gives them nothing, so that what the
// Hub holds can be captured. Unseal takes that back. The time of sessions without a
// client stands meanwhile.
func (h *Hub) Seal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sealed = true
	for _, s := range h.sessions {
		s.stop()
	}
	h.wakeAll()
}

// Unseal is for a guest that did not move.
func (h *Hub) Unseal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sealed = false
	for _, s := range h.sessions {
		s.start()
	}
	h.wakeAll()
}

// Moved sends every client to the first of urls, or where else it finds the guest.
func (h *Hub) Moved(urls ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.moved = urls
	h.wakeAll()
}

// End tells the clients that the guest has ended, once they have all that it said.
func (h *Hub) End(exit uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for _, s := range h.sessions {
		s.finish(ended, strconv.FormatUint(uint64(exit), 10))
		s.deafen()
	}
	h.wakeAll()
}

// Close lets go of every client. The sessions are as they were, for whoever loads what
// was saved of them.
func (h *Hub) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, s := range h.sessions {
		s.stop()
	}
	h.wakeAll()
	return nil
}

// Info is a session, for people.
type Info struct {
	Number   uint64
	Attached bool
	In, Out  uint64 // messages that the guest has, and that the client has
	Held     int    // bytes
}

// Sessions tells of the sessions there are, by number.
func (h *Hub) Sessions() []Info {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []Info
	for _, s := range h.ordered() {
		list = append(list, Info{s.Number, s.attached, s.Consumed, s.Base, s.weight})
	}
	return list
}
