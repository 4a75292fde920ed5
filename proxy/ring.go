package proxy

import (
	"errors"
	"io"
	"sync"

	"sojourn/engine/wasi"
)

// ring is the output of a guest that nobody is connected to: its tail is kept,
// and follows the guest.
type ring struct {
	mu  sync.Mutex
	buf []byte
}

var closedChannel = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (r *ring) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buf = append(r.buf, p...)
	if len(r.buf) > 2*outputTail {
		r.buf = append(r.buf[:0], r.buf[len(r.buf)-outputTail:]...)
	}
	return len(p), nil
}

func (r *ring) tail() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]byte(nil), r.buf[max(0, len(r.buf)-outputTail):]...)
}

func (r *ring) Read([]byte) (int, error)  { return 0, io.EOF }
func (r *ring) Readable() <-chan struct{} { return closedChannel }
func (r *ring) Writable() <-chan struct{} { return closedChannel }
func (r *ring) Close() error              { return nil }

func (r *ring) Save() []byte { return wasi.StreamState{Output: r.tail()}.Append(nil) }

func (r *ring) Load(b []byte) error {
	s, err := wasi.ParseStreamState(b)
	if err != nil {
		return err
	}
	if len(s.Output) > 2*outputTail {
		return errors.New("saved output is over the limit")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buf = s.Output
	return nil
}
