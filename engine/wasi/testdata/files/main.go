// Files does what programs do with files, and prints what came of it. It prints the
// same wherever it runs.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	fmt.Println(os.Args[1:], os.Getenv("GREETING"))
	input, err := io.ReadAll(bufio.NewReader(os.Stdin))
	show("stdin", string(input), err)
	write()
	directories()
	links()
	times()
	failures()
	began := time.Now()
	time.Sleep(20 * time.Millisecond)
	fmt.Println("slept", time.Since(began) >= 20*time.Millisecond)
	fmt.Fprintln(os.Stderr, "done")
	os.Exit(3)
}

// show prints a result; of an error only its kind, as its text names the system.
func show(what string, args ...any) {
	for i, a := range args {
		if err, ok := a.(error); ok {
			args[i] = kind(err)
		}
	}
	fmt.Println(append([]any{what}, args...)...)
}

func kind(err error) string {
	for name, e := range map[string]error{"ENOTDIR": syscall.ENOTDIR, "EISDIR": syscall.EISDIR,
		"ENOTEMPTY": syscall.ENOTEMPTY, "ELOOP": syscall.ELOOP, "EBADF": syscall.EBADF,
		"ENOENT": syscall.ENOENT, "EEXIST": syscall.EEXIST} {
		if errors.Is(err, e) {
			return name
		}
	}
	return err.Error()
}

func write() {
	f, err := os.OpenFile("file", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	show("create", err)
	n, err := f.WriteString("hello, world")
	show("write", n, err)
	at, err := f.Seek(-5, io.SeekEnd)
	rest, _ := io.ReadAll(f)
	show("seek", at, err, string(rest))
	n, err = f.WriteAt([]byte("HELLO"), 0)
	show("write at", n, err)
	buf := make([]byte, 20)
	n, err = f.ReadAt(buf, 3)
	show("read at", n, err, string(buf[:n]))
	show("truncate", f.Truncate(8), f.Sync(), f.Close(), f.Close())

	f, err = os.OpenFile("file", os.O_WRONLY|os.O_APPEND, 0)
	fmt.Fprint(f, "+tail")
	_, rerr := f.Read(buf)
	show("append", err, rerr, f.Close())
	b, err := os.ReadFile("file")
	show("file", string(b), err)
	show("replace", os.WriteFile("file", []byte("short"), 0o644))
	info, err := os.Stat("file")
	show("stat", info.Size(), info.Mode().IsRegular(), err)
}

func directories() {
	show("mkdir", os.MkdirAll("d/e/f", 0o755), os.Mkdir("d", 0o755))
	for i := range 300 {
		os.WriteFile(fmt.Sprintf("d/%03d-%s", i, strings.Repeat("x", i%50)), nil, 0o644)
	}
	entries, err := os.ReadDir("d")
	show("list", len(entries), entries[0].Name(), entries[len(entries)-1].IsDir(), err)
	show("rename", os.Rename("d/e", "moved"), os.Rename("file", "moved/f/file"), os.Rename("none", "x"))
	filepath.WalkDir("moved", func(path string, d fs.DirEntry, err error) error {
		show("walk", path, d.IsDir(), err)
		return nil
	})
	b, err := os.ReadFile("moved/./f/../f/file")
	show("dots", string(b), err)
	show("remove", os.Remove("moved"), os.RemoveAll("moved"), os.RemoveAll("d"))
	tmp, err := os.MkdirTemp(".", "tmp")
	show("temp", err, os.Remove(tmp))
}

func links() {
	os.WriteFile("target", []byte("text"), 0o644)
	show("symlink", os.Symlink("target", "soft"), os.Link("target", "hard"))
	name, err := os.Readlink("soft")
	show("readlink", name, err)
	b, err := os.ReadFile("soft")
	show("through", string(b), err)
	info, err := os.Lstat("soft")
	show("lstat", info.Mode()&fs.ModeSymlink != 0, err)
	a, _ := os.Stat("target")
	h, _ := os.Stat("hard")
	show("same", os.SameFile(a, h))
	os.Symlink("loop", "loop")
	_, err = os.Open("loop")
	show("loop", err)
	show("unlink", os.Remove("soft"), os.Remove("loop"), os.Remove("hard"), os.Remove("target"))
}

func times() {
	os.WriteFile("old", nil, 0o644)
	when := time.Unix(1e9, 123456789)
	show("chtimes", os.Chtimes("old", when, when))
	info, err := os.Stat("old")
	show("mtime", info.ModTime().UnixNano(), err, os.Remove("old"))
}

func failures() {
	_, err := os.Open("none")
	show("open none", err)
	_, err = os.Open("none/none")
	show("open below none", err)
	os.WriteFile("plain", nil, 0o644)
	_, err = os.Open("plain/x")
	show("open below file", err)
	_, err = os.OpenFile(".", os.O_RDWR, 0)
	show("open directory", err)
	_, err = os.ReadDir("plain")
	show("list file", err)
	_, err = os.OpenFile("plain", os.O_CREATE|os.O_EXCL, 0o644)
	show("create again", err, os.Remove("plain"), os.Remove("plain"))
}
