package rewrite

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sojourn/interp/wasm"
)

func all(wasm.Import) bool { return true }

// check rewrites a module whose imports may all block, and holds what comes out, the
// guarded module and the resume functions of every function, to validation.
func check(t testing.TB, module []byte) (points int) {
	t.Helper()
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	checkLinked(t, m)
	p, err := Analyze(m, Options{Blocking: all})
	if err != nil {
		if strings.Contains(err.Error(), "only functions can be imported") {
			return 0
		}
		t.Fatal(err)
	}
	g, err := p.Guard()
	if err != nil {
		t.Fatal(err)
	}
	valid(t, "guarded module", g)
	ways := map[uint32][]Entry{}
	for i := range uint32(m.NumImportedFuncs() + len(m.Funcs)) {
		if es := p.Entries(i); len(es) > 0 {
			ways[i] = es
		}
	}
	sat, err := p.Resume(ways)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, "resume functions", sat.Module)
	for fn, es := range ways { // and with one way in each
		if len(es) < 40 {
			for _, e := range es {
				one, err := p.Resume(map[uint32][]Entry{fn: {e}})
				if err != nil {
					t.Fatal(err)
				}
				valid(t, "resume function", one.Module)
			}
		}
	}
	return len(p.Points)
}

// checkLinked rewrites a module as the second of a guest whose first one exports all
// that it imports, and as the first.
func checkLinked(t testing.TB, m *wasm.Module) {
	t.Helper()
	for index := range 2 {
		link := &Link{Index: index, Name: "m", Guest: &Guest{}}
		first := wasm.Module{Types: m.Types}
		for _, im := range m.Imports {
			link.Imports = append(link.Imports, Import{Import: im, Guest: index > 0, Number: uint32(len(first.Tags))})
			if im.Kind == wasm.KindTag {
				first.Tags = append(first.Tags, im.Tag)
			}
		}
		if index > 0 {
			link.Guest.Add(&first)
		}
		link.Guest.Add(m)
		p, err := Analyze(m, Options{Blocking: all, Link: link})
		if err != nil {
			if index == 0 && len(m.Imports) > 0 {
				return
			}
			t.Fatal(err)
		}
		g, err := p.Guard()
		if err != nil {
			t.Fatal(err)
		}
		valid(t, "linked module", g)
		ways := map[uint32][]Entry{}
		for i := range uint32(m.NumImportedFuncs() + len(m.Funcs)) {
			if es := p.Entries(i); len(es) > 0 {
				ways[i] = es
			}
		}
		sat, err := p.Resume(ways)
		if err != nil {
			t.Fatal(err)
		}
		valid(t, "resume functions of a linked module", sat.Module)
	}
}

func valid(t testing.TB, what string, m *wasm.Module) {
	t.Helper()
	d, err := wasm.Decode(m.Encode())
	if err == nil {
		err = d.Validate()
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// specModules lists the modules of the specification's tests that wazero ships.
func specModules(t testing.TB) []string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatalf("find wazero's module: %v", err)
	}
	var all []string
	for _, name := range []string{"v2", "extended-const", "tail-call", "exception-handling"} {
		files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "internal/integration_test/spectest", name, "testdata/*.wasm"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no specification tests of %s in wazero's module: %v", name, err)
		}
		all = append(all, files...)
	}
	return all
}

func TestSpecificationModules(t *testing.T) {
	modules, points := 0, 0
	for _, f := range specModules(t) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m, err := wasm.Decode(b)
		if err != nil || m.Validate() != nil {
			continue // a module that the tests want refused
		}
		modules++
		t.Run(filepath.Base(f), func(t *testing.T) { points += check(t, b) })
	}
	t.Logf("%d modules, %d points", modules, points)
}

func TestGuests(t *testing.T) {
	files, _ := filepath.Glob("../../examples/guests/bin/*.wasm")
	if len(files) == 0 {
		t.Fatal("no guests in examples/guests/bin")
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(f), func(t *testing.T) {
			if check(t, b) == 0 {
				t.Error("no points")
			}
		})
	}
}

func FuzzRewrite(f *testing.F) {
	files, _ := filepath.Glob("../../examples/guests/bin/*.wasm")
	for _, name := range append(files, specModules(f)...) {
		if b, err := os.ReadFile(name); err == nil && len(b) < 4<<10 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := wasm.Decode(b); err == nil && m.Validate() == nil && len(b) < 64<<10 {
			check(t, b)
		}
	})
}
