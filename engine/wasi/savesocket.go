package wasi

import (
	"errors"
	"fmt"
)

// savedSocket is a connection, or a socket that may become one; the fields are as in
// socket.
type savedSocket struct {
	From   string `cbor:"1,keyasint,omitempty"`
	Family byte   `cbor:"2,keyasint,omitempty"`
	Has    bool   `cbor:"3,keyasint,omitempty"` // there is a Conn, with this
	ID     uint64 `cbor:"4,keyasint,omitempty"` // name and
	State  []byte `cbor:"5,keyasint,omitempty"` // state
	Untold bool   `cbor:"6,keyasint,omitempty"`
	Peeked []byte `cbor:"7,keyasint,omitempty"`
	Got    int    `cbor:"8,keyasint,omitempty"`
}

func (s *socket) save() *savedSocket {
	e := &savedSocket{From: s.from, Family: s.family, Untold: s.untold, Peeked: s.peeked, Got: s.got}
	if s.conn != nil {
		e.Has, e.ID, e.State = true, s.conn.ID(), s.conn.Save()
	}
	return e
}

// ErrNoDialer is returned for a saved world with outward connections where none are
// allowed.
var ErrNoDialer = errors.New("wasi: the guest has outward connections, and may have none here")

func (w *World) loadDialer(b []byte) error {
	if w.dialer == nil {
		if len(b) > 0 {
			return ErrNoDialer
		}
		return nil
	}
	if err := w.dialer.Load(b); err != nil {
		return fmt.Errorf("wasi: outward connections: %w", err)
	}
	return nil
}

// reopenListener gives the guest the descriptor of a listener again.
func (w *World) reopenListener(e savedDescriptor) (*descriptor, error) {
	l := w.listenerNamed(e.Listener)
	if l == nil {
		return nil, &MissingListener{e.Listener}
	}
	if e.Base&^listenRights != 0 || e.Inheriting&^connRights != 0 {
		return nil, errors.New("rights are malformed")
	}
	d := newListening(l)
	d.flags, d.base, d.inheriting = e.Flags, e.Base, e.Inheriting
	return d, nil
}

// reopenSocket gives the guest its connection again.
func (w *World) reopenSocket(e savedDescriptor) (*descriptor, error) {
	k := e.Socket
	if k == nil || e.Base&^connRights != 0 || e.Inheriting != 0 {
		return nil, errors.New("rights or state are malformed")
	}
	if k.Got < 0 || k.Got > maxTransfer || len(k.Peeked) > maxPeek || k.Family > familyInet6 {
		return nil, errors.New("sizes or family are malformed")
	}
	if !k.Has && (k.From != "" || k.Untold || k.Got != 0 || len(k.Peeked) != 0 || len(k.State) != 0) {
		return nil, errors.New("state of no connection")
	}
	s := &socket{from: k.From, family: k.Family, untold: k.Untold, peeked: k.Peeked, got: k.Got}
	if k.Has {
		if w.hasConn(k) {
			return nil, errors.New("it is open twice")
		}
		var err error
		if s.conn, err = w.restoreConn(k); err != nil {
			return nil, err
		}
	}
	d := newSocket(s)
	d.flags, d.base = e.Flags, e.Base
	return d, nil
}

func (w *World) restoreConn(k *savedSocket) (Conn, error) {
	if k.From == "" {
		if w.dialer == nil {
			return nil, ErrNoDialer
		}
		return w.dialer.Restore(k.ID, k.State)
	}
	l := w.listenerNamed(k.From)
	if l == nil {
		return nil, &MissingListener{k.From}
	}
	return l.Restore(k.ID, k.State)
}

// hasConn reports whether the guest has that connection already.
func (w *World) hasConn(k *savedSocket) bool {
	for _, d := range w.table.list {
		if d != nil && d.kind == kindSocket {
			if s := d.stream.(*socket); s.conn != nil && s.from == k.From && s.conn.ID() == k.ID {
				return true
			}
		}
	}
	return false
}
