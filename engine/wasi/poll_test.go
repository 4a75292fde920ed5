package wasi

import (
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sojourn/interp"
)

const atEvents = 0x4000

// subscribe puts subscriptions at atData. Userdata is 100 and up.
func (g *guest) subscribe(subs ...subscription) (args []uint64) {
	for i, s := range subs {
		b := g.mem[atData+i*subscriptionSize:][:subscriptionSize]
		clear(b)
		binary.LittleEndian.PutUint64(b, uint64(100+i))
		b[8] = s.kind
		if s.kind != eventClock {
			binary.LittleEndian.PutUint32(b[16:], s.fd)
			continue
		}
		binary.LittleEndian.PutUint32(b[16:], s.clock)
		binary.LittleEndian.PutUint64(b[24:], uint64(s.timeout))
		if s.absolute {
			b[40] = clockAbsolute
		}
	}
	return []uint64{atData, atEvents, uint64(len(subs)), atResult}
}

// events reads what poll_oneoff stored.
func (g *guest) events() (list []event) {
	for i := range int(g.u32(atResult)) {
		b := g.mem[atEvents+i*eventSize:]
		list = append(list, event{
			userdata: binary.LittleEndian.Uint64(b),
			errno:    Errno(binary.LittleEndian.Uint16(b[8:])),
			kind:     b[10],
			bytes:    binary.LittleEndian.Uint64(b[16:]),
			flags:    binary.LittleEndian.Uint16(b[24:]),
		})
	}
	return list
}

func (g *guest) poll(subs ...subscription) []event {
	g.t.Helper()
	g.must("poll_oneoff", g.subscribe(subs...)...)
	return g.events()
}

func after(d time.Duration) subscription {
	return subscription{kind: eventClock, clock: clockMonotonic, timeout: int64(d)}
}

func TestPollClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t, Config{}, "")
		for id := range uint32(clockThread + 1) {
			for _, absolute := range []bool{false, true} {
				began := time.Now()
				timeout := int64(3 * time.Second)
				if absolute {
					now, _ := g.w.clock.read(id)
					timeout += now
				}
				ev := g.poll(subscription{kind: eventClock, clock: id, timeout: timeout, absolute: absolute})
				if len(ev) != 1 || ev[0] != (event{userdata: 100}) {
					t.Errorf("clock %d: events %v", id, ev)
				}
				if d := time.Since(began); d != 3*time.Second {
					t.Errorf("clock %d, absolute %v: waited %v", id, absolute, d)
				}
			}
		}
	})
}

func TestPollOrderAndErrors(t *testing.T) {
	in := NewBuffer()
	in.Feed([]byte("abc"))
	dir := t.TempDir()
	put(t, dir, "f", "12345")
	g := newGuest(t, Config{Stdin: in}, dir)
	f := g.open("f", 0, 0)
	ev := g.poll(
		after(time.Hour),
		subscription{kind: eventRead, fd: uint32(f)},
		subscription{kind: eventRead, fd: 0},
		subscription{kind: eventWrite, fd: 1},
		subscription{kind: eventRead, fd: 77},
		subscription{kind: eventRead, fd: preopen},
		subscription{kind: eventClock, clock: 9},
		after(0),
	)
	want := []event{
		{userdata: 101, kind: eventRead, bytes: 5},
		{userdata: 102, kind: eventRead, bytes: 3},
		{userdata: 103, kind: eventWrite},
		{userdata: 104, kind: eventRead, errno: EBADF},
		{userdata: 105, kind: eventRead, errno: EBADF},
		{userdata: 106, kind: eventClock, errno: EINVAL},
		{userdata: 107, kind: eventClock},
	}
	if len(ev) != len(want) {
		t.Fatalf("events %v, want %v", ev, want)
	}
	for i := range want {
		if ev[i] != want[i] {
			t.Errorf("event %d is %v, want %v", i, ev[i], want[i])
		}
	}
	g.want(EINVAL, "poll_oneoff", atData, atEvents, 0, atResult)
	g.want(EINVAL, "poll_oneoff", atData, atEvents, maxSubscriptions+1, atResult)
	g.want(EFAULT, "poll_oneoff", memSize-subscriptionSize+1, atEvents, 1, atResult)
	g.want(EFAULT, "poll_oneoff", atData, memSize-eventSize+1, 1, atResult)
	g.want(EFAULT, "poll_oneoff", atData, atEvents, 1, memSize-3)
}

func TestPollWaitsForInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := NewBuffer()
		g := newGuest(t, Config{Stdin: in}, "")
		go func() {
			time.Sleep(time.Second)
			in.Feed([]byte("x"))
		}()
		began := time.Now()
		ev := g.poll(after(time.Minute), subscription{kind: eventRead, fd: 0})
		if len(ev) != 1 || ev[0].userdata != 101 || time.Since(began) != time.Second {
			t.Errorf("events %v after %v", ev, time.Since(began))
		}
	})
}

// interrupted issues a call that is stopped after d, and must restart.
func (g *guest) interrupted(d time.Duration, name string, args ...uint64) {
	g.t.Helper()
	stop := make(chan struct{})
	go func() {
		time.Sleep(d)
		close(stop)
	}()
	if _, err := g.call(stop, name, args...); !errors.Is(err, interp.ErrRestart) {
		g.t.Fatalf("%s: error is %v, want a restart", name, err)
	}
}

func TestPollGoesOnWithTimeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		g := newGuest(t, Config{Stdin: NewBuffer()}, dir)
		args := g.subscribe(after(10*time.Second), subscription{kind: eventRead, fd: 0})
		g.interrupted(4*time.Second, "poll_oneoff", args...)
		g.interrupted(time.Second, "poll_oneoff", args...)

		mem := g.mem
		g = g.move(Config{Stdin: NewBuffer()}, dir)
		g.mem = mem
		time.Sleep(time.Second) // which counts, as the guest has its clock again
		began := time.Now()
		g.must("poll_oneoff", args...)
		if d := time.Since(began); d != 4*time.Second {
			t.Errorf("waited %v more, want 4s", d)
		}

		began = time.Now()
		g.must("poll_oneoff", args...)
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("the next one waited %v, want 10s", d)
		}
	})
}

func TestPollForgetsOtherCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t, Config{}, "")
		g.interrupted(4*time.Second, "poll_oneoff", g.subscribe(after(10*time.Second))...)
		began := time.Now()
		g.poll(after(9 * time.Second))
		if d := time.Since(began); d != 9*time.Second {
			t.Errorf("waited %v, want 9s", d)
		}
	})
}

func TestReadRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := NewBuffer()
		g := newGuest(t, Config{Stdin: in}, "")
		g.vector(10)
		g.interrupted(time.Second, "fd_read", 0, atVector, 1, atResult)
		in.Feed([]byte("later"))
		if got := g.read(0, 10); got != "later" {
			t.Errorf("read %q", got)
		}
		g.must("fd_fdstat_set_flags", 0, flagNonblock)
		g.want(EAGAIN, "fd_read", 0, atVector, 1, atResult)
	})
}

func TestWriteIsShortThenWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := NewBuffer()
		g := newGuest(t, Config{Stdout: out}, "")
		g.mem = make([]byte, 4*StreamBuffer)
		g.vector(StreamBuffer + 10)
		g.must("fd_write", 1, atVector, 1, atResult)
		if n := g.u32(atResult); n != StreamBuffer {
			t.Errorf("wrote %d, want %d", n, StreamBuffer)
		}
		g.vector(10)
		g.interrupted(time.Second, "fd_write", 1, atVector, 1, atResult)
		go func() {
			time.Sleep(time.Second)
			out.Drain(make([]byte, 4))
		}()
		g.must("fd_write", 1, atVector, 1, atResult)
		if n := g.u32(atResult); n != 4 {
			t.Errorf("wrote %d, want 4", n)
		}
	})
}

func TestPollDueWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		g := newGuest(t, Config{}, dir)
		due := subscription{kind: eventClock, clock: clockRealtime, absolute: true, timeout: time.Now().Add(10 * time.Second).UnixNano()}
		args := g.subscribe(due, after(time.Hour))
		g.interrupted(3*time.Second, "poll_oneoff", args...)
		mem := g.mem
		time.Sleep(20 * time.Second) // nobody runs it
		g = g.move(Config{}, dir)
		g.mem = mem
		began := time.Now()
		g.must("poll_oneoff", args...)
		if ev := g.events(); len(ev) != 1 || ev[0].userdata != 100 || time.Since(began) != 0 {
			t.Errorf("events %v after %v, want the timer's at once", ev, time.Since(began))
		}
		if ev := g.poll(after(time.Second)); len(ev) != 1 || time.Since(began) != time.Second {
			t.Errorf("events %v after %v, want only the next timer's", ev, time.Since(began))
		}
	})
}
