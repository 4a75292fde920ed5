package session

import (
	"cmp"
	"io"
	"maps"
	"slices"

	"sojourn/engine/wasi"
	"sojourn/proxy/session/frame"
)

const (
	expired = frame.Expired
	ended   = frame.GuestEnded
)

// done is closed.
var done = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// ordered returns the sessions by number. The caller holds mu.
func (h *Hub) ordered() []*session {
	return slices.SortedFunc(maps.Values(h.sessions), func(a, b *session) int { return cmp.Compare(a.Number, b.Number) })
}

// Accept gives the guest the session that has waited for longest.
func (h *Hub) Accept() (wasi.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		return nil, wasi.ErrAgain
	}
	s := h.queue[0]
	h.queue = h.queue[1:]
	s.Accepted = true
	h.settle()
	return conn{s}, nil
}

// Acceptable returns a channel that is closed once a session waits.
func (h *Hub) Acceptable() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.arrived.Wait()
}

// Refuse ends the sessions that the guest has not accepted, and takes no others.
func (h *Hub) Refuse() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuse = true
	refused := h.queue
	h.queue = nil
	for _, s := range refused {
		s.end(resetf(frame.NotFound, "the guest has stopped listening at %q", h.cfg.Name))
	}
}

// conn is a session as a connection of the guest's.
type conn struct{ *session }

func (c conn) ID() uint64 { return c.Number }

// do runs f on the session, and tells who waits for it when f says so.
func (c conn) do(f func() bool) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if f() {
		c.session.wake()
	}
}

// Read takes what clients have sent.
func (c conn) Read(p []byte) (n int, err error) {
	c.do(func() bool {
		var over bool
		switch n, over = c.read(p); {
		case n > 0 || len(p) == 0:
		case c.Broken:
			err = wasi.ECONNRESET
		case over || c.Deaf:
			err = io.EOF
		default:
			err = wasi.ErrAgain
		}
		return n > 0
	})
	return n, err
}

// Write takes what there is room for.
func (c conn) Write(p []byte) (n int, err error) {
	c.do(func() bool {
		switch {
		case c.Broken:
			err = wasi.ECONNRESET
		case c.OutEnd != nil:
			err = wasi.EPIPE
		case len(p) == 0:
		case !c.writable():
			err = wasi.ErrAgain
		default:
			n = c.write(p)
		}
		return n > 0
	})
	return n, err
}

func (c conn) Readable() (ch <-chan struct{}) {
	c.do(func() bool { ch = c.in.Wait(); return false })
	return ch
}

func (c conn) Writable() (ch <-chan struct{}) {
	c.do(func() bool { ch = c.out.Wait(); return false })
	return ch
}

// Buffered is at least 1 when there is anything.
func (c conn) Buffered() (n int) {
	c.do(func() bool {
		n = len(c.Bytes) + size(c.Inbox)
		return false
	})
	return n
}

func (c conn) CloseRead() error {
	c.do(func() bool { c.deafen(); return true })
	return nil
}

func (c conn) CloseWrite() error {
	c.do(func() bool { c.finish(frame.Done, ""); return true })
	return nil
}

// Close is the guest's: what it has written is still delivered.
func (c conn) Close() error {
	c.do(func() bool {
		c.Closed = true
		c.deafen()
		c.finish(frame.Done, "")
		if !c.attached {
			c.start()
		}
		return true
	})
	return nil
}

// Load is not used: see [Hub.Restore].
func (c conn) Load([]byte) error { return nil }
