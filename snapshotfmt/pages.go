package snapshotfmt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"
)

// Page is one page of memory: its number, counted in [PageSize], and its contents,
// PageSize bytes, or nil for zeros.
type Page struct {
	Number uint32
	Data   []byte
}

// A pages part holds up to MaxBatchPages pages, ascending. Its contents are
//
//	uvarint  number of runs, 1 or more
//	         for each run of consecutive pages of one sort:
//	uvarint    pages between the end of the run before (or page 0) and this one
//	uvarint    (length - 1) * 2, plus 1 when the pages have data, 0 when they are zero
//	zstd     one frame: the pages that have data, one after the other; absent when none has
//
// Runs are as long as they can be, and a page that is zero is never given as data.

// pageRun is one of its runs.
type pageRun struct {
	first, count int
	data         bool
}

// batchBuf is room for the pages of a batch.
type batchBuf [MaxBatchPages * PageSize]byte

var batchBufs = sync.Pool{New: func() any { return new(batchBuf) }}

// AppendPages appends one pages part to dst: at most [MaxBatchPages] pages, at least
// one, in ascending order.
func AppendPages(dst []byte, pages []Page, level Level) ([]byte, error) {
	start := len(dst)
	dst, err := appendPages(beginPart(dst, kindPages), pages, level)
	if err != nil {
		return nil, fmt.Errorf("snapshot: pages: %w", err)
	}
	return endPart(dst, start)
}

func appendPages(dst []byte, pages []Page, level Level) ([]byte, error) {
	if n := len(pages); n == 0 || n > MaxBatchPages {
		return nil, fmt.Errorf("%d pages in a batch, %w of 1 to %d", n, ErrLimit, MaxBatchPages)
	}
	buf := batchBufs.Get().(*batchBuf)
	defer batchBufs.Put(buf)

	data := buf[:0]
	runs := make([]pageRun, 0, 16)
	next := 0 // the least page number that may follow
	for _, p := range pages {
		n := int(p.Number)
		if n < next || n >= MaxMemoryPages*PagesPerWasmPage {
			return nil, fmt.Errorf("%w: page %d, %d or above is next", ErrOrder, n, next)
		}
		if p.Data != nil && len(p.Data) != PageSize {
			return nil, fmt.Errorf("%w: page %d has %d bytes", ErrMalformed, n, len(p.Data))
		}
		full := p.Data != nil && !bytes.Equal(p.Data, zeroPage[:])
		if full {
			data = append(data, p.Data...)
		}
		if l := len(runs) - 1; l >= 0 && n == next && runs[l].data == full {
			runs[l].count++
		} else {
			runs = append(runs, pageRun{n, 1, full})
		}
		next = n + 1
	}
	dst = appendRuns(dst, runs)
	if len(data) == 0 {
		return dst, nil
	}
	return compress(dst, data, level)
}

func appendRuns(dst []byte, runs []pageRun) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(runs)))
	end := 0
	for _, r := range runs {
		sort := uint64(r.count-1) << 1
		if r.data {
			sort |= 1
		}
		dst = binary.AppendUvarint(dst, uint64(r.first-end))
		dst = binary.AppendUvarint(dst, sort)
		end = r.first + r.count
	}
	return dst
}

// DecodePages decodes what [AppendPages] appended: all of b, and nothing more. It
// calls fn with each page, ascending; data is PageSize bytes, valid during the
// call, and must not be changed. It refuses page numbers of memPages (counted in
// PageSize) and above. When it fails, fn may have been called for some of the pages,
// unless the digest was wrong.
func DecodePages(b []byte, memPages int, fn func(page uint32, data []byte) error) error {
	r := bytes.NewReader(b)
	parts := partReader{r: r}
	k, body, err := parts.next()
	if err != nil {
		return err
	}
	if k != kindPages {
		return &Error{k.String(), 0, fmt.Errorf("%w: pages expected", ErrOrder)}
	}
	if r.Len() > 0 {
		return &Error{"pages", parts.off, fmt.Errorf("%w: %d", ErrTrailing, r.Len())}
	}
	_, err = parts.cursor(k, body).pages(0, memPages, fn)
	return err
}

// pages decodes the contents of a pages part whose first page is at least least. It
// returns the least that may follow. fn may be nil.
func (c *cursor) pages(least, memPages int, fn func(uint32, []byte) error) (int, error) {
	runs, full := c.runs(least, memPages)
	if c.err != nil {
		return 0, c.err
	}
	buf := batchBufs.Get().(*batchBuf)
	defer batchBufs.Put(buf)

	data := buf[:full*PageSize]
	if full > 0 {
		start := c.at
		if err := decompress(data, c.bytes("zstd frame", c.rest())); err != nil {
			c.fail(start, err)
		}
		c.told(start, "zstd frame: %d bytes of memory in %d", len(data), c.at-start)
	}
	if err := c.done(); err != nil {
		return 0, err
	}
	last := runs[len(runs)-1]
	return last.first + last.count, c.deliver(runs, data, fn)
}

// runs decodes the runs, and returns them and the number of pages that have data.
func (c *cursor) runs(least, memPages int) ([]pageRun, int) {
	n := c.count("runs", MaxBatchPages, 2)
	if n == 0 {
		c.malformed(0, "no pages")
		return nil, 0
	}
	runs := make([]pageRun, 0, n)
	end, pages, full := 0, 0, 0
	for i := 0; i < n && c.err == nil; i++ {
		start := c.at
		r := pageRun{first: end + int(c.uvarint("gap", MaxMemoryPages*PagesPerWasmPage))}
		sort := int(c.uvarint("run", 2*MaxBatchPages-1))
		r.count, r.data = sort>>1+1, sort&1 != 0
		c.checkRun(start, r, least, memPages)
		if i > 0 && r.first == end && r.data == runs[i-1].data {
			c.malformed(start, "a run that continues the one before")
		}
		c.told(start, "pages %d to %d: %s", r.first, r.first+r.count-1, r.sort())
		runs, end = append(runs, r), r.first+r.count
		pages += r.count
		if r.data {
			full += r.count
		}
	}
	if pages > MaxBatchPages {
		c.fail(0, fmt.Errorf("%d pages is %w of %d", pages, ErrLimit, MaxBatchPages))
	}
	return runs, full
}

func (c *cursor) checkRun(at int, r pageRun, least, memPages int) {
	switch {
	case r.first < least:
		c.fail(at, fmt.Errorf("%w: page %d, %d or above is next", ErrOrder, r.first, least))
	case r.first+r.count > memPages:
		c.fail(at, fmt.Errorf("page %d is %w: the memory has %d", r.first+r.count-1, ErrLimit, memPages))
	}
}

func (r pageRun) sort() string {
	if r.data {
		return "data"
	}
	return "zero"
}

// deliver calls fn with each page of the runs.
func (c *cursor) deliver(runs []pageRun, data []byte, fn func(uint32, []byte) error) error {
	for _, r := range runs {
		for p := r.first; p < r.first+r.count; p++ {
			page := zeroPage[:]
			if r.data {
				if page = data[:PageSize:PageSize]; bytes.Equal(page, zeroPage[:]) {
					c.malformed(0, "page %d is zero, and given as data", p)
					return c.err
				}
				data = data[PageSize:]
			}
			if fn == nil {
				continue
			}
			if err := fn(uint32(p), page); err != nil {
				return err
			}
		}
	}
	return nil
}
