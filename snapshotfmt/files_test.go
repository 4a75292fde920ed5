package snapshotfmt

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// Folders follow the memory: what was written is read, cut up and damaged or not.
func TestFiles(t *testing.T) {
	stream := bytes.Repeat([]byte("some bytes of files, "), 100_000)
	var file bytes.Buffer
	write := func(w io.Writer) error {
		for rest := stream; len(rest) > 0; {
			n := min(len(rest), 300_001)
			if _, err := w.Write(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	}
	if err := EncodeWith(&file, testManifest(), emptyState(), nil, write, Options{}); err != nil {
		t.Fatal(err)
	}
	read := func(b []byte, w io.Writer) error {
		d, err := NewDecoder(bytes.NewReader(b), Limits{})
		if err != nil {
			return err
		}
		if !d.HasFiles() {
			t.Error("it does not say that it has files")
		}
		if _, err := d.State(); err != nil {
			return err
		}
		if w != nil {
			d.Files(w)
		}
		return d.Pages(nil, nil)
	}
	var got bytes.Buffer
	if err := read(file.Bytes(), &got); err != nil || !bytes.Equal(got.Bytes(), stream) {
		t.Fatalf("%d bytes of %d: %v", got.Len(), len(stream), err)
	}
	if err := read(file.Bytes(), nil); err != nil {
		t.Errorf("read by one who does not want them: %v", err)
	}
	if err := Dump(io.Discard, bytes.NewReader(file.Bytes())); err != nil {
		t.Error(err)
	}
	for n := 0; n < file.Len(); n += 97 {
		if err := read(file.Bytes()[:n], nil); !errors.Is(err, ErrTruncated) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	// One that announces files and has none, and one that has them unannounced.
	var none bytes.Buffer
	if err := EncodeWith(&none, testManifest(), emptyState(), nil, func(io.Writer) error { return nil }, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := read(none.Bytes(), nil); !errors.Is(err, ErrOrder) {
		t.Errorf("no files part: %v", err)
	}
	bare := bytes.Clone(file.Bytes())
	bare[12] = 0
	d, err := NewDecoder(bytes.NewReader(reseal(bare, headerLen)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.State(); err != nil {
		t.Fatal(err)
	}
	if err := d.Pages(nil, nil); !errors.Is(err, ErrOrder) {
		t.Errorf("an unannounced files part: %v", err)
	}
}
