package wasi

import (
	"crypto/sha256"
	"encoding/binary"
	"reflect"
	"time"

	"sojourn/interp"
)

// Types of event, sizes in memory, and the one flag of a clock (preview 1).
const (
	eventClock = 0
	eventRead  = 1
	eventWrite = 2

	subscriptionSize = 48
	eventSize        = 32

	clockAbsolute = 1 << 0
	eventHangup   = 1 << 0 // of a descriptor's event
)

// subscription is one thing that poll_oneoff waits for.
type subscription struct {
	userdata uint64
	kind     byte
	clock    uint32 // of a clock: which,
	timeout  int64  // in nanoseconds,
	absolute bool   // a time, not a duration
	fd       uint32 // of a descriptor
}

// event is the answer to a subscription.
type event struct {
	userdata uint64
	errno    Errno
	kind     byte
	bytes    uint64 // that can be read or written, if known
	flags    uint16
}

// waiting is a poll_oneoff that was interrupted. The same call, issued again, began
// when the first one did, in the guest's monotonic time: so what is left of its
// timeouts follows the guest.
type waiting struct {
	key   [sha256.Size]byte // of the call's arguments and subscriptions
	start int64
}

// pollOneoff waits until one of its subscriptions has an event, and stores the events
// of all that have one, in the order of the subscriptions.
func pollOneoff(c *call) error {
	n := c.u32(2)
	if n == 0 || n > maxSubscriptions {
		return EINVAL
	}
	in, err := c.mem.records(c.u32(0), n, subscriptionSize)
	if err != nil {
		return err
	}
	if _, err := c.mem.records(c.u32(1), n, eventSize); err != nil {
		return err
	}
	if _, err := c.mem.bytes(c.u32(3), 4); err != nil {
		return err
	}
	p := &poll{w: c.w}
	for ; len(in) > 0; in = in[subscriptionSize:] {
		p.subs = append(p.subs, parseSubscription(in))
	}
	p.start = c.started()
	events, err := p.run(c.Stop())
	if err != nil {
		c.w.waiting = &waiting{key: c.pollKey(), start: p.start}
		return err
	}
	return c.putEvents(events)
}

// pollKey identifies a poll_oneoff by its arguments and subscriptions.
func (c *call) pollKey() (key [sha256.Size]byte) {
	in, _ := c.mem.records(c.u32(0), c.u32(2), subscriptionSize)
	var args [16]byte
	for i := range 4 {
		binary.LittleEndian.PutUint32(args[4*i:], c.u32(i))
	}
	h := sha256.New()
	h.Write(args[:])
	h.Write(in)
	h.Sum(key[:0])
	return key
}

// started returns when this poll_oneoff began: now, unless it was interrupted before.
func (c *call) started() int64 {
	old := c.w.waiting
	c.w.waiting = nil
	if old != nil && old.key == c.pollKey() {
		return old.start
	}
	return c.w.clock.mono()
}

// parseSubscription reads userdata u64, tag u8 at 8, and at 16 either clock u32,
// timeout u64 at 24, precision u64, flags u16 at 40; or a descriptor u32.
func parseSubscription(b []byte) subscription {
	le := binary.LittleEndian
	return subscription{
		userdata: le.Uint64(b),
		kind:     b[8],
		clock:    le.Uint32(b[16:]),
		timeout:  clampTime(le.Uint64(b[24:])),
		absolute: le.Uint16(b[40:])&clockAbsolute != 0,
		fd:       le.Uint32(b[16:]),
	}
}

// clampTime makes what 63 bits cannot hold the latest time there is.
func clampTime(ns uint64) int64 { return int64(min(ns, 1<<63-1)) }

// putEvents stores userdata u64, error u16, type u8 at 10, bytes u64 at 16, flags
// u16 at 24 for each event, and their number.
func (c *call) putEvents(events []event) error {
	out, err := c.mem.records(c.u32(1), uint32(len(events)), eventSize)
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	for _, e := range events {
		clear(out[:eventSize])
		le.PutUint64(out, e.userdata)
		le.PutUint16(out[8:], uint16(e.errno))
		out[10] = e.kind
		le.PutUint64(out[16:], e.bytes)
		le.PutUint16(out[24:], e.flags)
		out = out[eventSize:]
	}
	return c.mem.putU32(c.u32(3), uint32(len(events)))
}

// poll is one poll_oneoff.
type poll struct {
	w     *World
	subs  []subscription
	start int64 // guest's monotonic time from which durations count
}

// run waits until there are events. It returns ErrRestart when stop comes first.
func (p *poll) run(stop <-chan struct{}) ([]event, error) {
	for {
		events, left := p.events()
		if len(events) > 0 {
			return events, nil
		}
		if err := p.sleep(left, stop); err != nil {
			return nil, err
		}
	}
}

// forever is the time left when no clock is subscribed to.
const forever = time.Duration(1<<63 - 1)

// maxSleep bounds one wait, so that a change of the host's real-time clock is seen.
const maxSleep = time.Minute

// events returns the events there are now, and how long it is until a clock's.
func (p *poll) events() ([]event, time.Duration) {
	var out []event
	left := forever
	for _, s := range p.subs {
		e := event{userdata: s.userdata, kind: s.kind}
		var ready bool
		switch s.kind {
		case eventClock:
			rest, err := p.rest(s)
			ready, e.errno = err != nil || rest <= 0, errnoOf(err)
			if err == nil {
				left = min(left, rest)
			}
		case eventRead, eventWrite:
			ok, err := p.w.ready(s, &e)
			ready, e.errno = ok || err != nil, errnoOf(err)
		default:
			ready, e.errno = true, EINVAL
		}
		if ready {
			out = append(out, e)
		}
	}
	return out, left
}

// rest returns how long it is until the time of a clock subscription.
func (p *poll) rest(s subscription) (time.Duration, error) {
	now, err := p.w.clock.read(s.clock)
	if err != nil {
		return 0, err
	}
	if s.absolute {
		return time.Duration(s.timeout - max(now, 0)), nil
	}
	return time.Duration(s.timeout - (p.w.clock.mono() - p.start)), nil
}

// ready reports whether the subscription's descriptor can be read or written without
// waiting, and stores in e how many bytes, where that is known, and whether the peer of
// a connection is gone. Files always can; a listener can be read when it has somebody to
// accept, and never be written.
func (w *World) ready(s subscription, e *event) (bool, error) {
	d, err := w.table.get(s.fd)
	if err != nil {
		return false, err
	}
	need := RightFdRead
	switch {
	case d.kind == kindListener:
		need = RightSockAccept
	case s.kind == eventWrite:
		need = RightFdWrite
	}
	if d.kind == kindDir || d.base&need == 0 {
		return false, EBADF
	}
	if d.base&RightPollFdReadwrite == 0 {
		return false, ENOTCAPABLE
	}
	if l, ok := d.stream.(listening); ok {
		w.used[l.Name()] = true
	}
	if d.kind == kindFile {
		e.bytes = d.unread(s.kind)
		return true, nil
	}
	select {
	case <-d.readiness(s.kind):
	default:
		return false, nil
	}
	if k, ok := d.stream.(*socket); ok && s.kind == eventRead && k.hungUp() {
		e.flags = eventHangup
	}
	if b, ok := d.stream.(Buffered); ok && s.kind == eventRead {
		e.bytes = uint64(b.Buffered())
	}
	return true, nil
}

// unread returns the bytes of a file behind the offset, for a read.
func (d *descriptor) unread(kind byte) uint64 {
	info, err := d.file.Stat()
	if kind != eventRead || err != nil {
		return 0
	}
	return uint64(max(0, info.Size()-d.offset))
}

// readiness returns the channel of a stream that is closed when it is ready; nil for
// what never is.
func (d *descriptor) readiness(kind byte) <-chan struct{} {
	if kind == eventRead {
		return d.stream.Readable()
	}
	return d.stream.Writable()
}

// sleep waits for any stream or socket, for left to pass, or for stop: then ErrRestart.
func (p *poll) sleep(left time.Duration, stop <-chan struct{}) error {
	timer := time.NewTimer(min(left, maxSleep))
	defer timer.Stop()
	cases := []reflect.SelectCase{receive(stop), receive(timer.C)}
	seen := map[<-chan struct{}]bool{}
	for _, s := range p.subs {
		if s.kind == eventClock {
			continue
		}
		d, err := p.w.table.get(s.fd)
		if err != nil {
			continue
		}
		if ch := d.readiness(s.kind); !seen[ch] {
			seen[ch] = true
			cases = append(cases, receive(ch))
		}
	}
	if i, _, _ := reflect.Select(cases); i == 0 {
		return interp.ErrRestart
	}
	return nil
}

func receive(ch any) reflect.SelectCase {
	return reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)}
}
