package archtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	module = "sojourn"
	wazero = "github.com/tetratelabs/wazero"
	wasmer = "github.com/wasmerio/wasmer-go"
)

// layers is the house, from the roof down: a package may import its own folder and the folders that
// its entry names, each with everything below it, and nothing else of this module. The longest
// entry that is a package's path or a parent of it is the package's own.
var layers = map[string][]string{
	"cmd":                {"orchestrator", "proxy", "engine", "interp", "compat", "snapshotfmt", "bench", "internal/corpus", "examples/guests"},
	"cmd/sojourn-wasmer": {"orchestrator", "compat", "snapshotfmt", "proxy/api", "proxy/wire", "proxy/handover"},
	"orchestrator":       {"proxy", "engine", "interp", "snapshotfmt"},
	"proxy":              {"engine", "interp", "snapshotfmt", "web"},
	"proxy/api":          {"snapshotfmt"},
	"proxy/client":       {"proxy/session/frame"},
	"proxy/handover":     {"engine", "interp", "snapshotfmt", "proxy/wire", "proxy/api"},
	"proxy/session":      {"engine/wasi"},
	"proxy/wire":         {"snapshotfmt"},
	"compat":             {"snapshotfmt"},
	"engine":             {"interp", "compat", "snapshotfmt"},
	"engine/carry":       {"snapshotfmt"},
	"engine/wasi":        {"interp"},
	"interp":             {"snapshotfmt"},
	"interp/codecache":   nil,
	"interp/gen":         {"interp/wasm"},
	"interp/linmem":      nil,
	"interp/rewrite":     {"interp/wasm"},
	"interp/wasm":        nil,
	"snapshotfmt":        nil,
	"bench":              {"engine", "compat", "interp", "snapshotfmt", "internal/corpus", "examples/guests"},
	"examples":           nil,
	"examples/guests":    nil,
	"internal/corpus":    {"examples/guests"},
	"internal/archtest":  nil,
	"internal/mutants":   nil,
	"internal/browser":   nil,
	"internal/postgres":  nil,
	"web":                nil,
	"internal/section":   nil,
}

// wazeroImporter is the one package that may import wazero, wasmerImporter that for Wasmer's binding.
const (
	wazeroImporter = "interp"
	wasmerImporter = "cmd/sojourn-wasmer"
)

// pkg is what of "go list -json" the rules look at. Test files are exempt: they import what they like.
type pkg struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
	Standard   bool
}

// list runs "go list" with args, without cgo unless env says otherwise.
func list(t *testing.T, env []string, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,CgoFiles,Standard"}, args...)...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("%s: %v\n%s", cmd, err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// within reports whether path is folder or lies below it.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// layer returns the longest key of rules that path lies within, or "".
func layer(path string, rules map[string][]string) string {
	var found string
	for folder := range rules {
		if within(path, folder) && len(folder) > len(found) {
			found = folder
		}
	}
	return found
}

// checkImport says why the package from must not import the package to, both paths within the
// module, or returns nil.
func checkImport(from, to string) error {
	own := layer(from, layers)
	if own == "" {
		return fmt.Errorf("%s is in no layer: give it an entry in layers", from)
	}
	if own == layer(to, layers) {
		return nil
	}
	// Within a layer's own folder, a parent may use the packages below it, not the reverse.
	if within(to, own) || slices.ContainsFunc(layers[own], func(f string) bool { return within(to, f) }) {
		return nil
	}
	return fmt.Errorf("%s imports %s; it may import only %v", from, to, layers[own])
}

// checkWazero says why the package from must not import wazero's package to, or returns nil.
func checkWazero(from, to string) error {
	if from == wazeroImporter {
		return nil
	}
	return fmt.Errorf("%s imports %s; only %s may", from, to, wazeroImporter)
}

func TestImports(t *testing.T) {
	for _, p := range list(t, nil, "./...") {
		from := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, imported := range p.Imports {
			var err error
			if to, ok := strings.CutPrefix(imported, module+"/"); ok {
				err = checkImport(from, to)
			} else if within(imported, wazero) {
				err = checkWazero(from, imported)
			} else if within(imported, wasmer) && from != wasmerImporter {
				err = fmt.Errorf("%s imports %s; only %s may", from, imported, wasmerImporter)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// TestRulesRefuse checks that the rules refuse what they are for.
func TestRulesRefuse(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"cmd/sojourn", "orchestrator", true},
		{"engine", "interp", true},
		{"engine", "engine/wasi", true},
		{"interp", "interp/wasm", true},
		{"interp/rewrite", "interp/wasm", true},
		{"engine/wasi", "engine", false},
		{"interp/wasm", "interp/rewrite", false},
		{"interp", "engine", false},
		{"snapshotfmt", "interp/wasm", false},
		{"proxy", "orchestrator", false},
		{"orchestrator", "cmd/sojourn", false},
		{"proxy/session", "engine", false},
		{"elsewhere", "interp", false},
	} {
		if err := checkImport(c.from, c.to); (err == nil) != c.ok {
			t.Errorf("%s importing %s: %v, want allowed %t", c.from, c.to, err, c.ok)
		}
	}
	for _, from := range []string{"proxy", "engine/wasi", "interp/rewrite"} {
		if err := checkWazero(from, wazero+"/api"); err == nil {
			t.Errorf("%s may import wazero", from)
		}
	}
	if err := checkWazero("interp", wazero+"/experimental"); err != nil {
		t.Error(err)
	}
}

// TestPureGo checks that the main binary needs no C compiler, also where cgo is enabled: only the
// standard library, which has a pure twin of all it does in C, may have cgo files.
func TestPureGo(t *testing.T) {
	all := list(t, []string{"CGO_ENABLED=1"}, "-deps", "./cmd/sojourn")
	if len(all) < 50 {
		t.Fatalf("./cmd/sojourn depends on %d packages: that cannot be all", len(all))
	}
	slices.SortFunc(all, func(a, b pkg) int { return cmp.Compare(a.ImportPath, b.ImportPath) })
	for _, p := range all {
		if !p.Standard && len(p.CgoFiles) > 0 {
			t.Errorf("the main binary depends on %s, which uses cgo in %v", p.ImportPath, p.CgoFiles)
		}
		if within(p.ImportPath, "testing") {
			t.Errorf("the main binary depends on %s", p.ImportPath)
		}
	}
}

func TestBuildsWithoutCgo(t *testing.T) {
	cmd := exec.Command("go", "build", "-o", os.DevNull, "./cmd/sojourn")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("CGO_ENABLED=0 %s: %v\n%s", cmd, err, out)
	}
}
