package proxy

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/proxy/api"
	session "sojourn/proxy/pipe"
	"sojourn/proxy/wire"
)

const attachProtocol = "sojourn.attach.v1"

// maxLine is where a line of output is cut when it has no end.
const maxLine = 64 << 10

func upgrade(w http.ResponseWriter, r *http.Request, protocols ...string) (*websocket.Conn, error) {
	u := websocket.Upgrader{ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10, HandshakeTimeout: dialLimit, Subprotocols: protocols,
		Error: func(w http.ResponseWriter, _ *http.Request, _ int, err error) {
			writeError(w, fail(api.CodeBadRequest, "%v", err))
		}}
	return u.Upgrade(w, r, nil)
}

// serveHandover is a target's end of a migration.
func (n *Node) serveHandover(w http.ResponseWriter, r *http.Request) {
	ws, err := upgrade(w, r, channelProtocol)
	if err != nil {
		return
	}
	c := wire.NewConn(ws)
	defer context.AfterFunc(n.ctx, func() { _ = ws.Close() })()
	if err := n.receive(c); err != nil {
		n.cfg.Log.Info("a migration channel ended", "from", r.RemoteAddr, "err", err)
	}
}

// serveAttach is a guest's end of a session, for a gateway on another node.
func (n *Node) serveAttach(w http.ResponseWriter, r *http.Request) {
	p, err := n.sessionOf(r.PathValue("id"))
	if err != nil {
		writeError(w, err)
		return
	}
	ws, err := upgrade(w, r, attachProtocol)
	if err != nil {
		return
	}
	if err := p.Serve(r.Context(), session.NewSocket(ws)); err != nil {
		n.cfg.Log.Debug("a session's link ended", "guest", r.PathValue("id"), "err", err)
	}
}

// sessionOf returns the session of a guest that is here.
func (n *Node) sessionOf(id string) (*session.Pipe, error) {
	g, err := n.guest(id)
	if err != nil {
		return nil, err
	}
	if err := g.here(); err != nil {
		return nil, err
	}
	if g.pipe == nil {
		return nil, failHint(api.CodeConflict, "run it with a session", "guest %s has no session", id)
	}
	return g.pipe, nil
}

// serveSession is the gateway: it keeps the client's socket wherever the guest
// goes.
func (n *Node) serveSession(w http.ResponseWriter, r *http.Request) {
	id, mode := r.PathValue("id"), api.SessionMode(r.URL.Query().Get("mode"))
	switch mode {
	case "":
		mode = api.Lines
	case api.Lines, api.Raw:
	default:
		writeError(w, fail(api.CodeBadRequest, "session of %s: mode %q: want lines or raw", id, mode))
		return
	}
	if _, err := n.sessionOf(id); err != nil && asError(err).Code != api.CodeMoved {
		writeError(w, err)
		return
	}
	ws, err := upgrade(w, r)
	if err != nil {
		return
	}
	c := newSocketClient(ws, mode, r.URL.Query().Get("eof") == "1")
	gw := session.Gateway{Client: c, Linger: n.cfg.SessionLinger, Dial: func(ctx context.Context, at string) (session.Link, error) {
		return n.attach(ctx, id, at)
	}}
	err = gw.Run(r.Context())
	c.end(err)
	gw.Wait()
}

// attach links a gateway here to a guest: in this process if it is here, else
// at the node that has it.
func (n *Node) attach(ctx context.Context, id, at string) (session.Link, error) {
	if at == "" || at == n.URL() {
		p, err := n.sessionOf(id)
		if err != nil {
			return nil, sessionError(err)
		}
		near, far := session.NewLink()
		if !n.start(func() { _ = p.Serve(n.ctx, far) }) {
			return nil, errClosed
		}
		return near, nil
	}
	h := http.Header{}
	if n.cfg.Token != "" {
		h.Set("Authorization", "Bearer "+n.cfg.Token)
	}
	d := websocket.Dialer{TLSClientConfig: n.cfg.PeerTLS, HandshakeTimeout: dialLimit, Subprotocols: []string{attachProtocol}}
	ws, res, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(at, "http")+"/v1/guests/"+url.PathEscape(id)+"/attach", h)
	if err == nil {
		return session.NewSocket(ws), nil
	}
	if res != nil {
		defer res.Body.Close()
		err = sessionError(api.AnswerError(res))
	}
	return nil, err
}

// sessionError says it in the gateway's words.
func sessionError(err error) error {
	var e *api.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case api.CodeMoved:
		return &session.MovedError{URL: e.Location}
	case api.CodeNotFound, api.CodeUnauthorized, api.CodeConflict:
		return errors.Join(session.ErrNoGuest, err)
	}
	return err
}

// socketClient is a client's WebSocket as session.Gateway sees it.
type socketClient struct {
	ws       *websocket.Conn
	mode     api.SessionMode
	closeEOF bool // a client that leaves ends the input
	stop     chan struct{}
	wg       sync.WaitGroup
}

const (
	clientPing  = 15 * time.Second
	clientDead  = 45 * time.Second
	clientWrite = 30 * time.Second // a client that takes nothing for so long is gone
)

func newSocketClient(ws *websocket.Conn, mode api.SessionMode, closeEOF bool) *socketClient {
	c := &socketClient{ws: ws, mode: mode, closeEOF: closeEOF, stop: make(chan struct{})}
	ws.SetReadLimit(api.MaxMessage)
	alive := func() { _ = ws.SetReadDeadline(time.Now().Add(clientDead)) }
	alive()
	ws.SetPongHandler(func(string) error { alive(); return nil })
	c.wg.Go(c.ping)
	return c
}

func (c *socketClient) ping() {
	t := time.NewTicker(clientPing)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(clientWrite))
		case <-c.stop:
			return
		}
	}
}

// Read returns one message, as a line in lines mode. See api.EndOfInput.
func (c *socketClient) Read() ([]byte, bool, error) {
	kind, b, err := c.ws.ReadMessage()
	if err != nil {
		return nil, c.closeEOF, err
	}
	other := websocket.BinaryMessage
	if c.mode == api.Raw {
		other = websocket.TextMessage
	}
	switch {
	case kind == other && string(b) == api.EndOfInput:
		return nil, true, nil
	case c.mode == api.Raw:
		return b, false, nil
	}
	return append(b, '\n'), false, nil
}

// Write sends whole lines, or everything in raw mode.
func (c *socketClient) Write(b []byte, flush bool) (int, error) {
	if c.mode == api.Raw {
		return len(b), c.message(websocket.BinaryMessage, b)
	}
	done := 0
	for {
		i := bytes.IndexByte(b[done:], '\n')
		rest := len(b) - done
		switch {
		case i >= 0:
			if err := c.message(websocket.TextMessage, b[done:done+i]); err != nil {
				return done, err
			}
			done += i + 1
		case rest >= maxLine || flush && rest > 0:
			if err := c.message(websocket.TextMessage, b[done:]); err != nil {
				return done, err
			}
			return len(b), nil
		default:
			return done, nil
		}
	}
}

func (c *socketClient) message(kind int, b []byte) error {
	if kind == websocket.BinaryMessage && len(b) == 0 {
		return nil
	}
	_ = c.ws.SetWriteDeadline(time.Now().Add(clientWrite))
	return c.ws.WriteMessage(kind, b)
}

// end tells the client why, and closes.
func (c *socketClient) end(err error) {
	code, text := websocket.CloseNormalClosure, ""
	var done *session.EndError
	switch {
	case errors.As(err, &done):
		text = done.Error()
	case err != nil:
		code, text = websocket.CloseInternalServerErr, err.Error()
	}
	text = strings.ToValidUTF8(text[:min(len(text), 120)], "")
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(time.Second))
	close(c.stop)
	_ = c.ws.Close()
	c.wg.Wait()
}
