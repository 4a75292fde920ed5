package snapshotfmt

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/iotest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldens are the snapshots under testdata/v1, which every later version must read.
var goldens = []golden{
	{"empty", emptyState(), nil, nil, nil},
	{"full", fullState(), testMemory(), testImage(), nil},
	{"zero-memory", &State{MemoryPages: 1}, make([]byte, 65536), nil, nil},
	{"linked", linkedState(), testMemory(), nil, []Library{
		{Name: "store", Module: [32]byte{4, 5}, Size: 678}, {Name: "words", Module: [32]byte{6}, Size: 9}}},
}

type golden struct {
	name  string
	state *State
	mem   []byte
	image []byte
	libs  []Library
}

func (g *golden) manifest() Manifest {
	m := testManifest()
	m.Libraries = g.libs
	return m
}

func TestGolden(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			path := filepath.Join("testdata", "v1", g.name+".snap")
			if *update {
				writeGolden(t, path, encode(t, g.manifest(), g.state, g.mem, g.image))
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m, st, mem, err := decode(b, g.image, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(st, g.state) {
				t.Errorf("state is %+v, not %+v", st, g.state)
			}
			if !bytes.Equal(mem, g.mem) {
				t.Error("memory differs")
			}
			want := g.manifest()
			want.MemoryRoot = DigestsOf(g.mem, nil).Root()
			if !reflect.DeepEqual(*m, want) {
				t.Errorf("manifest is %+v, not %+v", *m, want)
			}
			checkDump(t, path, b)
		})
	}
}

func checkDump(t *testing.T, path string, b []byte) {
	t.Helper()
	var out bytes.Buffer
	if err := Dump(&out, bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	path += ".txt"
	if *update {
		writeGolden(t, path, out.Bytes())
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("dump differs from %s:\n%s", path, out.Bytes())
	}
}

func writeGolden(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// The encoder is free to compress otherwise one day, but not by chance.
func TestEncodeIsDeterministic(t *testing.T) {
	a := encode(t, testManifest(), fullState(), testMemory(), testImage())
	b := encode(t, testManifest(), fullState(), testMemory(), testImage())
	if !bytes.Equal(a, b) {
		t.Error("two encodings of one guest differ")
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	b := encode(t, testManifest(), fullState(), testMemory(), testImage())
	for n := range len(b) {
		_, _, _, err := decode(b[:n], testImage(), Limits{})
		var e *Error
		if !errors.Is(err, ErrTruncated) || !errors.As(err, &e) || e.Part == "" {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(b), err)
		}
		if e.Offset != int64(n) {
			t.Fatalf("cut to %d bytes, the error says %d: %v", n, e.Offset, err)
		}
	}
}

func TestTrailingBytesAreRefused(t *testing.T) {
	b := encode(t, testManifest(), fullState(), testMemory(), testImage())
	if _, _, _, err := decode(append(b, 0), testImage(), Limits{}); !errors.Is(err, ErrTrailing) {
		t.Errorf("one more byte: %v", err)
	}
	if err := Dump(io.Discard, bytes.NewReader(append(b, 0))); !errors.Is(err, ErrTrailing) {
		t.Errorf("one more byte, dumped: %v", err)
	}
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	b := encode(t, testManifest(), fullState(), testMemory(), testImage())
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			_, _, _, err := decode(b, testImage(), Limits{})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("byte %d bit %d flipped: %v", i, bit, err)
			}
			b[i] ^= 1 << bit
		}
	}
}

func TestReadOneByteAtATime(t *testing.T) {
	b := encode(t, testManifest(), fullState(), testMemory(), testImage())
	d, err := NewDecoder(iotest.OneByteReader(bytes.NewReader(b)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.State(); err != nil {
		t.Fatal(err)
	}
	if err := d.Pages(NewBase(testImage()), nil); err != nil {
		t.Fatal(err)
	}
}

func TestHeader(t *testing.T) {
	b := encode(t, testManifest(), emptyState(), nil, nil)
	for _, c := range []struct {
		at   int
		want error
	}{{0, ErrMagic}, {8, ErrVersion}, {12, ErrFlags}, {15, ErrFlags}} {
		bad := bytes.Clone(b)
		bad[c.at] ^= 0x40
		if _, _, _, err := decode(bad, nil, Limits{}); !errors.Is(err, c.want) {
			t.Errorf("byte %d changed: %v, not %v", c.at, err, c.want)
		}
	}
}

func TestAnotherModulesMemoryIsRefused(t *testing.T) {
	b := encode(t, testManifest(), fullState(), testMemory(), testImage())
	other := testImage()
	other[0] ^= 1
	if _, _, _, err := decode(b, other, Limits{}); !errors.Is(err, ErrRoot) {
		t.Errorf("decoded with another base: %v", err)
	}
	tooBig := make([]byte, 129<<10)
	if _, _, _, err := decode(b, tooBig, Limits{}); !errors.Is(err, ErrMalformed) {
		t.Errorf("decoded with a base larger than the memory: %v", err)
	}
}

func TestLimits(t *testing.T) {
	b := encode(t, testManifest(), fullState(), testMemory(), testImage())
	for _, lim := range []Limits{{MemoryPages: 1}, {Frames: 1}, {Values: 7}, {TableElements: 2}, {World: 2}} {
		if _, _, _, err := decode(b, testImage(), lim); !errors.Is(err, ErrLimit) {
			t.Errorf("%+v: %v", lim, err)
		}
	}
	exact := Limits{MemoryPages: 2, Frames: 2, Values: 8, TableElements: 3, World: 3}
	if _, _, _, err := decode(b, testImage(), exact); err != nil {
		t.Errorf("%+v: %v", exact, err)
	}
}

func TestCallsOutOfOrder(t *testing.T) {
	m := testManifest()
	start := func() *Encoder {
		e, err := NewEncoder(io.Discard, &m, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if err := start().Memory(nil); !errors.Is(err, ErrCall) {
		t.Errorf("Memory before State: %v", err)
	}
	if err := start().Close(); !errors.Is(err, ErrCall) {
		t.Errorf("Close before State: %v", err)
	}
	e := start()
	if err := e.State(emptyState()); err != nil {
		t.Fatal(err)
	}
	if err := e.State(emptyState()); !errors.Is(err, ErrCall) {
		t.Errorf("State twice: %v", err)
	}
	if err := e.Memory(nil); !errors.Is(err, ErrCall) {
		t.Errorf("Memory after an error: %v", err)
	}
	d, err := NewDecoder(bytes.NewReader(encode(t, m, emptyState(), nil, nil)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Pages(nil, nil); !errors.Is(err, ErrCall) {
		t.Errorf("Pages before State: %v", err)
	}
}

func TestEncoderRefuses(t *testing.T) {
	m := testManifest()
	e, err := NewEncoder(io.Discard, &m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.State(&State{MemoryPages: 1}); err != nil {
		t.Fatal(err)
	}
	if err := e.Memory(make([]byte, 4096)); err == nil {
		t.Error("a memory of another size was accepted")
	}
	for _, order := range [][]uint32{{3, 3}, {3, 2}, {16}} {
		e, _ := NewEncoder(io.Discard, &m, Options{})
		if err := e.State(&State{MemoryPages: 1}); err != nil {
			t.Fatal(err)
		}
		err := e.Pages(func(yield func(uint32, []byte) bool) {
			for _, p := range order {
				if !yield(p, nil) {
					return
				}
			}
		})
		if !errors.Is(err, ErrOrder) {
			t.Errorf("pages %v: %v", order, err)
		}
	}
	m.Instance = string(make([]byte, maxName+1))
	if _, err := NewEncoder(io.Discard, &m, Options{}); !errors.Is(err, ErrLimit) {
		t.Errorf("a long name: %v", err)
	}
}
