package corpus

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

const (
	debianRustc  = "/usr/bin/rustc" // Debian's: another rustc has another target's library
	debianCrates = "/usr/share/cargo/registry/"
	regexCrate   = debianCrates + "regex-1.7.1/"
	syntaxCrate  = debianCrates + "regex-syntax-0.6.27/"
)

var regexDNA = Recipe{
	Name:   "regexdna",
	Origin: "Debian librust-regex-dev 1.7.1, examples/shootout-regex-dna-single.rs",
	make:   makeRegexDNA,
}

// regexSteps compile the crate regex-syntax, then regex, then the example.
var regexSteps = [][]string{
	append(crate("regex_syntax", "unicode", "default", "unicode-age", "unicode-bool", "unicode-case",
		"unicode-gencat", "unicode-perl", "unicode-script", "unicode-segment"),
		syntaxCrate+"src/lib.rs"),
	append(crate("regex", "std", "unicode", "perf-cache", "perf-dfa", "perf-inline"),
		"--extern", "regex_syntax=libregex_syntax.rlib", regexCrate+"src/lib.rs"),
	{"--extern", "regex=libregex.rlib", "-o", "regexdna.wasm",
		regexCrate + "examples/shootout-regex-dna-single.rs"},
}

func crate(name string, features ...string) []string {
	args := []string{"--crate-type", "rlib", "--crate-name", name}
	for _, f := range features {
		args = append(args, "--cfg", `feature="`+f+`"`)
	}
	return args
}

func makeRegexDNA(ctx context.Context) (Program, error) {
	key := []string{regexCrate, syntaxCrate}
	dir, err := entry(ctx, "regexdna", key, func(ctx context.Context, dir string) error {
		for _, step := range regexSteps {
			args := append([]string{
				"--edition", "2018", "--target", "wasm32-wasi", "-O",
				"-C", "linker=wasm-ld", "--cap-lints", "allow", "-L", ".",
			}, step...)
			if _, err := (command{tool: debianRustc, install: installRust, dir: dir, args: args}).run(ctx); err != nil {
				return err
			}
		}
		input, err := os.ReadFile(regexCrate + "examples/regexdna-input.txt")
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "input.txt"), input, 0o644)
	})
	if err != nil {
		return Program{}, err
	}
	input, err := os.ReadFile(filepath.Join(dir, "input.txt"))
	return Program{
		Module: filepath.Join(dir, "regexdna.wasm"),
		Args:   []string{"regexdna"},
		Stdin:  string(input),
		size:   func(p *Program, n int) { p.Stdin = strings.Repeat(string(input), n) },
	}, err
}
