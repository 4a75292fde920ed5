package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Store keeps records in one folder, a file each. It has one user at a time.
type Store struct{ dir string }

// maxRecord is the greatest record that is read.
const maxRecord = 64 << 10

// OpenStore makes the folder if there is none.
func OpenStore(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	return &Store{dir: dir}, nil
}

// Put writes a record durably: when it returns nil the record survives the
// machine; when it returns an error it may or may not.
func (s *Store) Put(r Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	path, err := s.path(r.Migration, r.Role)
	if err != nil {
		return err
	}
	return WriteFile(path, b)
}

// Get reads a record; fs.ErrNotExist when there is none.
func (s *Store) Get(migration string, role Role) (Record, error) {
	path, err := s.path(migration, role)
	if err != nil {
		return Record{}, err
	}
	return readRecord(path)
}

// All reads every record.
func (s *Store) All() ([]Record, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var rs []Record
	for _, f := range files {
		r, err := readRecord(f)
		if err != nil {
			return nil, err
		}
		rs = append(rs, r)
	}
	return rs, nil
}

func readRecord(path string) (Record, error) {
	var r Record
	fi, err := os.Stat(path)
	if err != nil {
		return r, err
	}
	if fi.Size() > maxRecord {
		return r, fmt.Errorf("record %s: %d bytes is too long", path, fi.Size())
	}
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return r, fmt.Errorf("record %s: %w", path, err)
	}
	return r, r.check(path)
}

func (r Record) check(path string) error {
	switch r.Role {
	case SourceRole:
		switch r.Phase {
		case Moving, Ready, Cancelled, Committed, Moved, Reclaimed:
			return nil
		}
	case TargetRole:
		switch r.Phase {
		case Ready, Active, Dropped, Lost:
			return nil
		}
	}
	return fmt.Errorf("record %s: role %q cannot be in phase %q", path, r.Role, r.Phase)
}

var errName = errors.New("not the name of a migration")

// path refuses names that are not one plain element.
func (s *Store) path(migration string, role Role) (string, error) {
	if migration == "" || len(migration) > 64 || strings.Trim(migration, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%w: %q: %w", errName, migration, fs.ErrNotExist)
	}
	return filepath.Join(s.dir, migration+"."+string(role)+".json"), nil
}

// WriteFile publishes a file whole or not at all, durably: a temporary name,
// fsync, rename, fsync of the folder.
func WriteFile(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
