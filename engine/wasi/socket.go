package wasi

import (
	"errors"
	"fmt"
	"io"

	"sojourn/interp"
)

// socket is the [Stream] of a descriptor that is, or is to become, a connection. What
// was looked at ahead of the guest's reading is kept here, so that a [Conn] needs no
// way to look.
type socket struct {
	conn   Conn   // nil before sock_connect
	from   string // the listener that it was accepted from; "" for one of sock_open
	family byte   // of sock_open
	untold bool   // what has become of a sock_connect has not been returned yet
	peeked []byte // read from conn, not by the guest
	got    int    // bytes that an interrupted sock_recv with WAITALL has stored
}

// connected returns nil for a connection that can carry bytes, or can no longer.
func (s *socket) connected() error {
	if s.conn == nil {
		return ENOTCONN
	}
	if d, ok := s.conn.(Dialled); ok {
		return d.Connected()
	}
	return nil
}

func (s *socket) Read(p []byte) (int, error) {
	if err := s.connected(); err != nil {
		return 0, err
	}
	n := copy(p, s.peeked)
	s.peeked = s.peeked[n:]
	if len(s.peeked) == 0 {
		s.peeked = nil
	}
	if n > 0 && n == len(p) {
		return n, nil
	}
	more, err := s.conn.Read(p[n:])
	if n > 0 {
		err = nil // a connection says again what has become of it
	}
	return n + more, err
}

func (s *socket) Write(p []byte) (int, error) {
	if err := s.connected(); err != nil {
		return 0, err
	}
	return s.conn.Write(p)
}

// peek looks at no more than n bytes ahead, as many as there are: with none, the error
// of a read.
func (s *socket) peek(n int) ([]byte, error) {
	if err := s.connected(); err != nil {
		return nil, err
	}
	n = min(n, maxPeek)
	var err error
	for len(s.peeked) < n && err == nil {
		b := make([]byte, n-len(s.peeked))
		var got int
		got, err = s.conn.Read(b)
		s.peeked = append(s.peeked, b[:got]...)
	}
	if len(s.peeked) > 0 {
		err = nil
	}
	return s.peeked[:min(n, len(s.peeked))], err
}

// hungUp reports, of a socket that can be read, whether the peer will send nothing that
// the guest has not read. It is said of reading only: in wasi-libc a POLLHUP takes
// POLLOUT away, and a peer that has ended its own direction may still listen.
func (s *socket) hungUp() bool {
	_, err := s.peek(1)
	return err != nil && !errors.Is(err, ErrAgain)
}

// name says what the socket is, in words for errors.
func (s *socket) name() string {
	switch {
	case s.conn == nil:
		return "socket that is not connected"
	case s.from == "":
		return fmt.Sprintf("outward connection %d", s.conn.ID())
	}
	return fmt.Sprintf("connection %d of listener %q", s.conn.ID(), s.from)
}

func (s *socket) Readable() <-chan struct{} {
	switch err := s.connected(); {
	case errors.Is(err, ErrAgain):
		return s.conn.Writable() // nothing comes before the connection is made
	case err != nil || len(s.peeked) > 0:
		return always
	}
	return s.conn.Readable()
}

func (s *socket) Writable() <-chan struct{} {
	if s.conn == nil {
		return always
	}
	return s.conn.Writable()
}

func (s *socket) Buffered() int {
	n := len(s.peeked)
	if b, ok := s.conn.(Buffered); ok {
		n += b.Buffered()
	}
	return n
}

func (s *socket) Save() []byte      { return s.conn.Save() }
func (s *socket) Load([]byte) error { return nil }

func (s *socket) Close() error {
	s.peeked = nil
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}

// listening is the [Stream] of a descriptor that listens: it carries no bytes, and is
// readable when a connection waits.
type listening struct{ Listener }

func (listening) Read([]byte) (int, error)    { return 0, ENOTCONN }
func (listening) Write([]byte) (int, error)   { return 0, ENOTCONN }
func (l listening) Readable() <-chan struct{} { return l.Acceptable() }
func (listening) Writable() <-chan struct{}   { return nil }

// Close refuses whoever comes: the listener itself is its maker's.
func (l listening) Close() error {
	if r, ok := l.Listener.(Refuser); ok {
		r.Refuse()
	}
	return nil
}

// newListening returns the descriptor of a listener.
func newListening(l Listener) *descriptor {
	return &descriptor{kind: kindListener, stream: listening{l}, base: listenRights, inheriting: connRights}
}

func newSocket(s *socket) *descriptor {
	return &descriptor{kind: kindSocket, stream: s, base: connRights}
}

// socket returns the connection that parameter 0 names: ENOTSOCK for what is no
// socket, ENOTCONN for a listener.
func (c *call) socket(need Rights) (*descriptor, *socket, error) {
	d, err := c.w.table.get(c.u32(0))
	switch {
	case err != nil:
		return nil, nil, err
	case d.kind == kindListener:
		return nil, nil, ENOTCONN
	case d.kind != kindSocket:
		return nil, nil, ENOTSOCK
	case d.base&need != need:
		return nil, nil, ENOTCAPABLE
	}
	return d, d.stream.(*socket), nil
}

// sockAccept may wait. It stores the descriptor of a new connection.
func sockAccept(c *call) error { return c.accept(c.u32(1), c.u32(2)) }

func (c *call) accept(flags, out uint32) error {
	d, err := c.w.table.get(c.u32(0))
	switch {
	case err != nil:
		return err
	case d.kind == kindSocket:
		return EINVAL
	case d.kind != kindListener:
		return ENOTSOCK
	case d.base&RightSockAccept == 0:
		return ENOTCAPABLE
	case flags&^flagNonblock != 0:
		return EINVAL
	}
	if _, err := c.mem.bytes(out, 4); err != nil {
		return err
	}
	if err := c.w.table.full(); err != nil {
		return err
	}
	l := d.stream.(listening).Listener
	c.w.used[l.Name()] = true
	conn, err := l.Accept()
	for errors.Is(err, ErrAgain) {
		if err := c.wait(d, l.Acceptable()); err != nil {
			return err
		}
		conn, err = l.Accept()
	}
	if err != nil {
		return err
	}
	s := newSocket(&socket{conn: conn, from: l.Name()})
	s.flags, s.base = uint16(flags), d.inheriting&connRights
	fd, err := c.w.table.add(s)
	if err != nil {
		return err
	}
	return c.mem.putU32(out, fd)
}

// Flags of sock_recv (type riflags of preview 1). Of roflags there is one, for
// datagrams that were cut off.
const (
	recvPeek    = 1 << 0
	recvWaitAll = 1 << 1
)

// sockRecv may wait. It stores the bytes received and roflags u16, which are 0.
func sockRecv(c *call) error {
	d, s, err := c.socket(RightFdRead)
	if err != nil {
		return err
	}
	flags := c.u32(3)
	if flags&^(recvPeek|recvWaitAll) != 0 {
		return EINVAL
	}
	bufs, err := c.mem.vectors(c.u32(1), c.u32(2))
	if err != nil {
		return err
	}
	out, err := c.mem.bytes(c.u32(5), 2)
	if err != nil {
		return err
	}
	err = c.count(4, func() (int, error) { return c.receive(d, s, withRoom(bufs), flags) })
	if err == nil {
		clear(out)
	}
	return err
}

func (c *call) receive(d *descriptor, s *socket, bufs [][]byte, flags uint32) (int, error) {
	switch {
	case flags&recvPeek != 0:
		return c.look(d, s, bufs, flags&recvWaitAll != 0)
	case flags&recvWaitAll != 0:
		return c.readAll(d, s, bufs)
	}
	return c.readStream(d, bufs)
}

// look is a sock_recv with PEEK: of at most [maxPeek] bytes.
func (c *call) look(d *descriptor, s *socket, bufs [][]byte, all bool) (int, error) {
	want := 0
	for _, b := range bufs {
		want += len(b)
	}
	want = min(want, maxPeek)
	least := 1
	if all {
		least = want
	}
	for {
		seen, err := s.peek(want)
		if len(seen) >= min(least, want) || len(seen) > 0 && s.ended() {
			n := 0
			for _, b := range bufs {
				n += copy(b, seen[n:])
			}
			return n, nil
		}
		if err == io.EOF {
			return 0, nil
		}
		if err != nil && !errors.Is(err, ErrAgain) {
			return 0, err
		}
		if err := c.wait(d, s.more()); err != nil {
			return 0, err
		}
	}
}

// ended reports whether the connection gives nothing beyond what was looked at. It may
// look at a byte more.
func (s *socket) ended() bool {
	var b [1]byte
	n, err := s.conn.Read(b[:])
	s.peeked = append(s.peeked, b[:n]...)
	return n == 0 && err != nil && !errors.Is(err, ErrAgain)
}

// more returns a channel that is closed when there is more than what was looked at.
func (s *socket) more() <-chan struct{} {
	if s.connected() != nil {
		return s.Readable()
	}
	return s.conn.Readable()
}

// readAll is a sock_recv with WAITALL. When it is interrupted, what it has stored stays
// in the guest's memory, and the same call, issued again, goes on behind it.
func (c *call) readAll(d *descriptor, s *socket, bufs [][]byte) (int, error) {
	got, n := s.got, 0
	s.got = 0
	for _, b := range bufs {
		for i := min(len(b), max(0, got-n)); i < len(b); {
			m, err := s.Read(b[i:])
			i, got = i+m, got+m
			switch {
			case err == io.EOF:
				return got, nil
			case err != nil && !errors.Is(err, ErrAgain):
				return got, err
			case m > 0:
				continue
			}
			if err := c.wait(d, s.Readable()); err != nil {
				if errors.Is(err, interp.ErrRestart) {
					s.got = got
					return 0, err
				}
				return got, err
			}
		}
		n += len(b)
	}
	return min(got, n), nil
}

// sockSend is fd_write, for sockets only: preview 1 has no flags of it.
func sockSend(c *call) error {
	d, _, err := c.socket(RightFdWrite)
	if err != nil {
		return err
	}
	if c.u32(3) != 0 {
		return EINVAL
	}
	bufs, err := c.mem.vectors(c.u32(1), c.u32(2))
	if err != nil {
		return err
	}
	return c.count(4, func() (int, error) { return c.writeStream(d, bufs) })
}

// What sock_shutdown ends (type sdflags of preview 1).
const (
	shutRead  = 1 << 0
	shutWrite = 1 << 1
)

func sockShutdown(c *call) error {
	_, s, err := c.socket(RightSockShutdown)
	if err != nil {
		return err
	}
	how := c.u32(1)
	if how == 0 || how&^(shutRead|shutWrite) != 0 {
		return EINVAL
	}
	if s.connected() != nil {
		return ENOTCONN
	}
	if how&shutRead != 0 {
		s.peeked = nil
		err = s.conn.CloseRead()
	}
	if how&shutWrite != 0 {
		err = errors.Join(err, s.conn.CloseWrite())
	}
	return err
}
