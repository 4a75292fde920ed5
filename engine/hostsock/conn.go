package hostsock

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"sojourn/engine/wasi"
)

const (
	// deliverWithin is how long Close waits for peers to take what guests wrote.
	deliverWithin = 5 * time.Second

	// takeWithin is how long a peer may take for what was written before the guest closed
	// the connection: nobody else bounds those that are slow on purpose.
	takeWithin = 2 * time.Minute

	chunk = 16 << 10 // bytes moved at once
)

// conn is the guest's end of a TCP connection: two bounded buffers, which a goroutine
// each fills from the socket and empties into it.
type conn struct {
	*wasi.Buffer
	id   uint64
	tcp  *net.TCPConn // nil for one that is lost
	lost atomic.Bool
	shut atomic.Bool // the guest has closed it, or has ended
	work sync.WaitGroup
	done chan struct{} // closed when all is delivered, and the socket closed
}

// newConn takes over tcp.
func newConn(id uint64, tcp *net.TCPConn) *conn {
	c := &conn{Buffer: wasi.NewBuffer(), id: id, tcp: tcp, done: make(chan struct{})}
	c.work.Go(c.fill)
	c.work.Go(c.empty)
	go func() {
		c.work.Wait()
		_ = tcp.Close() // both directions have ended
		close(c.done)
	}()
	return c
}

// lostConn is a connection that the guest had before it was loaded.
func lostConn(id uint64) *conn {
	c := &conn{Buffer: wasi.NewBuffer(), id: id, done: make(chan struct{})}
	c.lose()
	close(c.done)
	return c
}

func (c *conn) ID() uint64 { return c.id }

// fill moves what the peer sends into the buffer. What comes after the guest has closed
// that direction is thrown away.
func (c *conn) fill() {
	b := make([]byte, chunk)
	for {
		n, err := c.tcp.Read(b)
		for p := b[:n]; len(p) > 0; {
			m, err := c.Feed(p)
			p = p[m:]
			if errors.Is(err, wasi.ErrAgain) {
				<-c.Feedable()
			} else if err != nil {
				break
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			c.CloseInput()
			return
		case err != nil:
			if !c.shut.Load() { // or else what is written is still delivered
				c.lose()
			}
			return
		}
	}
}

// empty moves what the guest writes to the peer.
func (c *conn) empty() {
	b := make([]byte, chunk)
	for {
		n, err := c.Drain(b)
		if n > 0 {
			if _, err := c.tcp.Write(b[:n]); err != nil {
				c.lose()
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = c.tcp.CloseWrite()
			return
		case errors.Is(err, wasi.ErrAgain):
			<-c.Drainable()
		}
	}
}

// lose breaks the connection.
func (c *conn) lose() {
	c.lost.Store(true)
	_ = c.Buffer.Close()
	if c.tcp != nil {
		_ = c.tcp.SetDeadline(time.Unix(1, 0)) // ends the other goroutine
	}
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Buffer.Read(p)
	if errors.Is(err, io.EOF) && c.lost.Load() {
		err = wasi.ECONNRESET
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	if !c.lost.Load() {
		n, err := c.Buffer.Write(p)
		if !errors.Is(err, io.ErrClosedPipe) {
			return n, err
		}
	}
	if c.lost.Load() {
		return 0, wasi.ECONNRESET
	}
	return 0, wasi.EPIPE
}

func (c *conn) CloseRead() error  { c.CloseInput(); return nil }
func (c *conn) CloseWrite() error { c.CloseOutput(); return nil }

// Close delivers what the guest wrote, in the background, and gives the peer some time
// to end.
func (c *conn) Close() error {
	c.shut.Store(true)
	_ = c.Buffer.Close()
	if c.tcp != nil {
		_ = c.tcp.SetReadDeadline(time.Now().Add(deliverWithin))
		_ = c.tcp.SetWriteDeadline(time.Now().Add(takeWithin))
	}
	return nil
}

// Save writes down nothing: see the package's comment.
func (c *conn) Save() []byte      { return nil }
func (c *conn) Load([]byte) error { return nil }

func (c *conn) Addrs() (local, remote netip.AddrPort) {
	if c.tcp == nil {
		return local, remote
	}
	return addrPort(c.tcp.LocalAddr()), addrPort(c.tcp.RemoteAddr())
}

func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := t.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// finish closes the connection when its guest has ended: what is still to be sent is
// given until a time.
func (c *conn) finish(until time.Time) {
	c.shut.Store(true)
	_ = c.Buffer.Close()
	if c.tcp != nil {
		_ = c.tcp.SetReadDeadline(time.Unix(1, 0))
		_ = c.tcp.SetWriteDeadline(until)
	}
	<-c.done
}
