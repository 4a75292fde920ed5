// Package frame is the encoding of sojourn.v1, the protocol of sessions. A frame is one
// binary WebSocket message: a byte that says its kind, and the fields of the struct of
// that name in their order. Integers are little-endian; a string is a u16 length and its
// bytes; a list of URLs is a u8 count and strings. Each frame has one encoding:
// truncation, trailing bytes and numbers that cannot be are refused.
package frame

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Version is the protocol's version.
const Version = 1

// Limits on what a frame holds.
const (
	MaxMessage = 1 << 20         // bytes of one message
	MaxFrame   = 10 + MaxMessage // bytes of one frame
	MaxAuth    = 4096            // bytes of a bearer token
	MaxText    = 4096            // bytes of a reason
	MaxURLs    = 8
	MaxURL     = 512 // bytes
)

// The kinds of frames.
const (
	KindHello    = 1
	KindWelcome  = 2
	KindData     = 3
	KindAck      = 4
	KindResume   = 5
	KindResumed  = 6
	KindReset    = 7
	KindHold     = 8
	KindGo       = 9
	KindRedirect = 10
	KindPing     = 11
	KindPong     = 12
	KindClose    = 13
)

// Why a session is reset. The socket closes with 4000 and the reason.
const (
	Malformed    = 400 // a frame, or a breach of the protocol
	Unauthorized = 401
	WrongToken   = 403
	NotFound     = 404 // the guest, the listener or the session
	TooSlow      = 408 // the handshake
	TakenOver    = 409 // by a newer client
	Expired      = 410 // or ended
	Gap          = 411 // messages are missing, and cannot be had again
	TooLarge     = 413 // a message
	TooMany      = 429 // sessions, or half-open handshakes
	Unavailable  = 503 // try again
)

// Why a direction is closed.
const (
	Done       = 0
	GuestEnded = 1 // the text is its exit code
	GuestReset = 2
)

// What a message is.
const (
	Text   = 1 // UTF-8
	Binary = 2
)

// Frame is a pointer to one of the structs below.
type Frame interface {
	Kind() byte
	fields(*codec)
}

// Hello begins a session. Client.
type Hello struct {
	Oldest, Newest uint16 // versions
	Mode           uint8  // 0: the listener's own
	Auth           string // bearer token
}

// Welcome answers Hello. Server.
type Welcome struct {
	Version    uint16
	Session    [16]byte
	Token      [32]byte
	Epoch      uint64
	Received   uint64 // the last message that the guest's end has
	Next       uint64 // number of the first Data that follows
	MaxMessage uint32
	Window     uint32
	URLs       []string
}

// Data is one message. Payload is part of what was parsed.
type Data struct {
	Number  uint64
	Type    uint8
	Payload []byte
}

// Ack says what has arrived, and what of that would survive a crash.
type Ack struct{ Received, Durable uint64 }

// Resume goes on with a session over a new socket. Client.
type Resume struct {
	Oldest, Newest uint16
	Session        [16]byte
	Token          [32]byte
	Epoch          uint64
	Received, Sent uint64
	Auth           string
}

// Resumed answers Resume. Server.
type Resumed struct {
	Version        uint16
	Token          [32]byte // from now on
	Epoch          uint64
	Received, Sent uint64
	MaxMessage     uint32
	Window         uint32
	URLs           []string
}

// Reset ends a session, or what was to become one.
type Reset struct {
	Reason uint16
	Text   string
}

// Hold says that the guest is about to move. Server.
type Hold struct{ Millis uint32 }

// Go says that it goes on here. Server.
type Go struct{}

// Redirect says where it goes on. Server.
type Redirect struct {
	Wait, Try uint32 // milliseconds
	URLs      []string
}

// Ping asks for a sign of life, Pong is it.
type (
	Ping struct{ Number uint64 }
	Pong struct{ Number uint64 }
)

// Close says that no message follows after Last.
type Close struct {
	Last uint64
	Code uint16
	Text string
}

func (*Hello) Kind() byte    { return KindHello }
func (*Welcome) Kind() byte  { return KindWelcome }
func (*Data) Kind() byte     { return KindData }
func (*Ack) Kind() byte      { return KindAck }
func (*Resume) Kind() byte   { return KindResume }
func (*Resumed) Kind() byte  { return KindResumed }
func (*Reset) Kind() byte    { return KindReset }
func (*Hold) Kind() byte     { return KindHold }
func (*Go) Kind() byte       { return KindGo }
func (*Redirect) Kind() byte { return KindRedirect }
func (*Ping) Kind() byte     { return KindPing }
func (*Pong) Kind() byte     { return KindPong }
func (*Close) Kind() byte    { return KindClose }

func blank(kind byte) Frame {
	switch kind {
	case KindHello:
		return new(Hello)
	case KindWelcome:
		return new(Welcome)
	case KindData:
		return new(Data)
	case KindAck:
		return new(Ack)
	case KindResume:
		return new(Resume)
	case KindResumed:
		return new(Resumed)
	case KindReset:
		return new(Reset)
	case KindHold:
		return new(Hold)
	case KindGo:
		return new(Go)
	case KindRedirect:
		return new(Redirect)
	case KindPing:
		return new(Ping)
	case KindPong:
		return new(Pong)
	case KindClose:
		return new(Close)
	}
	return nil
}

// ErrMalformed is what Parse's errors wrap.
var ErrMalformed = errors.New("session: malformed frame")

// Append appends the encoding of f to b. Strings beyond their limit are cut, and URLs
// beyond theirs left out.
func Append(b []byte, f Frame) []byte {
	c := codec{b: append(b, f.Kind()), encode: true}
	f.fields(&c)
	return c.b
}

// Parse decodes b, which is one frame.
func Parse(b []byte) (Frame, error) {
	if len(b) == 0 || len(b) > MaxFrame {
		return nil, fmt.Errorf("%w of %d bytes: there are 1 to %d", ErrMalformed, len(b), MaxFrame)
	}
	f := blank(b[0])
	if f == nil {
		return nil, fmt.Errorf("%w: unknown kind %d", ErrMalformed, b[0])
	}
	c := codec{b: b[1:]}
	f.fields(&c)
	if c.fault == "" && len(c.b) > 0 {
		c.fault = "bytes follow its end"
	}
	if c.fault != "" {
		return nil, fmt.Errorf("%w: kind %d, %d bytes: %s", ErrMalformed, b[0], len(b), c.fault)
	}
	return f, nil
}

func validType(t uint8, payload []byte) bool {
	return t == Binary || t == Text && utf8.Valid(payload)
}
