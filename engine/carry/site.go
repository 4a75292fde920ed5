package carry

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"
)

// Site is a folder that is built from trees and chunks. Until the first Lay it is empty.
// It is for one goroutine, and nobody else changes the folder.
type Site struct {
	root   *os.Root
	folder string // what is built, below root
	park   string // beside it: files that have no name yet

	files map[uint64]*body
	laid  *Tree
	next  *Tree
	need  map[Sum][]spot // chunks of next that are not written yet
}

// body is a file as far as it is written.
type body struct {
	at    string // its name, or one of its names, below root
	sums  []Sum  // the zero value for a chunk that is not known
	size  int64
	fresh bool // written to since its mode and time were set
}

// spot is where a chunk goes.
type spot struct {
	file  uint64
	index int
}

// NewSite begins to build a folder of a name below root, which must not be there or be
// empty. The root stays the caller's. Besides the folder there is one of the name park
// while the Site is used.
func NewSite(root *os.Root, folder, park string) (*Site, error) {
	for _, name := range []string{folder, park} {
		if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	if d, err := root.Open(folder); err != nil {
		return nil, err
	} else if names, _ := d.Readdirnames(1); len(names) > 0 {
		return nil, errors.Join(fmt.Errorf("folder %q is not empty", folder), d.Close())
	} else if err := d.Close(); err != nil {
		return nil, err
	}
	empty := &Tree{Entries: []Entry{{Path: ".", Kind: Dir, Mode: 0o700}}}
	return &Site{root: root, folder: folder, park: park, files: map[uint64]*body{}, laid: empty, next: empty, need: map[Sum][]spot{}}, nil
}

// Close removes what has no name. The folder stays.
func (s *Site) Close() error { return s.root.RemoveAll(s.park) }

// Expect says that the folder is to be as in t, whose files may have max bytes. It takes
// the chunks that store has (nil has none), and returns those that are to be sent, in
// order.
func (s *Site) Expect(t *Tree, max int64, store *Store) ([]Sum, error) {
	if n := t.Bytes(); n > max {
		return nil, fmt.Errorf("%w: its files have %d bytes, at most %d are allowed", ErrTooLarge, n, max)
	}
	s.next, s.need = t, map[Sum][]spot{}
	var want []Sum
	var err error
	t.files(func(e *Entry) {
		if err == nil {
			want, err = s.expectFile(e, want)
		}
	})
	if err != nil {
		return nil, err
	}
	if store == nil {
		return want, nil
	}
	var buf [ChunkSize]byte
	missing := want[:0]
	for _, sum := range want {
		if b, ok := store.find(sum, &buf); !ok {
			missing = append(missing, sum)
		} else if err := s.write(sum, b); err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// expectFile gives a file its size, and appends the chunks that it lacks and that nothing
// else lacks.
func (s *Site) expectFile(e *Entry, want []Sum) ([]Sum, error) {
	b := s.files[e.File]
	if b == nil {
		b = &body{at: join(s.park, strconv.FormatUint(e.File, 16))}
		s.files[e.File] = b
	}
	if err := s.resize(b, e.Size); err != nil {
		return nil, err
	}
	sums := make([]Sum, e.chunks())
	copy(sums, b.sums)
	for i := range sums {
		sum := e.sum(i)
		if sums[i] == sum {
			continue
		}
		sums[i] = Sum{}
		if s.need[sum] == nil {
			want = append(want, sum)
		}
		s.need[sum] = append(s.need[sum], spot{e.File, i})
	}
	b.sums = sums
	return want, nil
}

func (s *Site) resize(b *body, size int64) error {
	if b.sums != nil && b.size == size {
		return nil
	}
	f, err := s.open(b)
	if err != nil {
		return err
	}
	b.size, b.fresh = size, true
	return errors.Join(f.Truncate(size), f.Close())
}

// open opens a file for writing.
func (s *Site) open(b *body) (*os.File, error) {
	f, err := s.root.OpenFile(b.at, os.O_WRONLY|os.O_CREATE|openNonblock, 0o600)
	if errors.Is(err, fs.ErrPermission) && s.root.Chmod(b.at, 0o600) == nil {
		f, err = s.root.OpenFile(b.at, os.O_WRONLY|openNonblock, 0)
	}
	return f, err
}

// ErrUnwanted is returned for a chunk that was not asked for, or came damaged.
var ErrUnwanted = errors.New("folder: a chunk that nobody asked for")

// Put takes one of the chunks that Expect asked for.
func (s *Site) Put(chunk []byte) error { return s.write(sha256.Sum256(chunk), chunk) }

// write writes a chunk, which has the digest sum, wherever it is needed.
func (s *Site) write(sum Sum, chunk []byte) error {
	spots := s.need[sum]
	if spots == nil {
		return ErrUnwanted
	}
	for _, at := range spots {
		b := s.files[at.file]
		f, err := s.open(b)
		if err != nil {
			return err
		}
		_, err = f.WriteAt(chunk, int64(at.index)*ChunkSize)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		b.sums[at.index], b.fresh = sum, true
	}
	delete(s.need, sum)
	return nil
}

// Whole reports whether each file is as Expect was told.
func (s *Site) Whole() bool { return len(s.need) == 0 }

// Tree returns what the folder holds since the last Lay.
func (s *Site) Tree() *Tree { return s.laid }

// Lay gives everything its name, mode and time. Files that are not Whole are there with
// what they have.
func (s *Site) Lay() error {
	now := make(map[string]*Entry, len(s.next.Entries))
	for i := range s.next.Entries {
		now[s.next.Entries[i].Path] = &s.next.Entries[i]
	}
	for _, e := range s.laid.Entries {
		if e.Kind == Dir && e.Mode&0o700 != 0o700 {
			if err := s.root.Chmod(s.path(e.Path), 0o700); err != nil {
				return err
			}
		}
	}
	kept := map[string]*Entry{}                     // as it was
	for i := len(s.laid.Entries) - 1; i >= 0; i-- { // what is below a directory first
		old := &s.laid.Entries[i]
		if e := now[old.Path]; e != nil && e.Kind == old.Kind && e.File == old.File && e.Target == old.Target {
			kept[old.Path] = old
		} else if err := s.unname(old); err != nil {
			return err
		}
	}
	for i := range s.next.Entries {
		if e := &s.next.Entries[i]; kept[e.Path] == nil {
			if err := s.name(e); err != nil {
				return err
			}
		}
	}
	if err := s.forget(); err != nil {
		return err
	}
	s.laid = s.next
	return s.finish(kept)
}

func (s *Site) path(p string) string { return join(s.folder, p) }

// unname takes a name away. A file stays, without a name if that was its last known one.
func (s *Site) unname(e *Entry) error {
	path := s.path(e.Path)
	b := s.files[e.File]
	if e.Kind != File || b.at != path {
		return s.root.Remove(path)
	}
	b.at = join(s.park, strconv.FormatUint(e.File, 16))
	return s.root.Rename(path, b.at)
}

// name makes a directory or a link, or gives a file a name.
func (s *Site) name(e *Entry) error {
	path := s.path(e.Path)
	switch e.Kind {
	case Dir:
		return s.root.Mkdir(path, 0o700)
	case Link:
		return s.root.Symlink(e.Target, path)
	}
	b := s.files[e.File]
	if b.at != join(s.park, strconv.FormatUint(e.File, 16)) {
		return s.root.Link(b.at, path)
	}
	err := s.root.Rename(b.at, path)
	b.at = path
	return err
}

// forget removes the files that have no name any more.
func (s *Site) forget() error {
	named := map[uint64]bool{}
	s.next.files(func(e *Entry) { named[e.File] = true })
	for id, b := range s.files {
		if !named[id] {
			delete(s.files, id)
			if err := s.root.Remove(b.at); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish sets modes and times, of directories last; but not of files that have them.
func (s *Site) finish(kept map[string]*Entry) error {
	for _, e := range slices.Backward(s.laid.Entries) {
		old := kept[e.Path]
		if e.Kind == Link || e.Kind == File && !s.files[e.File].fresh && old != nil && old.Mode == e.Mode && old.Time == e.Time {
			continue
		}
		path := s.path(e.Path)
		if err := s.root.Chmod(path, fs.FileMode(e.Mode)); err != nil {
			return err
		}
		if err := s.root.Chtimes(path, time.Time{}, time.Unix(0, e.Time)); err != nil {
			return err
		}
	}
	for _, b := range s.files {
		b.fresh = false
	}
	return nil
}
