// Package memsock is a network in memory, for tests of guests that accept connections.
//
//	net := memsock.New("web")
//	spec.Listeners = []wasi.Listener{net.Listener()}
//	...
//	peer := net.Connect()  // blocking reads and writes, in another goroutine
//
// The network outlives the guest's end of it. A guest that is continued elsewhere is
// given another [Network.Listener], which takes up what the first one saved, and refuses
// to when a byte was lost or would come twice.
package memsock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"sojourn/engine/wasi"
)

// Network is what is outside of one listener. It is safe for concurrent use.
type Network struct {
	name string

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when anything happens
	peers    []*Peer       // in the order of connecting; a connection's id is its place
	accepted int
	refused  bool
	owner    *listener // the guest's end now
	gates    []*gate
	waiting  *gate // somebody can be accepted
}

// New returns a network with a listener of this name.
func New(name string) *Network {
	n := &Network{name: name, changed: make(chan struct{})}
	n.waiting = n.newGate(func() bool { return n.accepted < len(n.peers) })
	return n
}

// change wakes whoever waits. The lock is held.
func (n *Network) change() {
	for _, g := range n.gates {
		g.Set(g.ready())
	}
	close(n.changed)
	n.changed = make(chan struct{})
}

// Listener returns the guest's end. There is one at a time: the one before it, and the
// connections of that, must not be used any more.
func (n *Network) Listener() wasi.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.owner = &listener{net: n}
	return n.owner
}

// Refused reports whether the guest has closed its listener.
func (n *Network) Refused() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.refused
}

// gate is a [wasi.Gate] with its condition, which is called with the network's lock held.
type gate struct {
	wasi.Gate
	ready func() bool
}

// newGate adds a gate. The lock is held.
func (n *Network) newGate(ready func() bool) *gate {
	g := &gate{ready: ready}
	n.gates = append(n.gates, g)
	g.Set(ready())
	return g
}

// await returns a gate's channel.
func (n *Network) await(g *gate) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return g.Wait()
}

// wait returns once ready, which is called with the lock held, holds.
func (n *Network) wait(ready func() bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for !ready() {
		changed := n.changed
		n.mu.Unlock()
		<-changed
		n.mu.Lock()
	}
}

// listener is the guest's end of a network.
type listener struct{ net *Network }

func (l *listener) Name() string { return l.net.name }

func (l *listener) Accept() (wasi.Conn, error) {
	n := l.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.accepted == len(n.peers) {
		return nil, wasi.ErrAgain
	}
	n.accepted++
	n.change()
	return &conn{of: l, peer: n.peers[n.accepted-1]}, nil
}

func (l *listener) Acceptable() <-chan struct{} {
	return l.net.await(l.net.waiting)
}

// Refuse ends the connections that wait.
func (l *listener) Refuse() {
	n := l.net
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refused = true
	for ; n.accepted < len(n.peers); n.accepted++ {
		n.peers[n.accepted].lost = true
	}
	n.change()
}

// Save writes down how many connections were accepted.
func (l *listener) Save() []byte {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if l.net.accepted == 0 {
		return nil
	}
	return binary.AppendUvarint(nil, uint64(l.net.accepted))
}

func (l *listener) Load(b []byte) error {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	accepted, rest := uint64(0), 0
	if len(b) > 0 {
		accepted, rest = binary.Uvarint(b)
	}
	if rest != len(b) || accepted != uint64(l.net.accepted) {
		return fmt.Errorf("%d connections were accepted, %x says otherwise", l.net.accepted, b)
	}
	return nil
}

func (l *listener) Restore(id uint64, saved []byte) (wasi.Conn, error) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	if id >= uint64(l.net.accepted) {
		return nil, fmt.Errorf("no connection %d", id)
	}
	c := &conn{of: l, peer: l.net.peers[id]}
	in, n := binary.Uvarint(saved)
	if n <= 0 {
		return nil, errors.New("malformed connection")
	}
	out, m := binary.Uvarint(saved[n:])
	if m <= 0 || n+m != len(saved) {
		return nil, errors.New("malformed connection")
	}
	if in != uint64(c.peer.read) || out != uint64(len(c.peer.output)) {
		return nil, fmt.Errorf("connection %d: guest is at %d and %d, its peer at %d and %d", id, in, out, c.peer.read, len(c.peer.output))
	}
	return c, nil
}
