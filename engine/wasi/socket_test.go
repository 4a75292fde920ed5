package wasi

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const listener = 3 // descriptor of the first one

// accept accepts a connection, which must be there, or come.
func (g *guest) accept(flags uint64) uint64 {
	g.t.Helper()
	g.must("sock_accept", listener, flags, atResult)
	return uint64(g.u32(atResult))
}

// recv receives up to max bytes, and checks roflags.
func (g *guest) recv(fd uint64, max int, flags uint64) string {
	g.t.Helper()
	g.vector(max)
	g.must("sock_recv", fd, atVector, 1, flags, atResult, atResult+4)
	if ro := binary.LittleEndian.Uint16(g.mem[atResult+4:]); ro != 0 {
		g.t.Errorf("roflags are %d", ro)
	}
	return string(g.mem[atData : atData+g.u32(atResult)])
}

func TestListenersComeFirst(t *testing.T) {
	g := newGuest(t, Config{
		Env:       []string{"LISTEN_FDNAMES=mine", "A=1"},
		Listeners: []Listener{newFakeListener("web"), newFakeListener("admin")},
	}, t.TempDir())
	if _, env := g.w.Started(); !slices.Equal(env, []string{"LISTEN_FDNAMES=mine", "A=1", "LISTEN_FDS=2"}) {
		t.Errorf("environment is %q", env)
	}
	for fd, tag := range []uint32{3: prestatOther, 4: prestatOther, 5: 0} {
		if fd >= 3 {
			g.must("fd_prestat_get", uint64(fd), atResult)
			if got := g.u32(atResult); got != tag {
				t.Errorf("descriptor %d has tag %d, want %d", fd, got, tag)
			}
		}
	}
	g.want(EBADF, "fd_prestat_get", 6, atResult)
	g.want(EBADF, "fd_prestat_dir_name", listener, atData, 9)
	g.must("fd_fdstat_get", listener, atResult)
	if typ, base, inheriting := g.mem[atResult], Rights(g.u64(atResult+8)), Rights(g.u64(atResult+16)); typ != typeSocket || base != listenRights || inheriting != connRights {
		t.Errorf("type %d, rights %x and %x", typ, base, inheriting)
	}
	g.must("fd_filestat_get", listener, atResult)
	if typ := g.mem[atResult+16]; typ != typeSocket {
		t.Errorf("filestat has type %d", typ)
	}
}

func TestListenerNames(t *testing.T) {
	for _, names := range [][]string{{""}, {"a:b"}, {"a b"}, {"a", "a"}, {strings.Repeat("x", maxListenerName+1)}} {
		var cfg Config
		for _, n := range names {
			cfg.Listeners = append(cfg.Listeners, newFakeListener(n))
		}
		if _, err := New(cfg); err == nil {
			t.Errorf("listeners %q are taken", names)
		}
	}
}

func TestAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener("web")
		g := newGuest(t, Config{Listeners: []Listener{l, newFakeListener("other")}}, "")
		g.interrupted(time.Second, "sock_accept", listener, 0, atResult)
		if unused := g.w.Unused(); !slices.Equal(unused, []string{"other"}) {
			t.Errorf("not waited on: %q", unused)
		}
		time.AfterFunc(time.Second, func() { l.connect() })
		fd := g.accept(flagNonblock)
		g.must("fd_fdstat_get", fd, atResult)
		if typ, flags, base := g.mem[atResult], g.mem[atResult+2], Rights(g.u64(atResult+8)); typ != typeSocket || flags != flagNonblock || base != connRights {
			t.Errorf("type %d, flags %d, rights %x", typ, flags, base)
		}
		g.vector(1)
		g.want(EAGAIN, "fd_read", fd, atVector, 1, atResult)
		g.want(EAGAIN, "sock_recv", fd, atVector, 1, 0, atResult, atResult+4)

		g.must("fd_fdstat_set_flags", listener, flagNonblock)
		g.want(EAGAIN, "sock_accept", listener, 0, atResult)
		g.want(EINVAL, "sock_accept", listener, flagAppend, atResult)
		g.want(EINVAL, "sock_accept", fd, 0, atResult)
		g.want(ENOTSOCK, "sock_accept", 0, 0, atResult)
		l.connect()
		g.want(EFAULT, "sock_accept", listener, 0, memSize)
		g.must("fd_fdstat_set_rights", listener, uint64(listenRights), uint64(RightFdRead))
		fd = g.accept(0)
		g.want(EBADF, "fd_write", fd, atVector, 1, atResult)
		g.want(ENOTCAPABLE, "sock_send", fd, atVector, 1, 0, atResult)
		g.must("fd_fdstat_set_rights", listener, 0, 0)
		g.want(ENOTCAPABLE, "sock_accept", listener, 0, atResult)
	})
}

func TestAcceptIsBounded(t *testing.T) {
	l := newFakeListener("web")
	g := newGuest(t, Config{Listeners: []Listener{l}, MaxDescriptors: 5}, "")
	l.connect()
	l.connect()
	g.accept(0)
	g.want(EMFILE, "sock_accept", listener, 0, atResult)
	if len(l.ids) != 1 {
		t.Error("a connection that there was no descriptor for is lost")
	}
}

func TestSendAndReceive(t *testing.T) {
	l := newFakeListener("web")
	c := l.connect()
	g := newGuest(t, Config{Listeners: []Listener{l}}, "")
	fd := g.accept(0)
	c.Feed([]byte("hello world"))
	if got := g.recv(fd, 5, recvPeek); got != "hello" {
		t.Errorf("peeked at %q", got)
	}
	if got := g.recv(fd, 99, recvPeek); got != "hello world" {
		t.Errorf("peeked at %q", got)
	}
	if got := g.recv(fd, 2, 0); got != "he" {
		t.Errorf("received %q", got)
	}
	if got := g.read(fd, 4); got != "llo " {
		t.Errorf("read %q", got)
	}
	c.Feed([]byte("!"))
	if got := g.read(fd, 99); got != "world!" {
		t.Errorf("read %q", got)
	}
	g.write(fd, "one ")
	g.vector(copy(g.mem[atData:], "two"))
	g.must("sock_send", fd, atVector, 1, 0, atResult)
	if got := c.drain(); got != "one two" {
		t.Errorf("peer got %q", got)
	}

	g.want(EINVAL, "sock_send", fd, atVector, 1, 1, atResult)
	g.want(EINVAL, "sock_recv", fd, atVector, 1, 4, atResult, atResult+4)
	g.want(EFAULT, "sock_recv", fd, atVector, 1, 0, atResult, memSize)
	g.want(EFAULT, "sock_recv", fd, atVector, 1, 0, memSize, atResult)
	g.want(EFAULT, "sock_send", fd, memSize, 1, 0, atResult)
	for _, call := range [][]uint64{{0}, {listener}} {
		want := []Errno{0: ENOTSOCK, listener: ENOTCONN}[call[0]]
		g.want(want, "sock_recv", call[0], atVector, 1, 0, atResult, atResult+4)
		g.want(want, "sock_send", call[0], atVector, 1, 0, atResult)
		g.want(want, "sock_shutdown", call[0], shutRead)
	}
	g.want(ENOTCONN, "fd_read", listener, atVector, 1, atResult)
	g.want(ENOTCONN, "fd_write", listener, atVector, 1, atResult)
	g.want(ESPIPE, "fd_seek", fd, 0, whenceSet, atResult)
	g.want(ESPIPE, "fd_pread", fd, atVector, 1, 0, atResult)
	g.want(EINVAL, "fd_sync", fd)
	g.want(ESPIPE, "fd_advise", listener, 0, 0, 0)
}

func TestEndAndReset(t *testing.T) {
	l := newFakeListener("web")
	ended, lost := l.connect(), l.connect()
	g := newGuest(t, Config{Listeners: []Listener{l}}, "")
	a, b := g.accept(0), g.accept(0)
	ended.Feed([]byte("last"))
	ended.CloseInput()
	if got := g.recv(a, 99, recvPeek|recvWaitAll); got != "last" {
		t.Errorf("peeked at %q before the end", got)
	}
	if got := g.recv(a, 99, recvWaitAll); got != "last" {
		t.Errorf("received %q before the end", got)
	}
	for _, flags := range []uint64{0, recvPeek, recvWaitAll} {
		if got := g.recv(a, 9, flags); got != "" {
			t.Errorf("received %q at the end", got)
		}
	}
	g.write(a, "still")
	if got := ended.drain(); got != "still" {
		t.Errorf("peer got %q after its own end", got)
	}
	g.must("sock_shutdown", a, shutWrite)
	g.vector(1)
	g.want(EPIPE, "fd_write", a, atVector, 1, atResult)

	lost.lose()
	for _, flags := range []uint64{0, recvPeek, recvWaitAll} {
		g.want(ECONNRESET, "sock_recv", b, atVector, 1, flags, atResult, atResult+4)
	}
	g.want(ECONNRESET, "fd_read", b, atVector, 1, atResult)
}

func TestShutdownAndClose(t *testing.T) {
	l := newFakeListener("web")
	c := l.connect()
	g := newGuest(t, Config{Listeners: []Listener{l}}, "")
	fd := g.accept(0)
	for _, how := range []uint64{0, 4} {
		g.want(EINVAL, "sock_shutdown", fd, how)
	}
	c.Feed([]byte("unread"))
	g.recv(fd, 1, recvPeek)
	g.write(fd, "bye")
	g.must("sock_shutdown", fd, shutRead|shutWrite)
	if got := c.drain(); got != "bye" {
		t.Errorf("peer got %q", got)
	}
	g.must("fd_close", fd)
	g.want(EBADF, "fd_read", fd, atVector, 1, atResult)
	g.must("fd_close", listener)
	if !l.refused {
		t.Error("the listener was not told")
	}
}

func TestRenumberSockets(t *testing.T) {
	l := newFakeListener("web")
	c := l.connect()
	g := newGuest(t, Config{Listeners: []Listener{l}}, "")
	g.accept(0)
	g.must("fd_renumber", 4, listener)
	if !l.refused {
		t.Error("the listener was not told")
	}
	c.Feed([]byte("moved"))
	if got := g.read(listener, 9); got != "moved" {
		t.Errorf("read %q", got)
	}
}

func TestWaitAllGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener("web")
		c := l.connect()
		g := newGuest(t, Config{Listeners: []Listener{l}}, "")
		fd := g.accept(0)
		c.Feed([]byte("0123"))
		g.vector(10)
		args := []uint64{fd, atVector, 1, recvWaitAll, atResult, atResult + 4}
		g.interrupted(time.Second, "sock_recv", args...)

		l2 := newFakeListener("web")
		mem := g.mem
		g = g.move(Config{Listeners: []Listener{l2}}, "")
		g.mem = mem
		time.AfterFunc(time.Second, func() { l2.conns[c.id].Feed([]byte("456")) })
		time.AfterFunc(2*time.Second, func() { l2.conns[c.id].Feed([]byte("789abc")) })
		g.must("sock_recv", args...)
		if got := string(g.mem[atData : atData+g.u32(atResult)]); got != "0123456789" {
			t.Errorf("received %q", got)
		}
		if got := g.recv(fd, 9, recvPeek); got != "abc" {
			t.Errorf("then %q", got)
		}
		time.AfterFunc(time.Second, func() { l2.conns[c.id].Feed([]byte("d")) })
		if got := g.recv(fd, 4, recvPeek|recvWaitAll); got != "abcd" {
			t.Errorf("peeked at %q", got)
		}
	})
}

func TestPollSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener("web")
		g := newGuest(t, Config{Listeners: []Listener{l}}, "")
		read := func(fd uint64) subscription { return subscription{kind: eventRead, fd: uint32(fd)} }
		write := func(fd uint64) subscription { return subscription{kind: eventWrite, fd: uint32(fd)} }
		expect := func(want []event, subs ...subscription) {
			t.Helper()
			if got := g.poll(subs...); !slices.Equal(got, want) {
				t.Errorf("events %+v, want %+v", got, want)
			}
		}
		timeout := []event{{userdata: 102, kind: eventClock}}
		expect(timeout, read(listener), write(listener), after(time.Second))
		c := l.connect()
		for range 2 { // level-triggered
			expect([]event{{userdata: 100, kind: eventRead}}, read(listener), write(listener))
		}
		fd := g.accept(0)
		expect(timeout, read(fd), read(listener), after(time.Second))
		expect([]event{{userdata: 101, kind: eventWrite}}, read(fd), write(fd))
		time.AfterFunc(time.Second, func() { c.Feed([]byte("abc")) })
		for range 2 {
			expect([]event{{userdata: 100, kind: eventRead, bytes: 3}}, read(fd))
		}
		c.CloseInput()
		expect([]event{{userdata: 100, kind: eventRead, bytes: 3}}, read(fd))
		g.read(fd, 9)
		expect([]event{{userdata: 100, kind: eventRead, flags: eventHangup}, {userdata: 101, kind: eventWrite}}, read(fd), write(fd))

		c = l.connect()
		fd = g.accept(0)
		time.AfterFunc(time.Second, c.lose)
		expect([]event{{userdata: 100, kind: eventRead, flags: eventHangup}}, read(fd))
	})
}

func TestSaveSockets(t *testing.T) {
	l := newFakeListener("web")
	c := l.connect()
	l.connect()
	cfg := Config{Listeners: []Listener{newFakeListener("other"), l}}
	g := newGuest(t, cfg, "")
	g.must("fd_close", 3)
	g.must("fd_renumber", 4, 0)
	g.must("sock_accept", 0, flagNonblock, atResult)
	fd := uint64(g.u32(atResult))
	c.Feed([]byte("unread"))
	g.recv(fd, 2, recvPeek)
	g.write(fd, "unsent")

	b, err := g.w.Save()
	if err != nil {
		t.Fatal(err)
	}
	var missing *MissingListener
	if _, err := Load(Config{Listeners: []Listener{newFakeListener("other")}}, b); !errors.As(err, &missing) || missing.Name != "web" {
		t.Errorf("without the listener: %v", err)
	}
	other, web := newFakeListener("other"), newFakeListener("web")
	g = g.move(Config{Listeners: []Listener{web, other}}, "")
	if !other.refused || web.refused {
		t.Errorf("refused: %v, %v", other.refused, web.refused)
	}
	if got := g.read(fd, 9); got != "unread" {
		t.Errorf("read %q", got)
	}
	if got := web.conns[c.id].drain(); got != "unsent" {
		t.Errorf("peer got %q", got)
	}
	g.vector(1)
	g.want(EAGAIN, "fd_read", fd, atVector, 1, atResult)
	g.must("sock_accept", 0, 0, atResult)
	if len(web.ids) != 0 {
		t.Error("who waited was not accepted")
	}
	if d := g.w.Describe(); d[0].Kind != "listener" || d[3].Kind != "connection" || d[3].Path != `connection 7 of listener "web"` {
		t.Errorf("descriptors are %+v", d)
	}
}
