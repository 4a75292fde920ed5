package wasi

import "errors"

// ErrAgain is what a [Stream] returns instead of waiting.
var ErrAgain = errors.New("stream is not ready")

// Stream is a byte stream between a guest and the outside world. No method waits.
// One goroutine at a time calls Read, Write, Save and Load; the channels may be
// waited for by another.
type Stream interface {
	// Read returns [ErrAgain] when nothing is there yet, io.EOF at the end.
	Read(p []byte) (int, error)

	// Write takes as much of p as it can; [ErrAgain] when that is nothing.
	Write(p []byte) (int, error)

	// Readable and Writable return a channel that is closed once the method
	// would not return ErrAgain. It serves for one wait.
	Readable() <-chan struct{}
	Writable() <-chan struct{}

	// Save returns what must follow the guest: input not read, output not sent.
	// The form is that of [StreamState], for every kind of stream.
	Save() []byte

	// Load takes up what Save returned, perhaps of a stream of another kind.
	// It is called before the first Read or Write.
	Load([]byte) error

	Close() error
}

// Terminal is a [Stream] that can say whether a person sits at the other end. The
// guest sees a character device then, and isatty holds.
type Terminal interface{ IsTerminal() bool }

// Buffered is a [Stream] that can say how many bytes Read would return at once.
type Buffered interface{ Buffered() int }
