package wasi

import (
	"bytes"
	"io"
	"sync"
)

// queue is a bounded run of bytes between two goroutines. Neither side waits in it;
// each can get a channel to wait on.
type queue struct {
	mu     sync.Mutex
	buf    []byte
	max    int
	saved  []byte // what state last returned, nil before
	ended  bool   // no more bytes will come
	filled Gate   // there are bytes, or the end
	vacant Gate   // there is room, or nobody will read
}

func newQueue(max int) *queue {
	q := &queue{max: max}
	q.update()
	return q
}

// update sets both gates; the lock is held.
func (q *queue) update() {
	q.filled.Set(len(q.buf) > 0 || q.ended)
	q.vacant.Set(len(q.buf) < q.max || q.ended)
}

// read takes bytes out: ErrAgain when there are none yet, io.EOF at the end.
func (q *queue) read(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(p) == 0:
		return 0, nil
	case len(q.buf) > 0:
		n := copy(p, q.buf)
		q.buf = append(q.buf[:0], q.buf[n:]...)
		q.update()
		return n, nil
	case q.ended:
		return 0, io.EOF
	}
	return 0, ErrAgain
}

// write puts bytes in, as many as there is room for: ErrAgain when none,
// io.ErrClosedPipe after the end.
func (q *queue) write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return 0, io.ErrClosedPipe
	}
	n := min(len(p), q.max-len(q.buf))
	if n <= 0 && len(p) > 0 {
		return 0, ErrAgain
	}
	q.buf = append(q.buf, p[:n]...)
	q.update()
	return n, nil
}

// end says that no more bytes will come. What is there can still be read.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.update()
}

func (q *queue) readable() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.filled.Wait()
}

func (q *queue) writable() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.vacant.Wait()
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.buf)
}

// state returns a copy of the bytes, and whether the end has come.
func (q *queue) state() ([]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.saved = append([]byte{}, q.buf...)
	return q.saved, q.ended
}

// restore puts saved bytes before those there are. The queue may then hold more than
// its bound, and takes no more until it is below. Bytes that were saved from this very
// queue are there still: a guest that is thawed where it was frozen keeps its streams.
func (q *queue) restore(p []byte, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.saved != nil && bytes.Equal(p, q.saved) {
		return
	}
	q.buf = append(append([]byte(nil), p...), q.buf...)
	q.ended = q.ended || ended
	q.update()
}
