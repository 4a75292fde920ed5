package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"sojourn/internal/corpus"
)

// entry is a program of the suite, with a workload from some tenths of a second to some seconds
// on wazero's compiler.
type entry struct {
	name   string
	recipe string // in internal/corpus
	size   int    // how many times the recipe's workload
}

// suite is in the order of the tables.
var suite = append(own("fib", "nqueens", "fannkuch", "integers", "crc32", "sieve", "qsort", "trees", "vm",
	"gemm", "lu", "linpack", "nbody", "spectral", "mandelbrot", "simd", "pagerank", "components", "bfs"),
	entry{"cpython", "cpython", 2},
	entry{"sqlite", "sqlite", 2},
	entry{"speedtest", "speedtest", 15},
	entry{"goja", "goja", 2},
	entry{"go-jobs", "own/go-jobs", 2},
	entry{"go-orders", "own/go-orders", 15},
)

func own(names ...string) (all []entry) {
	for _, n := range names {
		all = append(all, entry{n, "long/" + n, 1})
	}
	return all
}

// choose returns the programs that only names, all when it is empty.
func choose(only string) ([]entry, error) {
	if only == "" {
		return suite, nil
	}
	var chosen []entry
	for name := range strings.SplitSeq(only, ",") {
		was := len(chosen)
		for _, e := range suite {
			if e.name == name || name == "own" && strings.HasPrefix(e.recipe, "long/") {
				chosen = append(chosen, e)
			}
		}
		if len(chosen) == was {
			return nil, fmt.Errorf("no program of the suite is called %q; there are %s", name, names())
		}
	}
	return chosen, nil
}

func names() string {
	var all []string
	for _, e := range suite {
		all = append(all, e.name)
	}
	return strings.Join(all, ", ")
}

// load returns the program and its module.
func (e entry) load(ctx context.Context) (corpus.Program, []byte, error) {
	recipe, err := corpus.Find(e.recipe)
	if err != nil {
		return corpus.Program{}, nil, err
	}
	p, err := recipe.Get(ctx)
	if err != nil {
		return corpus.Program{}, nil, err
	}
	module, err := os.ReadFile(p.Module)
	return p.Sized(e.size), module, err
}
