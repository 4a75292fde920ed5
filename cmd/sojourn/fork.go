package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"sojourn/snapshotfmt"
)

// ranPath is where it is noted that the snapshot in a file has run.
func ranPath(file string) string { return file + ".ran" }

// runs returns how often the snapshot in file has run: this one, and not one that was in
// the file before.
func runs(file string, m *snapshotfmt.Manifest) (uint64, error) {
	b, err := os.ReadFile(ranPath(file))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var key string
	var n uint64
	if _, err := fmt.Sscanf(string(b), "%s %d\n", &key, &n); err != nil {
		return 0, hint(fmt.Errorf("%s is malformed: %w", ranPath(file), err), "it notes how often the snapshot has run; without it, that is never")
	}
	if key != snapshotKey(m) {
		return 0, nil
	}
	return n, nil
}

// noteRun notes that the snapshot in file runs for the n-th time.
func noteRun(file string, m *snapshotfmt.Manifest, n uint64) error {
	err := writeFile(ranPath(file), func(f *os.File) error {
		_, err := fmt.Fprintf(f, "%s %d\n", snapshotKey(m), n)
		return err
	})
	if err != nil {
		return hint(fmt.Errorf("note that the snapshot runs: %w", err), "put it where there can be a file beside it")
	}
	return nil
}

// snapshotKey tells snapshots apart: by what was in memory, and when it was taken.
func snapshotKey(m *snapshotfmt.Manifest) string {
	return fmt.Sprintf("%x-%d", m.MemoryRoot, m.Created.UnixMicro())
}

// errRan refuses a snapshot that has run.
func errRan(file string, n uint64) error {
	return hint(fmt.Errorf("the program in %s has gone on from there already, %d time(s)", file, n),
		"a second one has the same secrets and identifiers as the first, and the same files; if that is wanted: restore --fork")
}
