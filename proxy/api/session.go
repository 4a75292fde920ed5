package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// MaxMessage is the longest message of a session, in bytes.
const MaxMessage = 1 << 20

// SessionMode is how messages become bytes of the guest's streams.
type SessionMode string

const (
	// Lines is one message for each line, without its line feed.
	Lines SessionMode = "lines"
	// Raw is bytes: the borders of messages mean nothing.
	Raw SessionMode = "raw"
)

// Session is a client's end of a guest's standard streams. One goroutine may
// send while another receives.
type Session struct {
	conn *websocket.Conn
	kind int
}

// Session connects to a guest's standard streams through this node, wherever
// the guest is and goes.
func (c *Client) Session(ctx context.Context, id string, mode SessionMode) (*Session, error) {
	u := "ws" + strings.TrimPrefix(c.base, "http") + guestPath(id, "/session") + "?mode=" + string(mode)
	h := http.Header{}
	c.authorize(h)
	d := websocket.Dialer{TLSClientConfig: c.tls, HandshakeTimeout: 10 * time.Second}
	conn, res, err := d.DialContext(ctx, u, h)
	if err != nil {
		if res != nil {
			defer res.Body.Close()
			err = AnswerError(res)
		}
		return nil, fmt.Errorf("session of %s: %w", id, err)
	}
	conn.SetReadLimit(MaxMessage)
	kind := websocket.TextMessage
	if mode == Raw {
		kind = websocket.BinaryMessage
	}
	return &Session{conn: conn, kind: kind}, nil
}

// Send gives the guest one message: in lines mode, a line without its line
// feed.
func (s *Session) Send(msg []byte) error { return s.conn.WriteMessage(s.kind, msg) }

// Receive waits for the guest's next message.
func (s *Session) Receive() ([]byte, error) {
	_, b, err := s.conn.ReadMessage()
	return b, err
}

// SetDeadline bounds the Receive and Send in progress and those to come; the
// session is unusable after it has passed.
func (s *Session) SetDeadline(t time.Time) error {
	if err := s.conn.SetReadDeadline(t); err != nil {
		return err
	}
	return s.conn.SetWriteDeadline(t)
}

// Close detaches: the guest runs on, its output is kept within limits for the
// next client.
func (s *Session) Close() error {
	end := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = s.conn.WriteControl(websocket.CloseMessage, end, time.Now().Add(time.Second))
	return s.conn.Close()
}

// CloseInput ends the guest's standard input: after what was sent it reads
// end of file. Receive still works.
func (s *Session) CloseInput() error {
	kind := websocket.BinaryMessage
	if s.kind == websocket.BinaryMessage {
		kind = websocket.TextMessage
	}
	return s.conn.WriteMessage(kind, []byte(EndOfInput))
}

// EndOfInput is the message by which a client ends the guest's standard
// input: of the kind that the mode does not use, which is binary with lines
// and text with raw. A client that cannot send it may ask for ?eof=1: then
// leaving ends the input too.
const EndOfInput = "eof"
