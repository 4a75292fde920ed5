package linmem

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// available returns the names of the methods that work here. The portable one must.
func available(t testing.TB) []string {
	var names []string
	for _, m := range Probe() {
		if m.Err != nil {
			t.Logf("%s does not work here: %v", m.Name, m.Err)
			continue
		}
		names = append(names, m.Name)
	}
	if len(names) == 0 || names[len(names)-1] != Digest {
		t.Fatalf("methods that work: %q", names)
	}
	return names
}

// eachMethod runs a test with a tracked memory for each method that works here.
func eachMethod(t *testing.T, size, max uint64, fn func(t *testing.T, m *Memory, tr Tracker)) {
	for _, way := range available(t) {
		t.Run(way, func(t *testing.T) {
			m := newMemory(t, size, max)
			tr, err := m.TrackBy(way)
			if err != nil {
				t.Fatal(err)
			}
			if tr.Method() != way {
				t.Fatalf("asked for %s, got %s", way, tr.Method())
			}
			fn(t, m, tr)
		})
	}
}

// mirror is what a target would hold.
type mirror struct {
	mem []byte
	tr  Tracker
}

// copy takes over the pages in set, all of them when set is nil.
func (r *mirror) copy(m *Memory, set *Bitmap) {
	r.mem = append(r.mem, make([]byte, len(m.Bytes())-len(r.mem))...)
	for p := range len(r.mem) / PageSize {
		if set == nil || set.Has(p) {
			r.tr.Copy(r.mem[p*PageSize:], p)
		}
	}
}

func collect(t *testing.T, tr Tracker) *Bitmap {
	t.Helper()
	set := new(Bitmap)
	if err := tr.Collect(set); err != nil {
		t.Fatal(err)
	}
	return set
}

// A quiet guest's report is exact: what was written, and nothing else.
func TestExact(t *testing.T) {
	eachMethod(t, 1<<20, 1<<20, func(t *testing.T, m *Memory, tr Tracker) {
		r := mirror{tr: tr}
		m.Bytes()[0] = 1
		r.copy(m, nil)
		collect(t, tr)
		if n := collect(t, tr).Count(); n != 0 {
			t.Fatalf("nothing was written, and %d pages are reported", n)
		}
		for _, p := range []int{0, 1, 77, 255} {
			m.Bytes()[p*PageSize+p]++
		}
		got := collect(t, tr)
		for p := range m.Pages() {
			if want := p < 2 || p == 77 || p == 255; got.Has(p) != want {
				t.Errorf("page %d reported: %t", p, got.Has(p))
			}
		}
	})
}

// Reading a page that was never touched, or written before Track, is no write.
func TestReadingIsNotWriting(t *testing.T) {
	eachMethod(t, 8<<20, 8<<20, func(t *testing.T, m *Memory, tr Tracker) {
		r := mirror{tr: tr}
		r.copy(m, nil)
		if n := collect(t, tr).Count(); n != 0 {
			t.Errorf("%d pages are reported", n)
		}
	})
}

// A page that changed between Collect and its copy, and back, must not be taken for
// one that did not change.
func TestThereAndBack(t *testing.T) {
	eachMethod(t, 65536, 65536, func(t *testing.T, m *Memory, tr Tracker) {
		r := mirror{tr: tr}
		r.copy(m, nil)
		m.Bytes()[0] = 1
		dirty := collect(t, tr)
		m.Bytes()[0] = 2
		r.copy(m, dirty)
		m.Bytes()[0] = 1
		r.copy(m, collect(t, tr))
		if !bytes.Equal(r.mem, m.Bytes()) {
			t.Error("the mirror holds the version in between")
		}
	})
}

func TestGrowthIsDirty(t *testing.T) {
	eachMethod(t, 65536, 1<<30, func(t *testing.T, m *Memory, tr Tracker) {
		r := mirror{tr: tr}
		r.copy(m, nil)
		collect(t, tr)
		for size := uint64(2 << 16); size < 1<<24; size *= 3 {
			size := size &^ (wasmPage - 1)
			old := m.Pages()
			m.Reallocate(size)
			got := collect(t, tr)
			for p := range m.Pages() {
				if got.Has(p) != (p >= old) {
					t.Fatalf("grown from %d to %d pages: page %d reported: %t", old, m.Pages(), p, got.Has(p))
				}
			}
			m.Bytes()[size-1] = 1
			r.copy(m, got)
			m.Bytes()[uint64(old)*PageSize] = 9
			if got = collect(t, tr); !got.Has(old) || got.Count() > 2 {
				t.Fatalf("a write to grown memory: %d pages", got.Count())
			}
			r.copy(m, got)
		}
		if !bytes.Equal(r.mem, m.Bytes()) {
			t.Error("mirror differs")
		}
	})
}

// The kernel writes to guest memory too, when the guest reads a file.
func TestWritesOfTheKernel(t *testing.T) {
	eachMethod(t, 1<<20, 1<<20, func(t *testing.T, m *Memory, tr Tracker) {
		r := mirror{tr: tr}
		r.copy(m, nil)
		collect(t, tr)
		pr, pw, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer pr.Close()
		defer pw.Close()
		for _, page := range []int{3, 9} {
			if _, err := pw.WriteString("hello"); err != nil {
				t.Fatal(err)
			}
			if _, err := pr.Read(m.Bytes()[page*PageSize:][:5]); err != nil {
				t.Fatal(err)
			}
		}
		if got := collect(t, tr); !got.Has(3) || !got.Has(9) || got.Count() != 2 {
			t.Errorf("%d pages reported", got.Count())
		}
	})
}

// Writers and growth race with rounds of pre-copy. Each write stays in the union of
// what is reported, and after a last round with the writers stopped the mirror is exact.
func TestNoWriteIsLost(t *testing.T) {
	eachMethod(t, 2<<20, 8<<20, func(t *testing.T, m *Memory, tr Tracker) {
		const writers, writes = 3, 20_000
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		var wrote [writers]Bitmap
		var running atomic.Int32
		var wg sync.WaitGroup
		defer wg.Wait()
		r := mirror{tr: tr}
		for w := range writers {
			running.Add(1)
			wg.Go(func() {
				defer running.Add(-1)
				rnd := rand.New(rand.NewPCG(seed, uint64(w)))
				for i := range writes {
					if w == 0 && i%2000 == 1999 {
						m.Reallocate(m.Size() + 7*wasmPage)
					}
					mem := m.Bytes()
					at := rnd.IntN(len(mem)/writers)*writers + w // each its own bytes
					storeRacing(mem, at, byte(rnd.Uint32()))
					wrote[w].Set(at / PageSize)
				}
			})
		}
		r.copy(m, nil)
		var union Bitmap
		for rounds := 0; running.Load() > 0 || rounds == 0; rounds++ {
			dirty := collect(t, tr)
			union.Or(dirty)
			r.copy(m, dirty)
		}
		wg.Wait()
		last := collect(t, tr)
		union.Or(last)
		r.copy(m, last)
		if !bytes.Equal(r.mem, m.Bytes()) {
			t.Error("the mirror differs from the memory")
		}
		if n := collect(t, tr).Count(); n != 0 {
			t.Errorf("after the last round %d pages are dirty", n)
		}
		if tr.Method() != Digest { // which does not see a write that changes nothing
			for w := range writers {
				for p := range wrote[w].All() {
					if !union.Has(p) {
						t.Errorf("page %d was written and never reported", p)
					}
				}
			}
		}
	})
}

// storeRacing writes as a compiled guest does, unseen by the race detector.
//
//go:norace
func storeRacing(mem []byte, at int, v byte) { mem[at] = v }

func TestOneTrackerAtATime(t *testing.T) {
	eachMethod(t, 65536, 65536, func(t *testing.T, m *Memory, tr Tracker) {
		if _, err := m.Track(); !errors.Is(err, ErrTracked) {
			t.Errorf("a second tracker: %v", err)
		}
		for range 2 {
			if err := tr.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := tr.Collect(new(Bitmap)); !errors.Is(err, ErrClosed) {
			t.Errorf("Collect after Close: %v", err)
		}
		again, err := m.Track()
		if err != nil {
			t.Fatal(err)
		}
		m.Bytes()[5] = 1
		if !collect(t, again).Has(0) {
			t.Error("the second tracker missed a write")
		}
	})
}

func TestUnknownMethod(t *testing.T) {
	if _, err := newMemory(t, 0, 65536).TrackBy("divination"); err == nil {
		t.Error("an unknown method was accepted")
	}
}

func BenchmarkCollect(b *testing.B) {
	const size = 256 << 20
	for _, way := range available(b) {
		for _, dirty := range []int{0, 100, 10_000} {
			b.Run(way+"/256MiB/dirty="+strconv.Itoa(dirty), func(b *testing.B) {
				m := newMemory(b, size, size)
				for p := range m.Pages() {
					m.Bytes()[p*PageSize] = 1
				}
				tr, err := m.TrackBy(way)
				if err != nil {
					b.Fatal(err)
				}
				buf := make([]byte, PageSize)
				for p := range m.Pages() {
					tr.Copy(buf, p)
				}
				var set Bitmap
				for b.Loop() {
					b.StopTimer()
					for i := range dirty {
						m.Bytes()[i*6*PageSize]++
					}
					b.StartTimer()
					if err := tr.Collect(&set); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkFirstWrite is what tracking costs the guest: a write to a protected page.
func BenchmarkFirstWrite(b *testing.B) {
	const size = 256 << 20
	for _, way := range available(b) {
		b.Run(way, func(b *testing.B) {
			m := newMemory(b, size, size)
			tr, err := m.TrackBy(way)
			if err != nil {
				b.Fatal(err)
			}
			var set Bitmap
			mem := m.Bytes()
			for p := 0; p < size; p += PageSize {
				mem[p] = 1
			}
			page := size
			for b.Loop() {
				if page == size {
					b.StopTimer()
					if way == PagemapScan {
						_ = tr.Collect(&set)
					}
					page = 0
					b.StartTimer()
				}
				mem[page]++
				page += PageSize
			}
		})
	}
}

func BenchmarkGrow(b *testing.B) {
	m := newMemory(b, 0, 4<<30)
	size := uint64(0)
	for b.Loop() {
		if size == 4<<30 {
			b.StopTimer()
			m = newMemory(b, 0, 4<<30)
			size = 0
			b.StartTimer()
		}
		size += wasmPage
		m.Reallocate(size)
	}
}
