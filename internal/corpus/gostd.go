package corpus

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// GoStdPackages are the packages of Go's standard library whose own tests, compiled for WASI, are
// part of the corpus.
var GoStdPackages = []string{
	"bufio", "bytes", "compress/flate", "container/heap", "container/list", "encoding/json",
	"encoding/base64", "hash/crc32", "math", "math/big", "regexp", "slices", "sort", "strconv",
	"strings", "text/template", "unicode/utf8",
}

// goStdSkip are tests that take most of their package's time and only repeat one primitive.
var goStdSkip = map[string]string{"math/big": "Escape|VV|VW|ProbablyPrime"}

// GoStdTests returns a recipe for each of GoStdPackages, called "go-test/" and the package.
func GoStdTests() []Recipe {
	var all []Recipe
	for _, pkg := range GoStdPackages {
		all = append(all, goStdTest(pkg))
	}
	return all
}

// goStdTest returns the tests of pkg, in their short form. They see GOROOT read-only.
func goStdTest(pkg string) Recipe {
	r := Recipe{Name: "go-test/" + pkg, Origin: "the standard library of " + runtime.Version()}
	r.make = func(ctx context.Context) (Program, error) {
		out, err := command{tool: "go", install: "see https://go.dev/doc/install", args: []string{"env", "GOROOT", "GOVERSION"}}.run(ctx)
		if err != nil {
			return Program{}, err
		}
		goroot, version, ok := strings.Cut(strings.TrimSpace(out), "\n")
		if !ok {
			return Program{}, fmt.Errorf("go env GOROOT GOVERSION printed %q", out)
		}
		dir, err := entry(ctx, r.Name, []string{version, pkg}, func(ctx context.Context, dir string) error {
			return goBuild(ctx, dir, "test.wasm", "test", "-c", "-vet=off", pkg)
		})
		skip := cmp.Or(goStdSkip[pkg], "^$")
		return Program{
			Module: filepath.Join(dir, "test.wasm"),
			Args:   []string{path.Base(pkg) + ".test", "-test.short", "-test.count", "1", "-test.skip", skip},
			Env:    []string{"PWD=/go/src/" + pkg, "GOROOT=/go", "TMPDIR=/tmp", "HOME=/tmp"},
			Mounts: []Mount{{Host: goroot, Guest: "/go", ReadOnly: true}, {Guest: "/tmp"}},
			size:   func(p *Program, n int) { p.Args[3] = strconv.Itoa(n) },
		}, err
	}
	return r
}
