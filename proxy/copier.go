package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"sojourn/interp/linmem"
	"sojourn/proxy/api"
	"sojourn/proxy/handover"
	"sojourn/proxy/wire"
	"sojourn/snapshotfmt"
)

// copier copies a guest's memory to a target. sums is what the target has, so
// a page is sent only if it differs from that: from the module's own initial
// memory at first.
type copier struct {
	mem   *linmem.Memory // nil when the guest has none
	track linmem.Tracker
	sums  *snapshotfmt.Digests
	dirty linmem.Bitmap
	ch    *channel
	once  sync.Once

	size  int // pages that the target was told of
	sent  uint32
	batch []snapshotfmt.Page
	buf   [snapshotfmt.MaxBatchPages * snapshotfmt.PageSize]byte
	out   []byte
}

func newCopier(mem *linmem.Memory, base *snapshotfmt.Base, ch *channel) (*copier, error) {
	c := &copier{mem: mem, ch: ch, sums: snapshotfmt.NewDigests(0)}
	if mem == nil {
		return c, nil
	}
	var err error
	if c.track, err = mem.Track(); err != nil {
		return nil, err
	}
	c.sums = base.Digests(mem.Pages())
	c.dirty.SetRange(0, mem.Pages())
	return c, nil
}

func (c *copier) close() {
	if c == nil {
		return
	}
	c.once.Do(func() {
		if c.track != nil {
			_ = c.track.Close()
		}
	})
}

// collect adds to dirty what was written since the last time.
func (c *copier) collect() error {
	if c.mem == nil {
		return nil
	}
	return c.track.Collect(&c.dirty)
}

// round sends every dirty page that the target lacks, waits until it has them,
// and returns how many they were.
func (c *copier) round(ctx context.Context) (int, error) {
	if err := c.grow(ctx); err != nil {
		return 0, err
	}
	pages := 0
	for p := range c.dirty.All() {
		if p >= c.size { // grown meanwhile: reported again
			break
		}
		if !c.add(uint32(p)) {
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
	c.dirty.Clear()
	return pages, c.ch.settle(ctx, c.sent)
}

// grow tells the target of a memory that has grown.
func (c *copier) grow(ctx context.Context) error {
	if c.mem == nil || c.mem.Pages() <= c.size {
		return nil
	}
	c.size = c.mem.Pages()
	c.sums.Grow(c.size)
	return c.data(ctx, wire.Memory, binary.LittleEndian.AppendUint32(nil, uint32(c.size/snapshotfmt.PagesPerWasmPage)))
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
func (c *copier) add(p uint32) bool {
	at := len(c.batch) * snapshotfmt.PageSize
	data := c.buf[at : at+snapshotfmt.PageSize]
	clear(data[c.track.Copy(data, int(p)):])
	was := c.sums.At(p)
	c.sums.Update(p, data)
	if c.sums.At(p) == was {
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

// copyMemory is pre-copy: it returns when the guest may be frozen.
func (o *outgoing) copyMemory(ctx context.Context) error {
	var err error
	if o.cp, err = newCopier(o.g.env.Memory(), o.g.mod.Base(), o.ch); err != nil {
		return err
	}
	c := Copying{Aim: o.n.cfg.DowntimeAim, MaxRounds: o.n.cfg.MaxRounds}
	if o.req.DowntimeMillis > 0 {
		c.Aim = time.Duration(o.req.DowntimeMillis) * time.Millisecond
	}
	if o.req.MaxRounds > 0 {
		c.MaxRounds = o.req.MaxRounds
	}
	for {
		if err := o.files.round(ctx); err != nil {
			return err
		}
		if err := o.round(ctx, &c); err != nil {
			return err
		}
		if err := o.cp.collect(); err != nil {
			return err
		}
		c.Left = int64(o.cp.dirty.Count()) * snapshotfmt.PageSize
		c.Compiled = isClosed(o.ch.compiled)
		d := Decide(c)
		o.progress(&c)
		if d.Freeze {
			o.res.StopReason = d.Reason
			return nil
		}
		if d.Wait { // and then one more round, for the guest ran on meanwhile
			if err := o.waitCompiled(ctx); err != nil {
				return err
			}
			if err := o.cp.collect(); err != nil {
				return err
			}
		}
	}
}

// round is one pass, measured.
func (o *outgoing) round(ctx context.Context, c *Copying) error {
	began, sent := time.Now(), o.ch.Sent()
	pages, err := o.cp.round(ctx)
	if err != nil {
		return err
	}
	took := time.Since(began)
	c.Passes = append(c.Passes, Pass{Bytes: int64(pages) * snapshotfmt.PageSize, Took: took})
	o.res.Rounds = append(o.res.Rounds, api.Round{Pages: pages, Bytes: o.ch.Sent() - sent, Millis: millis(took)})
	return nil
}

func (o *outgoing) waitCompiled(ctx context.Context) error {
	select {
	case <-o.ch.compiled:
		return nil
	case <-time.After(compileLimit):
		return fmt.Errorf("the target has not compiled the module in %v", compileLimit)
	case <-o.ch.dead:
		return o.ch.err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// final sends the last pages and the state, and hears that they are whole.
func (o *outgoing) final(ctx context.Context) (handover.Event, bool) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.n.cfg.FrozenLimit, errors.New("the guest was frozen for too long"))
	defer cancel()
	if err := o.sendFinal(ctx); err != nil {
		return outcome(0, err)
	}
	_, err := o.ch.await(ctx, o.n.cfg.FrozenLimit, wire.Ready)
	return outcome(handover.ReadyAtT, err)
}

func (o *outgoing) sendFinal(ctx context.Context) error {
	if err := o.files.round(ctx); err != nil {
		return err
	}
	if err := o.cp.collect(); err != nil {
		return err
	}
	var last Copying
	if err := o.round(ctx, &last); err != nil {
		return err
	}
	st, err := o.g.env.Capture()
	if err != nil {
		return err
	}
	if got := int(st.MemoryPages) * snapshotfmt.PagesPerWasmPage; o.cp.mem != nil && got != o.cp.size {
		return fmt.Errorf("the guest has %d pages of memory, %d were sent", got, o.cp.size)
	}
	o.res.MemoryBytes = int64(st.MemoryPages) * wasmPage
	b, err := snapshotfmt.AppendState(nil, st)
	if err != nil {
		return err
	}
	if len(b) > maxState {
		return fmt.Errorf("the guest's state is %d bytes, over the limit of %d", len(b), maxState)
	}
	if err := o.ch.sendAll(ctx, wire.State, b); err != nil {
		return err
	}
	root, sum := o.cp.sums.Root(), sha256.Sum256(b)
	final := append(root[:], sum[:]...)
	if o.files != nil && o.files.dir != nil {
		final = append(final, o.files.sum[:]...)
	}
	_, err = o.ch.Send(wire.Final, final)
	return err
}
