package snapshotfmt

import (
	"runtime"
	"sync"
)

// batches makes pages parts of the pages that an Encoder is given. Full batches are
// compressed beside each other, on as many processors as there are, and written in
// order by the goroutine that adds pages; a snapshot of one batch starts no goroutine.
type batches struct {
	e     *Encoder
	pages []Page
	queue []*batch // being compressed, oldest first
	free  [][]byte // room for parts
}

// batch is one pages part in the making.
type batch struct {
	pages []Page
	part  []byte
	err   error
	done  sync.WaitGroup
}

// add takes a page, and writes what has become ready.
func (q *batches) add(p Page) error {
	if q.pages == nil {
		q.pages = make([]Page, 0, MaxBatchPages)
	}
	if q.pages = append(q.pages, p); len(q.pages) < MaxBatchPages {
		return nil
	}
	b := &batch{pages: q.pages}
	if n := len(q.free); n > 0 {
		b.part, q.free = q.free[n-1], q.free[:n-1]
	}
	b.done.Go(func() { b.part, b.err = AppendPages(b.part[:0], b.pages, q.e.opt.Level) })
	q.queue, q.pages = append(q.queue, b), nil
	if len(q.queue) <= runtime.GOMAXPROCS(0) {
		return nil
	}
	return q.writeOldest()
}

// writeOldest writes the batch that was added first.
func (q *batches) writeOldest() error {
	b := q.queue[0]
	q.queue = q.queue[1:]
	b.done.Wait()
	if b.err != nil {
		q.e.err = b.err
		return b.err
	}
	q.free = append(q.free, b.part)
	return q.e.write(b.part)
}

// flush writes everything that was added.
func (q *batches) flush() error {
	for len(q.queue) > 0 {
		if err := q.writeOldest(); err != nil {
			return err
		}
	}
	if len(q.pages) == 0 {
		return nil
	}
	part, err := AppendPages(q.e.buf, q.pages, q.e.opt.Level)
	if err != nil {
		q.e.err = err
		return err
	}
	return q.e.write(part)
}

// wait waits for what is being compressed, of which nothing is written any more.
func (q *batches) wait() {
	for _, b := range q.queue {
		b.done.Wait()
	}
}
