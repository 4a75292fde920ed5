// Package codecache keeps compiled machine code between processes, so that the second
// start of a module costs no compilation.
//
// Code that was changed on disk must never run, and the compiler checks little of what
// it reads. So an entry's name commits to its contents:
//
//	KEY-NAME-SUM    KEY    what was compiled, and by what: 32 hex digits
//	                NAME   the compiler's own name of it
//	                SUM    SHA-256 of the contents
//
// An entry is hashed each time it is taken, and one that is not what its name says is
// removed and compiled again. Entries appear whole, by renaming, and are never changed,
// so any number of processes can share a folder. What that does not stop is somebody
// who can write to the folder and gives a changed entry its right name: the folder is
// made for its owner alone, and one that others can write to is refused.
package codecache

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// defaultSize bounds a store of which nothing else is said, in bytes.
const defaultSize = 2 << 30

// keyLen is how much of a digest is a key: enough for no two to be equal by chance.
const keyLen = 16

// Key names what was compiled, and by what.
type Key [keyLen]byte

// NewKey returns the key of what parts describe.
func NewKey(parts ...[]byte) Key {
	h := sha256.New()
	for _, p := range parts {
		sum := sha256.Sum256(p)
		h.Write(sum[:])
	}
	return Key(h.Sum(nil)[:keyLen])
}

// Store is a folder of entries. It is safe for concurrent use, by processes too.
type Store struct {
	dir  string
	most int64
}

// Open opens a store in dir, which is made when it is not there, of at most so many
// bytes; 0 is 2 GiB.
func Open(dir string, most int64) (*Store, error) {
	if most == 0 {
		most = defaultSize
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("code cache: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("code cache: %w", err)
	}
	if !info.IsDir() || foreign(info) {
		return nil, fmt.Errorf("code cache: others can write to %s (%v), and what is in it is run: use a folder of your own", dir, info.Mode())
	}
	return &Store{dir, most}, nil
}

// entry is a file of the store.
type entry struct {
	path, key, name, sum string
	size                 int64
	used                 time.Time
}

// entries lists the store.
func (s *Store) entries() ([]entry, error) {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var list []entry
	for _, f := range files {
		parts := strings.Split(f.Name(), "-")
		if len(parts) != 3 || len(parts[0]) != 2*keyLen {
			continue
		}
		info, err := f.Info()
		if err != nil {
			continue // another process has removed it
		}
		list = append(list, entry{filepath.Join(s.dir, f.Name()), parts[0], parts[1], parts[2], info.Size(), info.ModTime()})
	}
	return list, nil
}

// Entry is compiled code in a store.
type Entry struct {
	Path string // whole, and never changed; another process may remove it
	Name string // that the compiler knows it by
}

// Get finds what is there for a key: one entry, or one for each kind of processor that
// shares the folder. Contents are checked.
func (s *Store) Get(key Key) []Entry {
	list, err := s.entries()
	if err != nil {
		return nil
	}
	var found []Entry
	for _, e := range list {
		if e.key != fmt.Sprintf("%x", key[:]) {
			continue
		}
		if sum, err := sumOf(e.path); err != nil || sum != e.sum {
			_ = os.Remove(e.path)
			continue
		}
		_ = os.Chtimes(e.path, time.Time{}, time.Now()) // the least recently used go first
		found = append(found, Entry{e.path, e.name})
	}
	return found
}

// sumOf returns the SHA-256 of a file's contents, in hex.
func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(onlyWriter{h}, f, make([]byte, 1<<20)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// onlyWriter hides what else a writer can do, so that a copy uses the buffer given.
type onlyWriter struct{ io.Writer }

// Put adds what the compiler has written to path, under the name it knows it by, and
// removes the least recently used entries when the store has become too large.
func (s *Store) Put(key Key, name, path string) error {
	if strings.ContainsAny(name, "-"+string(filepath.Separator)) {
		return fmt.Errorf("code cache: the compiler calls its code %q", name)
	}
	tmp, err := os.CreateTemp(s.dir, ".tmp.*")
	if err != nil {
		return fmt.Errorf("code cache: %w", err)
	}
	defer os.Remove(tmp.Name())
	sum, err := copySum(tmp, path)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("code cache: %w", err)
	}
	if err := os.Rename(tmp.Name(), filepath.Join(s.dir, fmt.Sprintf("%x-%s-%s", key[:], name, sum))); err != nil {
		return fmt.Errorf("code cache: %w", err)
	}
	return s.evict(key)
}

func copySum(w io.Writer, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.CopyBuffer(io.MultiWriter(w, h), f, make([]byte, 1<<20))
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// evict removes the least recently used entries but the one just added, until the rest
// fits.
func (s *Store) evict(keep Key) error {
	list, err := s.entries()
	if err != nil {
		return fmt.Errorf("code cache: %w", err)
	}
	slices.SortFunc(list, func(a, b entry) int { return b.used.Compare(a.used) })
	kept := fmt.Sprintf("%x", keep[:])
	var total int64
	for _, e := range list {
		if e.key == kept {
			total += e.size
		}
	}
	for _, e := range list {
		if e.key == kept {
			continue
		}
		if total += e.size; total <= s.most {
			continue
		}
		if err := os.Remove(e.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("code cache: %w", err)
		}
		total -= e.size
	}
	return nil
}
