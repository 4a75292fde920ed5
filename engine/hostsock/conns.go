package hostsock

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"
)

// conns are the connections that have been made, and numbers for them. The lock of its
// user guards it.
type conns struct {
	next uint64
	open map[uint64]*conn
}

// add takes over a socket.
func (s *conns) add(tcp *net.TCPConn) *conn {
	s.forget()
	c := newConn(s.number(), tcp)
	s.open[c.id] = c
	return c
}

func (s *conns) number() uint64 {
	s.next++
	return s.next - 1
}

// forget drops connections that are over.
func (s *conns) forget() {
	if s.open == nil {
		s.open = map[uint64]*conn{}
	}
	for id, c := range s.open {
		select {
		case <-c.done:
			delete(s.open, id)
		default:
		}
	}
}

// save writes down which numbers have been given away.
func (s *conns) save() []byte {
	if s.next == 0 {
		return nil
	}
	return binary.AppendUvarint(nil, s.next)
}

func (s *conns) load(b []byte) error {
	next, n := uint64(0), 0
	if len(b) > 0 {
		next, n = binary.Uvarint(b)
	}
	if n != len(b) || next > 1<<62 {
		return errors.New("what was saved is not of this program's own sockets: give the guest back to a node")
	}
	s.next = max(s.next, next)
	return nil
}

// finish ends all connections and waits for them.
func (s *conns) finish() {
	until := time.Now().Add(deliverWithin)
	var all sync.WaitGroup
	for _, c := range s.open {
		all.Go(func() { c.finish(until) })
	}
	all.Wait()
}
