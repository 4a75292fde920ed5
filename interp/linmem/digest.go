package linmem

import (
	"bytes"
	"crypto/sha256"
	"sync"
)

// digestTracker compares each page with the digest of what was last copied.
//
// The comparison is with what [Tracker.Copy] returned and not with what an earlier
// Collect saw: a guest could write a page between a Collect and its copy, and
// restore it before the next Collect, which would find nothing to report while the
// target holds the version in between.
//
// The digest is SHA-256. A faster hash would be enough against chance, but the
// guest chooses both versions of a page, and the ones that are fast without a key
// are easily collided, as are the keyed ones that were made for hash tables (one
// AES round a block cancels a chosen difference in one of about 64 tries, whatever the
// key). A collision would leave a stale page at the target.
type digestTracker struct {
	mem *Memory

	mu     sync.Mutex
	copied []pageDigest // of what Copy returned last
	closed bool
}

// pageDigest is what is known of the copy of one page.
type pageDigest struct {
	known bool // false: never copied
	sum   [sha256.Size]byte
}

var (
	zeroPage [PageSize]byte
	zeroSum  = sha256.Sum256(zeroPage[:])
)

func newDigest(m *Memory) (Tracker, error) { return &digestTracker{mem: m}, nil }

func (t *digestTracker) Method() string { return Digest }

func (t *digestTracker) Collect(dst *Bitmap) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	var buf [PageSize]byte
	for page := range t.mem.Pages() {
		if page >= len(t.copied) || !t.copied[page].known {
			dst.Set(page)
			continue
		}
		n := t.mem.copyPage(buf[:], page)
		if pageSum(buf[:n]) != t.copied[page].sum {
			dst.Set(page)
		}
	}
	return nil
}

func (t *digestTracker) Copy(dst []byte, page int) int {
	n := t.mem.copyPage(dst, page)
	sum := pageSum(dst[:n])

	t.mu.Lock()
	defer t.mu.Unlock()
	if page >= len(t.copied) {
		t.copied = append(t.copied, make([]pageDigest, page+1-len(t.copied))...)
	}
	t.copied[page] = pageDigest{true, sum}
	return n
}

func (t *digestTracker) Close() error {
	t.mu.Lock()
	done := t.closed
	t.closed, t.copied = true, nil
	t.mu.Unlock()
	if !done {
		t.mem.untrack()
	}
	return nil
}

// pageSum returns the digest of a page. Most pages of most guests are zero, and
// comparing is fifteen times faster than hashing.
func pageSum(p []byte) [sha256.Size]byte {
	if bytes.Equal(p, zeroPage[:]) {
		return zeroSum
	}
	return sha256.Sum256(p)
}
