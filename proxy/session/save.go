package session

import (
	"errors"
	"fmt"
	"math"

	"github.com/fxamacker/cbor/v2"

	"sojourn/engine/wasi"
	"sojourn/proxy/session/frame"
)

// saved is a Hub beside the connections that its guest has open.
type saved struct {
	Next     uint64  `cbor:"1,keyasint"`
	Sessions []state `cbor:"2,keyasint,omitempty"` // by number
	Queue    int     `cbor:"3,keyasint,omitempty"` // how many of them wait to be accepted: the last ones
	Refuse   bool    `cbor:"4,keyasint,omitempty"`
	Input    []byte  `cbor:"5,keyasint,omitempty"` // of Many
}

var (
	encoding = must(cbor.CoreDetEncOptions().EncMode())
	decoding = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   8,
		MaxArrayElements:  1 << 20,
		MaxMapPairs:       32,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func encode(v any) []byte {
	return must(encoding.Marshal(v)) // numbers, bytes and text always encode
}

// Save returns the session.
func (c conn) Save() (b []byte) {
	c.do(func() bool { b = encode(c.state); return false })
	return b
}

// Save returns the sessions that the guest has not accepted, and those that it has
// closed and that have something to say.
func (h *Hub) Save() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.save(func(s *session) bool { return s.Closed })
}

// save writes down the sessions that own says, and those that wait.
func (h *Hub) save(own func(*session) bool) []byte {
	if h.next == 0 {
		return nil
	}
	s := saved{Next: h.next, Refuse: h.refuse, Input: h.in, Queue: len(h.queue)}
	for _, c := range h.ordered() {
		if c.Accepted && own(c) {
			s.Sessions = append(s.Sessions, c.state)
		}
	}
	for _, c := range h.queue {
		s.Sessions = append(s.Sessions, c.state)
	}
	return encode(s)
}

// Load takes up what Save returned.
func (h *Hub) Load(b []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.load(b)
}

func (h *Hub) load(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	var s saved
	if err := decoding.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("session: saved sessions of %q: %w", h.cfg.Name, err)
	}
	if len(s.Sessions) > MaxSessions || s.Queue < 0 || s.Queue > len(s.Sessions) || s.Next > math.MaxInt64 || len(s.Input) > maxBytes {
		return fmt.Errorf("session: saved sessions of %q are over their limits", h.cfg.Name)
	}
	if len(h.sessions) > 0 {
		return fmt.Errorf("session: %q has sessions, and cannot take up those that were saved", h.cfg.Name)
	}
	h.next, h.refuse, h.in = max(h.next, s.Next), s.Refuse, s.Input
	for i, st := range s.Sessions {
		st.Accepted = i < len(s.Sessions)-s.Queue
		c, err := h.take(st)
		if err != nil {
			return err
		}
		if !st.Accepted {
			h.queue = append(h.queue, c)
		}
	}
	h.settle()
	return nil
}

// take makes a session of a saved state. Its client is to resume it.
func (h *Hub) take(st state) (*session, error) {
	err := st.validate()
	switch {
	case err != nil:
	case st.Number >= h.next || h.sessions[st.ID] != nil:
		err = errors.New("its name is in use, or nobody was given it")
	case len(h.sessions) >= MaxSessions:
		err = fmt.Errorf("there are more than %d", MaxSessions)
	case st.Mode == Messages && h.cfg.Kind != WebSocket, st.Mode == Lines && h.cfg.Kind != Stdio:
		err = fmt.Errorf("mode %d is none of this listener's", st.Mode)
	}
	if err != nil {
		return nil, fmt.Errorf("session: saved session %d of %q: %w", st.Number, h.cfg.Name, err)
	}
	c := h.put(st)
	c.loaded(h.cfg.Epoch)
	c.start()
	return c, nil
}

// validate refuses what a session cannot come to.
func (st *state) validate() error {
	const far = 1 << 62
	out := size(st.Out)
	switch {
	case st.Mode < Lines || st.Mode > Messages:
		return fmt.Errorf("mode %d", st.Mode)
	case st.Consumed > far || st.Base > far:
		return errors.New("its numbers are too high")
	case out > Window+frame.MaxMessage || len(st.Out) > maxWaiting:
		return errors.New("it holds too many messages")
	case len(st.Bytes) > maxBytes || len(st.Tail) > 2*(Window+frame.MaxMessage):
		return errors.New("it holds too many bytes")
	case len(st.Loads) > maxLoads || st.Part != nil && len(st.Part.Data) > frame.MaxMessage:
		return errors.New("it holds too much")
	}
	for _, m := range st.Out {
		if m.Type != frame.Text && m.Type != frame.Binary || len(m.Data) > frame.MaxMessage {
			return errors.New("a message is malformed")
		}
	}
	if len(st.Secret) != 32 || st.Oldest > st.Issued || st.Issued > far {
		return errors.New("its tokens are malformed")
	}
	for _, e := range []*ending{st.InEnd, st.OutEnd} {
		if e != nil && len(e.Text) > frame.MaxText {
			return errors.New("an ending is malformed")
		}
	}
	if e := st.InEnd; e != nil && e.Last < st.Consumed {
		return errors.New("it ends before its last message")
	}
	return nil
}

// Restore returns a session that the guest has accepted. One that is not there any
// more is a lost connection.
func (h *Hub) Restore(id uint64, b []byte) (wasi.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var st state
	if err := decoding.Unmarshal(b, &st); err != nil {
		return nil, fmt.Errorf("session: saved session %d of %q: %w", id, h.cfg.Name, err)
	}
	st.Number, st.Accepted, st.Closed = id, true, false
	h.next = max(h.next, id+1)
	c, err := h.take(st)
	if err != nil {
		return nil, err
	}
	return conn{c}, nil
}

// Save returns what every stream does, and for another Hub all of the sessions.
func (s stdin) Save() []byte {
	h := s.h
	h.mu.Lock()
	defer h.mu.Unlock()
	st := wasi.StreamState{Input: h.in, More: h.save(func(*session) bool { return true })}
	if c := h.standing; c != nil {
		st.Input, st.InputEnd = append(st.Input, c.Bytes...), c.inputOver()
		for _, msg := range c.Inbox {
			st.Input = append(st.Input, c.codec.bytes(&c.machine, msg)...)
		}
	}
	return st.Append(nil)
}

func (s stdin) Load(b []byte) error {
	st, err := wasi.ParseStreamState(b)
	if err != nil {
		return err
	}
	h := s.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(st.More) > 0 {
		return h.loadAll(st.More)
	}
	if len(st.Input) > maxBytes {
		return errors.New("session: saved input is over the limit")
	}
	if h.standing == nil {
		h.in = st.Input
		h.settle()
		return nil
	}
	h.standing.Bytes = st.Input
	if st.InputEnd {
		h.standing.InEnd = &ending{}
	}
	h.standing.wake()
	return nil
}

// loadAll takes up another Hub's sessions of the same kind.
func (h *Hub) loadAll(b []byte) error {
	was := h.standing
	if was != nil {
		h.drop(was)
	}
	if err := h.load(b); err != nil {
		return err
	}
	h.loaded = true
	if was == nil {
		return nil
	}
	if len(h.sessions) != 1 || len(h.queue) > 0 {
		return errors.New("session: saved standard streams have not one session: was the guest run for many?")
	}
	h.standing = h.ordered()[0]
	return nil
}

// Save returns output that the client of a standing session does not have.
func (s stdout) Save() []byte {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	var st wasi.StreamState
	if c := s.h.standing; c != nil {
		for _, msg := range c.Out {
			st.Output = c.codec.back(st.Output, msg)
		}
		st.Output = append(st.Output, c.Tail...)
	}
	return st.Append(nil)
}

// Load is after that of standard input, which may know better.
func (s stdout) Load(b []byte) error {
	st, err := wasi.ParseStreamState(b)
	if err != nil {
		return err
	}
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	if s.h.loaded || s.h.standing == nil {
		return nil
	}
	if len(st.Output) > 2*(Window+frame.MaxMessage) {
		return errors.New("session: saved output is over the limit")
	}
	s.h.standing.Tail = st.Output
	s.h.standing.wake()
	return nil
}
