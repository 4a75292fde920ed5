package session

import (
	"io"
	"sync"
)

// Link carries whole frames. One goroutine reads while another writes; Close ends both.
// A Link that has CloseWith, too, is told a WebSocket's close code.
type Link interface {
	Read() ([]byte, error)
	Write(frame []byte) error
	Close() error
}

// NewLink returns both ends of a Link within one process.
func NewLink() (Link, Link) {
	ab, ba := make(chan []byte, 4), make(chan []byte, 4)
	end := &ends{c: make(chan struct{})}
	return &local{ab, ba, end}, &local{ba, ab, end}
}

type ends struct {
	once sync.Once
	c    chan struct{}
}

type local struct {
	out chan<- []byte
	in  <-chan []byte
	end *ends
}

// Read returns what was written before the Link was closed, too.
func (l *local) Read() ([]byte, error) {
	select {
	case b := <-l.in:
		return b, nil
	default:
	}
	select {
	case b := <-l.in:
		return b, nil
	case <-l.end.c:
	}
	select {
	case b := <-l.in:
		return b, nil
	default:
		return nil, io.EOF
	}
}

func (l *local) Write(b []byte) error {
	select {
	case <-l.end.c:
		return io.ErrClosedPipe
	default:
	}
	select {
	case l.out <- b:
		return nil
	case <-l.end.c:
		return io.ErrClosedPipe
	}
}

func (l *local) Close() error {
	l.end.once.Do(func() { close(l.end.c) })
	return nil
}
