package session

import (
	"errors"
	"io"

	"sojourn/engine/wasi"
	"sojourn/proxy/session/frame"
)

// Stdin is the guest's standard input: of a standing session its client's, of many the
// messages of all, each whole, by turns. Closing it does nothing: see [Hub.End].
func (h *Hub) Stdin() wasi.Stream { return stdin{h} }

// Stdout is its standard output. With many, each client hears all from when it came on,
// and one that does not keep up is reset; without any, output is thrown away.
func (h *Hub) Stdout() wasi.Stream { return stdout{h} }

var errDirection = errors.New("session: standard input is not for writing, standard output not for reading")

type stdin struct{ h *Hub }

func (s stdin) Read(p []byte) (int, error) {
	if s.h.standing != nil {
		return conn{s.h.standing}.Read(p)
	}
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	switch {
	case len(p) == 0:
		return 0, nil
	case len(s.h.in) == 0 && !s.h.merge():
		if s.h.closed {
			return 0, io.EOF
		}
		return 0, wasi.ErrAgain
	}
	n := copy(p, s.h.in)
	s.h.in = s.h.in[n:]
	s.h.settle()
	return n, nil
}

// merge takes the next message of the session whose turn it is.
func (h *Hub) merge() bool {
	var first *session
	for _, s := range h.ordered() {
		if len(s.Inbox) == 0 {
			continue
		}
		if s.Number > h.turn {
			return h.hear(s)
		}
		if first == nil {
			first = s
		}
	}
	return first != nil && h.hear(first)
}

func (h *Hub) hear(s *session) bool {
	h.turn = s.Number
	s.fetch()
	h.in, s.Bytes = s.Bytes, nil
	s.wake()
	return len(h.in) > 0
}

func (s stdin) Readable() <-chan struct{} {
	if s.h.standing != nil {
		return conn{s.h.standing}.Readable()
	}
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	return s.h.heard.Wait()
}

func (s stdin) Buffered() int {
	if s.h.standing != nil {
		return conn{s.h.standing}.Buffered()
	}
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	return len(s.h.in)
}

func (stdin) Write([]byte) (int, error) { return 0, errDirection }
func (stdin) Writable() <-chan struct{} { return done }
func (stdin) Close() error              { return nil }

type stdout struct{ h *Hub }

func (s stdout) Write(p []byte) (int, error) {
	if s.h.standing != nil {
		return conn{s.h.standing}.Write(p)
	}
	p = p[:min(len(p), maxPiece)] // so that no one write is too much for a client that keeps up
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	for _, c := range s.h.sessions {
		if c.OutEnd != nil {
			continue
		}
		if n := c.write(p); n < len(p) {
			c.end(resetf(frame.TooMany, "too slow: %d bytes of output wait for this client, and no more can", c.weight))
			continue
		}
		c.wake()
	}
	return len(p), nil
}

func (s stdout) Writable() <-chan struct{} {
	if s.h.standing != nil {
		return conn{s.h.standing}.Writable()
	}
	return done
}

func (stdout) Read([]byte) (int, error)  { return 0, errDirection }
func (stdout) Readable() <-chan struct{} { return done }
func (stdout) Close() error              { return nil }
