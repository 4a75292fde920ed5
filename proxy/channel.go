package proxy

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/proxy/wire"
)

const channelProtocol = "sojourn.handover.v1"

// channel is the source's end of a migration channel.
type channel struct {
	*wire.Conn
	caps     uint32 // of both sides
	lacks    []byte // payload of Reserved
	replies  chan reply
	compiled chan struct{} // closed when the target says so
	dead     chan struct{} // closed when nothing more comes
	wg       sync.WaitGroup

	mu      sync.Mutex
	failure error
	acked   uint32
	more    chan struct{} // closed and replaced at each acknowledgement
}

type reply struct {
	kind    wire.Kind
	payload []byte
}

// refusal is a target that will not take the guest.
type refusal struct{ reason string }

func (r *refusal) Error() string { return "the target refuses: " + r.reason }

// dial opens a channel and agrees on a version.
func (n *Node) dial(ctx context.Context, to string) (*channel, error) {
	h := http.Header{}
	if n.cfg.Token != "" {
		h.Set("Authorization", "Bearer "+n.cfg.Token)
	}
	d := websocket.Dialer{TLSClientConfig: n.cfg.PeerTLS, HandshakeTimeout: dialLimit, Subprotocols: []string{channelProtocol},
		ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10}
	ws, res, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(strings.TrimRight(to, "/"), "http")+"/v1/handover", h)
	if err != nil {
		if res != nil {
			_ = res.Body.Close()
			err = fmt.Errorf("%w: %s", err, res.Status)
		}
		return nil, fmt.Errorf("dial target %s: %w", to, err)
	}
	c := &channel{Conn: wire.NewConn(ws), replies: make(chan reply, 8), compiled: make(chan struct{}),
		dead: make(chan struct{}), more: make(chan struct{})}
	c.wg.Go(c.listen)
	if _, err := c.Send(wire.Hello, wire.AppendHello(nil, wire.Oldest, wire.Version, wire.Capabilities)); err != nil {
		c.close()
		return nil, err
	}
	b, err := c.await(ctx, replyLimit, wire.Welcome)
	if err == nil {
		_, c.caps, err = wire.Agree(b)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// listen sorts what the target sends, until the connection ends.
func (c *channel) listen() {
	defer close(c.dead)
	compiled := false
	for {
		k, _, b, err := c.Receive()
		if err != nil {
			c.fail(err)
			return
		}
		switch k {
		case wire.Ack:
			if len(b) == 4 {
				c.ack(binary.LittleEndian.Uint32(b))
			}
		case wire.Compiled:
			if !compiled {
				close(c.compiled)
			}
			compiled = true
		case wire.Failed:
			c.fail(fmt.Errorf("the target failed: %s", b))
			return
		default:
			select {
			case c.replies <- reply{k, b}:
			default:
				c.fail(fmt.Errorf("%w: kind %d that nobody waits for", wire.ErrFrame, k))
				return
			}
		}
	}
}

func (c *channel) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = err
	}
}

func (c *channel) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

func (c *channel) ack(seq uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acked = max(c.acked, seq)
	close(c.more)
	c.more = make(chan struct{})
}

// await returns the payload of the next reply, which must be of one kind.
func (c *channel) await(ctx context.Context, limit time.Duration, want wire.Kind) ([]byte, error) {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case r := <-c.replies:
		return r.as(want)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-t.C:
		return nil, fmt.Errorf("the target said nothing for %v", limit)
	case <-c.dead:
	}
	select {
	case r := <-c.replies: // it came before the end
		return r.as(want)
	default:
		return nil, c.err()
	}
}

func (r reply) as(want wire.Kind) ([]byte, error) {
	switch r.kind {
	case want:
		return r.payload, nil
	case wire.Refused:
		return nil, &refusal{string(r.payload)}
	}
	return nil, fmt.Errorf("%w: kind %d, %d is due", wire.ErrFrame, r.kind, want)
}

// sendData sends a frame that is acknowledged, when the window has room.
func (c *channel) sendData(ctx context.Context, k wire.Kind, payload []byte, sent uint32) (uint32, error) {
	if sent > window {
		if err := c.settle(ctx, sent-window); err != nil {
			return 0, err
		}
	}
	return c.Send(k, payload)
}

// settle waits until the frame with this number is acknowledged.
func (c *channel) settle(ctx context.Context, seq uint32) error {
	for {
		c.mu.Lock()
		acked, more := c.acked, c.more
		c.mu.Unlock()
		if acked >= seq {
			return nil
		}
		select {
		case <-more:
		case <-c.dead:
			return c.err()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// sendAll sends b in pieces and waits until all are acknowledged.
func (c *channel) sendAll(ctx context.Context, k wire.Kind, b []byte) error {
	var seq uint32
	for len(b) > 0 {
		n := min(len(b), wire.MaxData)
		var err error
		if seq, err = c.sendData(ctx, k, b[:n], seq); err != nil {
			return err
		}
		b = b[n:]
	}
	return c.settle(ctx, seq)
}

func (c *channel) close() {
	_ = c.Conn.Close()
	c.wg.Wait()
}
