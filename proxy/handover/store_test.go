package handover

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestStore(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenStore(filepath.Join(dir, "records"))
	if err != nil {
		t.Fatal(err)
	}
	src := Record{Migration: "ab12", Instance: "i", Role: SourceRole, Phase: Moving, Epoch: 3}
	tgt := Record{Migration: "ab12", Instance: "i", Role: TargetRole, Phase: Ready, Epoch: 3}
	for _, r := range []Record{src, tgt} {
		if err := s.Put(r); err != nil {
			t.Fatal(err)
		}
	}
	src.Phase = Committed
	if err := s.Put(src); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get("ab12", SourceRole); got != src || err != nil {
		t.Errorf("source: %+v, %v", got, err)
	}
	if got, err := s.Get("ab12", TargetRole); got != tgt || err != nil {
		t.Errorf("target: %+v, %v", got, err)
	}
	if all, err := s.All(); len(all) != 2 || err != nil {
		t.Errorf("all: %v, %v", all, err)
	}
	for _, name := range []string{"", "../ab12", "AB", "ab/12", "cd34"} {
		if _, err := s.Get(name, SourceRole); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
	bad := filepath.Join(dir, "records", "ee.target.json")
	for _, text := range []string{"", "{", `{"role":"target","phase":"committed"}`} {
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.All(); err == nil {
			t.Errorf("record %q is taken", text)
		}
	}
}

// TestIllegal holds the machines to their own rule: a transition from a step
// that does not allow it is a panic, and no way round the commit.
func TestIllegal(t *testing.T) {
	for name, f := range map[string]func(){
		"commit before ready":   func() { Source{Step: SFinal}.becomeCommitting() },
		"cancel after commit":   func() { Source{Step: SActivate}.becomeCancelling("") },
		"discard before commit": func() { Source{Step: SReady}.becomeMoved() },
		"activate unasked":      func() { Target{Step: TReady}.becomeActive() },
		"drop after active":     func() { Target{Step: TActive}.becomeDropped(Absent, "") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is legal", name)
				}
			}()
			f()
		}()
	}
}
