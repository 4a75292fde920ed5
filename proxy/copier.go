package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"sojourn/interp/linmem"
	"sojourn/proxy/wire"
	"sojourn/snapshotfmt"
)

// copier copies a guest's memories to a target.
type copier struct {
	mems []*memcopy
	ch   *channel
	once sync.Once

	at    int // the memory that the target puts pages into
	sent  uint32
	batch []snapshotfmt.Page
	buf   [snapshotfmt.MaxBatchPages * snapshotfmt.PageSize]byte
	out   []byte
}

// memcopy is one memory on its way. sums is what the target has, so a page is sent only
// if it differs from that: from the module's own initial memory at first.
type memcopy struct {
	mem   *linmem.Memory
	track linmem.Tracker
	sums  *snapshotfmt.Digests
	dirty linmem.Bitmap
	size  int // pages that the target was told of
}

func newCopier(mems []*linmem.Memory, base *snapshotfmt.Base, ch *channel) (*copier, error) {
	c := &copier{ch: ch}
	for _, mem := range mems {
		m := &memcopy{mem: mem, sums: base.Digests(mem.Pages())}
		var err error
		if m.track, err = mem.Track(); err != nil {
			c.close()
			return nil, err
		}
		m.dirty.SetRange(0, mem.Pages())
		c.mems = append(c.mems, m)
	}
	return c, nil
}

func (c *copier) close() {
	if c == nil {
		return
	}
	c.once.Do(func() {
		for _, m := range c.mems {
			_ = m.track.Close()
		}
	})
}

// collect adds to dirty what was written since the last time.
func (c *copier) collect() error {
	for _, m := range c.mems {
		if err := m.track.Collect(&m.dirty); err != nil {
			return err
		}
	}
	return nil
}

// left is how many pages are dirty.
func (c *copier) left() int {
	n := 0
	for _, m := range c.mems {
		n += m.dirty.Count()
	}
	return n
}

// size is how many pages the target was told of.
func (c *copier) size() int {
	n := 0
	for _, m := range c.mems {
		n += m.size
	}
	return n
}

// root is that of the only memory; of several, the digest of theirs.
func (c *copier) root() [32]byte {
	sums := make([]*snapshotfmt.Digests, len(c.mems))
	for i, m := range c.mems {
		sums[i] = m.sums
	}
	return rootOf(sums)
}

func rootOf(sums []*snapshotfmt.Digests) [32]byte {
	switch len(sums) {
	case 0:
		return snapshotfmt.NewDigests(0).Root()
	case 1:
		return sums[0].Root()
	}
	var all []byte
	for _, s := range sums {
		root := s.Root()
		all = append(all, root[:]...)
	}
	return sha256.Sum256(all)
}

// round sends every dirty page that the target lacks, waits until it has them,
// and returns how many they were.
func (c *copier) round(ctx context.Context) (int, error) {
	pages := 0
	for i := range c.mems {
		n, err := c.memory(ctx, i)
		if err != nil {
			return 0, err
		}
		pages += n
	}
	return pages, c.ch.settle(ctx, c.sent)
}

// memory is the round of one memory.
func (c *copier) memory(ctx context.Context, i int) (int, error) {
	m := c.mems[i]
	if m.mem.Pages() > m.size || m.dirty.Count() > 0 && c.at != i {
		if err := c.turn(ctx, i); err != nil {
			return 0, err
		}
	}
	pages := 0
	for p := range m.dirty.All() {
		if p >= m.size { // grown meanwhile: reported again
			break
		}
		if !c.add(m, uint32(p)) {
			continue
		}
		pages++
		if len(c.batch) == snapshotfmt.MaxBatchPages {
			if err := c.flush(ctx); err != nil {
				return 0, err
			}
		}
	}
	if err := c.flush(ctx); err != nil {
		return 0, err
	}
	m.dirty.Clear()
	return pages, nil
}

// turn tells the target which memory comes next, and how large it is now.
func (c *copier) turn(ctx context.Context, i int) error {
	m := c.mems[i]
	m.size, c.at = m.mem.Pages(), i
	m.sums.Grow(m.size)
	b := binary.LittleEndian.AppendUint32(nil, uint32(m.size/snapshotfmt.PagesPerWasmPage))
	if len(c.mems) > 1 {
		b = binary.LittleEndian.AppendUint32(b, uint32(i))
	}
	return c.data(ctx, wire.Memory, b)
}

func (c *copier) data(ctx context.Context, k wire.Kind, b []byte) error {
	seq, err := c.ch.sendData(ctx, k, b, c.sent)
	if err == nil {
		c.sent = seq
	}
	return err
}

var zeroes [snapshotfmt.PageSize]byte

// add puts a page into the batch unless the target has it.
func (c *copier) add(m *memcopy, p uint32) bool {
	at := len(c.batch) * snapshotfmt.PageSize
	data := c.buf[at : at+snapshotfmt.PageSize]
	clear(data[m.track.Copy(data, int(p)):])
	was := m.sums.At(p)
	m.sums.Update(p, data)
	if m.sums.At(p) == was {
		return false
	}
	pg := snapshotfmt.Page{Number: p, Data: data}
	if [snapshotfmt.PageSize]byte(data) == zeroes {
		pg.Data = nil
	}
	c.batch = append(c.batch, pg)
	return true
}

func (c *copier) flush(ctx context.Context) error {
	if len(c.batch) == 0 {
		return nil
	}
	var err error
	if c.out, err = snapshotfmt.AppendPages(c.out[:0], c.batch, snapshotfmt.Fastest); err != nil {
		return err
	}
	c.batch = c.batch[:0]
	return c.data(ctx, wire.Pages, c.out)
}
