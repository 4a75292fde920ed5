package wasi

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSaveFile(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a/text", "0123456789")
	g := newGuest(t, Config{}, dir)
	fd := g.open("a/text", 0, 0)
	if got := g.read(fd, 4); got != "0123" {
		t.Fatalf("read %q", got)
	}
	g.must("fd_fdstat_set_rights", fd, uint64(RightFdRead|RightFdTell), 0)

	g = g.move(Config{}, dir)
	if got := g.tell(fd); got != 4 {
		t.Errorf("offset %d, want 4", got)
	}
	if got := g.read(fd, 4); got != "4567" {
		t.Errorf("read %q", got)
	}
	g.want(ENOTCAPABLE, "fd_sync", fd)
	g.want(EBADF, "fd_write", fd, atVector, 1, atResult)
}

func TestSaveAppend(t *testing.T) {
	dir := t.TempDir()
	g := newGuest(t, Config{}, dir)
	fd := g.open("log", openCreate|openTruncate, flagAppend)
	g.write(fd, "one ")

	g = g.move(Config{}, dir)
	g.must("fd_seek", fd, 0, whenceSet, atResult)
	g.write(fd, "two")
	if got := contents(t, dir, "log"); got != "one two" {
		t.Errorf("file has %q", got)
	}
	if got := g.tell(fd); got != 7 {
		t.Errorf("offset %d, want 7", got)
	}
}

func TestSaveRenamed(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "d/e/text", "hello")
	if err := os.Symlink("d", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, Config{}, dir)
	fd := g.open("link/e/text", 0, 0)
	sub := g.open("link/e", openDirectory, 0)

	rename := func(from, to string) {
		t.Helper()
		a, an := g.path(from)
		b, bn := g.other(to)
		g.must("path_rename", preopen, a, an, preopen, b, bn)
	}
	rename("link", "other")
	rename("d/e", "moved")
	rename("moved/text", "moved/name")

	g = g.move(Config{}, dir)
	if got := g.read(fd, 9); got != "hello" {
		t.Errorf("read %q", got)
	}
	if names, _ := g.names(sub, 0, 512, 9); !slices.Equal(names, []string{".", "..", "name"}) {
		t.Errorf("directory has %q", names)
	}
}

func TestSaveUnlinked(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "text", "hello world")
	g := newGuest(t, Config{}, dir)
	one, two := g.open("text", 0, 0), g.open("text", 0, 0)
	g.read(two, 6)
	ptr, n := g.path("text")
	g.must("path_unlink_file", preopen, ptr, n)

	for range 2 { // the second time the file never had a name there
		g = g.move(Config{}, dir)
	}
	if got := g.read(two, 9); got != "world" {
		t.Errorf("read %q", got)
	}
	g.write(one, "HELLO")
	g.must("fd_seek", two, 0, whenceSet, atResult)
	if got := g.read(two, 99); got != "HELLO world" {
		t.Errorf("the other descriptor reads %q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "text")); !os.IsNotExist(err) {
		t.Error("the file has its name again")
	}
}

func TestSaveRefusesUnlinkedLarge(t *testing.T) {
	dir := t.TempDir()
	g := newGuest(t, Config{}, dir)
	fd := g.open("big", openCreate, 0)
	g.must("fd_filestat_set_size", fd, MaxCarried+1)
	ptr, n := g.path("big")
	g.must("path_unlink_file", preopen, ptr, n)
	_, err := g.w.Save()
	if err == nil || !strings.Contains(err.Error(), `descriptor 4, "big" in mount "/"`) {
		t.Errorf("error is %v", err)
	}
}

func TestSaveDirectoryCursor(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d"} {
		put(t, dir, name, "")
	}
	g := newGuest(t, Config{}, dir)
	names, cookie := g.names(preopen, 0, 64, 4)
	if !slices.Equal(names, []string{".", "..", "a", "b"}) {
		t.Fatalf("names are %q", names)
	}
	os.Remove(filepath.Join(dir, "a"))

	g = g.move(Config{}, dir)
	if names, _ = g.names(preopen, cookie, 64, 9); !slices.Equal(names, []string{"c", "d"}) {
		t.Errorf("the rest is %q", names)
	}
	if names, _ = g.names(preopen, 0, 64, 9); !slices.Equal(names, []string{".", "..", "b", "c", "d"}) {
		t.Errorf("a new listing is %q", names)
	}
}

func TestSaveRemovedDirectory(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "d/sub/x", "")
	put(t, dir, "other/y", "")
	put(t, dir, "empty/z", "")
	g := newGuest(t, Config{}, dir)
	sub, empty := g.open("d/sub", openDirectory, 0), g.open("empty", openDirectory, 0)
	g.names(sub, 0, 512, 9)
	for _, name := range []string{"d/sub/x", "empty/z"} {
		ptr, n := g.path(name)
		g.must("path_unlink_file", preopen, ptr, n)
	}
	ptr, n := g.path("d/sub")
	g.must("path_remove_directory", preopen, ptr, n)
	g.must("path_create_directory", preopen, ptr, n) // another one, of which sub must know nothing
	a, an := g.path("other")
	b, bn := g.other("empty")
	g.must("path_rename", preopen, a, an, preopen, b, bn)

	for range 3 {
		for _, fd := range []uint64{sub, empty} {
			g.must("fd_filestat_get", fd, atResult)
			ptr, n := g.path("y")
			g.want(ENOENT, "path_open", fd, 0, ptr, n, openCreate, uint64(RightFdWrite), 0, 0, atResult)
			g.want(ENOENT, "fd_readdir", fd, atData, 64, 0, atResult)
		}
		g = g.move(Config{}, dir)
	}
	g.must("fd_close", sub)
	if _, err := os.Stat(filepath.Join(dir, "d/sub/y")); !os.IsNotExist(err) {
		t.Error("a removed directory led to the one that took its place")
	}
}

func TestSaveNumbers(t *testing.T) {
	dir := t.TempDir()
	g := newGuest(t, Config{}, dir)
	a, b := g.open("a", openCreate, 0), g.open("b", openCreate, 0)
	g.must("fd_close", a)
	g.must("fd_renumber", b, 0)

	g = g.move(Config{}, dir)
	g.write(0, "into b")
	if got := contents(t, dir, "b"); got != "into b" {
		t.Errorf("b has %q", got)
	}
	if fd := g.open("c", openCreate, 0); fd != a {
		t.Errorf("next descriptor is %d, want %d", fd, a)
	}
	g.want(EBADF, "fd_close", b)
}

func TestSaveStreams(t *testing.T) {
	in, out := NewBuffer(), NewBuffer()
	in.Feed([]byte("abcdef"))
	in.CloseInput()
	dir := t.TempDir()
	g := newGuest(t, Config{Stdin: in, Stdout: out}, dir)
	g.read(0, 2)
	g.write(1, "unsent")

	out2 := NewBuffer()
	g = g.move(Config{Stdin: NewBuffer(), Stdout: out2}, dir)
	if got := g.read(0, 99); got != "cdef" {
		t.Errorf("read %q", got)
	}
	if got := g.read(0, 99); got != "" {
		t.Errorf("read %q after the end", got)
	}
	buf := make([]byte, 99)
	if n, _ := out2.Drain(buf); string(buf[:n]) != "unsent" {
		t.Errorf("output is %q", buf[:n])
	}
}

func TestSaveClock(t *testing.T) {
	host := int64(5e9)
	mono := func() int64 { return host }
	g := newGuest(t, Config{Mono: mono}, "")
	read := func() uint64 {
		g.must("clock_time_get", clockMonotonic, 0, atResult)
		return g.u64(atResult)
	}
	first := read()
	host += 7e9
	b, err := g.w.Save()
	if err != nil {
		t.Fatal(err)
	}
	other := int64(0)
	w, err := Load(Config{Mono: func() int64 { return other }}, b)
	if err != nil {
		t.Fatal(err)
	}
	g = adopt(t, w)
	other += 1e9
	if got := read() - first; got != 8e9 {
		t.Errorf("%d ns passed, want 8e9", got)
	}
	other = 0
	if got := read() - first; got != 8e9 {
		t.Errorf("the clock went back, to %d", got)
	}
	g.must("clock_time_get", clockProcess, 0, atResult)
	if got := g.u64(atResult); got != 8e9 {
		t.Errorf("process clock at %d", got)
	}
}

func TestSaveIsDeterministic(t *testing.T) {
	cfg := Config{Args: []string{"a"}, Env: []string{"b=c"}, Mono: func() int64 { return 1 }}
	g := newGuest(t, cfg, t.TempDir())
	g.open("f", openCreate, 0)
	one, err1 := g.w.Save()
	two, err2 := g.w.Save()
	if err1 != nil || err2 != nil || !bytes.Equal(one, two) {
		t.Errorf("%x %v\n%x %v", one, err1, two, err2)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "text", "x")
	g := newGuest(t, Config{}, dir)
	g.open("text", 0, 0)
	b, err := g.w.Save()
	if err != nil {
		t.Fatal(err)
	}
	with := func(m ...Mount) Config { return Config{Mounts: m} }
	empty, other := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(other, "text"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, want string
		cfg        Config
		b          []byte
	}{
		{"no mount", `the folder "/"`, with(), b},
		{"no file", `descriptor 4, "text" in mount "/"`, with(Mount{Host: empty, Guest: "/"}), b},
		{"directory", "is a directory", with(Mount{Host: other, Guest: "/"}), b},
		{"read-only", "read-only here", with(Mount{Host: dir, Guest: "/", ReadOnly: true}), b},
		{"few descriptors", "only 4 are allowed", Config{MaxDescriptors: 4, Mounts: []Mount{{Host: dir, Guest: "/"}}}, b},
		{"truncated", "saved world", with(Mount{Host: dir, Guest: "/"}), b[:len(b)-1]},
		{"trailing", "saved world", with(Mount{Host: dir, Guest: "/"}), append(slices.Clone(b), 0)},
	} {
		w, err := Load(c.cfg, c.b)
		if err == nil {
			w.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q", c.what, err, c.want)
		}
	}
}

func TestRandomIsNotSaved(t *testing.T) {
	g := newGuest(t, Config{}, "")
	g.must("random_get", atData, 64)
	b, err := g.w.Save()
	if err != nil {
		t.Fatal(err)
	}
	var got [2]string
	for i := range got {
		w, err := Load(Config{Generation: uint64(i)}, b)
		if err != nil {
			t.Fatal(err)
		}
		g = adopt(t, w)
		g.must("random_get", atData, 64)
		got[i] = string(g.mem[atData:][:64])
		g.must("environ_sizes_get", atResult, atOther)
		if n := g.u32(atResult); int(n) != i {
			t.Errorf("generation %d has %d environment variables", i, n)
		}
	}
	if got[0] == got[1] {
		t.Errorf("two guests of one saved world have the same random numbers, %x", got[0])
	}
}
