package orchestrator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

const (
	recordSuffix = ".json"
	tempPrefix   = ".tmp-"
	lockName     = ".lock"

	maxKey    = 200     // bytes
	maxRecord = 8 << 20 // bytes of a record's file, more than a report
)

// Files is a Registry in one folder: a record is a JSON file that is replaced
// whole, so a crash leaves the record before or the one after. One process at
// a time has it open.
type Files struct {
	dir  string
	lock *os.File

	mu           sync.Mutex
	beforeRename func() // for tests
}

// fileRecord is the contents of a record's file.
type fileRecord struct {
	Key      string          `json:"key"`
	Revision uint64          `json:"revision"`
	Value    json.RawMessage `json:"value"`
}

// OpenFiles opens the registry in dir, which is created when missing, and
// clears away what a crash left half written.
func OpenFiles(dir string) (*Files, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	if err := lockFile(lock); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("registry in %s: another process has it open; end it, or use another folder (%w)", dir, err)
	}
	f := &Files{dir: dir, lock: lock}
	if err := f.sweep(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (f *Files) sweep() error {
	names, err := os.ReadDir(f.dir)
	if err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	for _, e := range names {
		if !strings.HasPrefix(e.Name(), tempPrefix) {
			continue
		}
		if err := os.Remove(filepath.Join(f.dir, e.Name())); err != nil {
			return fmt.Errorf("registry: clearing away a write that was cut short: %w", err)
		}
	}
	return nil
}

// Close lets another process open the registry.
func (f *Files) Close() error { return f.lock.Close() }

// Get implements Registry.
func (f *Files) Get(_ context.Context, key string) (Record, error) {
	name, err := f.path(key)
	if err != nil {
		return Record{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return readRecord(name)
}

// Put implements Registry. The record is on disk when it returns.
func (f *Files) Put(_ context.Context, key string, value []byte, revision uint64) (uint64, error) {
	name, err := f.path(key)
	if err != nil {
		return 0, err
	}
	b, err := json.Marshal(fileRecord{Key: key, Revision: revision + 1, Value: value})
	if err != nil {
		return 0, fmt.Errorf("record %s: %w", key, err)
	}
	if len(b) > maxRecord {
		return 0, fmt.Errorf("record %s: %d bytes, at most %d", key, len(b), maxRecord)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	old, err := readRecord(name)
	if err != nil && !errors.Is(err, ErrNoRecord) {
		return 0, err
	}
	if old.Revision != revision {
		return 0, fmt.Errorf("record %s: at revision %d, not %d: %w", key, old.Revision, revision, ErrConflict)
	}
	if err := f.replace(name, b); err != nil {
		return 0, fmt.Errorf("record %s: %w", key, err)
	}
	return revision + 1, nil
}

// List implements Registry.
func (f *Files) List(_ context.Context, prefix string) ([]Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	names, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	var recs []Record
	for _, e := range names {
		key, ok := strings.CutSuffix(e.Name(), recordSuffix)
		if key, err = url.PathUnescape(key); !ok || err != nil || !strings.HasPrefix(key, prefix) {
			continue
		}
		rec, err := readRecord(filepath.Join(f.dir, e.Name()))
		if err != nil {
			return nil, err
		}
		recs = append(recs, rec)
	}
	slices.SortFunc(recs, func(a, b Record) int { return strings.Compare(a.Key, b.Key) })
	return recs, nil
}

// replace publishes b under name: a reader, and a crash, see the old contents
// or the new.
func (f *Files) replace(name string, b []byte) (err error) {
	tmp, err := os.CreateTemp(f.dir, tempPrefix+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(b)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if f.beforeRename != nil {
		f.beforeRename()
	}
	if err = os.Rename(tmp.Name(), name); err != nil {
		return err
	}
	return syncDir(f.dir)
}

func (f *Files) path(key string) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	return filepath.Join(f.dir, url.PathEscape(key)+recordSuffix), nil
}

func checkKey(key string) error {
	if key == "" || len(key) > maxKey || key[0] == '.' {
		return fmt.Errorf("registry: key %q: want 1 to %d characters, the first not a dot", key, maxKey)
	}
	for _, r := range key {
		if !keyRune(r) && r != '/' {
			return fmt.Errorf("registry: key %q: %q is not allowed in it", key, r)
		}
	}
	return nil
}

func keyRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)
}

func readRecord(name string) (Record, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, ErrNoRecord
	}
	if err != nil {
		return Record{}, fmt.Errorf("registry: %w", err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxRecord+1))
	if err != nil {
		return Record{}, fmt.Errorf("registry: %w", err)
	}
	return parseRecord(name, b)
}

func parseRecord(name string, b []byte) (Record, error) {
	var rec fileRecord
	err := json.Unmarshal(b, &rec)
	switch {
	case len(b) > maxRecord:
		err = fmt.Errorf("longer than %d bytes", maxRecord)
	case err == nil && url.PathEscape(rec.Key)+recordSuffix != filepath.Base(name):
		err = fmt.Errorf("it holds the record of %q", rec.Key)
	case err == nil && rec.Revision == 0:
		err = errors.New("it has no revision")
	}
	if err != nil {
		return Record{}, fmt.Errorf("registry: %s is damaged: %w; move it away, and its node will register anew", name, err)
	}
	return Record{Key: rec.Key, Revision: rec.Revision, Value: bytes.Clone(rec.Value)}, nil
}
