package snapshotfmt

import (
	"bytes"
	"fmt"
	"io"
	"iter"
)

// Options are the choices of an [Encoder].
type Options struct {
	Base  *Base // the module's initial memory; nil when it is all zero
	Level Level
	Files bool // folders follow the memory: see [Encoder.Files]

	// Touched yields, for [Encode], the pages that may differ from the base, ascending;
	// nil is every page.
	Touched iter.Seq[int]
}

// Encoder writes one snapshot. Call State once, Pages or Memory once, Files if there are
// any, and Close; any
// other order is refused with [ErrCall]. After an error the file is of no use, and
// every further call returns the error. It does not close, sync or buffer w.
type Encoder struct {
	w     io.Writer
	opt   Options
	whole whole
	step  step
	pages int // of the memory, in PageSize
	next  int // the least page number that may follow
	buf   []byte
	err   error
}

// step is what an Encoder or a Decoder has done.
type step int

const (
	doneManifest step = iota
	doneState
	donePages
	doneFiles
	doneEnd
)

// NewEncoder writes the header and the manifest, whose MemoryRoot the caller has
// computed (see [DigestsOf]).
func NewEncoder(w io.Writer, m *Manifest, opt Options) (*Encoder, error) {
	e := &Encoder{w: w, opt: opt}
	flags := uint32(0)
	if opt.Files {
		flags = flagFiles
	}
	e.buf = appendHeader(make([]byte, 0, 4<<10), flags)
	e.whole = newWhole(e.buf)
	buf, err := appendManifest(e.buf, m)
	if err != nil {
		return nil, err
	}
	e.buf = buf
	e.whole.add(buf[len(buf)-digestLen:])
	if err := e.flush(); err != nil {
		return nil, err
	}
	return e, nil
}

// flush writes what is in buf.
func (e *Encoder) flush() error {
	if _, err := e.w.Write(e.buf); err != nil {
		e.err = fmt.Errorf("snapshot: write: %w", err)
	}
	e.buf = e.buf[:0]
	return e.err
}

// write writes a whole pages or files part.
func (e *Encoder) write(part []byte) error {
	e.whole.add(part[len(part)-digestLen:])
	if _, err := e.w.Write(part); err != nil {
		e.err = fmt.Errorf("snapshot: write: %w", err)
	}
	return e.err
}

// begin checks that the step after is is allowed now.
func (e *Encoder) begin(after step) error {
	if e.err == nil && e.step != after {
		e.err = ErrCall
	}
	return e.err
}

// State writes everything but the memory.
func (e *Encoder) State(st *State) error {
	if err := e.begin(doneManifest); err != nil {
		return err
	}
	if e.buf, e.err = AppendState(e.buf, st); e.err != nil {
		return e.err
	}
	for rest := e.buf; len(rest) > 0; {
		n := partLen(rest)
		e.whole.add(rest[n-digestLen : n])
		rest = rest[n:]
	}
	e.step, e.pages = doneState, int(st.MemoryPages)*PagesPerWasmPage
	return e.flush()
}

// Memory writes the pages of mem that differ from the base. Its size must be the
// state's MemoryPages.
func (e *Encoder) Memory(mem []byte) error {
	if e.err == nil && e.step == doneState {
		e.err = e.sized(mem)
	}
	return e.Pages(func(yield func(uint32, []byte) bool) {
		for p := range e.pages {
			if !yield(uint32(p), pageAt(mem, uint32(p))) {
				return
			}
		}
	})
}

// sized checks that mem has the size that the state says.
func (e *Encoder) sized(mem []byte) error {
	if len(mem) != e.pages*PageSize {
		return fmt.Errorf("snapshot: memory of %d bytes, but the state says %d", len(mem), e.pages*PageSize)
	}
	return nil
}

// Pages writes pages, which must come ascending, each PageSize bytes; nil is a page
// of zeros. Those equal to the base are left out, and a page that does not come is
// taken to be as in the base. A page's contents must not change until Pages returns.
func (e *Encoder) Pages(pages iter.Seq2[uint32, []byte]) error {
	if err := e.begin(doneState); err != nil {
		return err
	}
	q := batches{e: e}
	defer q.wait()
	for n, data := range pages {
		if data == nil {
			data = zeroPage[:]
		}
		if int(n) < e.next || int(n) >= e.pages {
			e.err = fmt.Errorf("snapshot: %w: page %d, %d to %d may follow", ErrOrder, n, e.next, e.pages-1)
			return e.err
		}
		e.next = int(n) + 1
		if bytes.Equal(data, e.opt.Base.page(n)) {
			continue
		}
		if err := q.add(Page{n, data}); err != nil {
			return err
		}
	}
	e.step = donePages
	return q.flush()
}

// Close writes the end part. Without it the file is refused as truncated.
func (e *Encoder) Close() error {
	after := donePages
	if e.opt.Files {
		after = doneFiles
	}
	if err := e.begin(after); err != nil {
		return err
	}
	e.step = doneEnd
	if e.buf, e.err = endPart(append(beginPart(e.buf, kindEnd), e.whole.sum()...), 0); e.err != nil {
		return e.err
	}
	return e.flush()
}

// Encode writes a whole snapshot of a guest with memory mem. It computes the
// manifest's MemoryRoot when that is zero.
func Encode(w io.Writer, m Manifest, st *State, mem []byte, opt Options) error {
	opt.Files = false
	return EncodeWith(w, m, st, mem, nil, opt)
}

// EncodeWith is Encode with folders, which files writes; nil is none.
func EncodeWith(w io.Writer, m Manifest, st *State, mem []byte, files func(io.Writer) error, opt Options) error {
	opt.Files = files != nil
	changed := opt.changed(mem)
	if m.MemoryRoot == ([32]byte{}) {
		m.MemoryRoot = digestsOf(mem, opt.Base, changed).Root()
	}
	e, err := NewEncoder(w, &m, opt)
	if err != nil {
		return err
	}
	if err := e.State(st); err != nil {
		return err
	}
	if err := e.sized(mem); err != nil {
		return err
	}
	if err := e.Pages(func(yield func(uint32, []byte) bool) {
		for _, p := range changed {
			if !yield(p, pageAt(mem, p)) {
				return
			}
		}
	}); err != nil {
		return err
	}
	if files != nil {
		if err := e.Files(files); err != nil {
			return err
		}
	}
	return e.Close()
}

// changed returns the pages of mem that differ from the base.
func (o *Options) changed(mem []byte) []uint32 {
	var list []uint32
	look := func(p int) {
		if !bytes.Equal(pageAt(mem, uint32(p)), o.Base.page(uint32(p))) {
			list = append(list, uint32(p))
		}
	}
	n := len(mem) / PageSize
	if o.Touched == nil {
		for p := range n {
			look(p)
		}
		return list
	}
	for p := range o.Touched {
		if p < n {
			look(p)
		}
	}
	return list
}
