// Package pipe is one client's ordered byte stream to and from a guest,
// which outlives the moves of the guest.
//
//	client ==WebSocket== Gateway --Link-- Pipe == guest's stdin, stdout
//
// Each direction counts its bytes from the guest's start; the offset of a byte
// is its name. The Pipe is at the guest, holds input that the guest has not
// read and output that the gateway has not delivered, and moves with the
// guest. The Gateway is at the node that the client asked, and keeps input
// until the Pipe has it. When the guest moves, or the link breaks, the gateway
// attaches again: the new Pipe states the offset of the input that it wants,
// the gateway that of the output, and both go on from there. So each byte
// passes once and in order, as long as the gateway and the guest both live.
//
// The package refuses to skip or to guess: an attachment whose offsets do not
// meet is reset. Buffers hold 1 MiB each way; a full one makes the sender wait.
package pipe

import (
	"errors"
	"io"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"sojourn/engine/wasi"
)

// Buffer is how many bytes are held in each direction, at the guest and at the
// gateway.
const Buffer = 1 << 20

// Pipe is the guest's end of a session.
type Pipe struct {
	mu      sync.Mutex
	in, out flow
	eof     bool   // the input ends at in.end()
	sealed  bool   // no more input: what is here is being captured
	closed  bool   // the environment is closed
	over    bool   // the guest ended
	exit    uint32 // how
	movedTo string
	newest  uint64        // attachments are numbered: the newest wins
	changed chan struct{} // closed and replaced at each change
}

// flow is one direction: buf holds the bytes from offset base on.
type flow struct {
	base uint64
	buf  []byte
}

func (f *flow) end() uint64 { return f.base + uint64(len(f.buf)) }
func (f *flow) room() int   { return Buffer - len(f.buf) }

func (f *flow) drop(n int) {
	f.base += uint64(n)
	f.buf = f.buf[n:]
	if len(f.buf) == 0 {
		f.buf = nil
	}
}

// NewPipe returns the session of a guest that has not started.
func NewPipe() *Pipe { return &Pipe{changed: make(chan struct{})} }

// wake tells all that wait. The caller holds mu.
func (p *Pipe) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Pipe) update(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
	p.wake()
}

// Seal refuses input from now on, so that what the pipe holds can be captured.
// Unseal takes that back.
func (p *Pipe) Seal()   { p.update(func() { p.sealed = true }) }
func (p *Pipe) Unseal() { p.update(func() { p.sealed = false }) }

// Moved tells the gateway where the guest is now.
func (p *Pipe) Moved(url string) { p.update(func() { p.movedTo = url }) }

// End tells the gateway that the guest has ended.
func (p *Pipe) End(exit uint32) { p.update(func() { p.over, p.exit = true, exit }) }

// feed takes input at offset off: what is known already is dropped. It returns
// the offset after what the pipe has now, which is less than all of b only
// while the pipe is sealed.
func (p *Pipe) feed(off uint64, b []byte) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := p.in.end()
	if off > next {
		return next, errGap
	}
	if p.sealed || next-off >= uint64(len(b)) {
		return next, nil
	}
	if b = b[next-off:]; len(b) > p.in.room() {
		return next, errFlood
	}
	p.in.buf = append(p.in.buf, b...)
	p.wake()
	return p.in.end(), nil
}

var (
	errGap   = errors.New("session: input is missing")
	errFlood = errors.New("session: more input than there was room for")
)

// endInput ends the input at off, once all before it is here.
func (p *Pipe) endInput(off uint64) {
	p.update(func() {
		if !p.sealed && off == p.in.end() {
			p.eof = true
		}
	})
}

// delivered drops output that the client has.
func (p *Pipe) delivered(off uint64) {
	p.update(func() {
		if off > p.out.base && off <= p.out.end() {
			p.out.drop(int(off - p.out.base))
		}
	})
}

// Stdin is the guest's end of the input. Close does nothing: see End.
func (p *Pipe) Stdin() wasi.Stream { return stdin{half{p}} }

// Stdout is the guest's end of the output.
func (p *Pipe) Stdout() wasi.Stream { return stdout{half{p}} }

type half struct{ p *Pipe }

// when returns a channel that is closed once ready holds.
func (h half) when(ready func() bool) <-chan struct{} {
	h.p.mu.Lock()
	defer h.p.mu.Unlock()
	if ready() {
		return done
	}
	return h.p.changed
}

var done = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (h half) Close() error {
	h.p.update(func() { h.p.closed = true })
	return nil
}

type stdin struct{ half }

func (s stdin) Read(b []byte) (int, error) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case len(b) == 0:
		return 0, nil
	case len(p.in.buf) > 0:
		n := copy(b, p.in.buf)
		p.in.drop(n)
		p.wake()
		return n, nil
	case p.eof || p.closed:
		return 0, io.EOF
	}
	return 0, wasi.ErrAgain
}

func (stdin) Write([]byte) (int, error) {
	return 0, errors.New("session: standard input is not for writing")
}

func (s stdin) Readable() <-chan struct{} {
	return s.when(func() bool { return len(s.p.in.buf) > 0 || s.p.eof || s.p.closed })
}

func (stdin) Writable() <-chan struct{} { return done }

// Buffered returns the number of bytes that Read would return at once.
func (s stdin) Buffered() int {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	return len(s.p.in.buf)
}

type stdout struct{ half }

func (s stdout) Write(b []byte) (int, error) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(b), p.out.room())
	if n == 0 && len(b) > 0 {
		return 0, wasi.ErrAgain
	}
	p.out.buf = append(p.out.buf, b[:n]...)
	p.wake()
	return n, nil
}

func (stdout) Read([]byte) (int, error) { return 0, io.EOF }

func (s stdout) Writable() <-chan struct{} {
	return s.when(func() bool { return s.p.out.room() > 0 || s.p.closed })
}

func (stdout) Readable() <-chan struct{} { return done }

// saved is wasi.StreamState with the offset of the first byte held, so that
// a stream of another kind can take it up without.
type saved struct {
	Input    []byte `cbor:"1,keyasint,omitempty"`
	InputEnd bool   `cbor:"2,keyasint,omitempty"`
	Output   []byte `cbor:"3,keyasint,omitempty"`
	Offset   uint64 `cbor:"4,keyasint,omitempty"`
}

func (s stdin) Save() []byte {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	return encode(saved{Input: s.p.in.buf, InputEnd: s.p.eof, Offset: s.p.in.base})
}

func (s stdout) Save() []byte {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	return encode(saved{Output: s.p.out.buf, Offset: s.p.out.base})
}

func (s stdin) Load(b []byte) error {
	st, err := decode(b, func(s saved) []byte { return s.Input })
	if err == nil {
		s.p.update(func() { s.p.in, s.p.eof = flow{st.Offset, st.Input}, st.InputEnd })
	}
	return err
}

func (s stdout) Load(b []byte) error {
	st, err := decode(b, func(s saved) []byte { return s.Output })
	if err == nil {
		s.p.update(func() { s.p.out = flow{st.Offset, st.Output} })
	}
	return err
}

func encode(s saved) []byte {
	b, err := cbor.Marshal(s)
	if err != nil {
		panic(err) // byte strings, a bool and a number always encode
	}
	return b
}

func decode(b []byte, held func(saved) []byte) (saved, error) {
	var s saved
	if len(b) == 0 {
		return s, nil
	}
	if err := cbor.Unmarshal(b, &s); err != nil {
		return s, err
	}
	if len(held(s)) > Buffer || s.Offset > 1<<62 {
		return s, errors.New("session: saved stream is over the limit")
	}
	return s, nil
}
