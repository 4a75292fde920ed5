package pipe

import (
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// NewLink returns both ends of a link within one process.
func NewLink() (Link, Link) {
	ab, ba := make(chan []byte, 4), make(chan []byte, 4)
	end := &ending{c: make(chan struct{})}
	return &local{ab, ba, end}, &local{ba, ab, end}
}

type ending struct {
	once sync.Once
	c    chan struct{}
}

type local struct {
	out chan<- []byte
	in  <-chan []byte
	end *ending
}

// Read returns what was written before the link was closed, too.
func (l *local) Read() ([]byte, error) {
	select {
	case b := <-l.in:
		return b, nil
	default:
	}
	select {
	case b := <-l.in:
		return b, nil
	case <-l.end.c:
	}
	select {
	case b := <-l.in:
		return b, nil
	default:
		return nil, io.EOF
	}
}

func (l *local) Write(b []byte) error {
	select {
	case <-l.end.c:
		return io.ErrClosedPipe
	default:
	}
	select {
	case l.out <- b:
		return nil
	case <-l.end.c:
		return io.ErrClosedPipe
	}
}

func (l *local) Close() error {
	l.end.once.Do(func() { close(l.end.c) })
	return nil
}

const (
	writeLimit = 20 * time.Second // for one frame to be taken by the network
	pingEvery  = 5 * time.Second
	deadAfter  = 20 * time.Second // without a sign of life
)

// Socket is a link over a WebSocket. It pings, and takes a peer that is silent
// for 20 s for dead.
type Socket struct {
	c    *websocket.Conn
	stop chan struct{}
	once sync.Once
	wg   sync.WaitGroup
}

// NewSocket takes over the connection.
func NewSocket(c *websocket.Conn) *Socket {
	s := &Socket{c: c, stop: make(chan struct{})}
	c.SetReadLimit(MaxFrame)
	alive := func() { _ = c.SetReadDeadline(time.Now().Add(deadAfter)) }
	alive()
	c.SetPongHandler(func(string) error { alive(); return nil })
	ping := c.PingHandler()
	c.SetPingHandler(func(m string) error { alive(); return ping(m) })
	s.wg.Go(s.ping)
	return s
}

func (s *Socket) ping() {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			_ = s.c.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeLimit))
		case <-s.stop:
			return
		}
	}
}

func (s *Socket) Read() ([]byte, error) {
	_, b, err := s.c.ReadMessage()
	return b, err
}

func (s *Socket) Write(b []byte) error {
	_ = s.c.SetWriteDeadline(time.Now().Add(writeLimit))
	return s.c.WriteMessage(websocket.BinaryMessage, b)
}

// Close waits for the pings to end.
func (s *Socket) Close() error {
	var err error
	s.once.Do(func() {
		close(s.stop)
		_ = s.c.WriteControl(websocket.CloseMessage, nil, time.Now().Add(time.Second))
		err = s.c.Close()
	})
	s.wg.Wait()
	return err
}
