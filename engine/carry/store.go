package carry

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Names below a folder that a Store takes over.
const (
	// FilesName is the folder itself.
	FilesName = "files"
	// ParkName is a Site's while it is built.
	ParkName = "park"

	treeName = "tree"
)

// Store keeps folders that are not written to any more, up to a number of bytes, and
// finds chunks in them. The oldest that nobody holds go first. It is safe for concurrent
// use; one process uses a store at a time.
type Store struct {
	dir string
	max int64

	mu    sync.Mutex
	kept  map[string]*kept
	index map[Sum]at
	bytes int64
	gone  []string // folders that are to be removed when nobody waits
}

type kept struct {
	tree  *Tree
	bytes int64
	used  time.Time
	holds int
}

// at is where a chunk is: a place in a kept folder.
type at struct {
	name string
	place
}

// OpenStore opens the store in dir, which is made when it is missing, for max bytes of
// files. What it cannot read it removes.
func OpenStore(dir string, max int64) (*Store, error) {
	s := &Store{dir: dir, max: max, kept: map[string]*kept{}, index: map[Sum]at{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store of folders: %w", err)
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("store of folders: %w", err)
	}
	for _, d := range list {
		t, err := readTree(filepath.Join(dir, d.Name(), treeName))
		if err != nil {
			RemoveAll(filepath.Join(dir, d.Name()))
			continue
		}
		k := &kept{tree: t, bytes: t.weight()}
		if info, err := d.Info(); err == nil {
			k.used = info.ModTime()
		}
		s.add(d.Name(), k)
	}
	s.mu.Lock()
	s.shrink()
	s.unlock()
	return s, nil
}

// unlock removes what has been dropped, after it has let others go on.
func (s *Store) unlock() {
	gone := s.gone
	s.gone = nil
	s.mu.Unlock()
	for _, dir := range gone {
		RemoveAll(dir)
	}
}

func readTree(path string) (*Tree, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxTree+1))
	if err != nil {
		return nil, err
	}
	return Decode(b)
}

// perName is what a name is taken to need on the disk, whatever it is of.
const perName = 4096

// weight is what a folder takes of a store's bytes.
func (t *Tree) weight() int64 { return t.Bytes() + perName*int64(len(t.Entries)) }

// add registers a folder. The caller holds mu, or nobody else has the store yet.
func (s *Store) add(name string, k *kept) {
	s.kept[name] = k
	s.bytes += k.bytes
	for i := range k.tree.Entries {
		e := &k.tree.Entries[i]
		for c := range e.chunks() {
			s.index[e.sum(c)] = at{name, place{e.Path, c, e.length(c)}}
		}
	}
}

// shrink removes folders until the rest fits. The caller holds mu.
func (s *Store) shrink() {
	for s.bytes > s.max {
		oldest := ""
		for name, k := range s.kept {
			if k.holds == 0 && (oldest == "" || k.used.Before(s.kept[oldest].used)) {
				oldest = name
			}
		}
		if oldest == "" {
			return
		}
		s.drop(oldest)
	}
}

// drop removes a folder. The caller holds mu.
func (s *Store) drop(name string) {
	k := s.kept[name]
	delete(s.kept, name)
	s.bytes -= k.bytes
	for i := range k.tree.Entries {
		e := &k.tree.Entries[i]
		for c := range e.chunks() {
			if s.index[e.sum(c)].name == name {
				delete(s.index, e.sum(c))
			}
		}
	}
	dir := filepath.Join(s.dir, name)
	_ = os.Remove(filepath.Join(dir, treeName)) // now it is not a kept folder's any more
	away := filepath.Join(s.dir, fmt.Sprintf("gone-%d-%s", time.Now().UnixNano(), name))
	if os.Rename(dir, away) == nil {
		dir = away
	}
	s.gone = append(s.gone, dir)
}

// Keep takes over the folder home, on the same file system, whose part [FilesName] holds
// what t says, as name. When the store has that name already, and on an error, home is
// removed.
func (s *Store) Keep(name, home string, t *Tree) error {
	b, err := t.Encode()
	if err != nil {
		return errors.Join(err, RemoveAll(home))
	}
	err = errors.Join(RemoveAll(filepath.Join(home, ParkName)), os.WriteFile(filepath.Join(home, treeName), b, 0o600))
	if err != nil {
		return errors.Join(err, RemoveAll(home))
	}
	s.mu.Lock()
	defer s.unlock()
	k := &kept{tree: t, bytes: t.weight(), used: time.Now()}
	if s.kept[name] != nil {
		return RemoveAll(home)
	}
	if k.bytes > s.max {
		return errors.Join(fmt.Errorf("%w: it takes %d bytes, and the store has room for %d", ErrTooLarge, k.bytes, s.max), RemoveAll(home))
	}
	if err := os.Rename(home, filepath.Join(s.dir, name)); err != nil {
		return errors.Join(err, RemoveAll(home))
	}
	s.add(name, k)
	s.shrink()
	return nil
}

// Room reports whether a folder would fit if all others went.
func (s *Store) Room(t *Tree) bool { return t.weight() <= s.max }

// Path is where a folder of a name is when it is kept.
func (s *Store) Path(name string) string { return filepath.Join(s.dir, name, FilesName) }

// Hold has a kept folder stay until it is released. It reports whether there is one.
func (s *Store) Hold(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kept[name]
	if k != nil {
		k.holds++
	}
	return k != nil
}

// Release lets go of a folder that was held.
func (s *Store) Release(name string) {
	s.mu.Lock()
	defer s.unlock()
	k := s.kept[name]
	k.holds--
	k.used = time.Now()
	_ = os.Chtimes(filepath.Join(s.dir, name), time.Time{}, k.used)
	s.shrink()
}

// Tree returns what a kept folder holds, nil when there is none of that name.
func (s *Store) Tree(name string) *Tree {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.kept[name]; k != nil {
		return k.tree
	}
	return nil
}

// find reads a chunk into buf, if one of the folders has it still.
func (s *Store) find(sum Sum, buf *[ChunkSize]byte) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	where, ok := s.index[sum]
	if !ok {
		return nil, false
	}
	root, err := os.OpenRoot(filepath.Join(s.dir, where.name, FilesName))
	if err != nil {
		return nil, false
	}
	defer root.Close()
	return readChunk(root, where.place, sum, buf)
}

// RemoveAll removes a folder with all below it, also directories that may not be written.
func RemoveAll(path string) error {
	err := os.RemoveAll(path)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	return os.RemoveAll(path)
}
