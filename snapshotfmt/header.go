package snapshotfmt

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
)

// The header:
//
//	0   magic    8 bytes: 89 "SOJ" 0D 0A 1A 0A
//	8   version  u32, little-endian: 1
//	12  flags    u32, little-endian: flagFiles; a reader refuses any that it does not know
//
// As in PNG, the magic shows up a transfer that strips the eighth bit or changes line ends.
const (
	Magic     = "\x89SOJ\r\n\x1a\n"
	Version   = 1
	headerLen = 16

	flagFiles = 1 // files parts follow the memory
)

func appendHeader(dst []byte, flags uint32) []byte {
	dst = append(dst, Magic...)
	dst = binary.LittleEndian.AppendUint32(dst, Version)
	return binary.LittleEndian.AppendUint32(dst, flags)
}

// parseHeader returns the flags.
func parseHeader(b []byte) (uint32, error) {
	if string(b[:len(Magic)]) != Magic {
		return 0, &Error{"header", 0, ErrMagic}
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != Version {
		return 0, &Error{"header", 8, fmt.Errorf("%w: version %d", ErrVersion, v)}
	}
	flags := binary.LittleEndian.Uint32(b[12:])
	if flags&^flagFiles != 0 {
		return 0, &Error{"header", 12, fmt.Errorf("%w: %#x", ErrFlags, flags)}
	}
	return flags, nil
}

const wholeTag = "sojourn snapshot 1"

// whole accumulates the digest of the whole, which is that of wholeTag, the header
// and the digests of all parts before the end, in order. The parts' digests cover
// every other byte, so nothing is hashed twice.
type whole struct{ h hash.Hash }

func newWhole(header []byte) whole {
	h := sha256.New()
	h.Write([]byte(wholeTag))
	h.Write(header)
	return whole{h}
}

func (w whole) add(digest []byte) { w.h.Write(digest) }

func (w whole) sum() []byte { return w.h.Sum(nil) }
