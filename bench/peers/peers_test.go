package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sojourn/bench/measure"
	"sojourn/examples/guests"
)

func TestRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"-only nonesuch": `"nonesuch"`,
		"-runs 0":        "at least one run",
		"extra":          "flags only",
	} {
		err := run(t.Context(), strings.Fields(args), new(bytes.Buffer), new(bytes.Buffer))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", args, err, want)
		}
	}
}

// TestPrograms: each program has both workloads, and a source for gcc.
func TestPrograms(t *testing.T) {
	for _, p := range programs() {
		if len(p.args) == 0 || len(p.brief) != len(p.args) {
			t.Errorf("%s has the arguments %q and %q", p.name, p.args, p.brief)
		}
		if _, err := os.Stat(filepath.Join("../..", sources, p.name+".c")); err != nil {
			t.Error(err)
		}
	}
}

// TestNode runs a program that grows its memory by node's script, and one in a process that
// measures nothing; both print the same.
func TestNode(t *testing.T) {
	dir := t.TempDir()
	b := &bench{dir: dir, runs: 1}
	module, err := guests.Module("sieve")
	if err != nil {
		t.Fatal(err)
	}
	file := b.path("sieve.wasm")
	for path, text := range map[string][]byte{file: module, b.path("node.mjs"): script} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := program{name: "sieve", args: []string{"200000"}}
	took, err := measure.InTurn(t.Context(), 2, b.onNode(p, file),
		child{name: "echo", command: func() []string { return []string{"cat", b.path("out")} }}.side())
	if err != nil {
		t.Fatal(err)
	}
	if printed, err := os.ReadFile(b.path("out")); err != nil || !strings.HasPrefix(string(printed), "sieve(200000): 17984 primes") {
		t.Errorf("it prints %q, %v", printed, err)
	}
	if took[0][0].CPU <= 0 || took[0][0].Wall <= 0 {
		t.Errorf("it took %+v", took[0][0].Cost)
	}
}

func TestTold(t *testing.T) {
	wall, cpu, err := tellsAll([]byte(`{"instantiate_ms":[1],"execute_ms":[2],"cpu_ms":[2.5]}`))
	if wall != 3 || cpu != 2.5 || err != nil {
		t.Errorf("%v, %v, %v", wall, cpu, err)
	}
	if _, _, err := tellsAll([]byte(`{"instantiate_ms":[1,1]}`)); err == nil {
		t.Error("two runs are taken for one")
	}
	if _, _, err := tellsOnce([]byte("no")); err == nil {
		t.Error("what is not JSON is taken")
	}
}

func TestTables(t *testing.T) {
	all := []*result{{name: "a", native: 100, interpreter: 30, ratios: map[string]float64{}, code: map[string]float64{}, bytes: map[string]float64{}}}
	for _, s := range sides {
		all[0].ratios[s] = 2
	}
	all[0].ratios[movable] = 3
	all[0].code = map[string]float64{movable: 1.5, asyncify: 2, polled: 4}
	all[0].bytes = all[0].code
	got := string(tables(all))
	for _, row := range []string{
		"| a | 100 | 2.00 | 2.00 | 2.00 | 2.00 | 3.00 | 2.00 | 2.00 | 30 |\n",
		"| **geometric mean** | | **2.00** | **2.00** | **2.00** | **2.00** | **3.00** | **2.00** | **2.00** | **30** |\n",
		"| sojourn, at every loop and call | 1.50 | 1.50 | 1.50 |\n",
		"| Asyncify, with such a call in each function and loop | 4.00 | 4.00 | not run |\n",
	} {
		if !strings.Contains(got, row) {
			t.Errorf("no row\n%sin\n%s", row, got)
		}
	}
}
