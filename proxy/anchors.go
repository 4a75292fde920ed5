package proxy

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"syscall"
	"time"

	"sojourn/engine/hostsock"
	"sojourn/engine/wasi"
	"sojourn/proxy/api"
	"sojourn/proxy/client"
	"sojourn/proxy/session"
)

const (
	anchorLinger = 10 * time.Second // a connection outlives its anchor's last link
	dialWithin   = 30 * time.Second
)

// outward is a guest's [wasi.Dialer] on a node. The node on which the guest connects is
// the connection's anchor: it holds the socket, whose far end knows nothing of moves,
// and is the client's end of a session whose other end goes with the guest. When the
// anchor is gone the guest's connection is lost: nobody makes it again, and no byte is
// ever sent twice.
type outward struct {
	n           *Node
	id          string
	hub         *session.Hub
	mine, nodes *hostsock.Allow
}

// outwardOf makes the dialer that a granted specification asks for; nil without one.
func (n *Node) outwardOf(g *guest) wasi.Dialer {
	if len(g.spec.Dial) == 0 {
		return nil
	}
	mine, err := hostsock.ParseAllow(g.spec.Dial)
	if err != nil {
		return nil // grant has asked
	}
	return &outward{n: n, id: g.id, hub: g.hubs[anchorDoor], mine: mine, nodes: n.dials}
}

// mayDial refuses what cannot be read, and a guest that is deployed where none may dial.
func (n *Node) mayDial(s api.Spec, deployed bool) error {
	if len(s.Dial) == 0 {
		return nil
	}
	if _, err := hostsock.ParseAllow(s.Dial); err != nil || len(s.Dial) > maxDirs {
		return fail(api.CodeBadRequest, "outward connections: at most %d of HOST:PORT: %v", maxDirs, err)
	}
	if len(n.cfg.AllowDial) == 0 && !deployed {
		return failHint(api.CodeNotAllowed, "start the node with --allow-dial for them", "node %s allows no outward connections", n.cfg.Name)
	}
	return nil
}

// Dial makes the session at once, and the connection behind it.
func (o *outward) Dial(network string, to netip.AddrPort) (wasi.Dialled, error) {
	switch {
	case network != "tcp":
		return nil, wasi.EPROTONOSUPPORT
	case !o.mine.Possible(to) || !o.nodes.Possible(to):
		return nil, fmt.Errorf("connect to %v: %w", to, fs.ErrPermission)
	}
	if !o.n.start(func() { o.anchor(to) }) {
		return nil, wasi.ECONNREFUSED
	}
	select {
	case <-o.hub.Acceptable():
	case <-time.After(time.Second): // it is in this process: only a hub that is full takes longer
		return nil, wasi.EAGAIN
	}
	c, err := o.hub.Accept()
	if err != nil {
		return nil, err
	}
	return &dialled{Conn: c}, nil
}

// anchor holds one connection, from its beginning to its end.
func (o *outward) anchor(to netip.AddrPort) {
	s, err := client.Dial(o.n.ctx, client.Options{URLs: []string{o.n.URL()}, Guest: o.id, Listener: anchorDoor, Mode: client.Raw,
		Prompt: true, GiveUp: anchorLinger, Dial: o.n.linkTo(o.id, anchorDoor)})
	if err != nil {
		return
	}
	near := client.NewConn(s)
	far, err := o.connect(to)
	if _, werr := near.Write(binary.LittleEndian.AppendUint16(nil, uint16(errnoOf(err)))); err != nil || werr != nil {
		_ = near.Close()
		return
	}
	if err := splice(o.n.ctx, near, far); err != nil {
		o.n.cfg.Log.Debug("an outward connection ended", "guest", o.id, "to", to, "err", err)
	}
	_ = far.Close()
}

func (o *outward) connect(to netip.AddrPort) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(o.n.ctx, dialWithin)
	defer cancel()
	if err := errors.Join(o.mine.Check(ctx, to), o.nodes.Check(ctx, to)); err != nil {
		return nil, err
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// errnoOf says it in the guest's words.
func errnoOf(err error) wasi.Errno {
	switch {
	case err == nil:
		return wasi.OK
	case errors.Is(err, fs.ErrPermission):
		return wasi.EACCES
	case errors.Is(err, syscall.ECONNREFUSED):
		return wasi.ECONNREFUSED
	case errors.Is(err, syscall.EHOSTUNREACH):
		return wasi.EHOSTUNREACH
	case errors.Is(err, syscall.ENETUNREACH):
		return wasi.ENETUNREACH
	}
	return wasi.ETIMEDOUT
}

// Lookup is part of [wasi.Resolver].
func (o *outward) Lookup(network, host string) <-chan wasi.Found {
	found := make(chan wasi.Found, 1)
	ok := o.n.start(func() {
		ctx, cancel := context.WithTimeout(o.n.ctx, dialWithin)
		defer cancel()
		addrs, err := o.mine.Lookup(ctx, network, host)
		found <- wasi.Found{Addrs: addrs, Err: err}
	})
	if !ok {
		found <- wasi.Found{Err: wasi.EAGAIN}
	}
	return found
}

// Save, Load and Restore are the sessions'.
func (o *outward) Save() []byte        { return o.hub.Save() }
func (o *outward) Load(b []byte) error { return o.hub.Load(b) }

var errDialled = errors.New("a saved outward connection is malformed")

// Restore is part of [wasi.Dialer].
func (o *outward) Restore(id uint64, b []byte) (wasi.Dialled, error) {
	if len(b) < 3 || b[0] > 2 {
		return nil, errDialled
	}
	c, err := o.hub.Restore(id, b[3:])
	if err != nil {
		return nil, err
	}
	return &dialled{Conn: c, have: int(b[0]), said: [2]byte(b[1:3])}, nil
}

// dialled is the guest's end. Its first two bytes are the anchor's: how the connection
// was made.
type dialled struct {
	wasi.Conn
	have int // of said
	said [2]byte
}

// Connected is part of [wasi.Dialled].
func (d *dialled) Connected() error {
	for d.have < len(d.said) {
		n, err := d.Conn.Read(d.said[d.have:])
		if err == nil && n == 0 || errors.Is(err, wasi.ErrAgain) {
			return wasi.ErrAgain
		}
		if err != nil {
			return wasi.ECONNRESET
		}
		d.have += n
	}
	if e := wasi.Errno(binary.LittleEndian.Uint16(d.said[:])); e != wasi.OK {
		return e
	}
	return nil
}

// Writable waits for the anchor's word first.
func (d *dialled) Writable() <-chan struct{} {
	if d.have < len(d.said) {
		return d.Conn.Readable()
	}
	return d.Conn.Writable()
}

// Buffered is of the connection's bytes.
func (d *dialled) Buffered() int {
	if b, ok := d.Conn.(wasi.Buffered); ok && d.have == len(d.said) {
		return b.Buffered()
	}
	return 0
}

// Save keeps the anchor's word as far as it has come.
func (d *dialled) Save() []byte {
	return append([]byte{byte(d.have), d.said[0], d.said[1]}, d.Conn.Save()...)
}
