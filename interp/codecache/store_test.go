package codecache

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T, most int64) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "store"), most)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// put adds an entry as a compiler would have written it.
func put(t *testing.T, s *Store, key, contents string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(path, []byte(contents), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(NewKey([]byte(key)), "name", path); err != nil {
		t.Fatal(err)
	}
}

// has returns an entry's contents, "" when it is not there.
func has(t *testing.T, s *Store, key string) string {
	t.Helper()
	list := s.Get(NewKey([]byte(key)))
	if len(list) == 0 {
		return ""
	}
	b, err := os.ReadFile(list[0].Path)
	if err != nil || list[0].Name != "name" {
		t.Fatalf("entry %s is called %q: %v", key, list[0].Name, err)
	}
	return string(b)
}

func TestPutGet(t *testing.T) {
	s := open(t, 0)
	put(t, s, "a", "code of a")
	put(t, s, "a", "code of a") // by another process, say
	put(t, s, "b", "code of b")
	if has(t, s, "a") != "code of a" || has(t, s, "b") != "code of b" || has(t, s, "c") != "" {
		t.Errorf("entries are %q, %q, %q", has(t, s, "a"), has(t, s, "b"), has(t, s, "c"))
	}
	other, err := Open(s.dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if has(t, other, "a") != "code of a" {
		t.Error("another process does not see the entry")
	}
}

// Every byte of an entry counts, and so does its length.
func TestCorrupted(t *testing.T) {
	const contents = "code of a"
	damage := map[string]func([]byte) []byte{
		"shorter": func(b []byte) []byte { return b[:len(b)-1] },
		"longer":  func(b []byte) []byte { return append(b, 0) },
		"empty":   func([]byte) []byte { return nil },
	}
	for i := range contents {
		damage["byte "+string(rune('0'+i))] = func(b []byte) []byte { b[i] ^= 1; return b }
	}
	for name, change := range damage {
		t.Run(name, func(t *testing.T) {
			s := open(t, 0)
			put(t, s, "a", contents)
			path := s.Get(NewKey([]byte("a")))[0].Path
			if err := os.WriteFile(path, change([]byte(contents)), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := has(t, s, "a"); got != "" {
				t.Errorf("an entry that was changed is still there: %q", got)
			}
			if _, err := os.Stat(path); err == nil {
				t.Error("the damaged file was not removed")
			}
			put(t, s, "a", contents)
			if has(t, s, "a") != contents {
				t.Error("it could not be made again")
			}
		})
	}
}

func TestLeastRecentlyUsedGoes(t *testing.T) {
	s := open(t, 25)
	for i, key := range []string{"a", "b"} {
		put(t, s, key, "ten bytes!")
		path := s.Get(NewKey([]byte(key)))[0].Path
		if err := os.Chtimes(path, time.Time{}, time.Unix(int64(1000+i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	has(t, s, "a") // used after b
	put(t, s, "c", "ten bytes!")
	if has(t, s, "a") == "" || has(t, s, "b") != "" || has(t, s, "c") == "" {
		t.Errorf("a %q, b %q, c %q: b was used least recently", has(t, s, "a"), has(t, s, "b"), has(t, s, "c"))
	}
	put(t, s, "d", strings.Repeat("x", 100))
	if has(t, s, "d") == "" || has(t, s, "a") != "" || has(t, s, "c") != "" {
		t.Error("an entry larger than the store stays alone, until the next")
	}
}

func TestFolderOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // there are no such modes
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, 0); err == nil || !strings.Contains(err.Error(), "others can write") {
		t.Errorf("a folder that others can write to: %v", err)
	}
	s := open(t, 0)
	if info, err := os.Stat(s.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("a new folder has mode %v, %v", info.Mode(), err)
	}
}

// What does not look like an entry is left alone.
func TestStrangers(t *testing.T) {
	s := open(t, 1)
	note := filepath.Join(s.dir, "README")
	if err := os.WriteFile(note, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, s, "a", "code of a")
	put(t, s, "b", "code of b")
	if _, err := os.Stat(note); err != nil {
		t.Error(err)
	}
}
