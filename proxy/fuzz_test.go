package proxy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sojourn/engine/carry"
	"sojourn/engine/wasi"
)

// FuzzArrivals gives a target any Tree and Chunks frames of a guest's folders, each a byte
// for its kind, two for its length, and its payload. Nothing panics, and nothing stays.
func FuzzArrivals(f *testing.F) {
	frame := func(kind byte, b []byte) []byte { return append([]byte{kind, byte(len(b) >> 8), byte(len(b))}, b...) }
	src := f.TempDir()
	if err := os.MkdirAll(filepath.Join(src, "0", "a"), 0o755); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(src, "0", "a", "b"), []byte("something"), 0o644); err != nil {
		f.Fatal(err)
	}
	folder, err := carry.Open(src)
	if err != nil {
		f.Fatal(err)
	}
	defer folder.Close()
	tree, err := folder.Scan(1 << 20)
	if err != nil {
		f.Fatal(err)
	}
	b, err := tree.Encode()
	if err != nil {
		f.Fatal(err)
	}
	want, err := carry.ParseWant([]byte{1}, tree)
	if err != nil {
		f.Fatal(err)
	}
	batch, _, _, err := folder.AppendBatch(nil, want)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(frame(0, append([]byte{0, 1}, b...)), frame(1, batch)...))
	f.Add(frame(0, append([]byte{1, 1}, b...)))
	n, err := New(Config{Dir: f.TempDir(), MaxFiles: 1 << 20})
	if err != nil {
		f.Fatal(err)
	}
	defer n.Close()
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := n.newArrivals(newID(), []wasi.Mount{{Guest: "/data", Carried: true}, {Guest: "/lib", Digest: strings.Repeat("ab", 32)}})
		if err != nil {
			t.Fatal(err)
		}
		dir := a.home.dir
		for len(b) >= 3 && err == nil {
			k := min(int(b[1])<<8|int(b[2]), len(b)-3)
			if b[0]%2 == 0 {
				_, err = a.takeTree(b[3 : 3+k])
			} else {
				err = a.takeChunks(b[3 : 3+k])
			}
			b = b[3+k:]
		}
		if h, err := a.complete(make([]byte, 32)); err == nil {
			t.Fatalf("folders were taken that the source did not vouch for: %s", h.dir)
		}
		a.drop()
		if _, err := os.Lstat(dir); err == nil {
			t.Fatalf("%s is left", dir)
		}
	})
}
