package snapshotfmt

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Folders that a guest carries are a stream of bytes between the memory and the end, of
// which this package knows nothing but how it is cut up. Each files part holds
//
//	[4]   length of the next bytes of the stream, u32: 1 to MaxFilesPart
//	zstd  one frame with them
//
// A file with flagFiles has one of them at least, any other has none.

// Files writes the stream that fn writes. It comes after the memory, once, and only when
// Options.Files says so.
func (e *Encoder) Files(fn func(io.Writer) error) error {
	if err := e.begin(donePages); err != nil {
		return err
	}
	if !e.opt.Files {
		e.err = ErrCall
		return e.err
	}
	w := &filesWriter{e: e}
	if err := fn(w); err != nil {
		e.err = err
		return err
	}
	e.step = doneFiles
	return w.flush()
}

// filesWriter cuts a stream into parts.
type filesWriter struct {
	e   *Encoder
	buf []byte
}

func (w *filesWriter) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		k := min(len(b), MaxFilesPart-len(w.buf))
		w.buf, b = append(w.buf, b[:k]...), b[k:]
		if len(w.buf) == MaxFilesPart {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (w *filesWriter) flush() error {
	if len(w.buf) == 0 {
		return w.e.err
	}
	part := binary.LittleEndian.AppendUint32(beginPart(nil, kindFiles), uint32(len(w.buf)))
	part, err := compress(part, w.buf, w.e.opt.Level)
	if err == nil {
		part, err = endPart(part, 0)
	}
	if err != nil {
		w.e.err = err
		return err
	}
	w.buf = w.buf[:0]
	return w.e.write(part)
}

// HasFiles reports whether the file holds folders.
func (d *Decoder) HasFiles() bool { return d.flags&flagFiles != 0 }

// Files has [Decoder.Pages] write the stream to w. Without it the stream is checked only.
// What w has received is to be used only when Pages returns nil.
func (d *Decoder) Files(w io.Writer) { d.files = w }

// piece returns the next bytes of the stream. They are valid until the next call.
func (d *Decoder) piece(body []byte) error {
	c := d.parts.cursor(kindFiles, body)
	b, err := c.files(d.piecebuf)
	if err != nil {
		return err
	}
	d.piecebuf = b
	if d.files == nil {
		return nil
	}
	if _, err := d.files.Write(b); err != nil {
		return fmt.Errorf("snapshot: files: %w", err)
	}
	return nil
}

// files decodes the contents of a files part into buf.
func (c *cursor) files(buf []byte) ([]byte, error) {
	n := int(c.u32("length"))
	c.told(0, "%d bytes of the stream", n)
	if c.err == nil && (n <= 0 || n > MaxFilesPart) {
		c.malformed(0, "%d bytes in a files part", n)
	}
	if c.err != nil {
		return nil, c.err
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	start := c.at
	if err := decompress(buf[:n], c.bytes("zstd frame", c.rest())); err != nil {
		c.fail(start, err)
	}
	c.told(start, "zstd frame")
	return buf[:n], c.done()
}
