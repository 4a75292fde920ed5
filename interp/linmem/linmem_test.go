package linmem

import (
	"errors"
	"testing"
	"unsafe"
)

// newMemory returns a memory of size bytes that may grow to max.
func newMemory(t testing.TB, size, max uint64) *Memory {
	t.Helper()
	m, err := New(max)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	if m.Reallocate(size) == nil {
		t.Fatalf("no %d bytes", size)
	}
	return m
}

func TestGrowInPlace(t *testing.T) {
	m := newMemory(t, 0, 4<<30)
	base := unsafe.Pointer(unsafe.SliceData(m.Bytes()))
	for _, size := range []uint64{65536, 2 << 16, 100 << 16} {
		b := m.Reallocate(size)
		if uint64(len(b)) != size || cap(b) != len(b) || uint64(len(m.Bytes())) != size {
			t.Fatalf("grown to %d: %d bytes, capacity %d", size, len(b), cap(b))
		}
		if unsafe.Pointer(unsafe.SliceData(b)) != base {
			t.Fatalf("grown to %d: the memory moved", size)
		}
		if b[size-1] != 0 {
			t.Fatal("new memory is not zero")
		}
		b[size-1] = byte(size >> 16)
	}
	if b := m.Bytes(); b[65535] != 1 || b[2<<16-1] != 2 {
		t.Error("growing lost what was written")
	}
	if b := m.Reallocate(65536); len(b) != 100<<16 {
		t.Errorf("asked for less, the memory has %d bytes", len(b))
	}
	if m.Reallocate(4<<30+1) != nil {
		t.Error("grew over the reservation")
	}
}

func TestMaximum(t *testing.T) {
	m := newMemory(t, 65536, 65536)
	if m.Reallocate(65537) != nil {
		t.Error("grew over its maximum")
	}
	if _, err := New(4<<30 + 1); err == nil {
		t.Error("reserved more than 4 GiB")
	}
	empty := newMemory(t, 0, 0)
	if b := empty.Bytes(); b == nil || len(b) != 0 {
		t.Errorf("a memory of nothing is %v", b)
	}
}

func TestFree(t *testing.T) {
	for _, way := range available(t) {
		m := newMemory(t, 65536, 1<<20)
		tr, err := m.TrackBy(way)
		if err != nil {
			t.Fatal(err)
		}
		m.Free()
		m.Free()
		if m.Reallocate(65536) != nil || m.Size() != 0 || len(m.Bytes()) != 0 {
			t.Errorf("%s: a freed memory has contents", way)
		}
		if err := tr.Collect(new(Bitmap)); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: Collect after Free: %v", way, err)
		}
		if err := tr.Close(); err != nil {
			t.Errorf("%s: Close after Free: %v", way, err)
		}
		if _, err := m.Track(); !errors.Is(err, ErrFreed) {
			t.Errorf("%s: Track after Free: %v", way, err)
		}
	}
}

func TestBitmap(t *testing.T) {
	var b, o Bitmap
	b.SetRange(3, 3)
	b.SetRange(60, 70)
	b.SetRange(128, 257)
	b.Set(1)
	o.Set(1000)
	b.Or(&o)
	want := map[int]bool{1: true, 1000: true}
	for p := 60; p < 70; p++ {
		want[p] = true
	}
	for p := 128; p < 257; p++ {
		want[p] = true
	}
	last := -1
	for p := range b.All() {
		if p <= last || !want[p] || !b.Has(p) {
			t.Errorf("page %d after %d", p, last)
		}
		last = p
	}
	if b.Count() != len(want) {
		t.Errorf("%d pages, not %d", b.Count(), len(want))
	}
	b.Remove(1000)
	b.Remove(5000)
	if b.Has(1000) || b.Has(-1) || b.Count() != len(want)-1 {
		t.Error("a page that was removed is there")
	}
	if b.Clear(); b.Count() != 0 {
		t.Error("a cleared set has pages")
	}
}
