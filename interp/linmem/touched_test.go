package linmem

import "testing"

// Whatever is not zero is reported, after growth and beside a tracker too.
func TestTouched(t *testing.T) {
	m := newMemory(t, 1<<20, 8<<20)
	var none Bitmap
	m.Touched(&none)
	fine := none.Count() == 0 // the kernel tells
	want := []int{0, 7, 200}
	for _, p := range want {
		m.Bytes()[p*PageSize+5] = 1
	}
	if m.Bytes()[100*PageSize] != 0 { // reading is not touching
		t.Fatal("new memory is not zero")
	}
	m.Reallocate(4 << 20)
	last := m.Pages() - 1
	m.Bytes()[len(m.Bytes())-1] = 1
	want = append(want, last)

	var got Bitmap
	m.Touched(&got)
	for _, p := range want {
		if !got.Has(p) {
			t.Errorf("page %d was written and is not reported", p)
		}
	}
	if fine && got.Count() != len(want) {
		t.Errorf("%d pages are reported, %d were written", got.Count(), len(want))
	}
	for _, way := range available(t) {
		tr, err := m.TrackBy(way)
		if err != nil {
			t.Fatal(err)
		}
		m.Bytes()[9*PageSize] = 1
		var got Bitmap
		m.Touched(&got)
		for _, p := range append(want, 9) {
			if !got.Has(p) {
				t.Errorf("%s: page %d was written and is not reported", way, p)
			}
		}
		tr.Close()
	}
}

func BenchmarkTouched(b *testing.B) {
	m := newMemory(b, 64<<20, 64<<20)
	for p := 0; p < 64; p++ {
		m.Bytes()[p*200*PageSize] = 1
	}
	var dst Bitmap
	for b.Loop() {
		dst.Clear()
		m.Touched(&dst)
	}
}
