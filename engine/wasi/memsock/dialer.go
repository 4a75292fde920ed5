package memsock

import (
	"io/fs"
	"net/netip"

	"sojourn/engine/wasi"
)

// Ports that the network's Dialer does not reach: one refuses, and one is not allowed.
const (
	Refusing  = 1
	Forbidden = 2
)

// dialer is the guest's end of a network whose peers are dialled, and obey.
type dialer struct{ *listener }

// Dialer returns the guest's end, for connections that the guest makes. As of Listener,
// there is one at a time.
func (n *Network) Dialer() wasi.Dialer {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.owner = &listener{net: n}
	return &dialer{n.owner}
}

func (d *dialer) Dial(_ string, to netip.AddrPort) (wasi.Dialled, error) {
	if to.Port() == Forbidden {
		return nil, fs.ErrPermission
	}
	p := d.net.Connect()
	d.net.mu.Lock()
	defer d.net.mu.Unlock()
	d.net.accepted = len(d.net.peers)
	p.to = to
	if to.Port() == Refusing {
		p.lost = true
		d.net.change()
	} else {
		go Obey(p, func() {})
	}
	return &dialled{&conn{of: d.listener, peer: p}}, nil
}

func (d *dialer) Restore(id uint64, saved []byte) (wasi.Dialled, error) {
	c, err := d.listener.Restore(id, saved)
	if err != nil {
		return nil, err
	}
	return &dialled{c.(*conn)}, nil
}

// dialled is made at once.
type dialled struct{ *conn }

func (d *dialled) Connected() error {
	if d.peer.to.Port() == Refusing {
		return wasi.ECONNREFUSED
	}
	return nil
}

func (d *dialled) Addrs() (local, remote netip.AddrPort) {
	local, _ = d.conn.Addrs()
	return local, d.peer.to
}
