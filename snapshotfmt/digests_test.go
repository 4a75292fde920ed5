package snapshotfmt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"testing"
)

// plainRoot computes the root as FORMAT.md says it, without keeping anything.
func plainRoot(mem []byte) [32]byte {
	var level [][32]byte
	for i := 0; i < len(mem); i += PageSize {
		level = append(level, sha256.Sum256(mem[i:i+PageSize]))
	}
	for l := byte(1); len(level) > 1; l++ {
		var above [][32]byte
		for i := 0; i < len(level); i += 64 {
			b := []byte{1, l}
			for _, kid := range level[i:min(i+64, len(level))] {
				b = append(b, kid[:]...)
			}
			above = append(above, sha256.Sum256(b))
		}
		level = above
	}
	b := []byte("sojourn memory 1")
	b = binary.LittleEndian.AppendUint64(b, uint64(len(mem)/PageSize))
	for _, top := range level {
		b = append(b, top[:]...)
	}
	return sha256.Sum256(b)
}

// Every size around a level's edge, zero and not, made at once and grown to.
func TestRootIsAsDefined(t *testing.T) {
	for _, n := range []int{0, 1, 2, 63, 64, 65, 128, 4095, 4096, 4097, 4160} {
		mem := make([]byte, n*PageSize)
		if got := NewDigests(n).Root(); got != plainRoot(mem) {
			t.Fatalf("%d zero pages: another root", n)
		}
		if n == 0 {
			continue
		}
		mem[0], mem[len(mem)-1] = 1, 2
		if DigestsOf(mem, nil).Root() != plainRoot(mem) {
			t.Fatalf("%d pages: another root", n)
		}
	}
}

func TestRootAfterUpdatesAndGrowth(t *testing.T) {
	rnd := newRand(t)
	d := NewDigests(0)
	var mem []byte
	for d.Pages() < 4300 {
		grow := []int{0, 0, 1, 16, 63, 64, 700}[rnd.IntN(7)]
		mem = append(mem, make([]byte, grow*PageSize)...)
		d.Grow(len(mem) / PageSize)
		for range min(rnd.IntN(4), d.Pages()) {
			p := rnd.Uint32N(uint32(d.Pages()))
			mem[int(p)*PageSize+3] = byte(rnd.Uint32N(3))
			d.Update(p, pageAt(mem, p))
			if d.At(p) != sha256.Sum256(pageAt(mem, p)) {
				t.Fatalf("page %d has another digest", p)
			}
		}
		if rnd.IntN(3) > 0 { // or let more changes gather
			if d.Root() != plainRoot(mem) {
				t.Fatalf("%d pages: another root", d.Pages())
			}
		}
	}
	if d.Root() != plainRoot(mem) {
		t.Fatal("another root at the end")
	}
}

func TestBaseDigests(t *testing.T) {
	mem := testMemory()
	with := DigestsOf(mem, NewBase(testImage())).Root()
	if with != plainRoot(mem) || with != DigestsOf(mem, nil).Root() {
		t.Error("the root depends on the base")
	}
	base := NewBase(testImage())
	base.Digests(32).Update(0, bytes.Repeat([]byte{9}, PageSize))
	if base.Digests(32).Root() != DigestsOf(append(testImage(), make([]byte, 128<<10-len(testImage()))...), nil).Root() {
		t.Error("a base's digests changed with a copy of them")
	}
}
