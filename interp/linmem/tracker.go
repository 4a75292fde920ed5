package linmem

import (
	"errors"
	"fmt"
)

// Tracker finds the pages of one memory that were written. Its methods are safe to
// call while the guest runs and grows the memory, and from several goroutines.
type Tracker interface {
	// Collect adds to dst each page that may differ from what a reader saw who
	// read it after the last Collect that reported it (or after Track), and starts
	// anew. It may report too much, never too little: a write that races with
	// Collect is reported by this call or by the next. Pages that the memory has
	// grown by are reported once, written or not. Read pages only after Collect.
	Collect(dst *Bitmap) error

	// Copy copies one page to dst, short at the end of the memory, and returns the
	// number of bytes copied. Where pages are compared with what was last read
	// ("digest"), this is how the tracker learns what that was: a page that was
	// never read by Copy is reported by every Collect. A guest that writes
	// meanwhile can leave a mixture in dst, and will have the page reported again.
	Copy(dst []byte, page int) int

	// Method returns the name of the method, as in [Method].
	Method() string

	// Close ends the tracking. A second call does nothing.
	Close() error
}

// The names of the methods.
const (
	PagemapScan = "pagemap-scan"
	Digest      = "digest"
)

// Method is one way to track writes, and whether it works on this machine.
type Method struct {
	Name string
	Err  error // why it does not work here, or nil
}

// methods is the order of preference.
var methods = []struct {
	name  string
	probe func() error
	start func(*Memory) (Tracker, error)
}{
	{PagemapScan, probePagemapScan, newPagemapScan},
	{Digest, func() error { return nil }, newDigest},
}

// Probe tries each method on a small memory of its own, best first.
func Probe() []Method {
	res := make([]Method, 0, len(methods))
	for _, m := range methods {
		res = append(res, Method{m.name, m.probe()})
	}
	return res
}

// Track starts to track writes by the best method that works here. The first
// Collect of the result reports what was written after Track returned, or more.
func (m *Memory) Track() (Tracker, error) {
	var last error
	for _, way := range methods {
		if way.probe() != nil {
			continue
		}
		t, err := m.track(way.start)
		if err == nil || errors.Is(err, ErrFreed) || errors.Is(err, ErrTracked) {
			return t, err
		}
		last = err // out of descriptors, say: the next method needs less
	}
	return nil, last
}

// TrackBy starts to track writes by the named method, see [Probe].
func (m *Memory) TrackBy(method string) (Tracker, error) {
	for _, way := range methods {
		if way.name == method {
			return m.track(way.start)
		}
	}
	return nil, fmt.Errorf("track linear memory: there is no method %q", method)
}

func (m *Memory) track(start func(*Memory) (Tracker, error)) (Tracker, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.freed:
		return nil, ErrFreed
	case m.tracker != nil:
		return nil, ErrTracked
	}
	t, err := start(m)
	if err != nil {
		return nil, fmt.Errorf("track linear memory: %w", err)
	}
	m.tracker = t
	return t, nil
}

// untrack forgets the tracker, which is closing.
func (m *Memory) untrack() {
	m.mu.Lock()
	m.tracker = nil
	m.mu.Unlock()
}

// copyPage copies one page of m to dst and returns the number of bytes.
func (m *Memory) copyPage(dst []byte, page int) int {
	mem, at := m.Bytes(), page*PageSize
	if at >= len(mem) {
		return 0
	}
	return copyRacing(dst, mem[at:min(at+PageSize, len(mem))])
}

// copyRacing copies what a running guest may be writing. The mixture that can result
// is harmless (see [Tracker]), so the race detector, which sees the writes of
// guests that are interpreted, is not to look at this function.
//
//go:norace
func copyRacing(dst, src []byte) int { return copy(dst, src) }
