package hostsock

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"sojourn/engine/wasi"
)

// backlog is how many connections wait for the guest to accept them; others wait in the
// host's own queue.
const backlog = 64

// ErrNeedsNode is returned for a listener that only a node can have.
var ErrNeedsNode = errors.New("a ws: listener is served by a node's gateway")

// Listener is a [wasi.Listener] on a TCP port of the host.
type Listener struct {
	name string
	tcp  *net.TCPListener
	done chan struct{} // closed when nothing is accepted from the host any more

	mu      sync.Mutex
	conns   conns
	waiting []*conn
	filled  wasi.Gate     // there is one waiting
	room    chan struct{} // closed and replaced when there may be room for more
	refused bool
}

// Listen opens what NAME=tcp:PORT or NAME=tcp:HOST:PORT says; the host is the loopback
// address when it is not given.
func Listen(spec string) (*Listener, error) {
	name, at, err := parseListen(spec)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", at)
	if err != nil {
		return nil, err
	}
	l := &Listener{name: name, tcp: ln.(*net.TCPListener), done: make(chan struct{}), room: make(chan struct{})}
	l.filled.Set(false)
	go l.take()
	return l, nil
}

func parseListen(spec string) (name, at string, err error) {
	name, rest, ok := strings.Cut(spec, "=")
	kind, at, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 || name == "" {
		return "", "", fmt.Errorf("%q: NAME=tcp:PORT or NAME=tcp:HOST:PORT is needed", spec)
	}
	switch kind {
	case "tcp":
	case "ws":
		return "", "", fmt.Errorf("%q: %w", spec, ErrNeedsNode)
	default:
		return "", "", fmt.Errorf("%q: %q is no kind of listener, tcp is", spec, kind)
	}
	if !strings.Contains(at, ":") {
		at = "127.0.0.1:" + at
	}
	_, port, err := net.SplitHostPort(at)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", "", fmt.Errorf("%q: a port from 0 to 65535 is needed: %w", spec, err)
	}
	return name, at, nil
}

// Name returns the name that the guest knows it by.
func (l *Listener) Name() string { return l.name }

// Addr returns the address that it listens on.
func (l *Listener) Addr() net.Addr { return l.tcp.Addr() }

// take accepts connections from the host, as far as there is room.
func (l *Listener) take() {
	defer close(l.done)
	for l.wait() {
		tcp, err := l.tcp.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(10 * time.Millisecond) // out of descriptors, say
			continue
		}
		l.mu.Lock()
		if l.refused {
			_ = tcp.Close()
		} else {
			l.waiting = append(l.waiting, l.conns.add(tcp))
			l.update()
		}
		l.mu.Unlock()
	}
}

// wait returns true once there is room for a connection, false when there will be none.
func (l *Listener) wait() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) >= backlog && !l.refused {
		room := l.room
		l.mu.Unlock()
		<-room
		l.mu.Lock()
	}
	return !l.refused
}

// update sets filled, and wakes take. The lock is held.
func (l *Listener) update() {
	l.filled.Set(len(l.waiting) > 0)
	close(l.room)
	l.room = make(chan struct{})
}

// Accept returns a connection, as [wasi.Listener] has it.
func (l *Listener) Accept() (wasi.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil, wasi.ErrAgain
	}
	c := l.waiting[0]
	l.waiting = l.waiting[1:]
	l.update()
	return c, nil
}

// Acceptable returns a channel, as [wasi.Listener] has it.
func (l *Listener) Acceptable() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.filled.Wait()
}

// Refuse closes the port, and the connections that were not accepted.
func (l *Listener) Refuse() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = true
	_ = l.tcp.Close()
	for _, c := range l.waiting {
		c.lose()
	}
	l.waiting = nil
	l.update()
}

// Save writes down which numbers connections have had.
func (l *Listener) Save() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns.save()
}

// Load takes up what Save returned.
func (l *Listener) Load(b []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns.load(b)
}

// Restore returns a connection that is lost.
func (l *Listener) Restore(id uint64, _ []byte) (wasi.Conn, error) { return lostConn(id), nil }

// Close ends the port and all connections; peers have some seconds to take what the guest
// wrote. The guest has ended.
func (l *Listener) Close() error {
	l.Refuse()
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns.finish()
	return nil
}
