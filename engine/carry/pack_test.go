package carry

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// packed returns a stream with a carried folder of some files, one of size bytes, and one by digest.
func packed(t testing.TB, size int) (dir string, fixed Sum, stream []byte) {
	dir = t.TempDir()
	rnd := rand.New(rand.NewPCG(8, 8))
	err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "a/b"), 0o755),
		os.WriteFile(filepath.Join(dir, "a/b/c"), noise(rnd, size), 0o600),
		os.WriteFile(filepath.Join(dir, "d"), []byte("d"), 0o644),
		os.Link(filepath.Join(dir, "d"), filepath.Join(dir, "e")),
		os.Symlink("a/b", filepath.Join(dir, "f")))
	fixed[5] = 7
	var b bytes.Buffer
	err = errors.Join(err, Pack(&b, []Packed{{Name: "/x", Dir: dir}, {Name: "/lib", Digest: fixed}}))
	if err != nil {
		t.Fatal(err)
	}
	return dir, fixed, b.Bytes()
}

func TestPack(t *testing.T) {
	dir, fixed, stream := packed(t, ChunkSize+9)
	to := filepath.Join(t.TempDir(), "new")
	list := []Packed{{Name: "/lib", Digest: fixed}, {Name: "/x", Dir: to}}
	undo, err := Unpack(bytes.NewReader(stream), list, plenty)
	if err != nil {
		t.Fatal(err)
	}
	// The mode of the folder itself is the new one's, until it is laid.
	if want, got := listing(t, dir), listing(t, to); want != got {
		t.Errorf("packed:\n%s\nunpacked:\n%s", want, got)
	}
	if _, err := Unpack(bytes.NewReader(stream), list, plenty); err != nil {
		t.Errorf("into a folder that is as it was: %v", err)
	}
	undo()
	if names, err := os.ReadDir(to); err != nil || len(names) > 0 {
		t.Errorf("undone, but %v is there: %v", names, err)
	}
	for name, c := range map[string]struct {
		list []Packed
		as   any
	}{
		"not given":     {list[:1], new(*MissingFolder)},
		"not by digest": {[]Packed{{Name: "/lib", Dir: to}, list[1]}, new(*MissingFolder)},
		"too many":      {append(list, Packed{Name: "/y", Dir: to}), new(*NotThere)},
	} {
		if _, err := Unpack(bytes.NewReader(stream), c.list, plenty); !errors.As(err, c.as) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Unpack(bytes.NewReader(stream), list, ChunkSize); !errors.Is(err, ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
	for n := 0; n < len(stream); n += 1 + len(stream)/50 {
		if _, err := Unpack(bytes.NewReader(stream[:n]), list, plenty); err == nil {
			t.Errorf("cut to %d bytes: accepted", n)
		}
		if names, _ := os.ReadDir(to); len(names) > 0 {
			t.Fatalf("cut to %d bytes: %v is left", n, names)
		}
	}
	bad := bytes.Clone(stream)
	bad[len(bad)-40] ^= 1
	if _, err := Unpack(bytes.NewReader(bad), list, plenty); err == nil {
		t.Error("a changed byte is accepted")
	}
}

func FuzzUnpack(f *testing.F) {
	_, fixed, stream := packed(f, 20)
	f.Add(stream)
	f.Fuzz(func(t *testing.T, b []byte) {
		home := t.TempDir()
		defer RemoveAll(home)
		dir := filepath.Join(home, "x")
		undo, err := Unpack(bytes.NewReader(b), []Packed{{Name: "/x", Dir: dir}, {Name: "/lib", Digest: fixed}}, 1<<20)
		if err == nil {
			undo()
		}
		if names, _ := os.ReadDir(home); len(names) > 1 {
			t.Fatalf("%v beside the folder", names)
		}
		if names, _ := os.ReadDir(dir); len(names) > 0 {
			t.Fatalf("%v is left: %v", names, err)
		}
	})
}
