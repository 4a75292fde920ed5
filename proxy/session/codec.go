package session

import (
	"bytes"
	"unicode/utf8"

	"sojourn/proxy/session/frame"
)

// Mode says how messages become bytes of the guest's.
type Mode uint8

const (
	Default  Mode = 0 // the listener's own
	Lines    Mode = 1 // a message is a line, without its line feed
	Raw      Mode = 2 // the borders of messages mean nothing
	Messages Mode = 3 // the guest is a WebSocket server on its connection
)

// codec is a mode: how messages become the guest's bytes, and bytes messages. What it
// must remember is in the machine's state, so that it follows the guest.
type codec interface {
	// bytes is a message as the guest reads it; last what it reads behind them all.
	bytes(m *machine, msg message) []byte
	last(m *machine) []byte
	// message makes a message of the tail's first n bytes, if they are one. Without a
	// message it may still use bytes up.
	message(m *machine) (msg message, n int, ok bool)
	// back appends what a message was made of.
	back(b []byte, msg message) []byte
}

func codecOf(mode Mode) codec {
	switch mode {
	case Lines:
		return lines{}
	case Messages:
		return framed{}
	}
	return raw{}
}

type raw struct{}

func (raw) bytes(_ *machine, msg message) []byte { return msg.Data }
func (raw) last(*machine) []byte                 { return nil }

func (raw) message(m *machine) (message, int, bool) {
	n := min(len(m.Tail), maxPiece)
	return message{Type: frame.Binary, Data: bytes.Clone(m.Tail[:n])}, n, n > 0
}

func (raw) back(b []byte, msg message) []byte { return append(b, msg.Data...) }

type lines struct{}

func (lines) bytes(_ *machine, msg message) []byte {
	return append(bytes.Clone(msg.Data), '\n')
}

func (lines) last(*machine) []byte { return nil }

// message is a line, or a piece of one that is too long, or that the guest left
// without an end.
func (lines) message(m *machine) (message, int, bool) {
	switch i := bytes.IndexByte(m.Tail[:min(len(m.Tail), maxPiece+1)], '\n'); {
	case i >= 0:
		return line(m.Tail[:i]), i + 1, true
	case len(m.Tail) > maxPiece:
		msg := line(m.Tail[:maxPiece])
		msg.Piece = true
		return msg, maxPiece, true
	case m.OutEnd != nil && len(m.Tail) > 0:
		return line(m.Tail), len(m.Tail), true
	}
	return message{}, 0, false
}

// line is text, if it is UTF-8.
func line(b []byte) message {
	if utf8.Valid(b) {
		return message{Type: frame.Text, Data: bytes.Clone(b)}
	}
	return message{Type: frame.Binary, Data: bytes.Clone(b)}
}

func (lines) back(b []byte, msg message) []byte {
	b = append(b, msg.Data...)
	if msg.Piece {
		return b
	}
	return append(b, '\n')
}
