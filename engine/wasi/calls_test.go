package wasi

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sojourn/interp"
)

func TestStrings(t *testing.T) {
	g := newGuest(t, Config{Args: []string{"prog", "", "x y"}, Env: []string{"A=1"}}, "")
	g.must("args_sizes_get", atResult, atResult+4)
	if n, size := g.u32(atResult), g.u32(atResult+4); n != 3 || size != 10 {
		t.Errorf("%d arguments in %d bytes", n, size)
	}
	g.must("args_get", atResult, atData)
	if got := string(g.mem[atData : atData+10]); got != "prog\x00\x00x y\x00" {
		t.Errorf("arguments are %q", got)
	}
	if p := []uint32{g.u32(atResult), g.u32(atResult + 4), g.u32(atResult + 8)}; !slices.Equal(p, []uint32{atData, atData + 5, atData + 6}) {
		t.Errorf("pointers are %x", p)
	}
	g.must("environ_sizes_get", atResult, atResult+4)
	g.must("environ_get", atResult, atData)
	if got := string(g.mem[atData : atData+4]); got != "A=1\x00" {
		t.Errorf("environment is %q", got)
	}
}

func TestProcess(t *testing.T) {
	g := newGuest(t, Config{Rand: bytes.NewReader([]byte("random"))}, "")
	_, err := g.call(nil, "proc_exit", 7)
	var exit *interp.Exit
	if !errors.As(err, &exit) || exit.Code != 7 {
		t.Errorf("proc_exit: %v", err)
	}
	g.want(ENOSYS, "proc_raise", 6)
	g.must("sched_yield")
	g.must("random_get", atData, 6)
	if got := string(g.mem[atData : atData+6]); got != "random" {
		t.Errorf("random bytes are %q", got)
	}
	g.want(EIO, "random_get", atData, 1)
	g.want(ENOTSOCK, "sock_shutdown", 1, 0)
	g.want(EBADF, "sock_accept", 9, 0, atResult)
	g.want(EINVAL, "clock_time_get", 4, 0, atResult)
	g.must("clock_res_get", clockThread, atResult)
}

func TestSeek(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "f", "0123456789")
	g := newGuest(t, Config{}, dir)
	fd := g.open("f", 0, 0)
	minus := func(n int64) uint64 { return uint64(-n) }
	for _, c := range []struct {
		delta, whence uint64
		want          Errno
		at            uint64
	}{
		{4, whenceSet, OK, 4},
		{2, whenceCur, OK, 6},
		{minus(1), whenceEnd, OK, 9},
		{minus(10), whenceCur, EINVAL, 9},
		{1<<63 - 1, whenceCur, EINVAL, 9},
		{1 << 63, whenceSet, EINVAL, 9},
		{0, 3, EINVAL, 9},
		{100, whenceEnd, OK, 110},
	} {
		g.want(c.want, "fd_seek", fd, c.delta, c.whence, atResult)
		if at := g.tell(fd); at != c.at {
			t.Errorf("seek %+v: at %d", c, at)
		}
	}
	if got := g.read(fd, 5); got != "" {
		t.Errorf("read %q behind the end", got)
	}
	g.want(EISDIR, "fd_seek", preopen, 0, whenceSet, atResult)
	g.want(ESPIPE, "fd_seek", 1, 0, whenceSet, atResult)
}

func TestPositionedTransfer(t *testing.T) {
	dir := t.TempDir()
	g := newGuest(t, Config{}, dir)
	fd := g.open("f", openCreate, 0)
	copy(g.mem[atData:], "abcdef")
	for i, n := range []uint32{2, 0, 4} { // three buffers, one of them empty
		binary.LittleEndian.PutUint32(g.mem[atVector+8*i:], atData+[]uint32{0, 2, 2}[i])
		binary.LittleEndian.PutUint32(g.mem[atVector+8*i+4:], n)
	}
	g.must("fd_pwrite", fd, atVector, 3, 3, atResult)
	if got := contents(t, dir, "f"); got != "\x00\x00\x00abcdef" {
		t.Errorf("file has %q", got)
	}
	clear(g.mem[atData : atData+6])
	g.must("fd_pread", fd, atVector, 3, 5, atResult)
	if got := string(g.mem[atData : atData+g.u32(atResult)]); got != "cdef" {
		t.Errorf("read %q", got)
	}
	if at := g.tell(fd); at != 0 {
		t.Errorf("offset moved to %d", at)
	}
	g.want(EINVAL, "fd_pread", fd, atVector, 1, 1<<63, atResult)
	g.want(EINVAL, "fd_pread", fd, atVector, maxVectors+1, 0, atResult)
	g.must("fd_allocate", fd, 10, 90)
	g.want(EFBIG, "fd_allocate", fd, 1<<63-1, 1)
	g.must("fd_advise", fd, 0, 0, 5)
	g.want(EINVAL, "fd_advise", fd, 0, 0, 6)
	g.must("fd_datasync", fd)
	g.must("fd_sync", fd)
	if info, _ := os.Stat(filepath.Join(dir, "f")); info.Size() != 100 {
		t.Errorf("size %d, want 100", info.Size())
	}
}

func TestStat(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "sub/f", "12345")
	if err := os.Symlink("sub/f", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, Config{}, dir)
	ptr, n := g.path("link")
	g.must("path_filestat_set_times", preopen, followLinks, ptr, n, 1e9, 2e9, setAtim|setMtim)
	g.must("path_filestat_set_times", preopen, 0, ptr, n, 3e9, 4e9, setMtim)
	g.must("path_filestat_get", preopen, 0, ptr, n, atResult)
	if typ, mtim := g.mem[atResult+16], g.u64(atResult+48); typ != typeSymlink || mtim != 4e9 {
		t.Errorf("link has type %d, mtim %d", typ, mtim)
	}
	g.must("path_filestat_get", preopen, followLinks, ptr, n, atResult)
	if typ, size, atim, mtim := g.mem[atResult+16], g.u64(atResult+32), g.u64(atResult+40), g.u64(atResult+48); typ != typeRegular || size != 5 || atim != 1e9 || mtim != 2e9 {
		t.Errorf("file has type %d, size %d, atim %d, mtim %d", typ, size, atim, mtim)
	}
	fd := g.open("sub/f", 0, 0)
	g.want(EINVAL, "fd_filestat_set_times", fd, 0, 0, setAtim|setAtimNow)
	g.must("fd_filestat_set_times", fd, 0, 7e9, setMtim)
	g.must("fd_filestat_get", fd, atResult)
	if mtim := g.u64(atResult + 48); mtim != 7e9 {
		t.Errorf("mtim %d", mtim)
	}
	before := time.Now().Add(-time.Second)
	g.must("fd_filestat_set_times", fd, 0, 0, setMtimNow)
	if info, _ := os.Stat(filepath.Join(dir, "sub/f")); info.ModTime().Before(before) {
		t.Errorf("mtim is not now but %v", info.ModTime())
	}
	g.must("fd_filestat_get", 1, atResult)

	// ".." stays in the mount from below, and leaves it from the top.
	sub := g.open("sub", openDirectory, 0)
	ptr, n = g.path("..")
	g.must("path_filestat_get", sub, 0, ptr, n, atResult)
	g.want(ENOTCAPABLE, "path_filestat_get", preopen, 0, ptr, n, atResult)
}

func TestDescriptorFlagsAndRights(t *testing.T) {
	g := newGuest(t, Config{}, t.TempDir())
	fd := g.open("f", openCreate, flagAppend|flagSync)
	g.must("fd_fdstat_get", fd, atResult)
	if typ, flags := g.mem[atResult], binary.LittleEndian.Uint16(g.mem[atResult+2:]); typ != typeRegular || flags != flagAppend|flagSync {
		t.Errorf("type %d, flags %x", typ, flags)
	}
	if base := Rights(g.u64(atResult + 8)); base != fileRights {
		t.Errorf("rights %x, want %x", base, fileRights)
	}
	g.want(ENOTSUP, "fd_fdstat_set_flags", fd, flagAppend)
	g.want(EINVAL, "fd_fdstat_set_flags", fd, 1<<5)
	g.want(ENOTCAPABLE, "fd_fdstat_set_rights", fd, uint64(allRights), 0)
	g.must("fd_fdstat_get", preopen, atResult)
	if typ := g.mem[atResult]; typ != typeDirectory {
		t.Errorf("preopen has type %d", typ)
	}

	g.must("fd_fdstat_set_rights", preopen, uint64(dirRights&^RightPathCreateDirectory), uint64(RightFdRead))
	ptr, n := g.path("d")
	g.want(ENOTCAPABLE, "path_create_directory", preopen, ptr, n)
	fd = g.open("f", 0, 0)
	g.want(EBADF, "fd_write", fd, atVector, 1, atResult)
}

func TestPreopens(t *testing.T) {
	g := newGuest(t, Config{}, t.TempDir())
	g.must("fd_prestat_get", preopen, atResult)
	if tag, n := g.u32(atResult), g.u32(atResult+4); tag != 0 || n != 1 {
		t.Errorf("tag %d, length %d", tag, n)
	}
	g.must("fd_prestat_dir_name", preopen, atData, 1)
	if g.mem[atData] != '/' {
		t.Errorf("name is %q", g.mem[atData])
	}
	g.want(ENAMETOOLONG, "fd_prestat_dir_name", preopen, atData, 0)
	g.want(EBADF, "fd_prestat_get", preopen+1, atResult)
	g.want(EBADF, "fd_prestat_get", 0, atResult)
}

func TestPathErrors(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	put(t, dir, "f", "")
	put(t, dir, "d/f", "")
	put(t, outside, "secret", "")
	for name, target := range map[string]string{
		"abs": outside, "up": "../" + filepath.Base(outside), "loop": "loop", "in": "d/../f",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	g := newGuest(t, Config{}, dir)
	for name, want := range map[string]Errno{
		"f": OK, "in": OK, "d/../f": OK, "./d//f": OK, "d/": OK, ".": OK,
		"": ENOENT, "/f": ENOTCAPABLE, "..": ENOTCAPABLE, "d/../../x": ENOTCAPABLE,
		"abs/secret": ENOTCAPABLE, "up/secret": ENOTCAPABLE, "abs": ENOTCAPABLE,
		"loop": ELOOP, "none": ENOENT, "f/": ENOTDIR, "f/x": ENOTDIR, "f\x00": EINVAL,
		"none/../f": ENOENT,
	} {
		ptr, n := g.path(name)
		g.want(want, "path_open", preopen, followLinks, ptr, n, 0, uint64(RightFdRead), 0, 0, atResult)
		g.want(want, "path_filestat_get", preopen, followLinks, ptr, n, atResult)
	}
	ptr, n := g.path("f")
	g.want(ENOTDIR, "path_open", preopen, 0, ptr, n, openDirectory, 0, 0, 0, atResult)
	g.want(EEXIST, "path_open", preopen, 0, ptr, n, openCreate|openExclusive, 0, 0, 0, atResult)
	g.want(EINVAL, "path_open", preopen, 0, ptr, n, 1<<4, 0, 0, 0, atResult)
	g.want(EINVAL, "path_open", preopen, 0, ptr, n, 0, 0, 0, 1<<5, atResult)
	g.want(ENOTDIR, "path_remove_directory", preopen, ptr, n)
	g.want(ENAMETOOLONG, "path_filestat_get", preopen, 0, 0, maxPath+1, atResult)
	ptr, n = g.path("d")
	g.want(EISDIR, "path_unlink_file", preopen, ptr, n)
	g.want(ENOTEMPTY, "path_remove_directory", preopen, ptr, n)
	g.want(EISDIR, "path_open", preopen, 0, ptr, n, 0, uint64(RightFdRead|RightFdWrite), 0, 0, atResult)
	other, m := g.other(".")
	g.want(EBUSY, "path_rename", preopen, ptr, n, preopen, other, m)
}

func TestPathChanges(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "f", "text")
	g := newGuest(t, Config{}, dir)
	ptr, n := g.path("d")
	g.must("path_create_directory", preopen, ptr, n)
	g.want(EEXIST, "path_create_directory", preopen, ptr, n)
	ptr, n = g.path("f")
	other, m := g.other("d/hard")
	g.must("path_link", preopen, 0, ptr, n, preopen, other, m)
	other, m = g.other("d/soft")
	g.must("path_symlink", ptr, n, preopen, other, m)
	g.must("path_readlink", preopen, other, m, atData, 100, atResult)
	if got := string(g.mem[atData : atData+g.u32(atResult)]); got != "f" {
		t.Errorf("link leads to %q", got)
	}
	g.must("path_unlink_file", preopen, other, m)
	other, m = g.other("d/hard")
	g.must("path_rename", preopen, other, m, preopen, ptr, n)
	g.must("path_unlink_file", preopen, other, m) // a rename to another link does nothing
	ptr, n = g.path("d")
	g.must("path_remove_directory", preopen, ptr, n)
	if got := contents(t, dir, "f"); got != "text" {
		t.Errorf("file has %q", got)
	}
}

func TestReadOnlyMount(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "f", "text")
	g := newGuest(t, Config{Mounts: []Mount{{Host: dir, Guest: "/", ReadOnly: true}}}, "")
	ptr, n := g.path("f")
	g.must("path_open", preopen, 0, ptr, n, 0, uint64(RightFdRead|RightFdFilestatSetTimes|RightFdFilestatSetSize), 0, 0, atResult)
	fd := uint64(g.u32(atResult))
	if got := g.read(fd, 9); got != "text" {
		t.Errorf("read %q", got)
	}
	g.want(EROFS, "fd_filestat_set_times", fd, 0, 0, setMtimNow)
	g.want(EINVAL, "fd_filestat_set_size", fd, 0)
	g.want(EROFS, "path_open", preopen, 0, ptr, n, 0, uint64(RightFdWrite), 0, 0, atResult)
	g.want(EROFS, "path_open", preopen, 0, ptr, n, openTruncate, 0, 0, 0, atResult)
	g.want(EROFS, "path_unlink_file", preopen, ptr, n)
	g.want(EROFS, "path_remove_directory", preopen, ptr, n)
	g.want(EROFS, "path_filestat_set_times", preopen, 0, ptr, n, 0, 0, setMtimNow)
	other, m := g.other("g")
	g.want(EROFS, "path_rename", preopen, ptr, n, preopen, other, m)
	g.want(EROFS, "path_link", preopen, 0, ptr, n, preopen, other, m)
	g.want(EROFS, "path_symlink", ptr, n, preopen, other, m)
	g.want(EROFS, "path_create_directory", preopen, other, m)
}

func TestDescriptorLimit(t *testing.T) {
	g := newGuest(t, Config{MaxDescriptors: 6}, t.TempDir())
	a := g.open("a", openCreate, 0)
	g.open("b", openCreate, 0)
	ptr, n := g.path("c")
	g.want(EMFILE, "path_open", preopen, 0, ptr, n, openCreate, 0, 0, 0, atResult)
	if _, err := g.w.mounts[0].root.Lstat("c"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was made that could not be opened")
	}
	g.must("fd_close", a)
	if fd := g.open("c", openCreate, 0); fd != a {
		t.Errorf("opened as %d, want %d", fd, a)
	}
}

// TestBadPointers gives every function pointers outside the memory: each must say so,
// and none may have an effect.
func TestBadPointers(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "f", "text")
	const bad, end = 0xffff_fff0, memSize - 1
	for _, p := range []uint64{bad, end} {
		g := newGuest(t, Config{Args: []string{"a", "b"}, Env: []string{"C=d"}}, dir)
		f := g.open("f", 0, 0)
		ptr, n := g.path("f")
		g.vector(4)
		g.want(EFAULT, "args_get", p, p)
		g.want(EFAULT, "args_sizes_get", p, atResult)
		g.want(EFAULT, "environ_get", atResult, p)
		g.want(EFAULT, "environ_sizes_get", atResult, p)
		g.want(EFAULT, "clock_res_get", 0, p)
		g.want(EFAULT, "clock_time_get", 0, 0, p)
		g.want(EFAULT, "fd_fdstat_get", f, p)
		g.want(EFAULT, "fd_filestat_get", f, p)
		g.want(EFAULT, "fd_filestat_get", 0, p)
		g.want(EFAULT, "fd_pread", f, p, 1, 0, atResult)
		g.want(EFAULT, "fd_pread", f, atVector, 1, 0, p)
		g.want(EFAULT, "fd_read", f, atVector, 1, p)
		g.want(EFAULT, "fd_write", f, atVector, 1, p)
		g.want(EFAULT, "fd_pwrite", f, p, 1, 0, atResult)
		g.want(EFAULT, "fd_prestat_get", preopen, p)
		g.want(EFAULT, "fd_prestat_dir_name", preopen, bad, 99)
		g.want(EFAULT, "fd_readdir", preopen, p, 99, 0, atResult)
		g.want(EFAULT, "fd_readdir", preopen, atData, 99, 0, p)
		g.want(EFAULT, "fd_seek", f, 2, whenceSet, p)
		g.want(EFAULT, "fd_tell", f, p)
		g.want(EFAULT, "path_open", preopen, 0, p, 9, 0, 0, 0, 0, atResult)
		g.want(EFAULT, "path_open", preopen, 0, ptr, n, openTruncate, 0, 0, 0, p)
		g.want(EFAULT, "path_create_directory", preopen, p, 9)
		g.want(EFAULT, "path_filestat_get", preopen, 0, ptr, n, p)
		g.want(EFAULT, "path_symlink", p, 9, preopen, ptr, n)
		g.want(EFAULT, "path_rename", preopen, ptr, n, preopen, p, 9)
		g.want(EFAULT, "path_link", preopen, 0, p, 9, preopen, ptr, n)
		g.want(EFAULT, "path_readlink", preopen, ptr, n, p, 9, atResult)
		g.want(EFAULT, "path_remove_directory", preopen, p, 9)
		g.want(EFAULT, "path_unlink_file", preopen, p, 9)
		g.want(EFAULT, "random_get", p, 9)
		binary.LittleEndian.PutUint32(g.mem[atVector:], uint32(p))
		g.want(EFAULT, "fd_read", f, atVector, 1, atResult)
		if at := g.tell(f); at != 0 {
			t.Errorf("offset moved to %d", at)
		}
	}
	if got := contents(t, dir, "f"); got != "text" {
		t.Errorf("file has %q", got)
	}
}

func TestSignaturesAreComplete(t *testing.T) {
	blocking := map[string]bool{"fd_read": true, "fd_write": true, "poll_oneoff": true,
		"sock_accept": true, "sock_recv": true, "sock_send": true,
		"sock_accept_v2": true, "sock_recv_v2": true, "sock_send_v2": true,
		"sock_connect": true, "sock_connect_v2": true, "sock_getaddrinfo": true}
	list := Functions()
	if len(functions) != 46 {
		t.Errorf("%d functions, preview 1 has 46", len(functions))
	}
	for _, f := range list {
		if f.Module != Module || f.Blocking != blocking[f.Name] {
			t.Errorf("%s.%s: blocking is %v", f.Module, f.Name, f.Blocking)
		}
		if f.Name != "proc_exit" && len(f.Results) != 1 {
			t.Errorf("%s has %d results", f.Name, len(f.Results))
		}
	}
}

func TestNullDevice(t *testing.T) {
	g := newGuest(t, Config{}, filepath.Dir(os.DevNull))
	fd := g.open("null", 0, 0)
	g.write(fd, "gone")
	if got := g.read(fd, 9); got != "" {
		t.Errorf("read %q", got)
	}
	g = g.move(Config{}, filepath.Dir(os.DevNull))
	g.must("fd_fdstat_get", fd, atResult)
	if typ := g.mem[atResult]; typ != typeCharacter {
		t.Errorf("type %d", typ)
	}
	ptr, n := g.path("tty")
	if e := g.try("path_open", preopen, 0, ptr, n, 0, uint64(RightFdRead), 0, 0, atResult); e == OK {
		t.Error("opened the terminal")
	}
}
