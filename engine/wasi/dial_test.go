package wasi

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// fakeDialer makes connections when it is told to.
type fakeDialer struct {
	asked []netip.AddrPort
	conns []*fakeDialled
	names map[string][]string
	slow  time.Duration
}

type fakeDialled struct {
	*fakeConn
	done chan struct{}
	err  error
}

func (d *fakeDialer) Dial(_ string, to netip.AddrPort) (Dialled, error) {
	if to.Port() == 1 {
		return nil, fs.ErrPermission
	}
	d.asked = append(d.asked, to)
	return d.add(uint64(len(d.conns))), nil
}

func (d *fakeDialer) add(id uint64) *fakeDialled {
	c := &fakeDialled{fakeConn: &fakeConn{Buffer: NewBuffer(), id: id}, done: make(chan struct{})}
	d.conns = append(d.conns, c)
	return c
}

func (d *fakeDialer) Save() []byte      { return []byte("dialer") }
func (d *fakeDialer) Load([]byte) error { return nil }
func (d *fakeDialer) Restore(id uint64, saved []byte) (Dialled, error) {
	c := d.add(id)
	return c, c.Load(saved)
}

func (d *fakeDialer) Lookup(_, host string) <-chan Found {
	ch := make(chan Found, 1)
	time.AfterFunc(d.slow, func() {
		f := Found{Err: ENOENT}
		for _, s := range d.names[host] {
			f.Addrs, f.Err = append(f.Addrs, netip.MustParseAddr(s)), nil
		}
		if host == "secret" {
			f.Err = fs.ErrPermission
		}
		ch <- f
	})
	return ch
}

// become says what has become of the connection.
func (c *fakeDialled) become(err error) {
	c.err = err
	close(c.done)
}

func (c *fakeDialled) Connected() error {
	select {
	case <-c.done:
		return c.err
	default:
		return ErrAgain
	}
}

func (c *fakeDialled) Writable() <-chan struct{} {
	if c.Connected() != nil {
		return c.done
	}
	return c.Buffer.Writable()
}

func (c *fakeDialled) Addrs() (local, remote netip.AddrPort) {
	return netip.MustParseAddrPort("10.0.0.1:1234"), netip.MustParseAddrPort("[2001:db8::1]:5432")
}

// Where the tests put addresses: a pointer and a length, and the bytes.
const (
	atAddr    = 0x6000
	atStorage = 0x6100
)

// address puts an address into memory, in size bytes.
func (g *guest) address(s string, size int) uint64 {
	a := netip.MustParseAddr(s)
	b := g.mem[atStorage : atStorage+size]
	clear(b)
	if size == storageSize {
		binary.LittleEndian.PutUint16(b, familyInet4)
		if a.Is6() {
			binary.LittleEndian.PutUint16(b, familyInet6)
		}
		b = b[2:]
	}
	copy(b, a.AsSlice())
	binary.LittleEndian.PutUint32(g.mem[atAddr:], atStorage)
	binary.LittleEndian.PutUint32(g.mem[atAddr+4:], uint32(size))
	return atAddr
}

func (g *guest) socket(family uint64) uint64 {
	g.t.Helper()
	g.must("sock_open", family, sockStream, atResult)
	return uint64(g.u32(atResult))
}

func TestConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDialer{}
		g := newGuest(t, Config{Dialer: d}, "")
		fd := g.socket(familyInet4)
		g.vector(1)
		g.want(ENOTCONN, "fd_read", fd, atVector, 1, atResult)
		g.want(ENOTCONN, "fd_write", fd, atVector, 1, atResult)
		g.want(ENOTCONN, "sock_shutdown", fd, shutRead)
		g.want(ENOTCONN, "sock_getpeeraddr", fd, g.address("::", storageSize), atResult)
		g.interrupted(time.Second, "sock_connect", fd, g.address("10.0.0.9", 4), 5432)
		time.AfterFunc(time.Second, func() { d.conns[0].become(nil) })
		g.must("sock_connect", fd, g.address("10.0.0.9", storageSize), 5432)
		if fmt.Sprint(d.asked) != "[10.0.0.9:5432]" {
			t.Errorf("asked for %v", d.asked)
		}
		g.want(EISCONN, "sock_connect", fd, g.address("10.0.0.9", 4), 5432)
		g.write(fd, "hello")
		if got := d.conns[0].drain(); got != "hello" {
			t.Errorf("the peer got %q", got)
		}
		g.must("sock_getpeeraddr", fd, g.address("::", storageSize), atResult)
		if a, ok := netip.AddrFromSlice(g.mem[atStorage+2 : atStorage+18]); !ok || a.String() != "2001:db8::1" || g.u32(atResult) != 5432 || g.mem[atStorage] != familyInet6 {
			t.Errorf("peer is %v, port %d", a, g.u32(atResult))
		}
		g.want(EINVAL, "sock_getlocaladdr", fd, g.address("::", 16), atResult)

		g.want(EACCES, "sock_connect", g.socket(familyInet4), g.address("10.0.0.9", 4), 1)
		g.want(EAFNOSUPPORT, "sock_connect", g.socket(familyInet4), g.address("::1", 16), 80)
		g.want(EINVAL, "sock_connect", g.socket(familyInet4), g.address("::1", 5), 80)
		g.want(EINVAL, "sock_connect", g.socket(familyInet4), g.address("::1", 16), 1<<16)
		g.want(ENOTSOCK, "sock_connect", 0, g.address("::1", 16), 80)
		g.want(EAFNOSUPPORT, "sock_open", 3, sockStream, atResult)
		g.want(EPROTONOSUPPORT, "sock_open", familyInet4, 1, atResult)
		g.want(ENOTSUP, "sock_bind", fd, g.address("10.0.0.9", 4), 80)
		g.want(ENOTSUP, "sock_listen", fd, 5)
		g.want(ENOTSOCK, "sock_listen", 0, 5)
		g.want(ENOTSUP, "sock_send_to", fd, atVector, 1, atAddr, 80, 0, atResult)

		g = newGuest(t, Config{}, "")
		g.want(EACCES, "sock_connect", g.socket(familyInet4), g.address("10.0.0.9", 4), 80)
	})
}

func TestConnectWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDialer{}
		g := newGuest(t, Config{Dialer: d}, "")
		option := func(fd, name uint64) uint32 {
			t.Helper()
			binary.LittleEndian.PutUint32(g.mem[atResult+4:], 4)
			g.must("sock_getsockopt", fd, levelSocket, name, atResult, atResult+4)
			long := g.u32(atResult)
			g.must("sock_getsockopt", fd, levelSocket, name, atResult, 4)
			if got := g.u32(atResult); got != long {
				t.Errorf("option %d is %d and %d", name, long, got)
			}
			return long
		}
		write := func(fd uint64) subscription { return subscription{kind: eventWrite, fd: uint32(fd)} }
		for i, end := range []error{nil, ECONNREFUSED} {
			fd := g.socket(familyInet6)
			g.must("fd_fdstat_set_flags", fd, flagNonblock)
			g.want(EINPROGRESS, "sock_connect", fd, g.address("::9", 16), 80)
			g.want(EALREADY, "sock_connect", fd, g.address("::9", 16), 80)
			g.want(ENOTCONN, "sock_getpeeraddr", fd, g.address("::", storageSize), atResult)
			g.vector(1)
			g.want(EAGAIN, "fd_write", fd, atVector, 1, atResult)
			if got := option(fd, optError); got != 0 {
				t.Errorf("error %d before it is known", got)
			}
			if ev := g.poll(write(fd), after(time.Second)); len(ev) != 1 || ev[0].kind != eventClock {
				t.Errorf("events %+v", ev)
			}
			time.AfterFunc(time.Second, func() { d.conns[i].become(end) })
			want := event{userdata: 100, kind: eventWrite}
			if ev := g.poll(write(fd), after(time.Minute)); !slices.Equal(ev, []event{want}) {
				t.Errorf("events %+v, want %+v", ev, want)
			}
			if got := option(fd, optError); got != uint32(errnoOf(end)) {
				t.Errorf("error %d, want %v", got, end)
			}
			g.want(errnoOf(end), "sock_connect", fd, g.address("::9", 16), 80)
			if option(fd, optType) != sockStream || option(fd, optListens) != 0 || option(fd, optRecvBuffer) == 0 {
				t.Error("options are wrong")
			}
		}
		g.want(ENOPROTOOPT, "sock_getsockopt", 3, 1, 0, atResult, 4)
		g.must("sock_setsockopt", 3, levelSocket, optReuseAddr, atResult, 4)
		clear(g.mem[atResult : atResult+16])
		g.must("sock_setsockopt", 3, levelSocket, optRecvTime, atResult, 16)
		g.mem[atResult] = 1
		g.want(ENOPROTOOPT, "sock_setsockopt", 3, levelSocket, optRecvTime, atResult, 16)
	})
}

func TestSaveDialled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDialer{}
		g := newGuest(t, Config{Dialer: d}, "")
		open, connecting, fresh := g.socket(familyInet4), g.socket(familyInet4), g.socket(familyInet6)
		for i, fd := range []uint64{open, connecting} {
			g.interrupted(time.Second, "sock_connect", fd, g.address("10.0.0.9", 4), uint64(80+i))
		}
		d.conns[0].become(nil)
		g.must("sock_connect", open, atAddr, 80)
		d.conns[0].Feed([]byte("unread"))
		g.recv(open, 2, recvPeek)

		if _, err := Load(Config{}, must(g.w.Save())); err == nil {
			t.Error("outward connections are loaded where there may be none")
		}
		d = &fakeDialer{}
		mem := g.mem
		g = g.move(Config{Dialer: d}, "")
		g.mem = mem
		d.conns[0].become(nil)
		time.AfterFunc(time.Second, func() { d.conns[1].become(ECONNREFUSED) })
		if got := g.read(open, 9); got != "unread" {
			t.Errorf("read %q", got)
		}
		g.want(EISCONN, "sock_connect", open, g.address("10.0.0.9", 4), 80)
		g.want(ECONNREFUSED, "sock_connect", connecting, g.address("10.0.0.9", 4), 81)
		g.interrupted(time.Second, "sock_connect", fresh, g.address("::9", 16), 82)
		if fmt.Sprint(d.asked) != "[[::9]:82]" {
			t.Errorf("asked again for %v", d.asked)
		}
	})
}

// Where the tests put lists of results.
const (
	atHints = 0x7000
	atList  = 0x7100
	listed  = 4
)

// find looks up a host with hints, and returns what is filled in of a list of four.
func (g *guest) find(host, service string, flags uint16, family byte, room uint32) (Errno, []string) {
	g.t.Helper()
	le := binary.LittleEndian
	clear(g.mem[atHints : atHints+addrInfoSize])
	le.PutUint16(g.mem[atHints:], flags)
	g.mem[atHints+2] = family
	for i := range listed {
		at := atList + 100*i
		clear(g.mem[at : at+100])
		le.PutUint32(g.mem[at+12:], uint32(at+28))
		if i < listed-1 {
			le.PutUint32(g.mem[at+24:], uint32(at+100))
		}
		le.PutUint32(g.mem[at+32:], room)
		le.PutUint32(g.mem[at+36:], uint32(at+60))
	}
	le.PutUint32(g.mem[atResult+4:], atList)
	ptr, n := g.path(host + "\x00")
	sptr, sn := g.other(service)
	e := g.try("sock_getaddrinfo", ptr, n, sptr, sn, atHints, atResult+4, listed, atResult)
	if e != OK {
		return e, nil
	}
	var out []string
	for i := range int(g.u32(atResult)) {
		at := atList + 100*i
		data := g.mem[at+60:]
		a := netip.AddrFrom4([4]byte(data[2:]))
		if g.mem[at+28] == familyInet6 {
			a = netip.AddrFrom16([16]byte(data[6:]))
		}
		if g.mem[at+2] != g.mem[at+28] || g.mem[at+3] != sockStream {
			g.t.Errorf("result %d is of family %d and type %d", i, g.mem[at+2], g.mem[at+3])
		}
		out = append(out, netip.AddrPortFrom(a, binary.BigEndian.Uint16(data)).String())
	}
	return OK, out
}

func TestGetAddrInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDialer{slow: time.Second, names: map[string][]string{
			"both":  {"2001:db8::1", "10.0.0.1", "10.0.0.2"},
			"six":   {"2001:db8::1"},
			"five":  {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"},
			"other": nil,
		}}
		g := newGuest(t, Config{Dialer: d}, "")
		for _, c := range []struct {
			host, service string
			flags         uint16
			family        byte
			room          uint32
			errno         Errno
			want          string
		}{
			{"both", "5432", 0, 0, 26, OK, "[10.0.0.1:5432 10.0.0.2:5432]"},
			{"both", "https", 0, familyInet4, 14, OK, "[10.0.0.1:443 10.0.0.2:443]"},
			{"both", "80", 0, familyInet6, 26, OK, "[[2001:db8::1]:80]"},
			{"six", "80", 0, 0, 26, OK, "[[2001:db8::1]:80]"},
			{"six", "80", 0, 0, 14, EINVAL, "[]"},
			{"six", "80", 0, familyInet4, 26, eaiNoName, "[]"},
			{"five", "80", 0, 0, 26, OK, "[10.0.0.1:80 10.0.0.2:80 10.0.0.3:80 10.0.0.4:80]"},
			{"10.9.8.7", "", aiNumericHost, 0, 26, OK, "[10.9.8.7:0]"},
			{"both", "", aiNumericHost, 0, 26, eaiNoName, "[]"},
			{"", "80", aiPassive, 0, 26, OK, "[0.0.0.0:80]"},
			{"", "80", 0, 0, 26, OK, "[127.0.0.1:80]"},
			{"none", "80", 0, 0, 26, eaiNoName, "[]"},
			{"secret", "80", 0, 0, 26, EACCES, "[]"},
			{"both", "gopher", 0, 0, 26, eaiService, "[]"},
			{"both", "80", 1 << 7, 0, 26, eaiBadFlags, "[]"},
			{"both", "80", 0, 3, 26, eaiFamily, "[]"},
		} {
			e, got := g.find(c.host, c.service, c.flags, c.family, c.room)
			if e != c.errno || fmt.Sprint(got) != c.want {
				t.Errorf("%+v: errno %d, %v", c, e, got)
			}
		}
		clear(g.mem[atHints : atHints+addrInfoSize])
		ptr, n := g.path("both")
		g.interrupted(time.Second/2, "sock_getaddrinfo", ptr, n, 0, 0, atHints, atResult+4, listed, atResult)

		g = newGuest(t, Config{}, "")
		if e, got := g.find("both", "80", 0, 0, 26); e != EACCES {
			t.Errorf("without a dialer: errno %d, %v", e, got)
		}
	})
}
