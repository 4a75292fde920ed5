package wasm

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// cursor reads the binary format's primitives (5.2) off the front of b. The
// first error sticks: from then on every read returns zero, so a caller may
// read a whole construct and look at err once.
type cursor struct {
	b    []byte
	pos  int
	base int // what to add to pos for an offset in the module; -1 when unknown

	section, what string // for errors
	err           *Error
}

// fail records an error at position pos of b, unless there is one already.
func (c *cursor) fail(pos int, format string, args ...any) {
	c.failWith(pos, &Error{Msg: fmt.Sprintf(format, args...)})
}

// failWith is fail for an error that still lacks its place.
func (c *cursor) failWith(pos int, e *Error) {
	if c.err != nil {
		return
	}
	e.Section, e.Offset = c.section, -1
	if e.What == "" {
		e.What = c.what
	}
	if c.base >= 0 {
		e.Offset = c.base + pos
	}
	c.err = e
}

// ok reports whether nothing has failed yet.
func (c *cursor) ok() bool { return c.err == nil }

func (c *cursor) left() int { return len(c.b) - c.pos }

func (c *cursor) byte() byte {
	if c.err != nil {
		return 0
	}
	if c.pos >= len(c.b) {
		c.fail(c.pos, "unexpected end")
		return 0
	}
	v := c.b[c.pos]
	c.pos++
	return v
}

// bytes returns the next n bytes, which alias the input; their capacity is
// cut so that appending to them copies.
func (c *cursor) bytes(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || n > c.left() {
		c.fail(c.pos, "%d bytes wanted, %d left", n, c.left())
		return nil
	}
	v := c.b[c.pos : c.pos+n : c.pos+n]
	c.pos += n
	return v
}

// size reads a byte length and checks it against what is left.
func (c *cursor) size() int {
	at := c.pos
	n := c.u32()
	if c.ok() && uint64(n) > uint64(c.left()) {
		c.fail(at, "size of %d bytes, %d left", n, c.left())
		return 0
	}
	return int(n)
}

// count reads the number of items that follow, each of at least minBytes
// bytes, and checks it against limit and what is left before anyone
// allocates for it.
func (c *cursor) count(limit, minBytes int, items string) int {
	at := c.pos
	n := c.u32()
	switch {
	case !c.ok():
		return 0
	case uint64(n) > uint64(limit):
		c.fail(at, "count of %d %s, the limit is %d", n, items, limit)
		return 0
	case uint64(n)*uint64(minBytes) > uint64(c.left()):
		c.fail(at, "count of %d %s, but %d bytes are left", n, items, c.left())
		return 0
	}
	return int(n)
}

// name reads a UTF-8 string of at most MaxNameLen bytes.
func (c *cursor) name() string {
	at := c.pos
	n := c.size()
	if n > MaxNameLen {
		c.fail(at, "name of %d bytes, the limit is %d", n, MaxNameLen)
		return ""
	}
	b := c.bytes(n)
	if !utf8.Valid(b) {
		c.fail(at, "name is not UTF-8")
		return ""
	}
	return string(b)
}

// u32 reads an unsigned LEB128 of 32 bits.
func (c *cursor) u32() uint32 {
	if c.err == nil && c.pos < len(c.b) && c.b[c.pos] < 0x80 {
		c.pos++
		return uint32(c.b[c.pos-1])
	}
	return uint32(c.uleb(32))
}

func (c *cursor) uleb(bits uint) uint64 {
	at := c.pos
	var v uint64
	for shift := uint(0); shift < bits; shift += 7 {
		x := c.byte()
		if rest := bits - shift; rest < 7 && x>>rest != 0 {
			c.fail(at, "integer over %d bits", bits)
			return 0
		}
		v |= uint64(x&0x7f) << shift
		if x < 0x80 {
			return v
		}
	}
	c.fail(at, "integer encoded in more bytes than %d bits need", bits)
	return 0
}

// sleb reads a signed LEB128 of the given width: 32, 33 or 64 bits.
func (c *cursor) sleb(bits uint) int64 {
	at := c.pos
	var v int64
	for shift := uint(0); shift < bits; shift += 7 {
		x := c.byte()
		if rest := bits - shift; rest < 7 {
			// The bits past the last must repeat the sign.
			if top := int8(x<<1) >> rest; x >= 0x80 || top != 0 && top != -1 {
				c.fail(at, "integer over %d bits", bits)
				return 0
			}
		}
		v |= int64(x&0x7f) << shift
		if x < 0x80 {
			if x&0x40 != 0 && shift+7 < 64 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	c.fail(at, "integer encoded in more bytes than %d bits need", bits)
	return 0
}

func (c *cursor) fixed32() uint32 {
	if b := c.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) fixed64() uint64 {
	if b := c.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}
