package main

import (
	"fmt"
	"slices"
	"strings"

	"sojourn/examples/guests"
)

// program is one of examples/guests that gcc can compile too and that reads no input.
type program struct {
	name  string
	args  []string // for some tenths of a second on wazero's compiler
	brief []string // for a fortieth or so of that: the interpreter's
}

// programs are integers, floats, calls, memory and branches in about the suite's shares.
func programs() []program {
	all := []program{
		{name: "fib", brief: []string{"30"}},
		{name: "fannkuch", brief: []string{"8"}},
		{name: "integers", brief: []string{"250"}},
		{name: "crc32", brief: []string{"750"}},
		{name: "sieve", brief: []string{"1000000"}},
		{name: "trees", brief: []string{"13"}},
		{name: "vm", brief: []string{"125000"}},
		{name: "gemm", brief: []string{"140"}},
		{name: "nbody", brief: []string{"75000"}},
		{name: "pagerank", brief: []string{"8000"}},
	}
	for _, g := range guests.All() {
		if i := slices.IndexFunc(all, func(p program) bool { return p.name == g.Name }); i >= 0 {
			all[i].args = g.Long
		}
	}
	return all
}

// choose returns the programs that only names, all when it is empty.
func choose(only string) ([]program, error) {
	all := programs()
	if only == "" {
		return all, nil
	}
	var chosen []program
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(p program) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no program here is called %q", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
