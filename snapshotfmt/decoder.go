package snapshotfmt

import (
	"bytes"
	"fmt"
	"io"
)

// Decoder reads one snapshot. Call State once, then Pages or Memory once; any other
// order is refused with [ErrCall]. After an error every further call returns it.
type Decoder struct {
	parts    partReader
	lim      Limits
	whole    whole
	manifest *Manifest
	flags    uint32
	step     step
	pages    int  // of the memory, in PageSize
	zero     bool // the base is all zero, whatever the module: the guest is idiomatic
	err      error

	files    io.Writer // of the folders' stream, or nil
	piecebuf []byte
}

// NewDecoder reads the header and the manifest.
func NewDecoder(r io.Reader, lim Limits) (*Decoder, error) {
	d := &Decoder{lim: lim.withDefaults(), parts: partReader{r: r}}
	head, err := d.parts.fill(nil, headerLen, "header")
	if err != nil {
		return nil, err
	}
	if d.flags, err = parseHeader(head); err != nil {
		return nil, err
	}
	d.whole = newWhole(head)
	k, body, err := d.parts.next()
	if err != nil {
		return nil, err
	}
	if k != kindManifest {
		return nil, &Error{k.String(), d.parts.at, fmt.Errorf("%w: manifest is next", ErrOrder)}
	}
	d.manifest, err = decodeManifest(body, d.parts.at+partHead)
	if err != nil {
		return nil, err
	}
	d.whole.add(d.parts.digest())
	return d, nil
}

// Manifest returns the manifest.
func (d *Decoder) Manifest() *Manifest { return d.manifest }

// begin checks that the step after is is allowed now.
func (d *Decoder) begin(after step) error {
	if d.err == nil && d.step != after {
		return ErrCall
	}
	return d.err
}

// State reads everything but the memory.
func (d *Decoder) State() (*State, error) {
	if err := d.begin(doneManifest); err != nil {
		return nil, err
	}
	st, err := d.parts.state(d.lim, func() { d.whole.add(d.parts.digest()) })
	if err != nil {
		d.err = err
		return nil, err
	}
	d.step, d.pages, d.zero = doneState, int(st.MemoryPages)*PagesPerWasmPage, st.Idiomatic
	return st, nil
}

// Pages reads the rest of the file, to its last byte, and calls fn with each page
// that differs from the base, ascending. data is PageSize bytes, valid during the
// call, and must not be changed. fn may be nil.
//
// base is the module's initial memory, [NewBase](nil) when that is all zero. With it,
// Pages computes the memory's root, and fails with [ErrRoot] when it is not the
// manifest's. When base is nil the root is not checked: that is for tools that look
// at a snapshot without its module. What fn has received is to be used only when
// Pages returns nil.
func (d *Decoder) Pages(base *Base, fn func(page uint32, data []byte) error) error {
	if err := d.begin(doneState); err != nil {
		return err
	}
	d.step = donePages
	if base != nil && d.zero {
		base = NewBase(nil)
	}
	d.err = d.readPages(base, fn)
	return d.err
}

func (d *Decoder) readPages(base *Base, fn func(uint32, []byte) error) error {
	each := fn
	var sums *Digests
	if base != nil {
		if len(base.image) > d.pages*PageSize {
			return &Error{"guest", d.parts.off, fmt.Errorf("%w: memory of %d bytes, but the module's starts with %d", ErrMalformed, d.pages*PageSize, len(base.image))}
		}
		sums = base.Digests(d.pages)
		each = func(page uint32, data []byte) error {
			sums.Update(page, data)
			if fn == nil {
				return nil
			}
			return fn(page, data)
		}
	}
	for next, files := 0, 0; ; {
		k, body, err := d.parts.next()
		if err != nil {
			return err
		}
		switch {
		case k == kindPages && files == 0:
			if next, err = d.parts.cursor(k, body).pages(next, d.pages, each); err != nil {
				return err
			}
			d.whole.add(d.parts.digest())
		case k == kindFiles && d.HasFiles():
			if err := d.piece(body); err != nil {
				return err
			}
			files++
			d.whole.add(d.parts.digest())
		case k == kindEnd && (files > 0) == d.HasFiles():
			return d.end(body, sums)
		default:
			return &Error{k.String(), d.parts.at, fmt.Errorf("%w: pages, files or the end is next", ErrOrder)}
		}
	}
}

// end checks the digest of the whole, that nothing follows, and the root.
func (d *Decoder) end(body []byte, sums *Digests) error {
	if !bytes.Equal(body, d.whole.sum()) {
		return &Error{"end", d.parts.at + partHead, fmt.Errorf("whole file: %w", ErrDigest)}
	}
	if err := d.parts.atEnd(); err != nil {
		return err
	}
	if sums != nil && sums.Root() != d.manifest.MemoryRoot {
		return &Error{"end", d.parts.at, ErrRoot}
	}
	return nil
}

// Memory is Pages into mem, which must have the size of the state's MemoryPages and
// be zero: it becomes the guest's memory.
func (d *Decoder) Memory(base *Base, mem []byte) error {
	if err := d.begin(doneState); err != nil {
		return err
	}
	if len(mem) != d.pages*PageSize {
		return fmt.Errorf("snapshot: memory of %d bytes given for one of %d", len(mem), d.pages*PageSize)
	}
	if base != nil && !d.zero {
		copy(mem, base.image)
	}
	return d.Pages(base, func(page uint32, data []byte) error {
		copy(pageAt(mem, page), data)
		return nil
	})
}
