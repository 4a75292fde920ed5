package snapshotfmt

import (
	"bytes"
	"crypto/sha256"
	"io"
	"testing"
)

// reseal makes the digests right again, as far as the parts of b can be followed, so
// that fuzzing gets past them: an attacker computes them too.
func reseal(b []byte, at int) []byte {
	b = bytes.Clone(b)
	var w whole
	if at > 0 && len(b) >= at {
		w = newWhole(b[:at])
	}
	for len(b)-at >= partHead+digestLen {
		n := partLen(b[at:])
		if n < 0 || n > len(b)-at {
			break
		}
		p := b[at : at+n]
		if kind(p[0]) == kindEnd && n == partHead+2*digestLen && w.h != nil {
			copy(p[partHead:], w.sum())
		}
		sum := sha256.Sum256(p[:n-digestLen])
		copy(p[n-digestLen:], sum[:])
		if w.h != nil {
			w.add(sum[:])
		}
		at += n
	}
	return b
}

func FuzzDecode(f *testing.F) {
	for _, g := range goldens {
		f.Add(encode(f, testManifest(), g.state, g.mem, g.image))
	}
	var files bytes.Buffer
	if err := EncodeWith(&files, testManifest(), emptyState(), nil, func(w io.Writer) error {
		_, err := w.Write([]byte("folders"))
		return err
	}, Options{}); err != nil {
		f.Fatal(err)
	}
	f.Add(files.Bytes())
	lim := Limits{MemoryPages: 64, Frames: 1000, Values: 10_000, TableElements: 10_000, World: 1 << 16}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = reseal(b, headerLen)
		d, err := NewDecoder(bytes.NewReader(b), lim)
		if err != nil {
			return
		}
		st, err := d.State()
		if err != nil {
			return
		}
		mem := make([]byte, int(st.MemoryPages)<<16)
		if err := d.Pages(nil, func(page uint32, data []byte) error {
			copy(pageAt(mem, page), data)
			return nil
		}); err != nil {
			return
		}
		if err := Dump(io.Discard, bytes.NewReader(b)); err != nil {
			t.Fatalf("decodes, but cannot be dumped: %v", err)
		}
		var again bytes.Buffer
		if err := Encode(&again, *d.Manifest(), st, mem, Options{}); err != nil {
			t.Fatalf("decodes, but cannot be encoded: %v", err)
		}
	})
}

func FuzzDecodeState(f *testing.F) {
	for _, st := range []*State{emptyState(), fullState()} {
		b, err := AppendState(nil, st)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = reseal(b, 0)
		st, err := DecodeState(b, Limits{})
		if err != nil {
			return
		}
		again, err := AppendState(nil, st)
		if err != nil {
			t.Fatalf("decodes, but cannot be encoded: %v", err)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("two encodings of one state:\n%x\n%x", b, again)
		}
	})
}

func FuzzDecodePages(f *testing.F) {
	for _, batch := range [][]Page{
		{{Number: 0}},
		{{Number: 3, Data: bytes.Repeat([]byte{1}, PageSize)}, {Number: 4}, {Number: 9, Data: bytes.Repeat([]byte("ab"), PageSize/2)}},
	} {
		b, err := AppendPages(nil, batch, Fastest)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		const pages = 512
		next := 0
		_ = DecodePages(reseal(b, 0), pages, func(page uint32, data []byte) error {
			if int(page) < next || page >= pages || len(data) != PageSize {
				t.Fatalf("page %d of %d bytes after %d", page, len(data), next)
			}
			next = int(page) + 1
			return nil
		})
	})
}
