package page

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInsert(t *testing.T) {
	const begin, end = "<!-- make it: begin -->\n", "<!-- make it: end -->\n"
	file := filepath.Join(t.TempDir(), "doc.md")
	if err := os.WriteFile(file, []byte("before\n"+begin+"old\n"+end+"after\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Insert(file, "make it", []byte("new\n")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if want := "before\n" + begin + "new\n" + end + "after\n"; err != nil || string(got) != want {
		t.Errorf("%q (%v), want %q", got, err, want)
	}
	if err := os.WriteFile(file, []byte(end+begin), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Insert(file, "make it", nil); err == nil || !strings.Contains(err.Error(), "has no lines") {
		t.Errorf("a file without the lines: %v", err)
	}
}
