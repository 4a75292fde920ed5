package wasi

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"sojourn/interp"
)

// guest calls the functions of a world as a guest would, with a memory of its own.
type guest struct {
	t   testing.TB
	w   *World
	mem []byte
}

// Where tests keep things in the guest's memory.
const (
	atPath   = 0x100
	atOther  = 0x900
	atResult = 0x1000
	atVector = 0x1100
	atData   = 0x2000
	memSize  = 0x8000
	preopen  = 3
)

// newGuest makes a guest that sees dir as "/".
func newGuest(t testing.TB, cfg Config, dir string) *guest {
	t.Helper()
	if dir != "" {
		cfg.Mounts = append(cfg.Mounts, Mount{Host: dir, Guest: "/"})
	}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return adopt(t, w)
}

func adopt(t testing.TB, w *World) *guest {
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return &guest{t: t, w: w, mem: make([]byte, memSize)}
}

// try calls a function, with a stop channel that is never closed.
func (g *guest) try(name string, args ...uint64) Errno {
	g.t.Helper()
	errno, err := g.call(nil, name, args...)
	if err != nil {
		g.t.Fatalf("%s%v: %v", name, args, err)
	}
	return errno
}

func (g *guest) call(stop <-chan struct{}, name string, args ...uint64) (Errno, error) {
	g.t.Helper()
	for _, f := range Functions() {
		if f.Name != name {
			continue
		}
		if len(args) != len(f.Params) {
			g.t.Fatalf("%s takes %d parameters, not %d", name, len(f.Params), len(args))
		}
		stack := append(append([]uint64{}, args...), make([]uint64, len(f.Results))...)
		h := interp.NewHostCall(g.w, g.mem, stop, stack...)
		err := f.Call(h)
		if len(h.Stack) == 0 {
			return 0, err
		}
		return Errno(h.Stack[0]), err
	}
	g.t.Fatalf("no function %s", name)
	return 0, nil
}

// must is try that fails the test unless the call succeeds.
func (g *guest) must(name string, args ...uint64) {
	g.t.Helper()
	if e := g.try(name, args...); e != OK {
		g.t.Fatalf("%s%v: errno %d", name, args, e)
	}
}

// want is try that fails the test unless the errno is as expected.
func (g *guest) want(e Errno, name string, args ...uint64) {
	g.t.Helper()
	if got := g.try(name, args...); got != e {
		g.t.Errorf("%s%v: errno %d, want %d", name, args, got, e)
	}
}

// path puts s into memory and returns pointer and length.
func (g *guest) path(s string) (ptr, n uint64) {
	return atPath, uint64(copy(g.mem[atPath:atOther], s))
}

func (g *guest) other(s string) (ptr, n uint64) {
	return atOther, uint64(copy(g.mem[atOther:atResult], s))
}

func (g *guest) u32(at int) uint32 { return binary.LittleEndian.Uint32(g.mem[at:]) }
func (g *guest) u64(at int) uint64 { return binary.LittleEndian.Uint64(g.mem[at:]) }

// open opens a path below the preopened directory with all rights that it can have.
func (g *guest) open(name string, oflags, fdflags uint64) uint64 {
	g.t.Helper()
	ptr, n := g.path(name)
	rights := uint64(fileRights | dirRights)
	if oflags&openDirectory != 0 {
		rights = uint64(dirRights)
	}
	g.must("path_open", preopen, followLinks, ptr, n, oflags, rights, uint64(allRights), fdflags, atResult)
	return uint64(g.u32(atResult))
}

// vector describes n bytes at atData.
func (g *guest) vector(n int) {
	binary.LittleEndian.PutUint32(g.mem[atVector:], atData)
	binary.LittleEndian.PutUint32(g.mem[atVector+4:], uint32(n))
}

func (g *guest) write(fd uint64, s string) {
	g.t.Helper()
	g.vector(copy(g.mem[atData:], s))
	g.must("fd_write", fd, atVector, 1, atResult)
	if n := g.u32(atResult); int(n) != len(s) {
		g.t.Fatalf("wrote %d bytes of %q", n, s)
	}
}

func (g *guest) read(fd uint64, max int) string {
	g.t.Helper()
	g.vector(max)
	g.must("fd_read", fd, atVector, 1, atResult)
	return string(g.mem[atData : atData+g.u32(atResult)])
}

func (g *guest) tell(fd uint64) uint64 {
	g.t.Helper()
	g.must("fd_tell", fd, atResult)
	return g.u64(atResult)
}

// names lists a directory from a cookie on, entry by entry with a small buffer when
// size is small, and returns the names and the last cookie.
func (g *guest) names(fd, cookie uint64, size, max int) (names []string, next uint64) {
	g.t.Helper()
	for len(names) < max {
		g.must("fd_readdir", fd, atData, uint64(size), cookie, atResult)
		b := g.mem[atData : atData+g.u32(atResult)]
		if len(b) < direntSize {
			return names, cookie
		}
		n := int(binary.LittleEndian.Uint32(b[16:]))
		if len(b) < direntSize+n {
			g.t.Fatalf("buffer of %d is too small for a name of %d", size, n)
		}
		names = append(names, string(b[direntSize:direntSize+n]))
		cookie = binary.LittleEndian.Uint64(b)
	}
	return names, cookie
}

// move saves the guest's world and loads it into a new guest.
func (g *guest) move(cfg Config, dir string) *guest {
	g.t.Helper()
	b, err := g.w.Save()
	if err != nil {
		g.t.Fatal(err)
	}
	if dir != "" {
		cfg.Mounts = append(cfg.Mounts, Mount{Host: dir, Guest: "/"})
	}
	w, err := Load(cfg, b)
	if err != nil {
		g.t.Fatal(err)
	}
	return adopt(g.t, w)
}

func put(t testing.TB, dir, name, contents string) {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(contents), 0o666); err != nil {
		t.Fatal(err)
	}
}

func contents(t testing.TB, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
