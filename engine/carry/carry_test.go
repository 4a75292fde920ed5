package carry

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const plenty = 1 << 30

// ends is a folder and a site that is to become like it.
type ends struct {
	dir    string
	folder *Folder
	home   string
	site   *Site
	store  *Store
	sent   int // bytes of batches
}

func newEnds(t *testing.T) *ends {
	t.Helper()
	e := &ends{dir: t.TempDir()}
	var err error
	if e.folder, err = Open(e.dir); err != nil {
		t.Fatal(err)
	}
	if e.store, err = OpenStore(t.TempDir(), plenty); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.folder.Close() })
	e.begin(t)
	return e
}

// begin makes the site anew, empty.
func (e *ends) begin(t *testing.T) {
	t.Helper()
	e.home, e.sent = t.TempDir(), 0
	root, err := os.OpenRoot(e.home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	if e.site, err = NewSite(root, FilesName, ParkName); err != nil {
		t.Fatal(err)
	}
}

// round sends what is new, through every encoding.
func (e *ends) round(t *testing.T) {
	t.Helper()
	tree, err := e.folder.Scan(plenty)
	if err != nil {
		t.Fatal(err)
	}
	b, err := tree.Encode()
	if err != nil {
		t.Fatal(err)
	}
	there, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	want, err := e.site.Expect(there, plenty, e.store)
	if err != nil {
		t.Fatal(err)
	}
	send, err := ParseWant(AppendWant(nil, there, want), tree)
	if err != nil || !slices.Equal(send, want) {
		t.Fatalf("%d chunks are wanted, %d were asked for: %v", len(want), len(send), err)
	}
	for len(send) > 0 {
		var batch []byte
		if batch, send, _, err = e.folder.AppendBatch(nil, send); err != nil {
			t.Fatal(err)
		}
		e.sent += len(batch)
		if want, err = e.site.Take(batch, want); err != nil {
			t.Fatal(err)
		}
	}
	if len(want) > 0 || !e.site.Whole() {
		t.Fatalf("%d chunks are missing", len(want))
	}
	if err := e.site.Lay(); err != nil {
		t.Fatal(err)
	}
}

// same compares the two folders by what they hold.
func (e *ends) same(t *testing.T) {
	t.Helper()
	want, got := listing(t, e.dir), listing(t, filepath.Join(e.home, FilesName))
	if want != got {
		t.Fatalf("the folder:\n%s\nits copy:\n%s", want, got)
	}
}

// listing is all that is to be the same of a folder.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	firsts := []fs.FileInfo{}
	names := []string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		fmt.Fprintf(&b, "%s %v", rel, info.Mode())
		switch {
		case info.Mode().IsRegular():
			c, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %v %d %x", info.ModTime().UnixNano(), len(c), hash(c))
			for i, f := range firsts {
				if os.SameFile(f, info) {
					fmt.Fprintf(&b, " is %s", names[i])
				}
			}
			firsts, names = append(firsts, info), append(names, rel)
		case info.IsDir():
			fmt.Fprintf(&b, " %v", info.ModTime().UnixNano())
		default:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " -> %s", target)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func hash(b []byte) (h uint64) {
	for _, c := range b {
		h = h*1099511628211 + uint64(c) + 1
	}
	return h
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func noise(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// Only what changed is sent again: not a file that was renamed, nor the rest of one in
// which a byte changed.
func TestOnlyChangesTravel(t *testing.T) {
	e := newEnds(t)
	rnd := rand.New(rand.NewPCG(1, 1))
	big := noise(rnd, 40*ChunkSize+17)
	write(t, filepath.Join(e.dir, "a/big"), big)
	write(t, filepath.Join(e.dir, "a/twin"), big)
	write(t, filepath.Join(e.dir, "small"), []byte("x"))
	e.round(t)
	e.same(t)
	if least, most := 40*ChunkSize, 42*ChunkSize; e.sent < least || e.sent > most {
		t.Errorf("%d bytes were sent for two files that are the same %d", e.sent, len(big))
	}
	e.sent = 0
	if err := os.Rename(filepath.Join(e.dir, "a/big"), filepath.Join(e.dir, "small")); err != nil {
		t.Fatal(err)
	}
	e.round(t)
	e.same(t)
	if e.sent != 0 {
		t.Errorf("%d bytes were sent for a renamed file", e.sent)
	}
	f, err := os.OpenFile(filepath.Join(e.dir, "small"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("changed"), 7*ChunkSize-3); err != nil {
		t.Fatal(err)
	}
	f.Close()
	e.round(t)
	e.same(t)
	if e.sent < 2*ChunkSize || e.sent > 2*ChunkSize+200 {
		t.Errorf("%d bytes were sent for a change in two chunks", e.sent)
	}
}

// Two hundred rounds of random changes to a folder: its copy is the same after each.
func TestRandomChanges(t *testing.T) {
	e := newEnds(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		for range 1 + rnd.IntN(6) {
			change(t, e.dir, rnd)
		}
		e.round(t)
		e.same(t)
	}
}

// change does one random thing to a folder; what cannot be done is left.
func change(t *testing.T, dir string, rnd *rand.Rand) {
	t.Helper()
	name := func() string {
		parts := []string{dir}
		for range 1 + rnd.IntN(3) {
			parts = append(parts, string(rune('a'+rnd.IntN(4))))
		}
		return filepath.Join(parts...)
	}
	p, q := name(), name()
	switch rnd.IntN(9) {
	case 0, 1:
		_ = os.MkdirAll(filepath.Dir(p), 0o755)
		_ = os.WriteFile(p, noise(rnd, rnd.IntN(3*ChunkSize)), 0o644)
	case 2:
		if f, err := os.OpenFile(p, os.O_WRONLY, 0); err == nil {
			_, _ = f.WriteAt(noise(rnd, 1+rnd.IntN(100)), rnd.Int64N(2*ChunkSize))
			f.Close()
		}
	case 3:
		_ = os.Rename(p, q)
	case 4:
		_ = os.RemoveAll(p)
	case 5:
		_ = os.Link(p, q)
	case 6:
		_ = os.Symlink(filepath.Base(q), p)
	case 7:
		_ = os.Truncate(p, rnd.Int64N(2*ChunkSize))
	case 8:
		_ = os.MkdirAll(p, 0o700)
	}
}

// What a store has is not sent, and damage in it is not believed.
func TestStore(t *testing.T) {
	e := newEnds(t)
	rnd := rand.New(rand.NewPCG(3, 3))
	for i := range 5 {
		write(t, filepath.Join(e.dir, fmt.Sprint("f", i)), noise(rnd, 2*ChunkSize))
	}
	e.round(t)
	if err := e.site.Close(); err != nil {
		t.Fatal(err)
	}
	first := e.home
	if err := e.store.Keep("one", first, e.site.Tree()); err != nil {
		t.Fatal(err)
	}
	e.begin(t)
	e.round(t)
	e.same(t)
	if e.sent != 0 {
		t.Errorf("%d bytes were sent that were there", e.sent)
	}
	again, err := OpenStore(e.store.dir, plenty)
	if err != nil {
		t.Fatal(err)
	}
	e.store = again
	if err := os.WriteFile(filepath.Join(again.dir, "one", FilesName, "f3"), noise(rnd, 2*ChunkSize), 0o644); err != nil {
		t.Fatal(err)
	}
	e.begin(t)
	e.round(t)
	e.same(t)
	if e.sent < 2*ChunkSize || e.sent > 3*ChunkSize {
		t.Errorf("%d bytes were sent for one damaged file", e.sent)
	}
}

func TestStoreIsBounded(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	dir := t.TempDir()
	s, err := OpenStore(dir, 5*ChunkSize)
	if err != nil {
		t.Fatal(err)
	}
	keep := func(name string, chunks int) {
		t.Helper()
		e := newEnds(t)
		write(t, filepath.Join(e.dir, "f"), noise(rnd, chunks*ChunkSize))
		e.round(t)
		err := s.Keep(name, e.home, e.site.Tree())
		if over := chunks > 5; errors.Is(err, ErrTooLarge) != over || err != nil && !over {
			t.Fatal(err)
		}
	}
	keep("a", 2)
	keep("b", 2)
	if !s.Hold("a") {
		t.Fatal("a is gone")
	}
	keep("c", 2) // b goes: a is held
	if s.Tree("b") != nil || s.Tree("a") == nil || s.Tree("c") == nil {
		t.Error("the wrong one went")
	}
	keep("huge", 6)
	s.Release("a")
	if s.Tree("huge") != nil {
		t.Error("a folder larger than the store was kept")
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != len(s.kept) {
		t.Errorf("%d folders on disk, %d are known: %v", len(names), len(s.kept), err)
	}
}

func TestCopy(t *testing.T) {
	e := newEnds(t)
	write(t, filepath.Join(e.dir, "a/b"), []byte("hello"))
	if err := os.Symlink("a/b", filepath.Join(e.dir, "c")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(e.dir, "a"), 0o555); err != nil {
		t.Fatal(err)
	}
	if err := e.site.Copy(e.folder, plenty, nil); err != nil {
		t.Fatal(err)
	}
	e.same(t)
	e.begin(t)
	if err := e.site.Copy(e.folder, 3, nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("5 bytes into 3: %v", err)
	}
	for _, target := range []string{"/etc/passwd", "../x", "a/../../x"} {
		if err := errors.Join(os.Remove(filepath.Join(e.dir, "c")), os.Symlink(target, filepath.Join(e.dir, "c"))); err != nil {
			t.Fatal(err)
		}
		if err := e.site.Copy(e.folder, plenty, nil); err == nil || !strings.Contains(err.Error(), "leads out") {
			t.Errorf("a link to %q: %v", target, err)
		}
	}
}

// Trees that no folder has are refused.
func TestDecodeRefuses(t *testing.T) {
	top := Entry{Path: ".", Kind: Dir, Mode: 0o755}
	sum := bytes.Repeat([]byte{1}, 32)
	file := Entry{Path: "f", Kind: File, Mode: 0o644, File: 1, Size: 5, Sums: sum}
	for name, list := range map[string][]Entry{
		"nothing":      {},
		"no top":       {file},
		"top is file":  {{Path: ".", Kind: File}},
		"twice":        {top, file, file},
		"up":           {top, {Path: "..", Kind: Dir}},
		"up below":     {top, {Path: "a", Kind: Dir}, {Path: "a/../b", Kind: Dir}},
		"absolute":     {top, {Path: "/a", Kind: Dir}},
		"empty part":   {top, {Path: "a", Kind: Dir}, {Path: "a//b", Kind: Dir}},
		"NUL":          {top, {Path: "a\x00", Kind: Dir}},
		"no parent":    {top, {Path: "a/b", Kind: Dir}},
		"below a file": {top, file, {Path: "f/x", Kind: Dir}},
		"below a link": {top, {Path: "a", Kind: Link, Target: "b"}, {Path: "a/x", Kind: Dir}},
		"link out":     {top, {Path: "a", Kind: Link, Target: "../b"}},
		"link to root": {top, {Path: "a", Kind: Link, Target: "/b"}},
		"unknown kind": {top, {Path: "a", Kind: 4}},
		"set-user-id":  {top, {Path: "a", Kind: Dir, Mode: 0o4755}},
		"size":         {top, {Path: "f", Kind: File, File: 1, Size: ChunkSize + 1, Sums: sum}},
		"negative":     {top, {Path: "f", Kind: File, File: 1, Size: -1}},
		"differ":       {top, file, {Path: "g", Kind: File, Mode: 0o600, File: 1, Size: 5, Sums: sum}},
		"long name":    {top, {Path: strings.Repeat("a", 256), Kind: Dir}},
	} {
		b, err := encoding.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	b, _ := (&Tree{Entries: []Entry{top, file}}).Encode()
	if _, err := Decode(b); err != nil {
		t.Error(err)
	}
	for n := range b {
		if _, err := Decode(b[:n]); !errors.Is(err, ErrTree) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

// A folder that never changes has one digest, whoever copied it and when.
func TestFixed(t *testing.T) {
	var sums []Sum
	for range 2 {
		e := newEnds(t)
		write(t, filepath.Join(e.dir, "a/b"), []byte("hello"))
		write(t, filepath.Join(e.dir, "c"), []byte("hello"))
		if len(sums) == 1 {
			if err := os.Chmod(filepath.Join(e.dir, "a/b"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		tree, err := e.folder.Scan(plenty)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := tree.Fixed().Digest()
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum)
	}
	if sums[0] != sums[1] {
		t.Error("two copies of a folder have two digests")
	}
}
