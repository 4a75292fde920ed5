package snapshotfmt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
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
//
// Nothing is kept of what is zero, and copies share what neither has changed: a memory
// that has just begun costs nothing, however large it is.
type Digests struct {
	pages  int
	height int   // levels above the leaves; 1 for a single page, which needs none
	top    *node // nil when every page is zero
	edit   *edit // marks the nodes that are this one's own
}

// node is one node, some level above the leaves.
type node struct {
	edit  *edit
	sums  [fanout][32]byte // of the children, but for the stale ones
	kids  *[fanout]*node   // nil on level 1; a child that is nil is over zero pages only
	stale uint64           // children whose digest is to be computed again, and those not there yet
}

// edit is an identity, and therefore has a size.
type edit struct{ _ byte }

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
	d := &Digests{height: 1, edit: new(edit)}
	d.Grow(n)
	return d
}

// Pages returns the number of pages.
func (d *Digests) Pages() int { return d.pages }

// span is the number of pages below a full node of a level: a power of fanout.
func span(level int) int { return 1 << (6 * level) }

// Grow adds zero pages, up to n. It does nothing when there are as many.
func (d *Digests) Grow(n int) {
	if n <= d.pages {
		return
	}
	d.touchLast()
	d.pages = n
	for span(d.height) < n {
		d.height++
		if d.top != nil {
			above := d.newNode(d.height)
			above.kids[0] = d.top
			d.top = above
		}
	}
}

// touchLast makes the nodes on the way to the last page stale: they gain children.
func (d *Digests) touchLast() {
	if d.pages == 0 {
		return
	}
	at := &d.top
	for level := d.height; level > 1 && *at != nil; level-- {
		nd, i := d.own(at), childOf(d.pages-1, level)
		nd.stale |= 1 << i
		at = &nd.kids[i]
	}
}

// childOf returns which child of a node of a level leads to a page.
func childOf(page, level int) int { return page / span(level-1) % fanout }

func (d *Digests) newNode(level int) *node {
	nd := &node{edit: d.edit}
	if level > 1 {
		nd.kids, nd.stale = new([fanout]*node), ^uint64(0)
		return nd
	}
	for i := range nd.sums {
		nd.sums[i] = zeroNodes[0]
	}
	return nd
}

// own returns the node at a place as one that d may change.
func (d *Digests) own(at **node) *node {
	if nd := *at; nd.edit != d.edit {
		c := *nd
		c.edit = d.edit
		if nd.kids != nil {
			kids := *nd.kids
			c.kids = &kids
		}
		*at = &c
	}
	return *at
}

// Update sets the digest of a page from its contents, which are PageSize bytes.
func (d *Digests) Update(page uint32, data []byte) { d.Set(page, pageDigest(data)) }

func pageDigest(data []byte) [32]byte {
	if bytes.Equal(data, zeroPage[:]) {
		return zeroNodes[0]
	}
	return sha256.Sum256(data)
}

// Set sets the digest of a page. It panics when the page is out of range.
func (d *Digests) Set(page uint32, sum [32]byte) {
	if d.At(page) == sum {
		return
	}
	at := &d.top
	for level := d.height; ; level-- {
		if *at == nil {
			*at = d.newNode(level)
		}
		nd, i := d.own(at), childOf(int(page), level)
		if level == 1 {
			nd.sums[i] = sum
			return
		}
		nd.stale |= 1 << i
		at = &nd.kids[i]
	}
}

// At returns the digest of a page. It panics when the page is out of range.
func (d *Digests) At(page uint32) [32]byte {
	if int(page) >= d.pages {
		panic("snapshotfmt: digest of a page that the memory does not have")
	}
	nd := d.top
	for level := d.height; nd != nil; level-- {
		i := childOf(int(page), level)
		if level == 1 {
			return nd.sums[i]
		}
		nd = nd.kids[i]
	}
	return zeroNodes[0]
}

// Root returns the digest of the whole memory.
func (d *Digests) Root() [32]byte {
	b := make([]byte, 0, len(rootTag)+8+32)
	b = append(b, rootTag...)
	b = binary.LittleEndian.AppendUint64(b, uint64(d.pages))
	switch {
	case d.pages == 1:
		top := d.At(0)
		b = append(b, top[:]...)
	case d.pages > 1:
		top := d.refresh(&d.top, d.height, d.pages)
		b = append(b, top[:]...)
	}
	return sha256.Sum256(b)
}

// refresh computes the stale digests below a node that is over so many pages, and
// returns its own.
func (d *Digests) refresh(at **node, level, pages int) [32]byte {
	if *at == nil {
		return zeroDigest(level, pages)
	}
	count := (pages + span(level-1) - 1) / span(level-1)
	there := ^uint64(0) >> (fanout - count)
	if (*at).stale&there != 0 {
		nd := d.own(at)
		for i := range count {
			if nd.stale&(1<<i) != 0 {
				nd.sums[i] = d.refresh(&nd.kids[i], level-1, min(span(level-1), pages-i*span(level-1)))
			}
		}
		nd.stale &^= there
	}
	return nodeDigest(level, (*at).sums[:count])
}

// zeroDigest returns the digest of a node over so many zero pages.
func zeroDigest(level, pages int) [32]byte {
	if level == 0 || pages == span(level) {
		return zeroNodes[level]
	}
	var kids [fanout][32]byte
	n := 0
	for ; pages > 0; n++ {
		below := min(pages, span(level-1))
		kids[n] = zeroDigest(level-1, below)
		pages -= below
	}
	return nodeDigest(level, kids[:n])
}

func nodeDigest(level int, kids [][32]byte) [32]byte {
	var buf [2 + fanout*32]byte
	b := append(buf[:0], 1, byte(level))
	for i := range kids {
		b = append(b, kids[i][:]...)
	}
	return sha256.Sum256(b)
}

// share returns a copy that has every node in common with d, which must not be changed
// from then on. Root has been called since d last changed.
func (d *Digests) share() *Digests {
	c := *d
	c.edit = new(edit)
	return &c
}
