package wasi

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// The socket calls that preview 1 has not, in the form of WasmEdge: what Rust's
// wasmedge_wasi_socket and Go's github.com/stealthrocket/net import. Two calls have two
// forms, which the type of the import tells apart; and the names that end in _v2 are the
// second form's own.
var extensions = []function{
	{name: "sock_open", params: "iii", run: sockOpen},
	{name: "sock_connect", params: "iii", run: sockConnect, blocking: true},
	{name: "sock_bind", params: "iii", run: noSuchSocket},
	{name: "sock_listen", params: "ii", run: noSuchSocket},
	{name: "sock_send_to", params: "iiiiiii", run: noSuchSocket},
	{name: "sock_recv_from", params: "iiiiiiii", run: noSuchSocket},
	{name: "sock_getlocaladdr", params: "iii", run: getLocalAddr},
	{name: "sock_getpeeraddr", params: "iii", run: getPeerAddr},
	{name: "sock_getsockopt", params: "iiiii", run: sockGetOpt},
	{name: "sock_setsockopt", params: "iiiii", run: sockSetOpt},
	{name: "sock_getaddrinfo", params: "iiiiiiii", run: sockGetAddrInfo, blocking: true},

	{name: "sock_open_v2", params: "iii", run: sockOpen},
	{name: "sock_connect_v2", params: "iii", run: sockConnect, blocking: true},
	{name: "sock_bind_v2", params: "iii", run: noSuchSocket},
	{name: "sock_listen_v2", params: "ii", run: noSuchSocket},
	{name: "sock_send_to_v2", params: "iiiiiii", run: noSuchSocket},
	{name: "sock_recv_from_v2", params: "iiiiiiii", run: noSuchSocket},
	{name: "sock_getlocaladdr_v2", params: "iii", run: getLocalAddr},
	{name: "sock_getpeeraddr_v2", params: "iii", run: getPeerAddr},
	{name: "sock_accept_v2", params: "iii", run: sockAccept, blocking: true},
	{name: "sock_recv_v2", params: "iiiiii", run: sockRecv, blocking: true},
	{name: "sock_send_v2", params: "iiiii", run: sockSend, blocking: true},

	{name: "sock_accept", params: "ii", run: sockAcceptV1, blocking: true},
	{name: "sock_recv_from", params: "iiiiiii", run: noSuchSocket},
	{name: "sock_getlocaladdr", params: "iiii", run: getLocalAddrV1},
	{name: "sock_getpeeraddr", params: "iiii", run: getPeerAddrV1},
}

// Address families, and the one type of socket that there is.
const (
	familyUnspec = 0
	familyInet4  = 1
	familyInet6  = 2

	sockAny    = 0
	sockStream = 2
)

// sockOpen stores the descriptor of a socket for sock_connect. There are no others.
func sockOpen(c *call) error {
	family, typ := c.u32(0), c.u32(1)
	switch {
	case family != familyInet4 && family != familyInet6:
		return EAFNOSUPPORT
	case typ != sockStream && typ != sockAny:
		return EPROTONOSUPPORT
	}
	if _, err := c.mem.bytes(c.u32(2), 4); err != nil {
		return err
	}
	fd, err := c.w.table.add(newSocket(&socket{family: byte(family)}))
	if err != nil {
		return err
	}
	return c.mem.putU32(c.u32(2), fd)
}

// noSuchSocket refuses what needs a socket of the guest's own choice: it listens where it
// was told to, from outside, and there are no datagrams.
func noSuchSocket(c *call) error {
	if _, err := c.anySocket(); err != nil {
		return err
	}
	return ENOTSUP
}

// sockAcceptV1 is sock_accept without flags, as it was before preview 1 had it.
func sockAcceptV1(c *call) error { return c.accept(0, c.u32(1)) }

// sockConnect may wait. A socket that must not wait is being connected (EINPROGRESS), and
// writable for poll_oneoff once it is known what has become of it. Issued again it goes
// on: so it can be interrupted.
func sockConnect(c *call) error {
	d, s, err := c.socket(0)
	if err != nil {
		return err
	}
	to, err := c.address(c.u32(1), c.u32(2))
	if err != nil {
		return err
	}
	began := s.conn == nil
	switch {
	case !began && !s.untold:
		return EISCONN
	case began && to.Addr().Is4() != (s.family == familyInet4):
		return EAFNOSUPPORT
	case began && c.w.dialer == nil:
		return EACCES
	case began:
		conn, err := c.w.dialer.Dial("tcp", to)
		if err != nil {
			return err
		}
		s.conn, s.untold = conn, true
	}
	err = s.connected()
	for errors.Is(err, ErrAgain) {
		if d.flags&flagNonblock != 0 {
			if began {
				return EINPROGRESS
			}
			return EALREADY
		}
		if err := c.wait(d, s.conn.Writable()); err != nil {
			return err
		}
		err = s.connected()
	}
	if err == nil {
		s.untold = false
	}
	return err
}

// storageSize is the size of an address of the second form: family u16, and the address.
const storageSize = 128

// address reads an address: a pointer and a length, of 4 bytes, 16, or storageSize.
func (c *call) address(ptr, port uint32) (netip.AddrPort, error) {
	b, err := c.buffer(ptr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if len(b) == storageSize {
		switch binary.LittleEndian.Uint16(b) {
		case familyInet4:
			b = b[2:6]
		case familyInet6:
			b = b[2:18]
		default:
			return netip.AddrPort{}, EAFNOSUPPORT
		}
	}
	addr, ok := netip.AddrFromSlice(b)
	if !ok || port > 1<<16-1 {
		return netip.AddrPort{}, EINVAL
	}
	return netip.AddrPortFrom(addr, uint16(port)), nil
}

// buffer returns the bytes that a pointer and a length at ptr describe.
func (c *call) buffer(ptr uint32) ([]byte, error) {
	b, err := c.mem.bytes(ptr, 8)
	if err != nil {
		return nil, err
	}
	return c.mem.bytes(binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]))
}

func getLocalAddr(c *call) error   { return c.putAddr(c.localAddr()) }
func getPeerAddr(c *call) error    { return c.putAddr(c.peerAddr()) }
func getLocalAddrV1(c *call) error { return c.putAddrV1(c.localAddr()) }
func getPeerAddrV1(c *call) error  { return c.putAddrV1(c.peerAddr()) }

// nowhere is the address of an end that nobody knows one of.
var nowhere = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)

func (c *call) localAddr() (netip.AddrPort, error) {
	d, err := c.anySocket()
	if err != nil {
		return nowhere, err
	}
	if s, ok := d.stream.(*socket); ok {
		local, _ := s.addrs()
		return local, nil
	}
	return nowhere, nil
}

func (c *call) peerAddr() (netip.AddrPort, error) {
	_, s, err := c.socket(0)
	if err == nil && s.connected() != nil {
		err = ENOTCONN
	}
	if err != nil {
		return nowhere, err
	}
	_, peer := s.addrs()
	return peer, nil
}

func (s *socket) addrs() (local, peer netip.AddrPort) {
	if a, ok := s.conn.(Addressed); ok {
		local, peer = a.Addrs()
	}
	if !local.IsValid() {
		local = nowhere
	}
	if !peer.IsValid() {
		peer = nowhere
	}
	return local, peer
}

// putAddrV1 stores the address into 4 or 16 bytes, 4 or 6 for its kind, and its port.
func (c *call) putAddrV1(at netip.AddrPort, err error) error {
	if err != nil {
		return err
	}
	b, err := c.buffer(c.u32(1))
	if err != nil {
		return err
	}
	raw, kind := at.Addr().AsSlice(), uint32(4)
	if at.Addr().Is6() {
		kind = 6
	}
	if len(b) != 4 && len(b) != 16 || len(b) < len(raw) {
		return EINVAL
	}
	copy(b, raw)
	if err := c.mem.putU32(c.u32(2), kind); err != nil {
		return err
	}
	return c.mem.putU32(c.u32(3), uint32(at.Port()))
}

// putAddr stores the address into storageSize bytes, and its port.
func (c *call) putAddr(at netip.AddrPort, err error) error {
	if err != nil {
		return err
	}
	b, err := c.buffer(c.u32(1))
	if err != nil {
		return err
	}
	if len(b) != storageSize {
		return EINVAL
	}
	family := uint16(familyInet4)
	if at.Addr().Is6() {
		family = familyInet6
	}
	binary.LittleEndian.PutUint16(b, family)
	copy(b[2:], at.Addr().AsSlice())
	return c.mem.putU32(c.u32(2), uint32(at.Port()))
}
