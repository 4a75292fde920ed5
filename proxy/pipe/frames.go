package pipe

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind is the first byte of a frame between gateway and pipe. Numbers are
// little-endian; an offset is 8 bytes.
type Kind byte

const (
	// Open, gateway: [1, offset of the next output wanted, or all ones for "from the oldest"].
	Open Kind = 1
	// State, pipe: [2, offset of the next input wanted, offset of the first output that follows].
	State Kind = 2
	// Input, gateway: [3, offset, bytes].
	Input Kind = 3
	// Output, pipe: [4, offset, bytes].
	Output Kind = 4
	// HaveInput, pipe: [5, offset after the input it has, offset up to which it has room].
	HaveInput Kind = 5
	// HaveOutput, gateway: [6, offset after the output that the client was given].
	HaveOutput Kind = 6
	// InputEnd, gateway: [7, offset at which the input ends].
	InputEnd Kind = 7
	// End, pipe: [8, offset at which the output ends, exit code as an offset].
	End Kind = 8
	// Moved, pipe: [9, URL of the node that has the guest].
	Moved Kind = 9
	// Reset, pipe: [10, reason]. The session cannot go on.
	Reset Kind = 10
)

// anyOffset in an Open asks for the oldest output that is held.
const anyOffset = 1<<64 - 1

// maxData is the number of bytes in one Input or Output.
const maxData = 64 << 10

// MaxFrame is the longest frame, in bytes.
const MaxFrame = 1 + 8 + maxData

// frame is a decoded frame. A and B are its numbers, data the rest.
type frame struct {
	kind Kind
	a, b uint64
	data []byte
}

// numbers is how many offsets each kind has, and whether bytes follow.
var numbers = map[Kind]struct {
	n    int
	data bool
}{
	Open: {1, false}, State: {2, false}, Input: {1, true}, Output: {1, true}, HaveInput: {2, false},
	HaveOutput: {1, false}, InputEnd: {1, false}, End: {2, false}, Moved: {0, true}, Reset: {0, true},
}

func (f frame) append(b []byte) []byte {
	b = append(b, byte(f.kind))
	for i, v := range []uint64{f.a, f.b} {
		if i < numbers[f.kind].n {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
	}
	return append(b, f.data...)
}

var errFrame = errors.New("session: malformed frame")

// parse decodes b; the frame's data is part of b.
func parse(b []byte) (frame, error) {
	if len(b) == 0 || len(b) > MaxFrame {
		return frame{}, fmt.Errorf("%w of %d bytes", errFrame, len(b))
	}
	f := frame{kind: Kind(b[0])}
	form, ok := numbers[f.kind]
	if !ok {
		return frame{}, fmt.Errorf("%w: unknown kind %d", errFrame, b[0])
	}
	b = b[1:]
	for i, v := range []*uint64{&f.a, &f.b} {
		if i >= form.n {
			break
		}
		if len(b) < 8 {
			return frame{}, fmt.Errorf("%w: kind %d is truncated", errFrame, f.kind)
		}
		*v, b = binary.LittleEndian.Uint64(b), b[8:]
	}
	if len(b) > 0 && !form.data {
		return frame{}, fmt.Errorf("%w: %d bytes after kind %d", errFrame, len(b), f.kind)
	}
	f.data = b
	return f, nil
}

// Link carries whole frames between a gateway and a pipe. One goroutine reads
// while another writes; Close ends both.
type Link interface {
	Read() ([]byte, error)
	Write(frame []byte) error
	Close() error
}

func read(l Link) (frame, error) {
	b, err := l.Read()
	if err != nil {
		return frame{}, err
	}
	return parse(b)
}

func write(l Link, f frame) error { return l.Write(f.append(nil)) }
