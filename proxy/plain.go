package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"sojourn/proxy/api"
	"sojourn/proxy/client"
)

// servePlain is a client of a listener that knows nothing of sessions. This node keeps
// its connection wherever the guest goes.
func (n *Node) servePlain(w http.ResponseWriter, r *http.Request) {
	id, name := r.PathValue("id"), r.PathValue("listener")
	if !n.authorized(r) {
		writeError(w, failHint(api.CodeUnauthorized, "send the node's token", "%s %s needs a token", r.Method, r.URL.Path))
		return
	}
	if name == client.Stdio {
		n.serveSession(w, r)
		return
	}
	at, err := n.locate(r.Context(), id)
	if err != nil {
		writeError(w, err)
		return
	}
	for _, l := range at.info.Listening {
		switch {
		case l.Name != name:
		case l.Kind == "ws":
			n.serveHTTP(w, r, id, l)
			return
		default:
			n.serveRaw(w, r, id, name)
			return
		}
	}
	writeError(w, fail(api.CodeNotFound, "guest %s has no listener %q", id, name))
}

// serveHTTP passes a request on to the guest's own server, and its answer back, an
// upgrade to WebSocket included. The listener's path is the endpoint itself; what
// follows the endpoint is a path from the server's root.
func (n *Node) serveHTTP(w http.ResponseWriter, r *http.Request, id string, l api.Listening) {
	path := l.Path
	if rest, ok := strings.CutPrefix(r.URL.EscapedPath(), client.Endpoint(id, l.Name)+"/"); ok {
		path = "/" + rest
	}
	t := &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		s, err := n.session(ctx, id, l.Name, client.Raw)
		if err != nil {
			return nil, err
		}
		return client.NewConn(s), nil
	}}
	p := httputil.ReverseProxy{Transport: t, FlushInterval: -1,
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.Out.URL.Scheme, pr.Out.URL.Host, pr.Out.Host = "http", "guest", pr.In.Host
			pr.Out.URL.Path, pr.Out.URL.RawPath = path, ""
			if n.cfg.Token != "" {
				pr.Out.Header.Del("Authorization")
			}
			pr.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			var re *client.ResetError
			if errors.As(err, &re) {
				err = fail(api.CodeNotFound, "guest %s: %s", id, re.Text)
			}
			writeError(w, err)
		}}
	p.ServeHTTP(w, r)
}

// serveRaw is a plain WebSocket to a listener of bytes.
func (n *Node) serveRaw(w http.ResponseWriter, r *http.Request, id, name string) {
	n.plainSocket(w, r, id, name, api.Raw)
}

// serveSession is a plain WebSocket to the guest's standard streams.
func (n *Node) serveSession(w http.ResponseWriter, r *http.Request) {
	mode := api.SessionMode(r.URL.Query().Get("mode"))
	if mode == "" {
		mode = api.Lines
	}
	n.plainSocket(w, r, r.PathValue("id"), client.Stdio, mode)
}

func (n *Node) plainSocket(w http.ResponseWriter, r *http.Request, id, name string, mode api.SessionMode) {
	m := client.Lines
	switch mode {
	case api.Raw:
		m = client.Raw
	case api.Lines:
	default:
		writeError(w, fail(api.CodeBadRequest, "session of %s: mode %q: want lines or raw", id, mode))
		return
	}
	if at, err := n.locate(r.Context(), id); err != nil && asError(err).Code == api.CodeNotFound {
		writeError(w, err)
		return
	} else if name == client.Stdio && err == nil && at.info.Session == "" {
		writeError(w, failHint(api.CodeConflict, "run it with a session", "guest %s has no session", id))
		return
	}
	ws, err := n.upgrade(w, r)
	if err != nil {
		return
	}
	c := newSocketClient(ws, mode, r.URL.Query().Get("eof") == "1")
	s, err := n.session(r.Context(), id, name, m)
	if err == nil {
		err = c.talk(r.Context(), s)
	}
	c.end(err)
}

// socketClient is the WebSocket of a plain client.
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

// talk passes messages both ways until the client leaves, which is nil, or the session
// ends.
func (c *socketClient) talk(ctx context.Context, s *client.Session) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = c.ws.SetReadDeadline(time.Unix(1, 0)) })()
	ended := make(chan error, 1)
	c.wg.Go(func() {
		defer cancel()
		var err error
		for err == nil {
			err = s.Take(ctx, c.write)
		}
		ended <- err
	})
	var left error
	for left == nil {
		left = c.read(ctx, s)
	}
	gone := ctx.Err() == nil
	if gone && c.closeEOF {
		s.CloseSend()
	}
	_ = s.Close()
	cancel()
	if err := <-ended; !gone && err != io.EOF {
		return err
	}
	return nil
}

// read passes on one message of the client's, in lines mode as lines. See
// api.EndOfInput.
func (c *socketClient) read(ctx context.Context, s *client.Session) error {
	kind, b, err := c.ws.ReadMessage()
	if err != nil {
		return err
	}
	other := websocket.BinaryMessage
	if c.mode == api.Raw {
		other = websocket.TextMessage
	}
	switch {
	case kind == other && string(b) == api.EndOfInput:
		s.CloseSend()
		return nil
	case c.mode == api.Raw:
		return s.Send(ctx, client.Message{Kind: client.Binary, Data: b})
	}
	for _, line := range bytes.Split(b, []byte("\n")) {
		if err := s.Send(ctx, lineMessage(line)); err != nil {
			return err
		}
	}
	return nil
}

// lineMessage is text if it can be.
func lineMessage(b []byte) client.Message {
	if utf8.Valid(b) {
		return client.Message{Kind: client.Text, Data: b}
	}
	return client.Message{Kind: client.Binary, Data: b}
}

// write gives the client a message of the guest's.
func (c *socketClient) write(m client.Message) error {
	kind := websocket.TextMessage
	if c.mode == api.Raw {
		kind = websocket.BinaryMessage
	}
	_ = c.ws.SetWriteDeadline(time.Now().Add(clientWrite))
	return c.ws.WriteMessage(kind, m.Data)
}

// end tells the client why, and closes.
func (c *socketClient) end(err error) {
	code, text := websocket.CloseNormalClosure, ""
	var exit *client.ExitError
	switch {
	case errors.As(err, &exit):
		text = exit.Error()
	case err != nil:
		code, text = websocket.CloseInternalServerErr, err.Error()
	}
	text = strings.ToValidUTF8(text[:min(len(text), 120)], "")
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(time.Second))
	close(c.stop)
	_ = c.ws.Close()
	c.wg.Wait()
}
