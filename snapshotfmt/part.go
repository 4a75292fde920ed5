package snapshotfmt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// kind is the first byte of a part.
type kind byte

const (
	kindManifest kind = 1 + iota
	kindGuest
	kindFrames
	kindGlobals
	kindTables
	kindDropped
	kindWorld
	kindPages
	kindEnd
	kindFiles
)

var kindNames = [...]string{
	kindManifest: "manifest",
	kindGuest:    "guest",
	kindFrames:   "frames",
	kindGlobals:  "globals",
	kindTables:   "tables",
	kindDropped:  "dropped segments",
	kindWorld:    "world",
	kindPages:    "pages",
	kindEnd:      "end",
	kindFiles:    "files",
}

func (k kind) String() string {
	if k == 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("part of kind %d", byte(k))
	}
	return kindNames[k]
}

// The frame of a part:
//
//	0  kind     u8
//	1  zero     3 bytes
//	4  length   u32, little-endian, of the contents
//	8  contents
//	   digest   32 bytes: SHA-256 of everything before it, from kind on
const (
	partHead  = 8
	digestLen = sha256.Size
)

// beginPart appends the head of a part, whose length [endPart] fills in.
func beginPart(dst []byte, k kind) []byte {
	return append(dst, byte(k), 0, 0, 0, 0, 0, 0, 0)
}

// endPart completes the part that began at start: everything appended since is its
// contents.
func endPart(dst []byte, start int) ([]byte, error) {
	k, n := kind(dst[start]), len(dst)-start-partHead
	if n > int(maxLength[k]) {
		return nil, fmt.Errorf("snapshot: %s: %d bytes, %w of %d", k, n, ErrLimit, maxLength[k])
	}
	binary.LittleEndian.PutUint32(dst[start+4:], uint32(n))
	sum := sha256.Sum256(dst[start:])
	return append(dst, sum[:]...), nil
}

// partReader reads parts from a stream, one at a time.
type partReader struct {
	r   io.Reader
	off int64 // of the next byte to read

	buf []byte // the current part: head, contents, digest
	at  int64  // its offset
}

// next reads one part and checks its digest. The contents are valid until the
// next call.
func (p *partReader) next() (kind, []byte, error) {
	p.at = p.off
	head, err := p.fill(p.buf[:0], partHead, "part head")
	if err != nil {
		return 0, nil, err
	}
	k, n, err := parseHead(head, p.at)
	if err != nil {
		return 0, nil, err
	}
	p.buf, err = p.fill(head, int(n)+digestLen, k.String())
	if err != nil {
		return 0, nil, err
	}
	body := p.buf[:partHead+n]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], p.buf[len(body):]) {
		return 0, nil, &Error{k.String(), p.at + int64(len(body)), ErrDigest}
	}
	return k, body[partHead:], nil
}

// cursor returns a cursor over the contents that next returned last.
func (p *partReader) cursor(k kind, body []byte) *cursor {
	return &cursor{b: body, base: p.at + partHead, part: k.String()}
}

// digest returns the digest of the part that was read last.
func (p *partReader) digest() []byte { return p.buf[len(p.buf)-digestLen:] }

// parseHead takes apart the head of the part at offset at.
func parseHead(head []byte, at int64) (kind, uint32, error) {
	k, n := kind(head[0]), binary.LittleEndian.Uint32(head[4:])
	switch {
	case k == 0 || int(k) >= len(kindNames):
		return 0, 0, &Error{"part head", at, fmt.Errorf("%w: unknown %v", ErrMalformed, k)}
	case head[1]|head[2]|head[3] != 0:
		return 0, 0, &Error{k.String(), at + 1, fmt.Errorf("%w: reserved bytes are not zero", ErrMalformed)}
	case n > maxLength[k]:
		return 0, 0, &Error{k.String(), at + 4, fmt.Errorf("length %d is %w of %d", n, ErrLimit, maxLength[k])}
	}
	return k, n, nil
}

// fillStep is the most that fill allocates ahead of the bytes that have arrived.
const fillStep = 1 << 20

// fill appends n bytes of the stream to dst. It allocates no more than twice what
// has arrived, or fillStep.
func (p *partReader) fill(dst []byte, n int, what string) ([]byte, error) {
	for n > 0 {
		step := min(n, max(fillStep, len(dst)))
		have := len(dst)
		if cap(dst)-have < step {
			dst = append(make([]byte, 0, have+step), dst...)
		}
		dst = dst[:have+step]
		got, err := io.ReadFull(p.r, dst[have:])
		p.off += int64(got)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, &Error{what, p.off, fmt.Errorf("%w: %d more bytes expected", ErrTruncated, n-got)}
		}
		if err != nil {
			return nil, fmt.Errorf("snapshot: read %s at offset %d: %w", what, p.off, err)
		}
		n -= step
	}
	return dst, nil
}

// atEnd checks that the stream has ended.
func (p *partReader) atEnd() error {
	var one [1]byte
	switch _, err := io.ReadFull(p.r, one[:]); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fmt.Errorf("snapshot: read after the end at offset %d: %w", p.off, err)
	}
	return &Error{"end", p.off, ErrTrailing}
}

// partLen returns the length of the part that b starts with, which this package
// has written.
func partLen(b []byte) int {
	return partHead + int(binary.LittleEndian.Uint32(b[4:])) + digestLen
}
