package proxy

import (
	"context"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// maxUnread bounds connections whose request has not come yet.
const maxUnread = 1024

// turnstile admits so many at a time.
type turnstile struct {
	most int64
	in   atomic.Int64
}

func (t *turnstile) enter() bool {
	if t.in.Add(1) > t.most {
		t.in.Add(-1)
		return false
	}
	return true
}

// once returns what leaves, the first time that it is called.
func (t *turnstile) once() func() { return sync.OnceFunc(func() { t.in.Add(-1) }) }

// hall is the door of the house: connections wait in it until their first request is there. More
// than maxUnread are closed at once, so that those who say nothing cannot use up memory.
// One that is idle after a request waits in it again.
type hall struct {
	net.Listener
	turns turnstile
}

// visitor is a connection in the hall.
type visitor struct {
	net.Conn
	turns *turnstile
	waits atomic.Bool
}

func (h *hall) Accept() (net.Conn, error) {
	for {
		c, err := h.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if h.turns.enter() {
			v := &visitor{Conn: c, turns: &h.turns}
			v.waits.Store(true)
			return v, nil
		}
		_ = c.Close()
	}
}

func (v *visitor) left() {
	if v.waits.CompareAndSwap(true, false) {
		v.turns.in.Add(-1)
	}
}

// idles takes a connection back to where it waits for its next request, if there is room.
func idles(c net.Conn, state http.ConnState) {
	v, ok := bare(c).(*visitor)
	if !ok || state != http.StateIdle {
		return
	}
	if !v.turns.enter() {
		_ = c.Close()
		return
	}
	v.waits.Store(true)
}

// bare is the connection below TLS.
func bare(c net.Conn) net.Conn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c
}

func (v *visitor) Close() error {
	v.left()
	return v.Conn.Close()
}

type visitorKey struct{}

// visiting remembers a connection for its requests.
func visiting(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, visitorKey{}, bare(c))
}

// arrived is a connection whose request is there.
func arrived(r *http.Request) {
	if v, ok := r.Context().Value(visitorKey{}).(*visitor); ok {
		v.left()
	}
}

// authorized says that the request itself shows the node's token.
func (n *Node) authorized(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return n.cfg.Token == "" || ok && subtle.ConstantTimeCompare([]byte(given), []byte(n.cfg.Token)) == 1
}

// welcomeFrom says that a page of this origin may speak to the node; a program has none.
func (n *Node) welcomeFrom(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(n.cfg.AllowOrigins, origin) || slices.Contains(n.cfg.AllowOrigins, "*") {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}
