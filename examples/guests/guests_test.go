package guests

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

var update = flag.Bool("update", false, "write what the guests print to testdata instead of comparing it")

// run executes a guest on plain wazero and returns what it printed and its exit code.
func run(t *testing.T, g Guest, args []string) (string, uint32, error) {
	t.Helper()
	module, err := Module(g.Name)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(
		api.CoreFeaturesV2|experimental.CoreFeaturesExtendedConst|experimental.CoreFeaturesTailCall|experimental.CoreFeaturesExceptionHandling))
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)

	var out bytes.Buffer
	config := wazero.NewModuleConfig().WithArgs(append([]string{g.Name}, args...)...).
		WithStdin(strings.NewReader(g.Stdin)).WithStdout(&out).WithStderr(&out).
		WithSysNanosleep().WithSysNanotime().WithSysWalltime()
	if g.Dir {
		config = config.WithFSConfig(wazero.NewFSConfig().WithDirMount(t.TempDir(), "/"))
	}
	_, err = r.InstantiateWithConfig(ctx, module, config)
	if exit, ok := errors.AsType[*sys.ExitError](err); ok {
		return out.String(), exit.ExitCode(), nil
	}
	return out.String(), 0, err
}

// plain returns the guests that plain wazero can run: its WASI refuses the absolute sleeps of
// "sleep", whose expected output was written by hand.
func plain() []Guest {
	return slices.DeleteFunc(All(), func(g Guest) bool { return g.Name == "sleep" })
}

func TestOutput(t *testing.T) {
	for _, g := range plain() {
		t.Run(g.Name, func(t *testing.T) {
			got, exit, err := run(t, g, g.Short)
			if err != nil {
				t.Fatalf("%s %q on plain wazero: %v, after printing:\n%s", g.Name, g.Short, err, got)
			}
			if exit != g.Exit {
				t.Errorf("exit code %d, want %d", exit, g.Exit)
			}
			golden(t, g.Name, got)
		})
	}
}

// golden compares got with testdata/name.txt, or writes it there under -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s printed:\n%s\nwant (%s):\n%s", name, got, file, want)
	}
}

func TestTrap(t *testing.T) {
	out, _, err := run(t, Guest{Name: Trap}, nil)
	if err == nil || !strings.Contains(err.Error(), "divide by zero") {
		t.Errorf("trap ended with %v, want a division by zero", err)
	}
	if want := "0000000000000001\n"; out != want {
		t.Errorf("trap printed %q, want %q", out, want)
	}
}

func TestModuleUnknown(t *testing.T) {
	if _, err := Module("nonesuch"); err == nil || !strings.Contains(err.Error(), `"nonesuch"`) {
		t.Errorf("Module(nonesuch): %v, want an error that names it", err)
	}
}

// TestLedger compares the model with the server itself.
func TestLedger(t *testing.T) {
	g := Guest{Name: "echo-kv", Stdin: kvScript(300) + "301 set a\n302 set a \n303 get a\n304\n"}
	out, _, err := run(t, g, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLedger()
	answers := strings.Split(out, "\n")
	for i, request := range strings.Split(strings.TrimSuffix(g.Stdin, "\n"), "\n") {
		if want := l.Answer(request); answers[i] != want {
			t.Fatalf("request %q: answer %q, want %q", request, answers[i], want)
		}
	}
}

// TestIdiomaticModules: each idiomatic guest is there, and its twin.
func TestIdiomaticModules(t *testing.T) {
	for _, g := range Idiomatic() {
		for _, name := range []string{g.Name, g.Name + "-twin"} {
			b, err := Module("idiomatic/" + name)
			if err != nil || bytes.Contains(b, []byte("\x09migration")) == strings.HasSuffix(name, "-twin") {
				t.Errorf("%s: %v, or the wrong imports", name, err)
			}
		}
	}
}
