package client

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const maxPiece = 64 << 10 // bytes of one message of a Conn

// Conn is a session in raw mode as a net.Conn.
type Conn struct {
	s    *Session
	left []byte // of the last message
	r, w deadline
}

// NewConn makes a connection of a session in raw mode, which belongs to it then.
func NewConn(s *Session) *Conn {
	return &Conn{s: s, r: deadline{c: make(chan struct{})}, w: deadline{c: make(chan struct{})}}
}

// DialConn is Dial and NewConn.
func DialConn(ctx context.Context, opt Options) (*Conn, error) {
	if opt.Mode == Default {
		opt.Mode = Raw
	}
	s, err := Dial(ctx, opt)
	if err != nil {
		return nil, err
	}
	return NewConn(s), nil
}

// Session is the session that the connection is.
func (c *Conn) Session() *Session { return c.s }

func expired() error { return os.ErrDeadlineExceeded }

// Read has one caller at a time.
func (c *Conn) Read(p []byte) (int, error) {
	for len(c.left) == 0 {
		if len(p) == 0 {
			return 0, nil
		}
		msg, err := c.s.receive(c.r.passed(), expired)
		if err != nil {
			return 0, c.wrap("read", err)
		}
		c.left = msg.Data
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	return n, nil
}

// Write returns once all of p will arrive unless the session is reset.
func (c *Conn) Write(p []byte) (int, error) {
	for sent := 0; ; {
		n := min(len(p)-sent, maxPiece, c.s.MaxMessage())
		if n == 0 {
			return sent, nil
		}
		piece := append([]byte(nil), p[sent:sent+n]...)
		if err := c.s.send(c.w.passed(), expired, Message{Binary, piece}); err != nil {
			return sent, c.wrap("write", err)
		}
		sent += n
	}
}

// wrap says it as the network's connections do.
func (c *Conn) wrap(op string, err error) error {
	var re *ResetError
	var exit *ExitError
	switch {
	case err == io.EOF, errors.As(err, &exit):
		return io.EOF
	case errors.Is(err, ErrClosed):
		err = net.ErrClosed
	case errors.Is(err, ErrBroken):
		err = syscall.ECONNRESET
	case errors.As(err, &re):
		err = errors.Join(syscall.ECONNRESET, err)
	}
	return &net.OpError{Op: op, Net: c.LocalAddr().Network(), Addr: c.RemoteAddr(), Err: err}
}

// CloseWrite ends our direction: the guest reads end of file behind what was written.
func (c *Conn) CloseWrite() error {
	c.s.CloseSend()
	return nil
}

// Abort ends the connection at once: the guest's is lost.
func (c *Conn) Abort() { c.s.Abort() }

// Close returns when what was written has arrived, or had its time to.
func (c *Conn) Close() error { return c.s.Close() }

// Addr names an end of a session.
type Addr struct{ Guest, Listener string }

// Network is "sojourn".
func (Addr) Network() string  { return "sojourn" }
func (a Addr) String() string { return a.Guest + "/" + a.Listener }

// LocalAddr has no more to say than RemoteAddr.
func (c *Conn) LocalAddr() net.Addr { return c.RemoteAddr() }

// RemoteAddr is the guest and its listener, as [Addr].
func (c *Conn) RemoteAddr() net.Addr { return Addr{c.s.opt.Guest, c.s.opt.Listener} }

// SetDeadline is of Read and Write, in progress or to come.
func (c *Conn) SetDeadline(t time.Time) error {
	c.r.set(t)
	c.w.set(t)
	return nil
}

// SetReadDeadline is of Read.
func (c *Conn) SetReadDeadline(t time.Time) error { c.r.set(t); return nil }

// SetWriteDeadline is of Write.
func (c *Conn) SetWriteDeadline(t time.Time) error { c.w.set(t); return nil }

// deadline is a channel that is closed when a time has come.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	c     chan struct{}
}

func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.c
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	select {
	case <-d.c:
		d.c = make(chan struct{})
	default:
	}
	if t.IsZero() {
		return
	}
	c := d.c
	if wait := time.Until(t); wait > 0 {
		d.timer = time.AfterFunc(wait, func() { d.close(c) })
		return
	}
	close(c)
}

// close is of a timer that may have been stopped too late.
func (d *deadline) close(c chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c == d.c && d.timer != nil {
		d.timer = nil
		close(c)
	}
}
