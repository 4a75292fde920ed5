package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"sojourn/bench/measure"
	"sojourn/internal/corpus"
	"sojourn/interp"
)

// TestRun measures one short program and reads what is printed.
func TestRun(t *testing.T) {
	if !interp.HasCompiler() {
		t.Fatal("the suite needs wazero's compiler: run it on amd64 or arm64")
	}
	was := suite
	t.Cleanup(func() { suite = was })
	suite = []entry{{"control", "own/control", 1}}

	var out, errs bytes.Buffer
	if err := run(t.Context(), []string{"-runs", "1", "-json"}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	var all []result
	if err := json.Unmarshal(out.Bytes(), &all); err != nil || len(all) != 1 {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
	r := all[0]
	if r.FrozenAt == 0 || r.FrozenAt >= r.Points {
		t.Errorf("frozen at %d of %d points", r.FrozenAt, r.Points)
	}
	for name, c := range map[string]float64{"code": r.Code.Ratio, "module": r.Module.Ratio, "compile": r.Compile.Ratio} {
		if c <= 0 {
			t.Errorf("%s: the ratio is %.2f", name, c)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-only nonesuch", `"nonesuch"; there are fib`},
		{"-runs 0", "at least one run"},
		{"-at 1", "-at from 0"},
		{"-doc nonesuch.md -only vm -runs 1 extra", "flags only"},
	} {
		err := run(t.Context(), strings.Fields(c.args), new(bytes.Buffer), new(bytes.Buffer))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.args, err, c.want)
		}
	}
}

// TestSuite checks that each program that is named is one of the corpus.
func TestSuite(t *testing.T) {
	for _, e := range suite {
		if _, err := corpus.Find(e.recipe); err != nil {
			t.Error(err)
		}
	}
}

func TestTable(t *testing.T) {
	ratios := func(r float64) measure.Compare { return measure.Once(100, 100*r) }
	got := string(table([]*result{
		{Name: "a", Before: ratios(1), After: ratios(1.5), PairsB: 1.01, PairsA: 1.51, Code: ratios(2), Module: ratios(2), Compile: ratios(3)},
		{Name: "b", Before: ratios(1.21), After: ratios(1.5), PairsB: 1.2, PairsA: 1.5, Code: ratios(2), Module: ratios(0.5), Compile: ratios(3)},
	}))
	for _, row := range []string{
		"| a | 100 | 1.00 | 1.50 | 1.01, 1.51 | 2.00 | 2.00 | 3.00 |\n",
		"| **geometric mean** | | **1.10** | **1.50** | | **2.00** | **1.00** | **3.00** |\n",
		"| **worst** | | **1.21** | **1.50** | | **2.00** | **2.00** | **3.00** |\n",
	} {
		if !strings.Contains(got, row) {
			t.Errorf("no row\n%sin\n%s", row, got)
		}
	}
}

// TestFails checks that a program that fails is told, and the one after it still measured.
func TestFails(t *testing.T) {
	var progress bytes.Buffer
	all, err := (&bench{runs: 1, at: 0.1}).measureAll(t.Context(), []entry{{"lost", "nonesuch", 1}, {"control", "own/control", 1}}, &progress)
	if err == nil || !strings.HasPrefix(err.Error(), "lost: ") || len(all) != 1 || all[0].Name != "control" {
		t.Errorf("%v, %d results:\n%s", err, len(all), progress.Bytes())
	}
}
