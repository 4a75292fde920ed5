package wasi

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sojourn/interp"
)

// Errors of sock_getaddrinfo beside those of preview 1.
const (
	eaiAgain    Errno = 78
	eaiBadFlags Errno = 79
	eaiFail     Errno = 80
	eaiFamily   Errno = 81
	eaiNoName   Errno = 84
	eaiService  Errno = 85
)

// Hints of sock_getaddrinfo.
const (
	aiPassive     = 1 << 0
	aiNumericHost = 1 << 2
	aiAll         = 1<<7 - 1

	addrInfoSize = 28
	sockaddrSize = 12
)

// hints is what of an addrinfo is read: flags u16, family u8 at 2, type of socket u8 at 3;
// the protocol u8 at 4 is not. Behind them are, for results, addrlen u32 at 8, a pointer to a sockaddr
// at 12, one to a name at 16 with its length at 20, and one to the next addrinfo at 24.
type hints struct {
	flags       uint16
	family, typ byte
	host        string
	port        uint16
}

// sockGetAddrInfo may wait, for a lookup. Parameters are the host and the service, each
// with its length; the hints; where a pointer to a list of addrinfo is; how long that is;
// and where to store how many of them are filled in.
func sockGetAddrInfo(c *call) error {
	max := c.u32(6)
	if _, err := c.mem.bytes(c.u32(7), 4); err != nil {
		return err
	}
	if max == 0 {
		return EINVAL
	}
	h, err := c.hints()
	if err != nil {
		return err
	}
	addrs, err := c.find(h)
	if err != nil {
		return err
	}
	raw, err := c.mem.bytes(c.u32(5), 4)
	if err != nil {
		return err
	}
	next, n := binary.LittleEndian.Uint32(raw), uint32(0)
	for _, a := range addrs {
		if n == max || next == 0 {
			break
		}
		if next, err = c.putAddrInfo(next, a, h); err != nil {
			return err
		}
		n++
	}
	return c.mem.putU32(c.u32(7), n)
}

// hints reads the parameters. Names may end in a NUL.
func (c *call) hints() (h hints, err error) {
	host, err := c.mem.bytes(c.u32(0), min(c.u32(1), maxHost+1))
	if err != nil {
		return h, err
	}
	service, err := c.mem.bytes(c.u32(2), min(c.u32(3), maxHost+1))
	if err != nil {
		return h, err
	}
	b, err := c.mem.bytes(c.u32(4), addrInfoSize)
	if err != nil {
		return h, err
	}
	h = hints{flags: binary.LittleEndian.Uint16(b), family: b[2], typ: b[3],
		host: strings.TrimSuffix(string(host), "\x00")}
	switch {
	case h.flags&^aiAll != 0:
		return h, eaiBadFlags
	case h.family > familyInet6:
		return h, eaiFamily
	case h.typ != sockAny && h.typ != sockStream:
		return h, EPROTONOSUPPORT
	case len(h.host) > maxHost || strings.ContainsRune(h.host, 0):
		return h, eaiNoName
	}
	h.port, err = portOf(strings.TrimSuffix(string(service), "\x00"))
	return h, err
}

// portOf reads a service: a number, or one of the few names that programs use.
func portOf(s string) (uint16, error) {
	if p, ok := map[string]uint16{"": 0, "http": 80, "https": 443, "domain": 53, "ssh": 22, "smtp": 25}[s]; ok {
		return p, nil
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, eaiService
	}
	return uint16(n), nil
}

// find returns the addresses that a host has, of the family that is asked for: with none,
// those of IPv4, or where there are none those of IPv6. Most programs connect to IPv4 only.
func (c *call) find(h hints) ([]netip.Addr, error) {
	all, err := c.lookup(h)
	if err != nil {
		return nil, err
	}
	v4, v6 := all[:0:0], all[:0:0]
	for _, a := range all {
		if a = a.Unmap(); a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	found := v4
	if h.family == familyInet6 || h.family == familyUnspec && len(v4) == 0 {
		found = v6
	}
	if len(found) == 0 {
		return nil, eaiNoName
	}
	return slices.Compact(found), nil
}

func (c *call) lookup(h hints) ([]netip.Addr, error) {
	if h.host == "" {
		if h.flags&aiPassive != 0 {
			return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}, nil
		}
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	if a, err := netip.ParseAddr(h.host); err == nil {
		return []netip.Addr{a}, nil
	}
	if h.flags&aiNumericHost != 0 {
		return nil, eaiNoName
	}
	r, ok := c.w.dialer.(Resolver)
	switch {
	case c.w.dialer == nil:
		return nil, EACCES
	case !ok:
		return nil, eaiFail
	}
	network := [...]string{familyUnspec: "ip", familyInet4: "ip4", familyInet6: "ip6"}[h.family]
	select {
	case f := <-r.Lookup(network, h.host):
		return f.Addrs, lookupError(f.Err)
	case <-c.Stop():
		return nil, interp.ErrRestart
	}
}

func lookupError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return EACCES
	case errors.Is(err, ENOENT):
		return eaiNoName
	case errors.Is(err, EAGAIN):
		return eaiAgain
	}
	return eaiFail
}

// putAddrInfo fills in one result, whose sockaddr the guest has made: family u8, length
// of the data u32 at 4, and a pointer to them at 8. The data are a native sockaddr's
// behind its family: port, big-endian, and the address; that of IPv6 behind 4 bytes of
// flow. It returns where the next one is.
func (c *call) putAddrInfo(at uint32, a netip.Addr, h hints) (next uint32, err error) {
	b, err := c.mem.bytes(at, addrInfoSize)
	if err != nil {
		return 0, err
	}
	le := binary.LittleEndian
	sa, err := c.mem.bytes(le.Uint32(b[12:]), sockaddrSize)
	if err != nil {
		return 0, err
	}
	family, offset, size := byte(familyInet4), 2, uint32(14)
	if a.Is6() {
		family, offset, size = familyInet6, 6, 26
	}
	if le.Uint32(sa[4:]) < size {
		return 0, EINVAL
	}
	data, err := c.mem.bytes(le.Uint32(sa[8:]), size)
	if err != nil {
		return 0, err
	}
	clear(data)
	binary.BigEndian.PutUint16(data, h.port)
	copy(data[offset:], a.AsSlice())
	sa[0] = family
	le.PutUint32(sa[4:], size)
	const protocolTCP = 1
	le.PutUint16(b, 0)
	b[2], b[3], b[4] = family, sockStream, protocolTCP
	le.PutUint32(b[8:], size+2)
	le.PutUint32(b[20:], 0)
	return le.Uint32(b[24:]), nil
}
