package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/proxy/session/frame"
)

// Protocol is the WebSocket subprotocol of sessions.
const Protocol = "sojourn.v1"

const (
	writeLimit = 30 * time.Second // for one frame to be taken by the network
	closeReset = 4000             // and the reason, is the code that a reset closes with
)

// Endpoint is the path of a listener's sessions at any node.
func Endpoint(guest, listener string) string {
	return "/v1/guests/" + url.PathEscape(guest) + "/connect/" + url.PathEscape(listener)
}

func (o *Options) webSocket(ctx context.Context, node string) (Link, error) {
	return DialSocket(ctx, *o, node)
}

// DialSocket opens a WebSocket to the endpoint of o.Guest and o.Listener at a node.
func DialSocket(ctx context.Context, o Options, node string) (Link, error) {
	h := http.Header{}
	if o.Token != "" {
		h.Set("Authorization", "Bearer "+o.Token)
	}
	d := websocket.Dialer{Proxy: http.ProxyFromEnvironment, TLSClientConfig: o.TLS, HandshakeTimeout: handshakeLimit,
		Subprotocols: []string{Protocol}, ReadBufferSize: 16 << 10, WriteBufferSize: 16 << 10}
	ws, res, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(strings.TrimRight(node, "/"), "http")+Endpoint(o.Guest, o.Listener), h)
	if err != nil {
		if res != nil {
			defer res.Body.Close()
			err = answered(res)
		}
		return nil, fmt.Errorf("connect to %s: %w", node, err)
	}
	if ws.Subprotocol() != Protocol {
		_ = ws.Close()
		return nil, fmt.Errorf("connect to %s: it does not speak %s", node, Protocol)
	}
	return NewSocket(ws), nil
}

// answered is an HTTP answer in place of a WebSocket.
func answered(res *http.Response) error {
	var said struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.NewDecoder(io.LimitReader(res.Body, frame.MaxMessage)).Decode(&said)
	text := said.Error.Message
	if text == "" {
		text = res.Status
	}
	switch res.StatusCode {
	case http.StatusUnauthorized:
		return reset(Unauthorized, text)
	case http.StatusNotFound:
		return reset(NotFound, text)
	}
	return errors.New(text)
}

// Socket is a [Link] over a WebSocket. Several may write: a last word comes from whoever
// reads.
type Socket struct {
	ws    *websocket.Conn
	turns sync.Mutex // of writers
}

// NewSocket takes over the connection.
func NewSocket(ws *websocket.Conn) *Socket {
	ws.SetReadLimit(frame.MaxFrame)
	return &Socket{ws: ws}
}

// Read returns a [*ResetError] for a socket that was closed with one.
func (s *Socket) Read() ([]byte, error) {
	kind, b, err := s.ws.ReadMessage()
	var ce *websocket.CloseError
	switch {
	case errors.As(err, &ce) && ce.Code == websocket.CloseNormalClosure:
		return nil, io.EOF
	case errors.As(err, &ce) && ce.Code >= 4000:
		return nil, reset(ce.Code-4000, ce.Text)
	case err == nil && kind != websocket.BinaryMessage:
		err := breach("a text message is no frame")
		_ = s.CloseWith(closeReset+err.Reason, err.Text)
		return nil, err
	}
	return b, err
}

// Write waits for the network for 30 s at most: a peer that does not read is given up.
func (s *Socket) Write(b []byte) error {
	s.turns.Lock()
	defer s.turns.Unlock()
	_ = s.ws.SetWriteDeadline(time.Now().Add(writeLimit))
	return s.ws.WriteMessage(websocket.BinaryMessage, b)
}

// Close closes with 1000.
func (s *Socket) Close() error { return s.CloseWith(websocket.CloseNormalClosure, "") }

// CloseWith closes with a code and a text for people.
func (s *Socket) CloseWith(code int, text string) error {
	text = strings.ToValidUTF8(text[:min(len(text), 120)], "")
	_ = s.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(time.Second))
	return s.ws.Close()
}
