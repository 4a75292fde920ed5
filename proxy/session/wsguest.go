package session

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"sojourn/proxy/session/frame"
)

// framed is the mode in which the guest is a WebSocket server (RFC 6455) on its
// connection, and this package its client: messages keep their kind and borders.
type framed struct{}

// upgrade is the request with which a connection begins. Its key is made of the
// session's name, so that the answer can be checked wherever the guest is then.
func upgrade(m *machine, path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: sojourn\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", path, m.key())
}

func (m *machine) key() string { return base64.StdEncoding.EncodeToString(m.ID[:]) }

// accepts is what a server answers to key (RFC 6455, 4.2.2).
func accepts(key string) string {
	h := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(h[:])
}

func (framed) bytes(_ *machine, msg message) []byte {
	op := ws.OpBinary
	if msg.Type == frame.Text {
		op = ws.OpText
	}
	return masked(op, msg.Data)
}

// last is a close frame, once: the guest's answer to it ends its direction.
func (framed) last(m *machine) []byte {
	if m.ByeSent || !m.Shaken {
		return nil
	}
	m.ByeSent = true
	return masked(ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))
}

// masked is a frame as clients send it.
func masked(op ws.OpCode, data []byte) []byte {
	var mask [4]byte
	_, _ = rand.Read(mask[:]) // never fails
	var b bytes.Buffer
	h := ws.Header{Fin: true, OpCode: op, Masked: true, Mask: mask, Length: int64(len(data))}
	if err := ws.WriteHeader(&b, h); err != nil {
		panic(err) // a buffer takes everything, and the length is no more than frame.MaxMessage
	}
	at := b.Len()
	b.Write(data)
	ws.Cipher(b.Bytes()[at:], mask, 0)
	return b.Bytes()
}

// message takes one frame, or the answer to the upgrade, off the tail.
func (framed) message(m *machine) (message, int, bool) {
	if len(m.Tail) == 0 && (m.Shaken || m.OutEnd == nil) {
		return message{}, 0, false
	}
	if !m.Shaken {
		n, err := shake(m)
		if err != nil {
			return m.fail(err)
		}
		return message{}, n, false
	}
	r := bytes.NewReader(m.Tail)
	h, err := ws.ReadHeader(r)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return m.partial()
	case err != nil:
		return m.fail(err)
	}
	at := len(m.Tail) - r.Len()
	if err := m.allowed(h, at); err != nil {
		return m.fail(err)
	}
	if r.Len() < int(h.Length) {
		return m.partial()
	}
	data := bytes.Clone(m.Tail[at : at+int(h.Length)])
	msg, ok, err := m.frame(h, data)
	switch {
	case err != nil:
		return m.fail(err)
	case h.OpCode == ws.OpClose: // nothing counts behind it
		return message{}, len(m.Tail), false
	}
	return msg, at + int(h.Length), ok
}

// partial is part of a frame: it becomes whole, or the guest has left it so.
func (m *machine) partial() (message, int, bool) {
	if m.OutEnd != nil {
		return message{}, len(m.Tail), false
	}
	return message{}, 0, false
}

// fail ends the session for what the guest has written.
func (m *machine) fail(err error) (message, int, bool) {
	m.OutEnd = &ending{Code: frame.GuestReset, Text: fmt.Sprintf("the guest's WebSocket: %v", err)}
	m.deafen()
	return message{}, len(m.Tail), false
}

// allowed checks a frame by its header, of head bytes, before it is waited for.
func (m *machine) allowed(h ws.Header, head int) error {
	part := 0
	if m.Part != nil {
		part = len(m.Part.Data)
	}
	switch {
	case h.Masked, h.Rsv != 0:
		return errors.New("a frame is masked, or has reserved bits")
	case h.OpCode.IsReserved():
		return fmt.Errorf("a frame of unknown kind %d", h.OpCode)
	case h.OpCode.IsControl() && (head > 2 || !h.Fin):
		return errors.New("a control frame is long, or in pieces")
	case h.Length < 0 || h.Length > frame.MaxMessage-int64(part):
		return fmt.Errorf("a message is longer than %d bytes", frame.MaxMessage)
	case h.OpCode.IsControl():
		return nil
	case (h.OpCode == ws.OpContinuation) != (m.Part != nil):
		return errors.New("pieces of a message are out of order")
	}
	return nil
}

// frame takes one frame; it is a message if it is the last of one.
func (m *machine) frame(h ws.Header, data []byte) (message, bool, error) {
	switch h.OpCode {
	case ws.OpPing:
		if len(m.Bytes) < frame.MaxMessage {
			m.Bytes = append(m.Bytes, masked(ws.OpPong, data)...)
		}
		return message{}, false, nil
	case ws.OpPong:
		return message{}, false, nil
	case ws.OpClose:
		if !m.ByeSent {
			m.ByeSent = true
			m.Bytes = append(m.Bytes, masked(ws.OpClose, data)...)
		}
		m.finish(frame.Done, "")
		m.InEnd = &ending{Last: m.received()}
		return message{}, false, nil
	case ws.OpContinuation:
		m.Part.Data = append(m.Part.Data, data...)
	default:
		m.Part = &message{Type: frame.Binary, Data: data}
		if h.OpCode == ws.OpText {
			m.Part.Type = frame.Text
		}
	}
	if !h.Fin {
		return message{}, false, nil
	}
	msg := *m.Part
	m.Part = nil
	if msg.Type == frame.Text && !utf8.Valid(msg.Data) {
		return message{}, false, errors.New("a text message is not UTF-8")
	}
	return msg, true, nil
}

// shake reads the answer to the upgrade; 0 bytes if it is not all there yet.
func shake(m *machine) (int, error) {
	end := bytes.Index(m.Tail, []byte("\r\n\r\n"))
	switch {
	case end < 0 && len(m.Tail) > maxHeader:
		return 0, errors.New("its answer to the upgrade has no end")
	case end < 0 && m.OutEnd != nil:
		return 0, errors.New("it left before it answered the upgrade")
	case end < 0:
		return 0, nil
	}
	end += 4
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(m.Tail[:end])), nil)
	switch {
	case err != nil:
		return 0, err
	case res.StatusCode != http.StatusSwitchingProtocols:
		return 0, fmt.Errorf("it answered %s", res.Status)
	case res.Header.Get("Sec-WebSocket-Accept") != accepts(m.key()):
		return 0, errors.New("its Sec-WebSocket-Accept is wrong")
	}
	m.Shaken = true
	return end, nil
}

// back is the frame again, as the guest wrote it or might have.
func (framed) back(b []byte, msg message) []byte {
	f := ws.NewFrame(ws.OpBinary, true, msg.Data)
	f.Header.OpCode = map[uint8]ws.OpCode{frame.Text: ws.OpText, frame.Binary: ws.OpBinary}[msg.Type]
	return append(b, ws.MustCompileFrame(f)...)
}
