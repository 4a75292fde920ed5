package snapshotfmt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	mathbits "math/bits"
)

// Digests holds the SHA-256 of every page of one memory, as a tree, so that the root
// after k pages have changed costs some k·log(n) hashes. The file and the transport
// share it: it is the one definition of [Digests.Root]. It is not safe for concurrent
// use.
//
//	leaf    SHA-256(the page's 4096 bytes)
//	node    SHA-256(0x01, level, the digests of up to 64 children in order)
//	root    SHA-256("sojourn memory 1", u64 number of pages, the digest at the top)
//
// Level 1 is above the leaves; the number of levels follows from the number of pages
// (the least at which one digest is left), which the root covers. A memory without
// pages has no digest at the top.
type Digests struct {
	levels [][][32]byte // levels[0] are the leaves; the last has one digest, or none
	stale  []bits       // per level: nodes to compute again
}

// fanout is the number of children of a node.
const fanout = 64

// maxLevels is enough for 64^4 pages: 64 GiB.
const maxLevels = 5

const rootTag = "sojourn memory 1"

var (
	zeroPage [PageSize]byte

	// zeroNodes[l] is the digest of a full node at level l over zero pages only.
	zeroNodes = func() (z [maxLevels][32]byte) {
		z[0] = sha256.Sum256(zeroPage[:])
		for l := 1; l < maxLevels; l++ {
			var kids [fanout][32]byte
			for i := range kids {
				kids[i] = z[l-1]
			}
			z[l] = nodeDigest(l, kids[:])
		}
		return z
	}()
)

// NewDigests returns the digests of a memory of n zero pages.
func NewDigests(n int) *Digests {
	d := &Digests{levels: make([][][32]byte, 1), stale: make([]bits, 1)}
	d.Grow(n)
	return d
}

// Pages returns the number of pages.
func (d *Digests) Pages() int { return len(d.levels[0]) }

// Grow adds zero pages, up to n. It does nothing when there are as many.
func (d *Digests) Grow(n int) {
	if n <= d.Pages() {
		return
	}
	old := d.Pages()
	d.levels[0] = extend(d.levels[0], n, zeroNodes[0])
	for l := 1; n > 1; l++ {
		kids := n
		n = (n + fanout - 1) / fanout
		d.growLevel(l, n, old, kids)
		old = (old + fanout - 1) / fanout
	}
}

// growLevel makes level l n nodes long, over so many kids, the first old of which are
// not new. Of the nodes that change, those over new kids only are known when full.
func (d *Digests) growLevel(l, n, old, kids int) {
	if l == len(d.levels) {
		d.levels = append(d.levels, nil)
		d.stale = append(d.stale, nil)
	}
	was := len(d.levels[l])
	d.levels[l] = extend(d.levels[l], n, zeroNodes[l])
	for i := max(was-1, 0); i < n; i++ { // the last of the old nodes may have gained kids
		if i*fanout < old || (i+1)*fanout > kids {
			d.stale[l].set(i)
		}
	}
}

// Update sets the digest of a page from its contents, which are PageSize bytes.
func (d *Digests) Update(page uint32, data []byte) {
	if bytes.Equal(data, zeroPage[:]) {
		d.Set(page, zeroNodes[0])
		return
	}
	d.Set(page, sha256.Sum256(data))
}

// Set sets the digest of a page. It panics when the page is out of range.
func (d *Digests) Set(page uint32, sum [32]byte) {
	if d.levels[0][page] == sum {
		return
	}
	d.levels[0][page] = sum
	if len(d.levels) > 1 {
		d.stale[1].set(int(page) / fanout)
	}
}

// At returns the digest of a page. It panics when the page is out of range.
func (d *Digests) At(page uint32) [32]byte { return d.levels[0][page] }

// Root returns the digest of the whole memory.
func (d *Digests) Root() [32]byte {
	for l := 1; l < len(d.levels); l++ {
		d.refresh(l)
	}
	b := make([]byte, 0, len(rootTag)+8+32)
	b = append(b, rootTag...)
	b = binary.LittleEndian.AppendUint64(b, uint64(d.Pages()))
	for _, top := range d.levels[len(d.levels)-1] {
		b = append(b, top[:]...)
	}
	return sha256.Sum256(b)
}

// refresh computes the stale nodes of level l.
func (d *Digests) refresh(l int) {
	kids := d.levels[l-1]
	for i := range d.stale[l].all() {
		d.levels[l][i] = nodeDigest(l, kids[i*fanout:min((i+1)*fanout, len(kids))])
		if l+1 < len(d.levels) {
			d.stale[l+1].set(i / fanout)
		}
	}
	clear(d.stale[l])
}

func nodeDigest(level int, kids [][32]byte) [32]byte {
	var buf [2 + fanout*32]byte
	b := append(buf[:0], 1, byte(level))
	for i := range kids {
		b = append(b, kids[i][:]...)
	}
	return sha256.Sum256(b)
}

// clone returns an independent copy.
func (d *Digests) clone() *Digests {
	c := &Digests{levels: make([][][32]byte, len(d.levels)), stale: make([]bits, len(d.stale))}
	for l := range d.levels {
		c.levels[l] = append([][32]byte(nil), d.levels[l]...)
		c.stale[l] = append(bits(nil), d.stale[l]...)
	}
	return c
}

// extend returns s with copies of v appended up to length n.
func extend(s [][32]byte, n int, v [32]byte) [][32]byte {
	for len(s) < n {
		s = append(s, v)
	}
	return s
}

// bits is a set of small numbers.
type bits []uint64

func (b *bits) set(i int) {
	for len(*b) <= i/64 {
		*b = append(*b, 0)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

// all yields the members, ascending.
func (b bits) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range b {
			for ; w != 0; w &= w - 1 {
				if !yield(i*64 + mathbits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}
