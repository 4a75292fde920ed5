package wasi

// StreamState is what every [Stream] of this package saves, as CBOR.
type StreamState struct {
	Input    []byte `cbor:"1,keyasint,omitempty"` // received, not read by the guest
	InputEnd bool   `cbor:"2,keyasint,omitempty"` // and no more will come
	Output   []byte `cbor:"3,keyasint,omitempty"` // written by the guest, not sent
	Offset   uint64 `cbor:"4,keyasint,omitempty"` // of Output in all that was written, where a stream counts
	More     []byte `cbor:"5,keyasint,omitempty"` // for a stream of the same kind: all of it, these and what else it knows
}

// Append appends the state's encoding to b.
func (s StreamState) Append(b []byte) []byte {
	enc, err := encoding.Marshal(s)
	if err != nil {
		panic(err) // byte strings and a bool always encode
	}
	return append(b, enc...)
}

// ParseStreamState decodes what Append made. Empty bytes are the empty state.
func ParseStreamState(b []byte) (StreamState, error) {
	var s StreamState
	if len(b) == 0 {
		return s, nil
	}
	err := decoding.Unmarshal(b, &s)
	return s, err
}

// Buffer is a [Stream] in memory, whose other end is the methods Feed, CloseInput and
// Drain. They may be called from another goroutine.
type Buffer struct{ in, out *queue }

// NewBuffer returns a stream that holds [StreamBuffer] bytes each way.
func NewBuffer() *Buffer {
	return &Buffer{in: newQueue(StreamBuffer), out: newQueue(StreamBuffer)}
}

// Feed gives the guest input: as much of p as there is room for, or [ErrAgain].
func (b *Buffer) Feed(p []byte) (int, error) { return b.in.write(p) }

// CloseInput ends the guest's input.
func (b *Buffer) CloseInput() { b.in.end() }

// CloseOutput ends the guest's output, as it does itself by half closing a connection.
func (b *Buffer) CloseOutput() { b.out.end() }

// Feedable is closed once Feed would not return ErrAgain.
func (b *Buffer) Feedable() <-chan struct{} { return b.in.writable() }

// Drain takes what the guest has written: [ErrAgain] when there is nothing, io.EOF
// when the stream is closed and empty.
func (b *Buffer) Drain(p []byte) (int, error) { return b.out.read(p) }

// Drainable is closed once Drain would not return ErrAgain.
func (b *Buffer) Drainable() <-chan struct{} { return b.out.readable() }

// The guest's end, as [Stream] has it.

func (b *Buffer) Read(p []byte) (int, error)  { return b.in.read(p) }
func (b *Buffer) Write(p []byte) (int, error) { return b.out.write(p) }
func (b *Buffer) Readable() <-chan struct{}   { return b.in.readable() }
func (b *Buffer) Writable() <-chan struct{}   { return b.out.writable() }
func (b *Buffer) Buffered() int               { return b.in.len() }

func (b *Buffer) Save() []byte {
	var s StreamState
	s.Input, s.InputEnd = b.in.state()
	s.Output, _ = b.out.state()
	return s.Append(nil)
}

func (b *Buffer) Load(p []byte) error {
	s, err := ParseStreamState(p)
	if err != nil {
		return err
	}
	b.in.restore(s.Input, s.InputEnd)
	b.out.restore(s.Output, false)
	return nil
}

// Close ends both directions. What the guest wrote can still be drained.
func (b *Buffer) Close() error {
	b.in.end()
	b.out.end()
	return nil
}

// discard is the stream that nobody listens to.
type discard struct{ in *queue }

// Discard returns a stream whose input is at its end and whose output is thrown away.
func Discard() Stream {
	d := &discard{in: newQueue(0)}
	d.in.end()
	return d
}

func (d *discard) Read(p []byte) (int, error)  { return d.in.read(p) }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) Readable() <-chan struct{}   { return d.in.readable() }
func (d *discard) Writable() <-chan struct{}   { return d.in.writable() }
func (d *discard) Close() error                { return nil }

func (d *discard) Save() []byte {
	var s StreamState
	s.Input, s.InputEnd = d.in.state()
	return s.Append(nil)
}

// Load keeps input that the guest has still to read. Output is thrown away.
func (d *discard) Load(p []byte) error {
	s, err := ParseStreamState(p)
	if err == nil {
		d.in.restore(s.Input, true)
	}
	return err
}
