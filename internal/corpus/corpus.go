// Package corpus obtains the programs that Sojourn's tests and benchmarks run: programs that nobody
// here wrote, fetched from where their authors or Debian publish them and compiled for WASI, and the
// project's own guests. None of the former is in the repository; each is fetched and built at its
// first use into a cache, and says what it must print.
//
//	p := corpus.CPython(t)                 // fails t when a tool is missing, naming what installs it
//	mounts, err := p.MountsIn(t.TempDir()) // its folders, the writable ones fresh
//	... run p.Module with p.Args, p.Env, mounts and p.Stdin ...
//	err = p.Check(stdout)
//
// The cache is the folder sojourn-corpus in the user's cache folder, or what SOJOURN_CORPUS names.
// Everything fetched is pinned by version and digest. The workloads are in
// testdata/workloads and testdata/cpython.
//
// A program imports wasi_snapshot_preview1 and nothing else. wazero's own implementation of that,
// which the golden outputs were recorded on, differs from what a guest may expect in a few places
// that the workloads avoid: clocks 2 and 3 are EINVAL, absolute sleeps are refused (Python's
// time.sleep), and path_filestat_get of ".." is EPERM below a preopen.
package corpus

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Program is a module and one way to run it to its end.
type Program struct {
	Name   string
	Module string   // path of the .wasm file
	Args   []string // with the program's name first
	Env    []string // NAME=value
	Mounts []Mount  // see MountsIn
	Stdin  string
	Exit   uint32 // the exit code it must end with

	size   func(p *Program, n int) // sets the workload's length
	golden bool                    // testdata/golden has what it prints
}

// Mount is a folder of the host that a program sees. It has the fields of engine/wasi's Mount.
type Mount struct {
	Host     string // empty: a fresh and empty folder for each run
	Guest    string
	ReadOnly bool
}

// Recipe is a program that may still have to be obtained.
type Recipe struct {
	Name   string
	Origin string // where the program comes from, with its version
	make   func(context.Context) (Program, error)
}

// TB is what of testing.TB this package needs.
type TB interface {
	Helper()
	Context() context.Context
	Fatal(args ...any)
}

//go:embed testdata
var testdata embed.FS

// Get obtains the program, from the cache when it is there.
func (r Recipe) Get(ctx context.Context) (Program, error) {
	p, err := r.make(ctx)
	if err != nil {
		return Program{}, fmt.Errorf("obtain %s (%s): %w", r.Name, r.Origin, err)
	}
	p.Name = r.Name
	_, err = testdata.ReadFile(goldenFile(p.Name))
	p.golden = err == nil
	return p, nil
}

// All returns every recipe: the foreign programs, Go's standard-library tests and our own guests.
func All() []Recipe { return slices.Concat(Foreign(), GoStdTests(), Own()) }

// Foreign returns the programs that nobody here wrote, without Go's standard-library tests.
func Foreign() []Recipe {
	return []Recipe{cpython, sqlite, speedtest, goja, bzip2, bunzip2, regexDNA}
}

// Find returns the recipe called name, of All or OwnLong.
func Find(name string) (Recipe, error) {
	for _, r := range append(All(), OwnLong()...) {
		if r.Name == name {
			return r, nil
		}
	}
	return Recipe{}, fmt.Errorf("no program of the corpus is called %q", name)
}

// CPython runs a script that hashes, compresses and sorts, with classes, generators and exceptions.
func CPython(tb TB) Program { tb.Helper(); return must(tb, cpython) }

// SQLite runs a script of inserts, joins, indices and recursive queries on a database file.
func SQLite(tb TB) Program { tb.Helper(); return must(tb, sqlite) }

// Speedtest is SQLite's own benchmark.
func Speedtest(tb TB) Program { tb.Helper(); return must(tb, speedtest) }

// Goja runs a JavaScript program in an interpreter written in Go.
func Goja(tb TB) Program { tb.Helper(); return must(tb, goja) }

// Bzip2 compresses its input.
func Bzip2(tb TB) Program { tb.Helper(); return must(tb, bzip2) }

// Bunzip2 decompresses its input.
func Bunzip2(tb TB) Program { tb.Helper(); return must(tb, bunzip2) }

// RegexDNA is a Rust program that searches text with regular expressions.
func RegexDNA(tb TB) Program { tb.Helper(); return must(tb, regexDNA) }

// GoStdTest is the test program of a package of Go's standard library, one of GoStdPackages.
func GoStdTest(tb TB, pkg string) Program { tb.Helper(); return must(tb, goStdTest(pkg)) }

func must(tb TB, r Recipe) Program {
	tb.Helper()
	p, err := r.Get(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// Sized returns p with a workload about n times as long as the usual one, if it has a length. What
// it then prints is not known beforehand unless n is 1: compare two runs.
func (p Program) Sized(n int) Program {
	if p.size != nil && n != 1 {
		p.Args = slices.Clone(p.Args)
		p.size(&p, n)
		p.golden = false
	}
	return p
}

// MountsIn returns p's mounts with a folder below dir for each that wants a fresh one. A second run
// needs another dir.
func (p Program) MountsIn(dir string) ([]Mount, error) {
	mounts := slices.Clone(p.Mounts)
	for i, m := range mounts {
		if m.Host != "" {
			continue
		}
		host := filepath.Join(dir, fmt.Sprintf("mount%d", i))
		if err := os.Mkdir(host, 0o755); err != nil {
			return nil, fmt.Errorf("a fresh folder for %s of %s: %w", m.Guest, p.Name, err)
		}
		mounts[i].Host = host
	}
	return mounts, nil
}

// Check compares what p printed on its standard output with the recorded output. It is an error
// when none is recorded.
func (p Program) Check(stdout []byte) error {
	if !p.golden {
		return fmt.Errorf("%s: no output is recorded for this workload", p.Name)
	}
	want, err := testdata.ReadFile(goldenFile(p.Name))
	if err != nil {
		return err
	}
	if got := record(stdout); got != string(want) {
		return fmt.Errorf("%s printed:\n%s\nwant (%s):\n%s", p.Name, got, goldenFile(p.Name), want)
	}
	return nil
}

// record returns the form in which an output is kept: itself, or its digest when it is not short text.
func record(out []byte) string {
	if len(out) <= 16<<10 && utf8.Valid(out) {
		return string(out)
	}
	return fmt.Sprintf("%d bytes, SHA-256 %x\n", len(out), sha256.Sum256(out))
}

// goldenFile is where the output of the program called name is recorded. Names have slashes.
func goldenFile(name string) string {
	return "testdata/golden/" + strings.ReplaceAll(name, "/", "-") + ".txt"
}
