package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// specDirs returns the folders of the specification's tests, versions 1 and 2 and of
// the later features that this package knows, which wazero's module brings.
func specDirs(t testing.TB) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatalf("find wazero's module: %v", err)
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
	var dirs []string
	for _, name := range []string{"v1", "v2", "extended-const", "tail-call", "exception-handling"} {
		dirs = append(dirs, filepath.Join(root, name, "testdata"))
	}
	return dirs
}

// specModules calls f with each binary module that the tests' scripts name,
// and what the script does with it ("module", "assert_invalid", ...).
func specModules(t testing.TB, f func(dir, command, name, text string, b []byte)) {
	t.Helper()
	for _, dir := range specDirs(t) {
		scripts, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil || len(scripts) == 0 {
			t.Fatalf("no scripts in %s: %v", dir, err)
		}
		for _, script := range scripts {
			var s struct {
				Commands []struct {
					Type, Filename, Text string
				}
			}
			if err := json.Unmarshal(readFile(t, script), &s); err != nil {
				t.Fatalf("%s: %v", script, err)
			}
			for _, c := range s.Commands {
				if strings.HasSuffix(c.Filename, ".wasm") {
					f(dir, c.Type, filepath.Base(c.Filename), c.Text, readFile(t, filepath.Join(dir, c.Filename)))
				}
			}
		}
	}
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// parse decodes and validates.
func parse(b []byte) (*Module, error) {
	m, err := Decode(b)
	if err != nil {
		return nil, err
	}
	return m, m.Validate()
}

// unplaced returns m without what says where its parts were.
func unplaced(m *Module) *Module {
	c := *m
	c.where = nil
	c.Funcs = append([]Func(nil), m.Funcs...)
	for i := range c.Funcs {
		c.Funcs[i].Offset = 0
	}
	return &c
}

func checkRoundTrip(t testing.TB, name string, m *Module) {
	t.Helper()
	b := m.Encode()
	again, err := Decode(b)
	if err != nil {
		t.Errorf("%s: encoded again: %v", name, err)
		return
	}
	if !reflect.DeepEqual(unplaced(again), unplaced(m)) {
		t.Errorf("%s: the encoded module decodes to another", name)
	}
	if string(again.Encode()) != string(b) {
		t.Errorf("%s: encoding is not stable", name)
	}
}

// validLater are modules that the tests of a version call invalid and that a later one
// made valid: several results, several tables, and br_table in unreachable code since
// version 2; element segments at the value of a global since.
var validLater = map[string]bool{
	"v1/func.20.wasm": true, "v1/func.21.wasm": true, "v1/type.3.wasm": true, "v1/type.4.wasm": true,
	"v1/imports.49.wasm": true, "v1/unreached-invalid.87.wasm": true,
	"v2/elem.10.wasm": true, "v2/elem.11.wasm": true,
}

func TestSpecification(t *testing.T) {
	n := map[string]int{}
	specModules(t, func(dir, command, name, text string, b []byte) {
		n[command]++
		m, err := parse(b)
		switch command {
		case "assert_malformed", "assert_invalid":
			if err == nil && validLater[filepath.Base(filepath.Dir(dir))+"/"+name] {
				n["valid in a later version"]++
			} else if err == nil {
				t.Errorf("%s: accepted, must be refused: %s", name, text)
			} else if e, ok := err.(*Error); !ok || e.Section == "" || e.Offset < 0 {
				t.Errorf("%s: error lacks its place: %#v", name, err)
			}
			return
		}
		if errors.Is(err, ErrUnsupported) && strings.Contains(dir, "exception-handling") {
			n["refused by name"]++ // for types of garbage collection, in the tests of exceptions
			return
		}
		if err != nil {
			t.Errorf("%s (%s): %v", name, command, err)
			return
		}
		checkRoundTrip(t, name, m)
	})
	t.Logf("modules by what the scripts do with them: %v", n)
	if n["refused by name"] != 4 {
		t.Errorf("%d modules refused by name, 4 known", n["refused by name"])
	}
	if n["module"] < 2000 || n["assert_invalid"] < 2000 || n["assert_malformed"] < 500 {
		t.Errorf("too few modules for the specification's tests: %v", n)
	}
}

// laterConfig is wazero with the features that this package knows.
func laterConfig() wazero.RuntimeConfig {
	return wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2 |
		experimental.CoreFeaturesExtendedConst | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExceptionHandling)
}

// TestAgreesWithWazero runs every .wasm of the tests, whatever it is for.
func TestAgreesWithWazero(t *testing.T) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, laterConfig())
	defer r.Close(ctx)
	accepted, refused, lax := 0, 0, 0
	for _, dir := range specDirs(t) {
		files, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b := readFile(t, file)
			_, ours := parse(b)
			c, theirs := r.CompileModule(ctx, b)
			switch {
			case ours != nil && strings.HasSuffix(ours.Error(), "is mutable"):
				lax++ // invalid, yet wazero lets a constant depend on a mutable global
			case errors.Is(ours, ErrUnsupported) && strings.Contains(dir, "exception-handling"):
				refused++ // as in TestSpecification
			case (ours == nil) != (theirs == nil):
				t.Errorf("%s: we say %v, wazero says %v", filepath.Base(file), ours, theirs)
			case ours == nil:
				accepted++
			default:
				refused++
			}
			if c != nil {
				c.Close(ctx)
			}
		}
	}
	t.Logf("accepted by both: %d, refused by both: %d, refused by us alone: %d", accepted, refused, lax)
	if lax > 6 {
		t.Errorf("%d modules refused for a mutable global, 6 known", lax)
	}
}
