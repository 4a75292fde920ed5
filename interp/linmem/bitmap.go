package linmem

import (
	"iter"
	"math/bits"
)

// Bitmap is a set of page numbers. The zero value is empty and grows as needed.
// It is not safe for concurrent use.
type Bitmap struct{ words []uint64 }

// Set adds a page.
func (b *Bitmap) Set(page int) {
	b.grow(page/64 + 1)
	b.words[page/64] |= 1 << (page % 64)
}

// SetRange adds the pages from first up to, not including, end.
func (b *Bitmap) SetRange(first, end int) {
	if first >= end {
		return
	}
	b.grow((end-1)/64 + 1)
	lo, hi := first/64, (end-1)/64
	head := ^uint64(0) << (first % 64)
	tail := ^uint64(0) >> (63 - (end-1)%64)
	if lo == hi {
		b.words[lo] |= head & tail
		return
	}
	b.words[lo] |= head
	for i := lo + 1; i < hi; i++ {
		b.words[i] = ^uint64(0)
	}
	b.words[hi] |= tail
}

// Has reports whether a page is in the set.
func (b *Bitmap) Has(page int) bool {
	return page >= 0 && page/64 < len(b.words) && b.words[page/64]&(1<<(page%64)) != 0
}

// Remove takes a page out of the set.
func (b *Bitmap) Remove(page int) {
	if b.Has(page) {
		b.words[page/64] &^= 1 << (page % 64)
	}
}

// Count returns the number of pages in the set.
func (b *Bitmap) Count() int {
	n := 0
	for _, w := range b.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// All yields each page in the set, ascending. The set may be changed meanwhile;
// whether the change is seen is not said.
func (b *Bitmap) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range b.words {
			for ; w != 0; w &= w - 1 {
				if !yield(i*64 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// Or adds every page of o.
func (b *Bitmap) Or(o *Bitmap) {
	b.grow(len(o.words))
	for i, w := range o.words {
		b.words[i] |= w
	}
}

// Clear empties the set and keeps its storage.
func (b *Bitmap) Clear() { clear(b.words) }

func (b *Bitmap) grow(words int) {
	if words > len(b.words) {
		b.words = append(b.words, make([]uint64, words-len(b.words))...)
	}
}
