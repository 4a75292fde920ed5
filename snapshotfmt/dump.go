package snapshotfmt

import (
	"bufio"
	"fmt"
	"io"
	"time"
)

// Dump writes what each byte of a snapshot means: a line for each field with its
// offset, its length and its meaning. It does not need the module, and so does not
// check the memory's root; everything else is checked as a [Decoder] does. What
// precedes an error has been written when Dump returns it.
func Dump(w io.Writer, r io.Reader) error {
	d := &dumper{
		w:     bufio.NewWriter(w),
		parts: partReader{r: r},
		lim:   Limits{}.withDefaults(),
		st:    new(State),
	}
	err := d.file()
	if ferr := d.w.Flush(); err == nil {
		err = ferr
	}
	return err
}

// dumper is a decoder that says what it reads.
type dumper struct {
	w     *bufio.Writer
	parts partReader
	lim   Limits
	whole whole
	st    *State
	next  int // the least page number that may follow
}

// line writes one field: offset, length, meaning.
func (d *dumper) line(off int64, n int, text string) {
	fmt.Fprintf(d.w, "%08x %8d    %s\n", off, n, text)
}

func (d *dumper) file() error {
	head, err := d.parts.fill(nil, headerLen, "header")
	if err != nil {
		return err
	}
	flags, err := parseHeader(head)
	if err != nil {
		return err
	}
	d.whole = newWhole(head)
	d.line(0, 8, "magic")
	d.line(8, 4, fmt.Sprintf("version %d", Version))
	d.line(12, 4, [...]string{"flags: none", flagFiles: "flags: files"}[flags])
	for want := kindManifest; ; {
		k, body, err := d.parts.next()
		if err != nil {
			return err
		}
		if !follows(want, k, flags) {
			return &Error{k.String(), d.parts.at, fmt.Errorf("%w: %v is next", ErrOrder, want)}
		}
		fmt.Fprintf(d.w, "\n%08x %8d  %v: %d bytes\n", d.parts.at, partHead, k, len(body))
		if err := d.part(k, body); err != nil {
			return err
		}
		sum := d.parts.digest()
		d.line(d.parts.off-digestLen, digestLen, fmt.Sprintf("SHA-256 of the part: %x", sum))
		if k == kindEnd {
			return d.parts.atEnd()
		}
		d.whole.add(sum)
		if want = min(k+1, kindPages); k == kindFiles {
			want, flags = kindFiles, 0
		}
	}
}

// follows reports whether a part may come where want is next: pages, and files, may be many
// and none. flags has flagFiles while a files part must come.
func follows(want, k kind, flags uint32) bool {
	switch want {
	case kindPages:
		return k == kindPages || k == kindFiles && flags == flagFiles || k == kindEnd && flags == 0
	case kindFiles:
		return k == kindFiles || k == kindEnd
	}
	return k == want
}

// part describes the contents of one part.
func (d *dumper) part(k kind, body []byte) error {
	c := d.parts.cursor(k, body)
	c.note = d.line
	switch k {
	case kindManifest:
		return d.manifest(c)
	case kindPages:
		next, err := c.pages(d.next, int(d.st.MemoryPages)*PagesPerWasmPage, nil)
		d.next = next
		return err
	case kindFiles:
		_, err := c.files(nil)
		return err
	case kindEnd:
		sum := c.bytes("digest", digestLen)
		c.told(0, "SHA-256 of the whole: %x", sum)
		if c.err == nil && string(sum) != string(d.whole.sum()) {
			c.fail(0, fmt.Errorf("whole file: %w", ErrDigest))
		}
		return c.done()
	}
	stateParts[k-kindGuest].decode(c, d.st, d.lim)
	return c.done()
}

func (d *dumper) manifest(c *cursor) error {
	m, err := decodeManifest(c.b, c.base)
	if err != nil {
		return err
	}
	d.line(c.base, len(c.b), "CBOR map:")
	for _, f := range []struct {
		key   int
		name  string
		value any
	}{
		{1, "module", fmt.Sprintf("%x", m.Module)},
		{2, "module size", m.ModuleSize},
		{3, "memory root", fmt.Sprintf("%x", m.MemoryRoot)},
		{4, "page size", PageSize},
		{5, "instance", fmt.Sprintf("%q", m.Instance)},
		{6, "epoch", m.Epoch},
		{7, "created", m.Created.Format(time.RFC3339Nano)},
		{8, "engine", fmt.Sprintf("%q", m.Engine)},
		{9, "ISA", fmt.Sprintf("%q", m.ISA)},
	} {
		fmt.Fprintf(d.w, "%21s %d %s: %v\n", "", f.key, f.name, f.value)
	}
	for i, l := range m.Libraries {
		fmt.Fprintf(d.w, "%21s 10 library %d: %q, %x, %d bytes\n", "", i, l.Name, l.Module, l.Size)
	}
	return nil
}
