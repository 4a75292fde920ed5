package client

import (
	"errors"
	"fmt"
	"strconv"

	"sojourn/proxy/session/frame"
)

// Reasons of a [ResetError].
const (
	Malformed    = frame.Malformed    // one side broke the protocol
	Unauthorized = frame.Unauthorized // the node wants another bearer token
	WrongToken   = frame.WrongToken   // the session's token is not right
	NotFound     = frame.NotFound     // no such guest, listener or session
	TooSlow      = frame.TooSlow      // the handshake took too long
	TakenOver    = frame.TakenOver    // a newer client has the session
	Expired      = frame.Expired      // the session has ended, or was detached for too long
	Gap          = frame.Gap          // recovery is impossible without loss
	TooLarge     = frame.TooLarge     // a message is over the limit
	TooMany      = frame.TooMany      // sessions, or handshakes; or this client is too slow for a broadcast
	Unavailable  = frame.Unavailable  // the guest cannot be reached now
)

// ResetError says that the session is gone, and why.
type ResetError = frame.ResetError

// ExitError is what Receive returns once the guest has ended and its output was read.
type ExitError struct{ Code uint32 }

func (e *ExitError) Error() string { return fmt.Sprintf("guest has ended with exit code %d", e.Code) }

// ErrBroken is what Receive returns when the guest has reset its connection.
var ErrBroken = errors.New("guest has reset the connection")

// ErrClosed is returned by a session that was closed here.
var ErrClosed = errors.New("session is closed")

var errKind = errors.New("a message is text in UTF-8, or binary")

// ending is an end of one direction: no message is numbered above last.
type ending struct {
	last uint64
	code uint16
	text string
}

// err is what whoever reads to the end is told; nil for a plain end.
func (e *ending) err() error {
	switch e.code {
	case frame.GuestEnded:
		n, _ := strconv.ParseUint(e.text, 10, 32)
		return &ExitError{Code: uint32(n)}
	case frame.GuestReset:
		return ErrBroken
	}
	return nil
}

func breach(format string, args ...any) *ResetError {
	return reset(Malformed, fmt.Sprintf(format, args...))
}

func reset(reason int, text string) *ResetError { return &ResetError{Reason: reason, Text: text} }
