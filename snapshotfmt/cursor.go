package snapshotfmt

import (
	"encoding/binary"
	"fmt"
)

// cursor reads the contents of one part. After the first error it returns zeros;
// callers check err once, and before they loop over what it returned. It tells note,
// when there is one, of every field that it reads: that is how Dump works.
type cursor struct {
	b    []byte
	at   int
	base int64 // offset of b[0] in the file
	part string
	err  error

	note func(off int64, n int, text string)
}

func (c *cursor) rest() int { return len(c.b) - c.at }

// fail records the first error, at an offset in b.
func (c *cursor) fail(at int, err error) {
	if c.err == nil {
		c.err = &Error{c.part, c.base + int64(at), err}
	}
}

func (c *cursor) malformed(at int, format string, args ...any) {
	c.fail(at, fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...)))
}

// bytes returns the next n bytes, which alias b.
func (c *cursor) bytes(name string, n int) []byte {
	if c.err != nil {
		return nil
	}
	if n > c.rest() {
		c.fail(c.at, fmt.Errorf("%w: %s takes %d bytes, %d are left", ErrTruncated, name, n, c.rest()))
		return nil
	}
	p := c.b[c.at : c.at+n]
	c.at += n
	return p
}

// told tells note of the bytes from start to here. Where there are many, the caller asks
// for a note first: the arguments cost more than the decoding.
func (c *cursor) told(start int, format string, args ...any) {
	if c.note != nil && c.err == nil {
		c.note(c.base+int64(start), c.at-start, fmt.Sprintf(format, args...))
	}
}

func (c *cursor) u8(name string) byte {
	p := c.bytes(name, 1)
	if p == nil {
		return 0
	}
	return p[0]
}

func (c *cursor) u32(name string) uint32 {
	p := c.bytes(name, 4)
	if p == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(p)
}

func (c *cursor) u64(name string) uint64 {
	p := c.bytes(name, 8)
	if p == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(p)
}

// uvarint returns an unsigned LEB128 number of at most most, in its shortest form.
func (c *cursor) uvarint(name string, most uint64) uint64 {
	if c.err != nil {
		return 0
	}
	start := c.at
	v, n := binary.Uvarint(c.b[c.at:])
	switch {
	case n == 0:
		c.fail(start, fmt.Errorf("%w: in %s", ErrTruncated, name))
		return 0
	case n < 0:
		c.malformed(start, "%s has more than 64 bits", name)
		return 0
	case n > 1 && c.b[start+n-1] == 0:
		c.malformed(start, "%s is longer than its number needs", name)
		return 0
	case v > most:
		c.fail(start, fmt.Errorf("%s %d is %w of %d", name, v, ErrLimit, most))
		return 0
	}
	c.at += n
	return v
}

// count returns how many items follow: at most most, and no more than the rest of
// the part can hold at each bytes an item.
func (c *cursor) count(name string, most, each int) int {
	start := c.at
	n := int(c.uvarint(name, uint64(most)))
	if n > c.rest()/each {
		c.fail(start, fmt.Errorf("%w: %s %d needs %d bytes, %d are left", ErrTruncated, name, n, n*each, c.rest()))
		return 0
	}
	if c.note != nil {
		c.told(start, "%s: %d", name, n)
	}
	return n
}

// done returns the first error, or one when bytes are left.
func (c *cursor) done() error {
	if c.err == nil && c.rest() > 0 {
		c.fail(c.at, fmt.Errorf("%w: %d after the last field", ErrTrailing, c.rest()))
	}
	return c.err
}
