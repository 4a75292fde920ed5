package snapshotfmt

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// benchMemory is n bytes of which every second page holds numbers, and the rest zeros.
func benchMemory(n int) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	mem := make([]byte, n)
	for p := 0; p < n; p += 2 * PageSize {
		for i := 0; i < PageSize; i += 4 {
			mem[p+i], mem[p+i+1] = byte(rnd.Uint32N(64)), byte(rnd.Uint32N(4))
		}
	}
	return mem
}

// A torture run does this at every point: few frames, few pages.
func BenchmarkEncodeSmall(b *testing.B) {
	mem, st, m := testMemory(), fullState(), testManifest()
	opt := Options{Base: NewBase(testImage())}
	b.ReportAllocs()
	for b.Loop() {
		if err := Encode(io.Discard, m, st, mem, opt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeSmall(b *testing.B) {
	file := encode(b, testManifest(), fullState(), testMemory(), testImage())
	base := NewBase(testImage())
	b.ReportAllocs()
	for b.Loop() {
		d, err := NewDecoder(bytes.NewReader(file), Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := d.State(); err != nil {
			b.Fatal(err)
		}
		if err := d.Pages(base, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode64MiB(b *testing.B) {
	mem, m := benchMemory(64<<20), testManifest()
	m.MemoryRoot = DigestsOf(mem, nil).Root()
	st := &State{MemoryPages: 1024}
	b.SetBytes(int64(len(mem)))
	for b.Loop() {
		if err := Encode(io.Discard, m, st, mem, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode64MiB(b *testing.B) {
	mem := benchMemory(64 << 20)
	file := encode(b, testManifest(), &State{MemoryPages: 1024}, mem, nil)
	base := NewBase(nil)
	b.SetBytes(int64(len(mem)))
	b.ReportMetric(float64(len(mem))/float64(len(file)), "ratio")
	for b.Loop() {
		d, err := NewDecoder(bytes.NewReader(file), Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := d.State(); err != nil {
			b.Fatal(err)
		}
		if err := d.Memory(base, mem); err != nil {
			b.Fatal(err)
		}
	}
}

// A deep stack: 10,000 frames of 12 values.
func BenchmarkState(b *testing.B) {
	st := new(State)
	for i := range 10_000 {
		f := Frame{Func: uint32(i % 300), PC: uint32(i)}
		for j := range 12 {
			f.Locals = append(f.Locals, Value{Type: I32, Lo: uint64(i * j)})
		}
		st.Frames = append(st.Frames, f)
	}
	enc, err := AppendState(nil, st)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("append", func(b *testing.B) {
		b.SetBytes(int64(len(enc)))
		var buf []byte
		for b.Loop() {
			buf, _ = AppendState(buf[:0], st)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(enc)))
		for b.Loop() {
			if _, err := DecodeState(enc, Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRoot(b *testing.B) {
	for _, size := range []int{64 << 20, 4 << 30} {
		for _, dirty := range []int{1, 100} {
			b.Run(fmt.Sprintf("%dMiB/dirty=%d", size>>20, dirty), func(b *testing.B) {
				d := NewDigests(size / PageSize)
				d.Root()
				n := byte(0)
				for b.Loop() {
					n++
					for i := range dirty {
						d.Set(uint32(i*(d.Pages()/dirty)), [32]byte{n})
					}
					d.Root()
				}
			})
		}
	}
}
