package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"sojourn/examples/guests"
	"sojourn/internal/corpus"
)

// entry is a program of the suite, with a workload of about a second on wazero's compiler.
type entry struct {
	name string
	kind string   // what of a machine it uses
	args []string // of one of our own guests
	size int      // of a program of the corpus: how many times its usual workload
}

// suite is in the order of the tables.
var suite = []entry{
	{name: "fib", kind: "calls", args: []string{"38"}},
	{name: "gemm", kind: "floating point", args: []string{"500"}},
	{name: "sieve", kind: "memory", args: []string{"20000000"}},
	{name: "crc32", kind: "integers", args: []string{"30000"}},
	{name: "qsort", kind: "indirect calls", args: []string{"1000000"}},
	{name: "trees", kind: "allocation", args: []string{"18"}},
	{name: "nqueens", kind: "recursion", args: []string{"14"}},
	{name: "mandelbrot", kind: "floating point", args: []string{"1200"}},
	{name: "simd", kind: "vectors", args: []string{"40000"}},
	{name: "vm", kind: "indirect calls", args: []string{"10000000"}},
	{name: "nbody", kind: "floating point", args: []string{"3000000"}},
	{name: "fannkuch", kind: "integers", args: []string{"10"}},
	{name: "spectral", kind: "floating point", args: []string{"2000"}},
	{name: "lu", kind: "floating point", args: []string{"800"}},
	{name: "linpack", kind: "floating point", args: []string{"800"}},
	{name: "pagerank", kind: "memory", args: []string{"200000"}},
	{name: "components", kind: "memory", args: []string{"500000"}},
	{name: "bfs", kind: "memory", args: []string{"200000"}},
	{name: "integers", kind: "CoreMark-like", args: []string{"10000"}},
	{name: "cpython", kind: "an interpreter in C", size: 2},
	{name: "sqlite", kind: "a database in C", size: 2},
	{name: "goja", kind: "an interpreter in Go", size: 3},
	{name: "go-jobs", kind: "goroutines, JSON, SHA-256", size: 3},
	{name: "go-orders", kind: "a JSON server in Go", size: 20},
}

// choose returns the programs that only names, all when it is empty.
func choose(only string) ([]entry, error) {
	if only == "" {
		return suite, nil
	}
	var chosen []entry
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(suite, func(e entry) bool { return e.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no program of the suite is called %q; there are %s", name, names())
		}
		chosen = append(chosen, suite[i])
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

// load returns the program and its module. Mounts that are to be fresh are not made yet.
func (e entry) load(ctx context.Context) (corpus.Program, []byte, error) {
	if e.size == 0 {
		module, err := guests.Module(e.name)
		return corpus.Program{Name: e.name, Args: append([]string{e.name}, e.args...)}, module, err
	}
	name := e.name
	if strings.HasPrefix(name, "go-") {
		name = "own/" + name
	}
	recipe, err := corpus.Find(name)
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
