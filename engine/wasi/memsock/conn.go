package memsock

import (
	"encoding/binary"
	"io"
	"net/netip"

	"sojourn/engine/wasi"
)

// window is how many bytes the guest may write that the peer has not read.
const window = 16 << 10

// Peer is the far end of one connection. Read and Write are for one goroutine each.
type Peer struct {
	net *Network
	id  int
	to  netip.AddrPort // where the guest dialled, if it did

	input      []byte // all that the peer has sent,
	read       int    // how much of it the guest has read,
	inputEnd   bool   // and that there is no more
	output     []byte // all that the guest has sent,
	seen       int    // how much of it the peer has read,
	outputEnd  bool   // and that there is no more
	deaf, lost bool   // the guest throws away what comes; the connection is broken

	readable, writable *gate // for the guest
}

// Connect makes a connection that the guest can accept.
func (n *Network) Connect() *Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := &Peer{net: n, id: len(n.peers), lost: n.refused}
	p.readable = n.newGate(func() bool { return p.read < len(p.input) || p.inputEnd || p.deaf || p.lost })
	p.writable = n.newGate(func() bool { return len(p.output)-p.seen < window || p.outputEnd || p.lost })
	if !n.refused {
		n.peers = append(n.peers, p)
	}
	n.change()
	return p
}

// Read waits for bytes of the guest.
func (p *Peer) Read(b []byte) (int, error) {
	p.net.wait(func() bool { return p.seen < len(p.output) || p.outputEnd || p.lost })
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	n := copy(b, p.output[p.seen:])
	p.seen += n
	p.net.change()
	switch {
	case n > 0 || len(b) == 0:
		return n, nil
	case p.lost:
		return 0, wasi.ECONNRESET
	}
	return 0, io.EOF
}

// Write never waits.
func (p *Peer) Write(b []byte) (int, error) {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	if p.lost {
		return 0, wasi.ECONNRESET
	}
	p.input = append(p.input, b...)
	p.net.change()
	return len(b), nil
}

// CloseWrite ends what the guest reads.
func (p *Peer) CloseWrite() {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	p.inputEnd = true
	p.net.change()
}

// Break loses the connection, for both ends.
func (p *Peer) Break() {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	p.lost = true
	p.net.change()
}

// conn is the guest's end of a connection.
type conn struct {
	of   *listener
	peer *Peer
}

func (c *conn) ID() uint64 { return uint64(c.peer.id) }

// current panics when another end has taken this one's place: it is a fault of ours that
// a guest goes on where it has been given away.
func (c *conn) current() {
	if c.peer.net.owner != c.of {
		panic("memsock: the guest has gone on elsewhere")
	}
}

func (c *conn) Read(b []byte) (int, error) {
	p := c.peer
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	c.current()
	n := 0
	if !p.deaf {
		n = copy(b, p.input[p.read:])
		p.read += n
		p.net.change()
	}
	switch {
	case n > 0 || len(b) == 0:
		return n, nil
	case p.lost:
		return 0, wasi.ECONNRESET
	case p.inputEnd || p.deaf:
		return 0, io.EOF
	}
	return 0, wasi.ErrAgain
}

func (c *conn) Write(b []byte) (int, error) {
	p := c.peer
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	c.current()
	n := min(len(b), window-(len(p.output)-p.seen))
	switch {
	case p.lost:
		return 0, wasi.ECONNRESET
	case p.outputEnd:
		return 0, wasi.EPIPE
	case n <= 0 && len(b) > 0:
		return 0, wasi.ErrAgain
	}
	p.output = append(p.output, b[:n]...)
	p.net.change()
	return n, nil
}

func (c *conn) Readable() <-chan struct{} { return c.peer.net.await(c.peer.readable) }
func (c *conn) Writable() <-chan struct{} { return c.peer.net.await(c.peer.writable) }

func (c *conn) Buffered() int {
	c.peer.net.mu.Lock()
	defer c.peer.net.mu.Unlock()
	return len(c.peer.input) - c.peer.read
}

func (c *conn) CloseRead() error {
	c.peer.net.mu.Lock()
	defer c.peer.net.mu.Unlock()
	c.peer.deaf = true
	c.peer.net.change()
	return nil
}

func (c *conn) CloseWrite() error {
	c.peer.net.mu.Lock()
	defer c.peer.net.mu.Unlock()
	c.peer.outputEnd = true
	c.peer.net.change()
	return nil
}

func (c *conn) Close() error {
	_ = c.CloseRead()
	return c.CloseWrite()
}

func (c *conn) Load([]byte) error { return nil }

// Save writes down how much the guest has read and written.
func (c *conn) Save() []byte {
	c.peer.net.mu.Lock()
	defer c.peer.net.mu.Unlock()
	b := binary.AppendUvarint(nil, uint64(c.peer.read))
	return binary.AppendUvarint(b, uint64(len(c.peer.output)))
}

func (c *conn) Addrs() (local, remote netip.AddrPort) {
	at := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	return netip.AddrPortFrom(at, 80), netip.AddrPortFrom(at, uint16(40000+c.peer.id))
}
