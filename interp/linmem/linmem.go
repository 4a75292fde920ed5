// Package linmem is one WebAssembly linear memory in one reserved mapping that
// never moves, and the knowledge of which of its 4 KiB pages were written.
//
// A [Memory] reserves its greatest size as address space when it is made and
// commits it as the guest grows, so that compiled code, the transport and a
// tracker can all hold the same address. It fits wazero's experimental
// LinearMemory as it stands.
//
// A [Tracker] answers the question of pre-copy: what has to be sent again?
//
//	t, err := mem.Track()
//	for page := range pages(mem) {      // round 0
//		t.Copy(buf, page); send(page, buf)
//	}
//	for !done {                         // later rounds, the guest runs
//		err = t.Collect(&dirty)
//		for page := range dirty.All() { // each page is copied after Collect
//			t.Copy(buf, page); send(page, buf)
//		}
//		dirty.Clear()
//	}
//
// There are two methods. "pagemap-scan" asks the kernel (Linux 6.7 and later:
// userfaultfd in asynchronous write-protect mode, and the PAGEMAP_SCAN ioctl);
// "digest" compares each page with the SHA-256 of what was last copied, and
// works anywhere. [Probe] says which of them work here, and why not the others.
//
// The package refuses to shrink a memory, to move it, and to track it twice at once.
package linmem

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"unsafe"
)

const (
	// PageSize is the unit of tracking, in bytes. It does not depend on the page
	// size of the machine: a larger one reports all the pages that it spans.
	PageSize = 4096

	// wasmPage is the unit in which memories are reserved and committed. Every
	// page size of every supported machine divides it.
	wasmPage = 64 << 10

	// maxSize is the greatest size of a 32-bit linear memory.
	maxSize = 1 << 32
)

var (
	// ErrFreed is returned for a memory after [Memory.Free].
	ErrFreed = errors.New("linear memory has been freed")

	// ErrClosed is returned by [Tracker.Collect] after Close, or after the memory's Free.
	ErrClosed = errors.New("tracker of a linear memory is closed")

	// ErrTracked is returned by [Memory.Track] when a tracker is open already.
	ErrTracked = errors.New("linear memory is tracked already: close the other tracker first")
)

// Memory is one linear memory. Growing, freeing and tracking it are safe from any
// goroutine; its contents are the guest's, and are as safe as the guest makes them.
type Memory struct {
	base     unsafe.Pointer
	reserved uint64
	size     atomic.Uint64

	mu      sync.Mutex // guards growth, tracker and freed
	tracker Tracker
	freed   bool
}

// New reserves address space for a memory of at most max bytes (rounded up to a
// WebAssembly page) and commits none of it.
func New(max uint64) (*Memory, error) {
	if max > maxSize || max > math.MaxInt {
		return nil, fmt.Errorf("reserve linear memory: %d bytes is more than a 32-bit memory can have", max)
	}
	n := roundUp(max)
	base, err := reserve(uintptr(n))
	if err != nil {
		return nil, fmt.Errorf("reserve %d bytes of address space for a linear memory: %w", n, err)
	}
	return &Memory{base: base, reserved: n}, nil
}

// roundUp returns n rounded up to a whole number of WebAssembly pages, at least one.
func roundUp(n uint64) uint64 {
	return max((n+wasmPage-1)/wasmPage, 1) * wasmPage
}

// Reallocate grows the memory in place to size bytes and returns its contents. The
// new part is zero. It returns nil when size is over the reservation, when the
// machine has no memory left, or after Free. A size not above the current one
// changes nothing.
func (m *Memory) Reallocate(size uint64) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.freed || size > m.reserved {
		return nil
	}
	old := m.size.Load()
	if size <= old {
		return m.slice(old)
	}
	from, to := committed(old), committed(size)
	if to > from && commit(unsafe.Add(m.base, from), uintptr(to-from)) != nil {
		return nil
	}
	m.size.Store(size)
	return m.slice(size)
}

// committed returns how much of the reservation is committed at a given size.
func committed(size uint64) uint64 { return (size + wasmPage - 1) / wasmPage * wasmPage }

// Bytes returns the current contents: the memory itself, not a copy. It is valid
// until Free, and does not grow with the memory.
func (m *Memory) Bytes() []byte { return m.slice(m.size.Load()) }

// Size returns the current size in bytes.
func (m *Memory) Size() uint64 { return m.size.Load() }

// Pages returns the number of pages that the current size spans.
func (m *Memory) Pages() int { return int((m.size.Load() + PageSize - 1) / PageSize) }

func (m *Memory) slice(n uint64) []byte {
	return unsafe.Slice((*byte)(m.base), m.reserved)[:n:n]
}

// Free closes the tracker and gives the mapping back. No slice of the memory may be
// used from then on, and no [Tracker.Copy] be under way; Collect may, and is waited for.
// The Memory itself reports a size of zero afterwards. A second call does nothing.
func (m *Memory) Free() {
	m.mu.Lock()
	t := m.tracker
	if m.freed {
		m.mu.Unlock()
		return
	}
	m.freed = true
	m.mu.Unlock()

	if t != nil {
		t.Close() // waits for a Collect that is under way
	}
	m.size.Store(0)
	release(m.base, uintptr(m.reserved))
}
