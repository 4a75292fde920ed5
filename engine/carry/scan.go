package carry

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Folder is a folder that is looked at again and again, perhaps while somebody writes
// to it. It is for one goroutine at a time.
type Folder struct {
	root  *os.Root
	dev   uint64
	known map[uint64]known // of the last Scan
	where map[Sum]place    // likewise
	buf   [ChunkSize]byte
}

// known is a file as it was when its digests were taken.
type known struct {
	stamp
	steady bool // a later change cannot have left the stamp as it is
	mode   uint32
	sums   []byte
}

// stamp is what changes whenever a file does, up to the clock's resolution.
type stamp struct{ size, mtime, ctime int64 }

// How old a change must be for a later one to have another time: more than the step of the
// clock that the file system takes its times from. A time with a part below a millisecond is
// from one that the system moves a hundred times a second or more often; other file systems
// have seconds, or two.
const (
	settleFine   = 50 * time.Millisecond
	settleCoarse = 2 * time.Second
)

// steady reports whether what changes after now gets another time than ctime.
func steady(ctime int64, now time.Time) bool {
	least := settleCoarse
	if ctime%int64(time.Millisecond) != 0 {
		least = settleFine
	}
	return ctime != 0 && ctime < now.Add(-least).UnixNano()
}

type place struct {
	path  string
	index int
	size  int
}

// Open opens the folder dir for looking at.
func Open(dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("folder: %w", err)
	}
	info, err := root.Lstat(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Folder{root: root, dev: identify(".", info).dev}, nil
}

// Close lets go of the folder.
func (f *Folder) Close() error { return f.root.Close() }

// Scan returns what the folder holds now. Files of more than max bytes together are
// refused. A file is read again only if it may have changed since the last Scan. When
// the folder is changed meanwhile each file is as it was at some moment, and may be
// missing.
func (f *Folder) Scan(max int64) (*Tree, error) {
	s := &scan{f: f, left: max, known: map[uint64]known{}, where: map[Sum]place{}}
	info, err := f.root.Lstat(".")
	if err == nil {
		err = s.entry(f.root, ".", ".", 0, info)
	}
	if err != nil {
		return nil, err
	}
	f.known, f.where = s.known, s.where
	return &s.tree, s.tree.check()
}

type scan struct {
	f     *Folder
	tree  Tree
	left  int64
	known map[uint64]known
	where map[Sum]place
}

// entry adds a name of a directory, which has the path in the folder, and all below it.
// What vanished is left out.
func (s *scan) entry(in *os.Root, name, path string, depth int, info fs.FileInfo) error {
	if len(s.tree.Entries) >= MaxEntries {
		return fmt.Errorf("%w: more than %d names", ErrTooLarge, MaxEntries)
	}
	if depth > maxDepth {
		return fmt.Errorf("%w: directories more than %d deep", ErrTooLarge, maxDepth)
	}
	e := Entry{Path: path, Mode: uint32(info.Mode().Perm()), Time: info.ModTime().UnixNano()}
	id := identify(path, info)
	if id.dev != s.f.dev {
		return fmt.Errorf("%q is on another file system than the folder: carry it on its own", path)
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		e.Kind = Dir
		s.tree.Entries = append(s.tree.Entries, e)
		return s.dir(in, name, path, depth)
	case mode.IsRegular():
		return s.file(in, name, e, info)
	case mode&fs.ModeSymlink != 0:
		return s.link(in, name, path)
	}
	return fmt.Errorf("%q is neither a file nor a directory (%v): such a folder cannot be carried", path, info.Mode())
}

func (s *scan) link(in *os.Root, name, path string) error {
	target, err := in.Readlink(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s.tree.Entries = append(s.tree.Entries, Entry{Path: path, Kind: Link, Target: slashed(target)})
	return nil
}

func (s *scan) dir(in *os.Root, name, path string, depth int) error {
	dir, err := in.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := names(dir, path)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		info, err := dir.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = s.entry(dir, name, join(path, name), depth+1, info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// names reads a directory, up to the limit on entries.
func names(dir *os.Root, path string) ([]string, error) {
	d, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var all []string
	for {
		some, err := d.Readdirnames(1024)
		all = append(all, some...)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if len(all) > MaxEntries {
			return nil, fmt.Errorf("%w: %q has more than %d names", ErrTooLarge, path, MaxEntries)
		}
	}
}

// file adds a file, with the digests of the last scan if it is the same still.
func (s *scan) file(in *os.Root, name string, e Entry, info fs.FileInfo) error {
	id := identify(e.Path, info)
	k, same := s.known[id.file]
	if !same {
		k, same = s.f.known[id.file]
		same = same && k.steady && k.stamp == stampOf(info, id)
	}
	if !same {
		there, now, err := s.read(in, name, e.Path)
		if now == nil || err != nil {
			return err
		}
		id, k = there, *now
	}
	if _, counted := s.known[id.file]; !counted {
		if s.left -= k.size; s.left < 0 {
			return fmt.Errorf("%w: its files have more bytes than are allowed", ErrTooLarge)
		}
		s.known[id.file] = k
	}
	e.Kind, e.Size, e.Sums, e.File = File, k.size, k.sums, id.file
	e.Mode, e.Time = k.mode, k.mtime
	for i := range e.chunks() {
		s.where[e.sum(i)] = place{e.Path, i, e.length(i)}
	}
	s.tree.Entries = append(s.tree.Entries, e)
	return nil
}

func stampOf(info fs.FileInfo, id identity) stamp {
	return stamp{info.Size(), info.ModTime().UnixNano(), id.ctime}
}

// read takes a file's digests; nil when the name is gone, or of something else.
func (s *scan) read(in *os.Root, name, path string) (identity, *known, error) {
	began := time.Now()
	file, err := in.OpenFile(name, os.O_RDONLY|openNonblock, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return identity{}, nil, nil
	}
	if err != nil {
		return identity{}, nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return identity{}, nil, err
	}
	id := identify(path, info)
	k := &known{stamp: stampOf(info, id), mode: uint32(info.Mode().Perm())}
	k.steady = steady(id.ctime, began)
	if k.size, k.sums, err = s.digest(file, info.Size()); err != nil {
		err = fmt.Errorf("%q: %w", path, err)
	}
	return id, k, err
}

// digest returns a file's size and the digests of its chunks. size is what it probably is.
func (s *scan) digest(file *os.File, probably int64) (size int64, sums []byte, err error) {
	if probably > s.left {
		return 0, nil, fmt.Errorf("%w: its files have more bytes than are allowed", ErrTooLarge)
	}
	if sums, ok := digestLarge(file, probably); ok {
		return probably, sums, nil
	}
	for {
		n, err := io.ReadFull(file, s.f.buf[:])
		if n > 0 {
			sum := sha256.Sum256(s.f.buf[:n])
			sums, size = append(sums, sum[:]...), size+int64(n)
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return size, sums, nil
		case err != nil:
			return 0, nil, err
		case size > s.left:
			return 0, nil, fmt.Errorf("%w: its files have more bytes than are allowed", ErrTooLarge)
		}
	}
}

// large is the size from which several processors take a file's digests: it may be done
// while a guest stands.
const large = 64 * ChunkSize

// digestLarge takes the digests of a large file of the given size. It is not ok for another
// one, nor when the file has become shorter, or cannot be read.
func digestLarge(file *os.File, size int64) (sums []byte, ok bool) {
	if size < large {
		return nil, false
	}
	chunks := (size + ChunkSize - 1) / ChunkSize
	sums = make([]byte, chunks*int64(len(Sum{})))
	var next atomic.Int64
	var failed atomic.Bool
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 8) {
		all.Go(func() {
			var buf [ChunkSize]byte
			for i := next.Add(1) - 1; i < chunks && !failed.Load(); i = next.Add(1) - 1 {
				b := buf[:min(size-i*ChunkSize, ChunkSize)]
				if _, err := file.ReadAt(b, i*ChunkSize); err != nil {
					failed.Store(true)
				}
				sum := sha256.Sum256(b)
				copy(sums[i*int64(len(sum)):], sum[:])
			}
		})
	}
	all.Wait()
	return sums, !failed.Load()
}

// chunk returns the bytes with a digest that the last Scan saw, unless they have changed
// since. They are valid until the next call.
func (f *Folder) chunk(sum Sum) ([]byte, bool) {
	at, ok := f.where[sum]
	if !ok {
		return nil, false
	}
	return readChunk(f.root, at, sum, &f.buf)
}

// readChunk reads a chunk if it is there still.
func readChunk(root *os.Root, at place, sum Sum, buf *[ChunkSize]byte) ([]byte, bool) {
	file, err := root.OpenFile(at.path, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, false
	}
	defer file.Close()
	n, err := file.ReadAt(buf[:at.size], int64(at.index)*ChunkSize)
	if err != nil && !errors.Is(err, io.EOF) || n != at.size {
		return nil, false
	}
	return buf[:n], sha256.Sum256(buf[:n]) == sum
}

func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}
