package carry

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func FuzzDecode(f *testing.F) {
	top := Entry{Path: ".", Kind: Dir, Mode: 0o755}
	for _, list := range [][]Entry{
		{top},
		{top, {Path: "a", Kind: Dir}, {Path: "a/f", Kind: File, File: 9, Size: 3, Sums: make([]byte, 32)}, {Path: "l", Kind: Link, Target: "a/f"}},
	} {
		b, err := (&Tree{Entries: list}).Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tree, err := Decode(b)
		if err != nil {
			return
		}
		if again, err := tree.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("a tree has two encodings: %v", err)
		}
		_ = wants(tree)
		if _, err := tree.Fixed().Digest(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzTake gives a site any tree, and any bytes as its chunks: all that is written is
// below the folder, and nothing panics.
func FuzzTake(f *testing.F) {
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("contents"), 0o600); err != nil {
		f.Fatal(err)
	}
	folder, err := Open(dir)
	if err != nil {
		f.Fatal(err)
	}
	defer folder.Close()
	tree, err := folder.Scan(plenty)
	if err != nil {
		f.Fatal(err)
	}
	b, _ := tree.Encode()
	batch, _, _, err := folder.AppendBatch(nil, wants(tree))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, AppendWant(nil, tree, wants(tree)), batch)
	f.Fuzz(func(t *testing.T, b, want, batch []byte) {
		tree, err := Decode(b)
		if err != nil || tree.Bytes() > 1<<20 || len(tree.Entries) > 100 {
			return
		}
		if list, err := ParseWant(want, tree); err == nil && !bytes.Equal(AppendWant(nil, tree, list), want) {
			t.Fatal("a list of wants has two encodings")
		}
		home := t.TempDir()
		root, err := os.OpenRoot(home)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		defer RemoveAll(home)
		s, err := NewSite(root, FilesName, ParkName)
		if err != nil {
			t.Fatal(err)
		}
		left, err := s.Expect(tree, 1<<20, nil)
		if err != nil {
			return // a name that this system does not have
		}
		if _, err := s.Take(batch, left); err != nil && !errors.Is(err, ErrBatch) && !errors.Is(err, ErrUnwanted) {
			t.Fatal(err)
		}
		if s.Lay() != nil {
			return
		}
		names, err := os.ReadDir(home)
		if err != nil || len(names) != 2 {
			t.Fatalf("%v beside the folder: %v", names, err)
		}
	})
}
