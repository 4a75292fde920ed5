package corpus

import (
	"bytes"
	stdbzip2 "compress/bzip2"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

var update = flag.Bool("update", false, "record what the programs print in testdata/golden")

// plain runs p on wazero with wazero's own WASI and returns its standard output. Compiled code is
// kept in the corpus's cache.
func plain(t *testing.T, p Program) []byte {
	t.Helper()
	ctx := t.Context()
	base, err := root()
	if err != nil {
		t.Fatal(err)
	}
	cache, err := wazero.NewCompilationCacheWithDir(filepath.Join(base, "wazero"))
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close(ctx)
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(cache).WithCoreFeatures(
		api.CoreFeaturesV2|experimental.CoreFeaturesExtendedConst|experimental.CoreFeaturesTailCall|experimental.CoreFeaturesExceptionHandling))
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)

	binary, err := os.ReadFile(p.Module)
	if err != nil {
		t.Fatal(err)
	}
	module, err := r.CompileModule(ctx, binary)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	start := time.Now()
	_, err = r.InstantiateModule(ctx, module, config(t, p, &stdout, &stderr))
	t.Logf("%d bytes of module, ran %v, printed %d bytes", len(binary), time.Since(start).Round(time.Millisecond), stdout.Len())
	var code uint32
	if exit, ok := errors.AsType[*sys.ExitError](err); ok {
		code, err = exit.ExitCode(), nil
	}
	if err != nil || code != p.Exit {
		t.Fatalf("%s %q ended with exit code %d, error %v; it printed:\n%s\n%s",
			p.Name, p.Args, code, err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes()
}

func config(t *testing.T, p Program, stdout, stderr io.Writer) wazero.ModuleConfig {
	t.Helper()
	mounts, err := p.MountsIn(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	folders := wazero.NewFSConfig()
	for _, m := range mounts {
		if m.ReadOnly {
			folders = folders.WithReadOnlyDirMount(m.Host, m.Guest)
		} else {
			folders = folders.WithDirMount(m.Host, m.Guest)
		}
	}
	c := wazero.NewModuleConfig().WithArgs(p.Args...).WithStdin(strings.NewReader(p.Stdin)).
		WithStdout(stdout).WithStderr(stderr).WithFSConfig(folders).
		WithSysNanosleep().WithSysNanotime().WithSysWalltime()
	for _, e := range p.Env {
		name, value, _ := strings.Cut(e, "=")
		c = c.WithEnv(name, value)
	}
	return c
}

// TestGolden runs everything on plain wazero and holds it to the recorded output. It leaves out
// what wazero's WASI cannot run, the absolute sleeps of own/sleep.
func TestGolden(t *testing.T) {
	for _, r := range All() {
		if r.Name == "own/sleep" {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			p := must(t, r)
			out := plain(t, p)
			if *update {
				if err := os.WriteFile(goldenFile(r.Name), []byte(record(out)), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if err := p.Check(out); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBzip2Inverse decompresses what the module wrote with another implementation, and compares
// what it decompressed with the reference that its authors publish.
func TestBzip2Inverse(t *testing.T) {
	p := Bzip2(t)
	got, err := io.ReadAll(stdbzip2.NewReader(bytes.NewReader(plain(t, p))))
	if err != nil || string(got) != p.Stdin {
		t.Errorf("decompressed %d bytes (%v) that differ from the %d compressed ones", len(got), err, len(p.Stdin))
	}
	p = Bunzip2(t)
	want, err := os.ReadFile(filepath.Join(filepath.Dir(p.Module), "sample1.ref"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(plain(t, p), want) {
		t.Error("the decompressed sample differs from its authors' reference")
	}
}

// TestSized checks that each foreign program's workload can be made longer and that the original
// stays as it was.
func TestSized(t *testing.T) {
	for _, r := range Foreign() {
		p := must(t, r)
		before := strings.Join(p.Args, " ") + p.Stdin
		longer := p.Sized(3)
		if after := strings.Join(longer.Args, " ") + longer.Stdin; after == before {
			t.Errorf("%s: Sized(3) changed nothing", r.Name)
		}
		if strings.Join(p.Args, " ")+p.Stdin != before {
			t.Errorf("%s: Sized changed its receiver", r.Name)
		}
		if err := longer.Check(nil); err == nil || !strings.Contains(err.Error(), "no output is recorded") {
			t.Errorf("%s: Check of a longer workload: %v", r.Name, err)
		}
	}
}

func TestOwnLong(t *testing.T) {
	if len(OwnLong()) < 8 {
		t.Errorf("%d guests have a long workload, want at least 8", len(OwnLong()))
	}
}

func TestFindUnknown(t *testing.T) {
	if _, err := Find("nonesuch"); err == nil || !strings.Contains(err.Error(), `"nonesuch"`) {
		t.Errorf("Find(nonesuch): %v, want an error that names it", err)
	}
}

func TestMissingTool(t *testing.T) {
	_, err := command{tool: "nonesuch", install: "apt-get install nonesuch"}.run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "to install it: apt-get install nonesuch") {
		t.Errorf("a missing tool gives %v, want an error that says how to install it", err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("other bytes"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := verify(file, cpythonSum); err == nil || !strings.Contains(err.Error(), "want "+cpythonSum) {
		t.Errorf("verify of other bytes: %v", err)
	}
}

func TestEntryFailure(t *testing.T) {
	t.Setenv("SOJOURN_CORPUS", t.TempDir())
	broken := errors.New("broken")
	fill := func(_ context.Context, dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "half"), nil, 0o644), broken)
	}
	if _, err := entry(t.Context(), "x", nil, fill); !errors.Is(err, broken) {
		t.Errorf("entry: %v, want %v", err, broken)
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("SOJOURN_CORPUS"), "*", "half"))
	if err != nil || left != nil {
		t.Errorf("a failed fill left %v (%v)", left, err)
	}
}
