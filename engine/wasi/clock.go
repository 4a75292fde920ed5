package wasi

import "time"

// The clocks of preview 1 (type clockid).
const (
	clockRealtime  = 0
	clockMonotonic = 1
	clockProcess   = 2
	clockThread    = 3
)

// firstMono is what the monotonic clock of a new guest shows. It is not 0, which
// some runtimes take for a clock that fails.
const firstMono = int64(time.Second)

// clock is the guest's time. Its monotonic clock goes on from where it was saved, so
// that neither the time in which the guest was written down nor the other node's own
// clock is seen.
type clock struct {
	now   func() time.Time
	host  func() int64 // nanoseconds, never going back
	base  int64        // host's value when the guest's monotonic clock showed start
	start int64
	last  int64 // the latest value shown
}

func newClock(now func() time.Time, host func() int64) clock {
	if now == nil {
		now = time.Now
	}
	if host == nil {
		began := time.Now()
		host = func() int64 { return int64(time.Since(began)) }
	}
	c := clock{now: now, host: host}
	c.set(firstMono)
	return c
}

// set makes the monotonic clock go on from v.
func (c *clock) set(v int64) { c.base, c.start, c.last = c.host(), v, v }

// mono returns the guest's monotonic time in nanoseconds.
func (c *clock) mono() int64 {
	c.last = max(c.last, c.start+c.host()-c.base)
	return c.last
}

// read returns the time of clock id in nanoseconds. The CPU clocks are the time since
// the guest began: a guest has one thread, and nobody meters it more finely.
func (c *clock) read(id uint32) (int64, error) {
	switch id {
	case clockRealtime:
		return c.now().UnixNano(), nil
	case clockMonotonic:
		return c.mono(), nil
	case clockProcess, clockThread:
		return c.mono() - firstMono, nil
	}
	return 0, EINVAL
}

func clockResGet(c *call) error {
	if c.u32(0) > clockThread {
		return EINVAL
	}
	return c.mem.putU64(c.u32(1), 1)
}

// clockTimeGet ignores the precision that the guest asks for: it always gets the best.
func clockTimeGet(c *call) error {
	t, err := c.w.clock.read(c.u32(0))
	if err != nil {
		return err
	}
	return c.mem.putU64(c.u32(2), uint64(t))
}
