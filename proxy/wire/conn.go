package wire

import (
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	writeLimit = 30 * time.Second // for one frame to be taken by the network
	pingEvery  = 5 * time.Second
	deadAfter  = 30 * time.Second // without a sign of life
)

// Conn is one end of the channel. Send may be called from any goroutine,
// Receive from one.
type Conn struct {
	ws   *websocket.Conn
	mu   sync.Mutex // one writer a connection
	sent uint32
	got  uint32
	n    int64
	buf  []byte
	stop chan struct{}
	once sync.Once
	wg   sync.WaitGroup
}

// NewConn takes over a connection.
func NewConn(ws *websocket.Conn) *Conn {
	c := &Conn{ws: ws, stop: make(chan struct{})}
	ws.SetReadLimit(MaxFrame)
	c.alive()
	ws.SetPongHandler(func(string) error { c.alive(); return nil })
	pong := ws.PingHandler()
	ws.SetPingHandler(func(m string) error { c.alive(); return pong(m) })
	c.wg.Go(c.ping)
	return c
}

func (c *Conn) alive() { _ = c.ws.SetReadDeadline(time.Now().Add(deadAfter)) }

func (c *Conn) ping() {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeLimit))
		case <-c.stop:
			return
		}
	}
}

// Send writes one frame and returns its number.
func (c *Conn) Send(k Kind, payload []byte) (uint32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent++
	c.buf = Append(c.buf[:0], k, c.sent, payload)
	c.n += int64(len(c.buf))
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeLimit))
	if err := c.ws.WriteMessage(websocket.BinaryMessage, c.buf); err != nil {
		return 0, fmt.Errorf("migration channel: send: %w", err)
	}
	return c.sent, nil
}

// Sent returns the number of bytes of the frames sent so far.
func (c *Conn) Sent() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// Receive reads one frame. The payload is the caller's.
func (c *Conn) Receive() (Kind, uint32, []byte, error) {
	t, b, err := c.ws.ReadMessage()
	if err != nil {
		return 0, 0, nil, fmt.Errorf("migration channel: receive: %w", err)
	}
	if t != websocket.BinaryMessage {
		return 0, 0, nil, fmt.Errorf("%w: a text message", ErrFrame)
	}
	c.alive()
	k, seq, payload, err := Parse(b)
	if err != nil {
		return 0, 0, nil, err
	}
	if c.got++; seq != c.got {
		return 0, 0, nil, fmt.Errorf("%w: number %d, %d is due", ErrFrame, seq, c.got)
	}
	return k, seq, payload, nil
}

// Close ends the connection and waits for the pings to end.
func (c *Conn) Close() error {
	var err error
	c.once.Do(func() {
		close(c.stop)
		err = c.ws.Close()
	})
	c.wg.Wait()
	return err
}
