package orchestrator

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func openFiles(t *testing.T, dir string) *Files {
	t.Helper()
	f, err := OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestFilesPutAndGet(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	f := openFiles(t, dir)
	if _, err := f.Get(ctx, "nodes/a"); !errors.Is(err, ErrNoRecord) {
		t.Errorf("get of nothing: %v", err)
	}
	if _, err := f.Put(ctx, "nodes/a", []byte(`1`), 7); !errors.Is(err, ErrConflict) {
		t.Errorf("put onto revision 7 of nothing: %v", err)
	}
	for i, v := range []string{`1`, `{"x":"y"}`, `null`} {
		rev, err := f.Put(ctx, "nodes/a", []byte(v), uint64(i))
		if err != nil || rev != uint64(i)+1 {
			t.Fatalf("put %d: revision %d, %v", i, rev, err)
		}
		rec, err := f.Get(ctx, "nodes/a")
		if err != nil || string(rec.Value) != v || rec.Revision != rev || rec.Key != "nodes/a" {
			t.Fatalf("get after put %d: %+v, %v", i, rec, err)
		}
	}
	if _, err := f.Put(ctx, "nodes/a", []byte(`2`), 0); !errors.Is(err, ErrConflict) {
		t.Errorf("create of what is there: %v", err)
	}
	if _, err := f.Put(ctx, "nodes/a", []byte(`{`), 3); err == nil {
		t.Error("put what is not JSON")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if rec, err := openFiles(t, dir).Get(ctx, "nodes/a"); err != nil || rec.Revision != 3 {
		t.Errorf("after opening again: %+v, %v", rec, err)
	}
}

func TestFilesList(t *testing.T) {
	ctx := t.Context()
	f := openFiles(t, t.TempDir())
	for _, k := range []string{"nodes/b", "nodes/a", "other/c", "nodes/A.b_c-1"} {
		if _, err := f.Put(ctx, k, []byte(`1`), 0); err != nil {
			t.Fatal(err)
		}
	}
	recs, err := f.List(ctx, "nodes/")
	var keys []string
	for _, r := range recs {
		keys = append(keys, r.Key)
	}
	if got := strings.Join(keys, " "); err != nil || got != "nodes/A.b_c-1 nodes/a nodes/b" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFilesRefuseKeys(t *testing.T) {
	f := openFiles(t, t.TempDir())
	for _, k := range []string{"", ".lock", "../x", "a b", "a%2f", `a\b`, "é", "a\x00", strings.Repeat("k", maxKey+1)} {
		if _, err := f.Put(t.Context(), k, []byte(`1`), 0); err == nil {
			t.Errorf("key %q was taken", k)
		}
		if _, err := f.Get(t.Context(), k); err == nil || errors.Is(err, ErrNoRecord) {
			t.Errorf("key %q was looked up: %v", k, err)
		}
	}
}

// Each of many writers adds one, again and again, and no addition is lost.
func TestFilesConcurrentWriters(t *testing.T) {
	const writers, each = 8, 10
	ctx, f := t.Context(), openFiles(t, t.TempDir())
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for n := 0; n < each; {
				err := addOne(t, f)
				if err != nil && !errors.Is(err, ErrConflict) {
					t.Error(err)
					return
				}
				if err == nil {
					n++
				}
			}
		})
	}
	wg.Wait()
	rec, err := f.Get(ctx, "counter")
	if want := fmt.Sprint(writers * each); err != nil || string(rec.Value) != want || rec.Revision != writers*each {
		t.Errorf("%s at revision %d (%v), want %s", rec.Value, rec.Revision, err, want)
	}
}

func addOne(t *testing.T, f *Files) error {
	rec, err := f.Get(t.Context(), "counter")
	n := 0
	if err == nil {
		err = json.Unmarshal(rec.Value, &n)
	}
	if err != nil && !errors.Is(err, ErrNoRecord) {
		return err
	}
	_, err = f.Put(t.Context(), "counter", fmt.Append(nil, n+1), rec.Revision)
	return err
}

const crashDir = "SOJOURN_TEST_CRASH_DIR" // set in the process that TestFilesCrash starts

// A process that dies between writing a record and renaming it leaves the old
// record, a free lock, and nothing behind once the registry is opened again.
func TestFilesCrash(t *testing.T) {
	if dir := os.Getenv(crashDir); dir != "" {
		f := openFiles(t, dir)
		f.beforeRename = func() { os.Exit(42) }
		_, err := f.Put(t.Context(), "nodes/a", []byte(`"new"`), 1)
		t.Fatalf("still alive: %v", err)
	}
	ctx, dir := t.Context(), t.TempDir()
	f := openFiles(t, dir)
	if _, err := f.Put(ctx, "nodes/a", []byte(`"old"`), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFilesCrash$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 42 {
		t.Fatalf("the process that should die: %v\n%s", err, out)
	}
	if tmp := temporary(t, dir); len(tmp) != 1 {
		t.Fatalf("the crash left %q, want one temporary file", tmp)
	}
	f = openFiles(t, dir)
	if tmp := temporary(t, dir); len(tmp) != 0 {
		t.Errorf("%q is still there", tmp)
	}
	rec, err := f.Get(ctx, "nodes/a")
	if err != nil || string(rec.Value) != `"old"` || rec.Revision != 1 {
		t.Errorf("%s at revision %d, %v", rec.Value, rec.Revision, err)
	}
	if _, err := f.Put(ctx, "nodes/a", []byte(`"new"`), 1); err != nil {
		t.Errorf("put after the crash: %v", err)
	}
}

func temporary(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, tempPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestFilesOpenOnce(t *testing.T) {
	dir := t.TempDir()
	f := openFiles(t, dir)
	if _, err := OpenFiles(dir); err == nil || !strings.Contains(err.Error(), "another process has it open") {
		t.Errorf("opened twice: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	openFiles(t, dir)
}

func TestFilesDamaged(t *testing.T) {
	for name, text := range map[string]string{
		"empty":         ``,
		"cut":           `{"key":"nodes/a","revi`,
		"trailing":      `{"key":"nodes/a","revision":1,"value":1}}`,
		"another's":     `{"key":"nodes/b","revision":1,"value":1}`,
		"unnumbered":    `{"key":"nodes/a","value":1}`,
		"negative":      `{"key":"nodes/a","revision":-1,"value":1}`,
		"far too long ": strings.Repeat(" ", maxRecord) + `{"key":"nodes/a","revision":1,"value":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := openFiles(t, dir)
			if err := os.WriteFile(filepath.Join(dir, "nodes%2Fa.json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, get := f.Get(t.Context(), "nodes/a")
			_, put := f.Put(t.Context(), "nodes/a", []byte(`1`), 0)
			_, list := f.List(t.Context(), "")
			for _, err := range []error{get, put, list} {
				if err == nil || !strings.Contains(err.Error(), "is damaged") {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"key":"nodes/a","revision":1,"value":{"x":[1]}}`))
	f.Add([]byte(`{"key":"nodes/a","revision":18446744073709551616}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := parseRecord("dir/nodes%2Fa.json", b)
		if err == nil && (rec.Key != "nodes/a" || rec.Revision == 0) {
			t.Errorf("%q gives %+v", b, rec)
		}
	})
}
