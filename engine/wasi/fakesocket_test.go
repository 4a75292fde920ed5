package wasi

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// fakeConn is a connection whose other end is a [Buffer]'s.
type fakeConn struct {
	*Buffer
	id   uint64
	lost atomic.Bool // the connection is broken
}

func (c *fakeConn) ID() uint64        { return c.id }
func (c *fakeConn) CloseRead() error  { c.in.end(); return nil }
func (c *fakeConn) CloseWrite() error { c.out.end(); return nil }

func (c *fakeConn) Read(p []byte) (int, error) {
	n, err := c.Buffer.Read(p)
	if c.lost.Load() && n == 0 {
		return 0, ECONNRESET
	}
	return n, err
}

// lose breaks the connection.
func (c *fakeConn) lose() {
	c.lost.Store(true)
	c.Close()
}

// fakeListener has one connection to accept for each of ids.
type fakeListener struct {
	name    string
	mu      sync.Mutex
	ids     []uint64
	conns   map[uint64]*fakeConn
	waits   Gate
	refused bool
}

func newFakeListener(name string) *fakeListener {
	l := &fakeListener{name: name, conns: map[uint64]*fakeConn{}}
	l.waits.Set(false)
	return l
}

func (l *fakeListener) connect() *fakeConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &fakeConn{Buffer: NewBuffer(), id: uint64(len(l.conns) + 7)}
	l.conns[c.id] = c
	l.ids = append(l.ids, c.id)
	l.waits.Set(true)
	return c
}

func (l *fakeListener) Name() string { return l.name }
func (l *fakeListener) Refuse()      { l.refused = true }
func (l *fakeListener) Save() []byte { return []byte{byte(len(l.ids))} }

func (l *fakeListener) Acceptable() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waits.Wait()
}

func (l *fakeListener) Accept() (Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ids) == 0 {
		return nil, ErrAgain
	}
	id := l.ids[0]
	l.ids = l.ids[1:]
	l.waits.Set(len(l.ids) > 0)
	return l.conns[id], nil
}

func (l *fakeListener) Load(b []byte) error {
	if len(b) > 1 {
		return errors.New("malformed listener")
	}
	for range b {
		for range b[0] {
			l.connect()
		}
	}
	return nil
}

func (l *fakeListener) Restore(id uint64, saved []byte) (Conn, error) {
	c := &fakeConn{Buffer: NewBuffer(), id: id}
	l.conns[id] = c
	return c, c.Load(saved)
}

// drain returns what the guest has written on a connection, which must be there.
func (c *fakeConn) drain() string {
	b := make([]byte, StreamBuffer)
	n, err := c.Drain(b)
	if err != nil && !errors.Is(err, io.EOF) {
		return err.Error()
	}
	return string(b[:n])
}
