package snapshotfmt

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestPagesRoundTrip(t *testing.T) {
	rnd := newRand(t)
	for range 50 {
		batch := randomBatch(rnd, 1+rnd.IntN(MaxBatchPages))
		for _, level := range []Level{Fastest, Better} {
			b, err := AppendPages([]byte("before"), batch, level)
			if err != nil {
				t.Fatal(err)
			}
			checkBatch(t, b[len("before"):], batch)
		}
	}
}

func randomBatch(rnd *rand.Rand, n int) []Page {
	batch := make([]Page, n)
	next := uint32(0)
	for i := range batch {
		if rnd.IntN(4) == 0 {
			next += rnd.Uint32N(1000)
		}
		batch[i].Number = next
		next++
		switch rnd.IntN(4) {
		case 0: // zero, as nil
		case 1:
			batch[i].Data = make([]byte, PageSize)
		case 2:
			batch[i].Data = bytes.Repeat([]byte{byte(i), 1}, PageSize/2)
		case 3:
			batch[i].Data = make([]byte, PageSize)
			for j := range batch[i].Data {
				batch[i].Data[j] = byte(rnd.Uint32())
			}
		}
	}
	return batch
}

func checkBatch(t *testing.T, b []byte, want []Page) {
	t.Helper()
	i := 0
	err := DecodePages(b, MaxMemoryPages*PagesPerWasmPage, func(page uint32, data []byte) error {
		p := want[i]
		i++
		if p.Data == nil {
			p.Data = zeroPage[:]
		}
		if page != p.Number || !bytes.Equal(data, p.Data) {
			t.Fatalf("page %d is not page %d as it was", page, p.Number)
		}
		return nil
	})
	if err != nil || i != len(want) {
		t.Fatalf("%d of %d pages: %v", i, len(want), err)
	}
}

func TestAppendPagesRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		batch []Page
		want  error
	}{
		{"none", nil, ErrLimit},
		{"too many", make([]Page, MaxBatchPages+1), ErrLimit},
		{"the same twice", []Page{{Number: 1}, {Number: 1}}, ErrOrder},
		{"one that goes back", []Page{{Number: 1}, {Number: 0}}, ErrOrder},
		{"out of range", []Page{{Number: 1 << 20}}, ErrOrder},
		{"half a page", []Page{{Data: make([]byte, 2048)}}, ErrMalformed},
	} {
		if _, err := AppendPages(nil, c.batch, Fastest); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, not %v", c.name, err, c.want)
		}
	}
	if _, err := AppendPages(nil, []Page{{Data: bytes.Repeat([]byte{1}, PageSize)}}, 9); err == nil {
		t.Error("an unknown level was accepted")
	}
}

func TestDecodePagesRefuses(t *testing.T) {
	frame := func(n int) []byte {
		b, err := compress(nil, bytes.Repeat([]byte{7}, n), Fastest)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	zeros, err := compress(nil, zeroPage[:], Fastest)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		body []byte
		want error
	}{
		{"nothing", nil, ErrTruncated},
		{"no runs", []byte{0}, ErrMalformed},
		{"out of range", []byte{1, 16, 0}, ErrLimit},
		{"end out of range", []byte{1, 15, 2}, ErrLimit},
		{"too many pages", []byte{1, 0, 0x80, 4}, ErrLimit},
		{"a run in two", []byte{2, 0, 0, 0, 0}, ErrMalformed},
		{"data missing", []byte{1, 0, 1}, ErrMalformed},
		{"data cut", append([]byte{1, 0, 1}, frame(4096)[:8]...), ErrMalformed},
		{"too little data", append([]byte{1, 0, 1}, frame(4095)...), ErrMalformed},
		{"too much data", append([]byte{1, 0, 1}, frame(8192)...), ErrMalformed},
		{"two frames", append(append([]byte{1, 0, 1}, frame(4096)...), frame(4096)...), ErrMalformed},
		{"data for zero pages", append([]byte{1, 0, 0}, frame(4096)...), ErrTrailing},
		{"zeros as data", append([]byte{1, 0, 1}, zeros...), ErrMalformed},
	} {
		err := DecodePages(part(t, kindPages, c.body...), 16, nil)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, not %v", c.name, err, c.want)
		}
	}
	good := part(t, kindPages, 1, 0, 0)
	if err := DecodePages(append(good, 0), 16, nil); !errors.Is(err, ErrTrailing) {
		t.Errorf("trailing byte: %v", err)
	}
	if err := DecodePages(part(t, kindWorld), 16, nil); !errors.Is(err, ErrOrder) {
		t.Errorf("another part: %v", err)
	}
	stop := errors.New("stop")
	if err := DecodePages(good, 16, func(uint32, []byte) error { return stop }); err != stop {
		t.Errorf("the callback's error became %v", err)
	}
}

// Pages may not repeat or go back from one part of a file to the next.
func TestPagesAscendAcrossParts(t *testing.T) {
	mem := make([]byte, 65536)
	full := encode(t, testManifest(), &State{MemoryPages: 1}, mem, nil)
	end := len(full) - partHead - 2*digestLen
	head := full[:end]
	for _, order := range [][2]uint32{{3, 3}, {3, 1}} {
		b := bytes.Clone(head)
		for _, n := range order {
			var err error
			if b, err = AppendPages(b, []Page{{Number: n}}, Fastest); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, _, err := decode(b, nil, Limits{}); !errors.Is(err, ErrOrder) {
			t.Errorf("pages %v: %v", order, err)
		}
	}
}
