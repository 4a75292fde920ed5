package snapshotfmt

import (
	"bytes"
	"sync"
)

// Base is a module's memory as instantiation leaves it. Pages equal to it are left
// out of snapshots, so encoder and decoder must be given the same. It is safe for
// concurrent use, and worth keeping with the module: it hashes its pages once.
type Base struct {
	image   []byte
	digests func() *Digests
}

// NewBase returns the base whose first bytes are image, and the rest zero. The
// image must not be changed afterwards.
func NewBase(image []byte) *Base {
	b := &Base{image: image}
	b.digests = sync.OnceValue(func() *Digests {
		d := NewDigests((len(image) + PageSize - 1) / PageSize)
		for p := range d.Pages() {
			d.Update(uint32(p), b.page(uint32(p)))
		}
		return d
	})
	return b
}

// page returns the contents of a page, which must not be changed.
func (b *Base) page(page uint32) []byte {
	at := int(page) * PageSize
	switch {
	case b == nil || at >= len(b.image):
		return zeroPage[:]
	case at+PageSize > len(b.image):
		p := make([]byte, PageSize)
		copy(p, b.image[at:])
		return p
	}
	return b.image[at : at+PageSize]
}

// Digests returns the digests of a memory of n pages of [PageSize] with the base's
// contents. The caller owns the result.
func (b *Base) Digests(n int) *Digests {
	if b == nil {
		return NewDigests(n)
	}
	d := b.digests().clone()
	d.Grow(n)
	return d
}

// DigestsOf returns the digests of a memory. Pages that are as in the base, which
// may be nil, are not hashed again.
func DigestsOf(mem []byte, base *Base) *Digests {
	n := len(mem) / PageSize
	d := base.Digests(n)
	for i := range n {
		if p := pageAt(mem, uint32(i)); !bytes.Equal(p, base.page(uint32(i))) {
			d.Update(uint32(i), p)
		}
	}
	return d
}

// pageAt returns page n of mem.
func pageAt(mem []byte, n uint32) []byte {
	at := int(n) * PageSize
	return mem[at : at+PageSize : at+PageSize]
}
