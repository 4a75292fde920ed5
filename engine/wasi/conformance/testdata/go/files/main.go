// Files checks the calls that Go's os package makes, through it.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// is prints a check, and what came if it is not what was wanted.
func is[T comparable](call, what string, got, want T) {
	if got == want {
		fmt.Printf("%s: %s\n", call, what)
	} else {
		fmt.Printf("%s: %s: got %v, want %v\n", call, what, got, want)
	}
}

// fails checks an error; nil is none.
func fails(call, what string, err, want error) {
	if errors.Is(err, want) {
		err = want
	}
	is(call, what, err, want)
}

func main() {
	contents()
	folders()
	links()
	environment()
}

func contents() {
	f, err := os.OpenFile("file", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	fails("path_open", "a new file", err, nil)
	_, err = os.OpenFile("file", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	fails("path_open", "again", err, fs.ErrExist)
	_, err = os.Open("none")
	fails("path_open", "nothing there", err, fs.ErrNotExist)
	_, err = os.Open("../file")
	fails("path_open", "above the root is the root", err, nil)
	n, err := f.WriteString("hello, world")
	is("fd_write", "all bytes", n, 12)
	fails("fd_write", "succeeds", err, nil)
	at, err := f.Seek(-5, io.SeekEnd)
	is("fd_seek", "from the end", at, 7)
	fails("fd_seek", "succeeds", err, nil)
	rest, err := io.ReadAll(f)
	is("fd_read", "the rest", string(rest), "world")
	fails("fd_read", "succeeds", err, nil)
	_, err = f.WriteAt([]byte("HELLO"), 0)
	fails("fd_pwrite", "succeeds", err, nil)
	b := make([]byte, 8)
	_, err = f.ReadAt(b, 2)
	is("fd_pread", "what is there", string(b), "LLO, wor")
	fails("fd_pread", "succeeds", err, nil)
	_, err = f.ReadAt(b, 8)
	fails("fd_pread", "ends", err, io.EOF)
	fails("fd_filestat_set_size", "shorter", f.Truncate(4), nil)
	info, err := f.Stat()
	fails("fd_filestat_get", "succeeds", err, nil)
	is("fd_filestat_get", "size", info.Size(), 4)
	fails("fd_sync", "succeeds", f.Sync(), nil)
	fails("fd_close", "succeeds", f.Close(), nil)
	fails("fd_close", "twice", f.Close(), fs.ErrClosed)
	f, _ = os.OpenFile("file", os.O_WRONLY|os.O_APPEND, 0)
	fmt.Fprint(f, "+tail")
	f.Close()
	b, _ = os.ReadFile("file")
	is("fd_write", "appends", string(b), "HELL+tail")
	when := time.Unix(1e9, 123456789)
	fails("path_filestat_set_times", "succeeds", os.Chtimes("file", when, when), nil)
	info, _ = os.Stat("file")
	is("path_filestat_get", "time", info.ModTime().UnixNano(), when.UnixNano())
	data, err := os.ReadFile("data/none")
	fails("path_open", "nothing in the second folder", err, fs.ErrNotExist)
	is("fd_read", "nothing", len(data), 0)
	fails("fd_write", "to the second folder", os.WriteFile("data/x", []byte("x"), 0o644), nil)
	fails("path_rename", "from one folder to the other", os.Rename("data/x", "y"), syscall.EXDEV)
}

func folders() {
	fails("path_create_directory", "three", os.MkdirAll("d/e/f", 0o755), nil)
	fails("path_create_directory", "again", os.Mkdir("d", 0o755), fs.ErrExist)
	var want []string
	for i := range 60 {
		name := fmt.Sprintf("%03d-%s", i, bytes.Repeat([]byte("x"), i%40))
		want = append(want, name)
		os.WriteFile("d/"+name, nil, 0o644)
	}
	entries, err := os.ReadDir("d")
	fails("fd_readdir", "succeeds", err, nil)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	is("fd_readdir", "all names", slices.Equal(got, append(want, "e")), true)
	dir, _ := os.Open("d")
	some, _ := dir.ReadDir(7)
	os.Remove("d/" + want[50])
	more, err := dir.ReadDir(-1)
	fails("fd_readdir", "goes on", err, nil)
	is("fd_readdir", "entries in two steps", len(some)+len(more), 61)
	_, err = os.ReadDir("file")
	fails("fd_readdir", "file", err, syscall.ENOTDIR)
	fails("path_rename", "folder", os.Rename("d/e", "moved"), nil)
	fails("path_rename", "file into it", os.Rename("file", "moved/f/file"), nil)
	fails("path_rename", "nothing", os.Rename("none", "x"), fs.ErrNotExist)
	n := 0
	filepath.WalkDir("moved", func(string, fs.DirEntry, error) error { n++; return nil })
	is("fd_readdir", "walk", n, 3)
	fails("path_remove_directory", "not empty", os.Remove("moved"), syscall.ENOTEMPTY)
	fails("path_remove_directory", "all", os.RemoveAll("d"), nil)
	_, err = os.Stat("d")
	fails("path_filestat_get", "nothing there", err, fs.ErrNotExist)
}

func links() {
	os.WriteFile("target", []byte("text"), 0o644)
	fails("path_symlink", "succeeds", os.Symlink("target", "soft"), nil)
	fails("path_link", "succeeds", os.Link("target", "hard"), nil)
	name, err := os.Readlink("soft")
	is("path_readlink", "target", name, "target")
	fails("path_readlink", "succeeds", err, nil)
	_, err = os.Readlink("target")
	fails("path_readlink", "a file", err, syscall.EINVAL)
	b, _ := os.ReadFile("soft")
	is("path_open", "through a link", string(b), "text")
	info, _ := os.Lstat("soft")
	is("path_filestat_get", "link", info.Mode()&fs.ModeSymlink, fs.ModeSymlink)
	a, _ := os.Stat("target")
	h, _ := os.Stat("hard")
	is("path_link", "same file", os.SameFile(a, h), true)
	f, _ := os.Open("hard")
	fails("path_unlink_file", "succeeds", errors.Join(os.Remove("hard"), os.Remove("target")), nil)
	b, _ = io.ReadAll(f)
	is("path_unlink_file", "an open file stays", string(b), "text")
	_, err = os.Open("soft")
	fails("path_open", "link to nothing", err, fs.ErrNotExist)
}

func environment() {
	is("args_get", "number", len(os.Args), 1)
	is("args_get", "name", os.Args[0], "files")
	is("environ_get", "none but Go's own", os.Getenv("A"), "")
	wd, err := os.Getwd()
	is("fd_prestat_dir_name", "first folder is the working directory", wd, "/")
	fails("fd_prestat_get", "succeeds", err, nil)
}
