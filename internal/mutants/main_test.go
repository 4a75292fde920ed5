package main

import (
	"go/parser"
	"go/token"
	"testing"
)

// Each mutant is of a line that is there, once, and leaves a file that is still Go.
func TestMutantsApply(t *testing.T) {
	names := map[string]bool{}
	for _, m := range mutants {
		if names[m.name] {
			t.Errorf("two mutants are called %s", m.name)
		}
		names[m.name] = true
		b, err := mutate("../..", m)
		if err != nil {
			t.Errorf("mutant %s: %v", m.name, err)
			continue
		}
		if _, err := parser.ParseFile(token.NewFileSet(), m.file, b, 0); err != nil {
			t.Errorf("mutant %s: %v", m.name, err)
		}
	}
}
