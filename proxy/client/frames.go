package client

import (
	"errors"
	"time"

	"sojourn/proxy/session/frame"
)

// Link carries whole frames. One goroutine reads while another writes; Close ends both.
// One that has CloseWith, too, is told the code of a WebSocket's close.
type Link interface {
	Read() ([]byte, error)
	Write(frame []byte) error
	Close() error
}

const closeAway = 1001

// leave closes a link of a session that is not over.
func leave(l Link) {
	if c, ok := l.(interface{ CloseWith(int, string) error }); ok {
		_ = c.CloseWith(closeAway, "")
	}
	_ = l.Close()
}

func hello(mode Mode, auth string) frame.Frame {
	return &frame.Hello{Oldest: frame.Version, Newest: frame.Version, Mode: uint8(mode), Auth: auth}
}

func (m *machine) resume(auth string) frame.Frame {
	return &frame.Resume{Oldest: frame.Version, Newest: frame.Version, Session: m.id, Token: m.tokens[m.tried], Epoch: m.epoch,
		Received: m.consumed, Sent: m.last(), Auth: auth}
}

// take takes one frame of the guest's end. An error ends the link; a [*ResetError] that
// is not transient the session.
func (m *machine) take(b []byte) error {
	f, err := frame.Parse(b)
	if err != nil {
		return breach("%v", err)
	}
	switch f := f.(type) {
	case *frame.Reset:
		return reset(int(f.Reason), f.Text)
	case *frame.Redirect:
		return &redirect{route{urls: f.URLs, wait: millis(f.Wait), until: time.Now().Add(millis(f.Try))}}
	}
	if !m.attached {
		return m.answered(f)
	}
	switch f := f.(type) {
	case *frame.Data:
		return m.data(f.Number, Message{Kind(f.Type), f.Payload})
	case *frame.Ack:
		return m.ack(f.Received, f.Durable)
	case *frame.Hold:
		m.hold(millis(f.Millis))
	case *frame.Go:
		m.goOn()
	case *frame.Ping:
		m.control = append(m.control, &frame.Pong{Number: f.Number})
	case *frame.Pong:
	case *frame.Close:
		return m.closed(ending{last: f.Last, code: f.Code, text: f.Text})
	default:
		return breach("a frame of kind %d is not due", f.Kind())
	}
	return nil
}

func (m *machine) answered(f frame.Frame) error {
	switch f := f.(type) {
	case *frame.Welcome:
		return errors.Join(speaks(f.Version), m.welcomed(f.Session,
			terms{f.Token, f.Epoch, f.Received, f.Next - 1, f.MaxMessage, f.Window, f.URLs}))
	case *frame.Resumed:
		return errors.Join(speaks(f.Version), m.resumed(terms{f.Token, f.Epoch, f.Received, f.Sent, f.MaxMessage, f.Window, f.URLs}))
	}
	return breach("a frame of kind %d is no answer to a handshake", f.Kind())
}

func speaks(version uint16) error {
	if version != frame.Version {
		return breach("the guest's end speaks version %d", version)
	}
	return nil
}

func millis(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }
