package snapshotfmt

import (
	"runtime"
	"sync"
	"sync/atomic"
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
		d.Root()
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
	d := b.digests().share()
	d.Grow(n)
	return d
}

// DigestsOf returns the digests of a memory. Pages that are as in the base, which
// may be nil, are not hashed again.
func DigestsOf(mem []byte, base *Base) *Digests {
	o := Options{Base: base}
	return digestsOf(mem, base, o.changed(mem))
}

// hashAlone is how many pages are hashed without help.
const hashAlone = 64

// digestsOf is DigestsOf for a memory of which is known which pages differ from the
// base. They are hashed on as many processors as there are.
func digestsOf(mem []byte, base *Base, changed []uint32) *Digests {
	d := base.Digests(len(mem) / PageSize)
	if len(changed) <= hashAlone {
		for _, p := range changed {
			d.Update(p, pageAt(mem, p))
		}
		return d
	}
	sums := make([][32]byte, len(changed))
	var next atomic.Int64
	var hashing sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		hashing.Go(func() {
			for {
				end := int(next.Add(hashAlone))
				for i := end - hashAlone; i < min(end, len(changed)); i++ {
					sums[i] = pageDigest(pageAt(mem, changed[i]))
				}
				if end >= len(changed) {
					return
				}
			}
		})
	}
	hashing.Wait()
	for i, p := range changed {
		d.Set(p, sums[i])
	}
	return d
}

// pageAt returns page n of mem.
func pageAt(mem []byte, n uint32) []byte {
	at := int(n) * PageSize
	return mem[at : at+PageSize : at+PageSize]
}
