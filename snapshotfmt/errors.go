package snapshotfmt

import (
	"errors"
	"fmt"
)

// What can be wrong with a snapshot. Each comes wrapped in an [*Error].
var (
	ErrMagic     = errors.New("not a snapshot: the magic number is missing")
	ErrVersion   = errors.New("unknown format version: read it with a newer sojourn")
	ErrFlags     = errors.New("unknown flags: read it with a newer sojourn")
	ErrTruncated = errors.New("truncated")
	ErrTrailing  = errors.New("bytes after the end")
	ErrDigest    = errors.New("digest mismatch: the bytes are damaged")
	ErrLimit     = errors.New("over the limit")
	ErrMalformed = errors.New("malformed")
	ErrOrder     = errors.New("out of order")
	ErrRoot      = errors.New("memory root mismatch: the memory is not the one that was captured, or the module is another")
)

// ErrCall is returned when the methods of an [Encoder] or a [Decoder] are called out
// of order.
var ErrCall = errors.New("snapshot: method called out of order")

var errNilState = errors.New("snapshot: no state given")

// Error says what is wrong with a snapshot, and where.
type Error struct {
	Part   string // the part's name, or "header"
	Offset int64  // in the file, or in the message when a state or a batch came alone
	Err    error
}

func (e *Error) Error() string {
	return fmt.Sprintf("snapshot: %s at offset %d (%#x): %v", e.Part, e.Offset, e.Offset, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }
