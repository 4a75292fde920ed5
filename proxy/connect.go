package proxy

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/proxy/api"
	"sojourn/proxy/client"
	"sojourn/proxy/session"
	"sojourn/proxy/session/frame"
)

const (
	maxHalfOpen    = 1024 // handshakes of sessions at a time
	handshakeLimit = 10 * time.Second
	maxFirst       = 8 << 10 // bytes of a first frame: nobody has shown yet that it may say more
	maxHops        = 8       // nodes that are asked one after the other where a guest is
)

// serveConnect is the endpoint of sessions, and of plain clients of listeners.
func (n *Node) serveConnect(w http.ResponseWriter, r *http.Request) {
	if !slices.Contains(websocket.Subprotocols(r), client.Protocol) {
		n.servePlain(w, r)
		return
	}
	if !n.halfOpen.enter() {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many handshakes are under way; try again", http.StatusTooManyRequests)
		return
	}
	left := n.halfOpen.once()
	defer left()
	ws, err := n.upgrade(w, r, client.Protocol)
	if err != nil {
		return
	}
	l := client.NewSocket(ws)
	defer l.Close()
	defer context.AfterFunc(r.Context(), func() { _ = ws.Close() })()
	_ = ws.SetReadDeadline(time.Now().Add(handshakeLimit))
	ws.SetReadLimit(maxFirst)
	first, err := l.Read()
	if err != nil {
		refuse(l, frame.TooSlow, "the first frame did not come")
		return
	}
	_ = ws.SetReadDeadline(time.Time{})
	ws.SetReadLimit(frame.MaxFrame)
	if reason, text := n.opens(r, first); reason != 0 {
		refuse(l, reason, text)
		return
	}
	left()
	if err := n.connect(r.Context(), r.PathValue("id"), r.PathValue("listener"), &begun{Socket: l, first: first}); err != nil {
		n.cfg.Log.Debug("a session's link ended", "guest", r.PathValue("id"), "err", err)
	}
}

// opens says why a first frame opens no session here; 0 when it may.
func (n *Node) opens(r *http.Request, first []byte) (reason uint16, text string) {
	f, err := frame.Parse(first)
	if err != nil {
		return frame.Malformed, err.Error()
	}
	auth := ""
	switch f := f.(type) {
	case *frame.Hello:
		if r.PathValue("listener") == anchorDoor {
			return frame.NotFound, "only connections that the guest has made are resumed here"
		}
		auth = f.Auth
	case *frame.Resume:
		auth = f.Auth
	default:
		return frame.Malformed, "a session begins with a hello or a resume"
	}
	if !n.authorized(r) && subtle.ConstantTimeCompare([]byte(auth), []byte(n.cfg.Token)) != 1 {
		return frame.Unauthorized, "the node wants its token"
	}
	return 0, ""
}

// begun is a socket of which the first frame was read.
type begun struct {
	*client.Socket
	first []byte
}

func (b *begun) Read() ([]byte, error) {
	if f := b.first; f != nil {
		b.first = nil
		return f, nil
	}
	return b.Socket.Read()
}

// refuse ends a link with a reason.
func refuse(l session.Link, reason uint16, text string) {
	_ = l.Write(frame.Append(nil, &frame.Reset{Reason: reason, Text: text}))
	closeWith(l, 4000+int(reason), text)
}

// connect joins a link to the guest's listener: here, or through the node that has it.
func (n *Node) connect(ctx context.Context, id, listener string, l session.Link) error {
	at, err := n.locate(ctx, id)
	switch {
	case err != nil && asError(err).Code == api.CodeNotFound:
		refuse(l, frame.NotFound, err.Error())
		return err
	case err != nil:
		refuse(l, frame.Unavailable, err.Error())
		return err
	case at.g == nil:
		return n.relay(ctx, at.url, id, listener, l)
	}
	h := at.g.hubs[listener]
	if h == nil {
		refuse(l, frame.NotFound, fmt.Sprintf("guest %s has no listener %q", id, listener))
		return nil
	}
	return h.Serve(ctx, l, session.Remote{URLs: []string{n.URL()}, Epoch: at.g.at()})
}

// place is where a guest is: here, or at url.
type place struct {
	g    *guest
	url  string
	info api.Guest
}

// locate finds a guest, asking one node after the other that it went to.
func (n *Node) locate(ctx context.Context, id string) (place, error) {
	g, err := n.guest(id)
	if err != nil {
		return place{}, err
	}
	to := g.whereTo()
	if to == "" {
		if g.env == nil {
			return place{}, fail(api.CodeNotFound, "guest %s was lost with the process that ran it", id)
		}
		return place{g: g, info: n.describe(g)}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	for range maxHops {
		c, err := n.peer(to)
		if err != nil {
			return place{}, err
		}
		info, err := c.Show(ctx, id)
		switch {
		case err != nil:
			return place{}, unreachable(err)
		case info.MovedTo == "":
			g.found(to)
			return place{url: to, info: info}, nil
		case info.MovedTo == n.URL():
			if g, err := n.guest(id); err == nil && g.whereTo() == "" {
				return place{g: g, info: n.describe(g)}, nil
			}
			return place{}, fail(api.CodeConflict, "guest %s is on its way here", id)
		}
		to = info.MovedTo
	}
	return place{}, fail(api.CodeConflict, "guest %s moves faster than it can be found", id)
}

// unreachable keeps word of a guest that nobody knows any more apart from a node that
// does not answer.
func unreachable(err error) error {
	var e *api.Error
	if errors.As(err, &e) {
		return e
	}
	return fail(api.CodeInternal, "%v", err)
}

// whereTo is the node that has the guest as far as is known; empty for this one.
func (g *guest) whereTo() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.movedTo != "" && g.seenAt != "" {
		return g.seenAt
	}
	return g.movedTo
}

func (g *guest) found(url string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seenAt = url
}

// relay copies frames both ways between a client and the node that has the guest.
func (n *Node) relay(ctx context.Context, node, id, listener string, near session.Link) error {
	dctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	far, err := client.DialSocket(dctx, client.Options{Guest: id, Listener: listener, Token: n.cfg.Token, TLS: n.cfg.PeerTLS}, node)
	if err != nil {
		refuse(near, frame.Unavailable, err.Error())
		return err
	}
	defer context.AfterFunc(ctx, func() { _, _ = far.Close(), near.Close() })()
	up := make(chan struct{})
	go func() {
		defer close(up)
		closeLike(far, pump(far, near))
	}()
	err = pump(near, far)
	closeLike(near, err)
	_ = far.Close()
	<-up
	return nil
}

func pump(to, from session.Link) error {
	for {
		b, err := from.Read()
		if err != nil {
			return err
		}
		if err := to.Write(b); err != nil {
			return err
		}
	}
}

func closeWith(l session.Link, code int, text string) {
	if c, ok := l.(interface{ CloseWith(int, string) error }); ok {
		_ = c.CloseWith(code, text)
	}
	_ = l.Close()
}

// closeLike closes a link as the other was.
func closeLike(l session.Link, err error) {
	var ce *websocket.CloseError
	var re *client.ResetError
	switch {
	case errors.Is(err, io.EOF):
		closeWith(l, websocket.CloseNormalClosure, "")
	case errors.As(err, &re):
		closeWith(l, 4000+re.Reason, re.Text)
	case errors.As(err, &ce) && ce.Code != websocket.CloseNoStatusReceived && ce.Code != websocket.CloseAbnormalClosure:
		closeWith(l, ce.Code, ce.Text)
	default:
		closeWith(l, 1001, "")
	}
}

// linkTo is how a gateway of this node reaches a guest: within the process when the
// node is asked itself.
func (n *Node) linkTo(id, listener string) func(context.Context, string) (client.Link, error) {
	return func(ctx context.Context, node string) (client.Link, error) {
		if node != n.URL() {
			return client.DialSocket(ctx, client.Options{Guest: id, Listener: listener, Token: n.cfg.Token, TLS: n.cfg.PeerTLS}, node)
		}
		near, far := session.NewLink()
		if !n.start(func() { _ = n.connect(n.ctx, id, listener, far) }) {
			return nil, errClosed
		}
		return near, nil
	}
}

// session begins one on behalf of a client that knows nothing of them.
func (n *Node) session(ctx context.Context, id, listener string, mode client.Mode) (*client.Session, error) {
	return client.Dial(ctx, client.Options{URLs: []string{n.URL()}, Guest: id, Listener: listener, Mode: mode,
		Dial: n.linkTo(id, listener), Prompt: true, GiveUp: n.cfg.SessionLinger})
}
