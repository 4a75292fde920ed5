// Package wire is the migration channel's frames. Each WebSocket binary
// message is one frame; docs/PROTOCOL.md has the flow and each payload.
//
//	byte  0      kind
//	byte  1      0
//	bytes 2-3    0, 0
//	bytes 4-7    sequence number, little-endian: 1 for the first frame of a direction
//	bytes 8-11   CRC-32C of bytes 0-7 and the payload, little-endian
//	bytes 12-    payload
//
// The package refuses frames that are too long, damaged, repeated or out of
// order, and kinds it does not know; then the connection is of no more use.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Kind says what a frame is.
type Kind byte

// The kinds of frames. Numbers are little-endian; what is called JSON has its
// fields in package proxy.
const (
	Hello     Kind = 1  // source: [magic "SJRN", u16 oldest version, u16 newest, u32 capabilities]
	Welcome   Kind = 2  // target: the same, with the version chosen in both
	Plan      Kind = 3  // source: JSON plan
	Reserved  Kind = 4  // target: [u8 for the module, each library and each folder by digest: 1 when it must be sent]
	Refused   Kind = 5  // target: reasons, UTF-8
	Module    Kind = 6  // source: up to 1 MiB of the modules that must be sent, in order
	Stage     Kind = 7  // source: [] the module is complete
	Staged    Kind = 8  // target: [] compiling has begun
	Compiled  Kind = 9  // target: [] and has ended
	Memory    Kind = 10 // source: [u32 size of memory in pages of 64 KiB; of several, u32 which]; it only grows
	Pages     Kind = 11 // source: one pages part of snapshotfmt
	State     Kind = 12 // source: up to 1 MiB of the state, in order
	Final     Kind = 13 // source: [32 bytes memory root, 32 bytes SHA-256 of the state; with carried folders 32 bytes SHA-256 of their tree]
	Ack       Kind = 14 // target: [u32 number of the last Module, Memory, Pages, State or Chunks applied]
	Ready     Kind = 15 // target: []
	Commit    Kind = 16 // source: []
	Activated Kind = 17 // target: []
	Cancel    Kind = 18 // source: reason, UTF-8
	Failed    Kind = 19 // target: reason, UTF-8
	Tree      Kind = 20 // source: [u8 which folder, u8: 1 for the last piece] the next bytes of a tree of engine/carry
	Want      Kind = 21 // target: [a bit for each chunk of the tree: 1 when it must be sent]
	Chunks    Kind = 22 // source: one batch of engine/carry
)

const headLen = 12

const (
	// MaxData is the payload of a Module or State frame.
	MaxData = 1 << 20
	// MaxFrame is the longest frame: a pages part, with its digest.
	MaxFrame = headLen + MaxData + 64<<10
	// maxText bounds a reason, maxPlan a plan.
	maxText = 16 << 10
	maxPlan = 1 << 20
	// maxItems bounds what a guest is made of besides its memory: modules and folders.
	maxItems = 2048
	maxWant  = 128 << 10
)

// Limit returns the greatest payload of a kind, and whether the kind exists.
func (k Kind) Limit() (int, bool) {
	switch k {
	case Hello, Welcome:
		return 12, true
	case Plan:
		return maxPlan, true
	case Refused, Cancel, Failed:
		return maxText, true
	case Module, State, Tree:
		return MaxData, true
	case Pages, Chunks:
		return MaxFrame - headLen, true
	case Final:
		return 96, true
	case Want:
		return maxWant, true
	case Ack:
		return 4, true
	case Memory:
		return 8, true
	case Reserved:
		return maxItems, true
	case Stage, Staged, Compiled, Ready, Commit, Activated:
		return 0, true
	}
	return 0, false
}

// ErrFrame is wrapped by every error about a frame's bytes.
var ErrFrame = errors.New("migration channel: bad frame")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Append appends a frame. It panics when the payload is over the kind's limit.
func Append(b []byte, k Kind, seq uint32, payload []byte) []byte {
	if most, ok := k.Limit(); !ok || len(payload) > most {
		panic(fmt.Sprintf("wire: %d bytes in a frame of kind %d", len(payload), k))
	}
	start := len(b)
	b = append(b, byte(k), 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, seq)
	sum := crc32.Update(crc32.Checksum(b[start:], castagnoli), castagnoli, payload)
	b = binary.LittleEndian.AppendUint32(b, sum)
	return append(b, payload...)
}

// Parse decodes the frame that is b; the payload is part of b.
func Parse(b []byte) (k Kind, seq uint32, payload []byte, err error) {
	if len(b) < headLen {
		return 0, 0, nil, fmt.Errorf("%w: %d bytes, the head alone is %d", ErrFrame, len(b), headLen)
	}
	k, payload = Kind(b[0]), b[headLen:]
	most, ok := k.Limit()
	switch {
	case !ok:
		return 0, 0, nil, fmt.Errorf("%w: unknown kind %d", ErrFrame, b[0])
	case b[1]|b[2]|b[3] != 0:
		return 0, 0, nil, fmt.Errorf("%w: kind %d has unknown flags", ErrFrame, k)
	case len(payload) > most:
		return 0, 0, nil, fmt.Errorf("%w: kind %d with %d bytes, at most %d", ErrFrame, k, len(payload), most)
	}
	sum := crc32.Update(crc32.Checksum(b[:8], castagnoli), castagnoli, payload)
	if got := binary.LittleEndian.Uint32(b[8:]); got != sum {
		return 0, 0, nil, fmt.Errorf("%w: kind %d has checksum %08x, its bytes %08x", ErrFrame, k, got, sum)
	}
	return k, binary.LittleEndian.Uint32(b[4:]), payload, nil
}

// Version is the newest version of the channel; Oldest the oldest spoken.
const (
	Version = 1
	Oldest  = 1
)

// Capabilities are what a side can do beyond the version; unknown bits are
// ignored, and only what both have is used.
const (
	// CanFolders is Tree, Want and Chunks: guests with folders that go with them.
	CanFolders uint32 = 1 << iota
	// CanLibraries is guests of several modules, and of several memories.
	CanLibraries

	Capabilities = CanFolders | CanLibraries
)

const magic = "SJRN"

// ErrVersion is returned when no version is spoken by both sides.
var ErrVersion = errors.New("migration channel: no version in common")

// AppendHello appends the payload of a Hello, or of a Welcome with one version.
func AppendHello(b []byte, oldest, newest uint16, caps uint32) []byte {
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint16(b, oldest)
	b = binary.LittleEndian.AppendUint16(b, newest)
	return binary.LittleEndian.AppendUint32(b, caps)
}

// Agree returns the newest version that this side and the payload's sender
// speak, and the capabilities of both.
func Agree(payload []byte) (version uint16, caps uint32, err error) {
	if len(payload) != 12 || string(payload[:4]) != magic {
		return 0, 0, fmt.Errorf("%w: not a hello", ErrFrame)
	}
	oldest, newest := binary.LittleEndian.Uint16(payload[4:]), binary.LittleEndian.Uint16(payload[6:])
	version = min(newest, Version)
	if version < oldest || version < Oldest {
		return 0, 0, fmt.Errorf("%w: here %d to %d, there %d to %d", ErrVersion, Oldest, Version, oldest, newest)
	}
	return version, binary.LittleEndian.Uint32(payload[8:]) & Capabilities, nil
}
