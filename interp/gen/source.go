package gen

import (
	"encoding/binary"
	"math/rand/v2"
)

// source gives out choices, a byte each, and 0 when there are no more.
type source struct {
	bytes []byte
	at    int
	spans [][2]int
}

func (s *source) next() byte {
	if s.at >= len(s.bytes) {
		return 0
	}
	s.at++
	return s.bytes[s.at-1]
}

// n chooses one of n, at most 256.
func (s *source) n(n int) int { return int(s.next()) % n }

// rare is true once in n times.
func (s *source) rare(n int) bool { return s.n(n) == n-1 }

// span notes that what is chosen until the returned function is called belongs together.
func (s *source) span() (end func()) {
	from := s.at
	return func() {
		if s.at > from {
			s.spans = append(s.spans, [2]int{from, s.at})
		}
	}
}

// bits chooses 64 bits: more often those where arithmetic changes its mind.
func (s *source) bits() uint64 {
	switch s.n(5) {
	case 0:
		return uint64(s.next())
	case 1:
		return -uint64(s.next())
	case 2:
		return edges[s.n(len(edges))]
	}
	var b [8]byte
	for i := range b {
		b[i] = s.next()
	}
	return binary.LittleEndian.Uint64(b[:])
}

var edges = []uint64{
	0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
	0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
	0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f812345, 0x4f000000, 0x00000001_00000001,
	0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000,
	0x7ff8000000000000, 0xfff8000012345678, 0x7ff0000012345678, 0x41e0000000000000, 0x43e0000000000000,
}

// Bytes returns the choices of program number i of a seed.
func Bytes(seed, i uint64) []byte {
	r := rand.New(rand.NewPCG(seed, i))
	b := make([]byte, 100<<r.IntN(6)+r.IntN(100))
	for k := range b {
		b[k] = byte(r.Uint32())
	}
	return b
}
