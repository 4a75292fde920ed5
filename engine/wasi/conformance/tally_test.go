package conformance

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sojourn/internal/section"
)

var update = flag.Bool("update", false, "write the section of docs/CONFORMANCE.md")

// tally counts checks: of a call, or of a program.
type tally struct {
	programs map[string]bool
	checks   int
	passed   [ways]int
}

// tallies are tallies by name.
type tallies map[string]*tally

func (ts tallies) of(name, program string) *tally {
	t := ts[name]
	if t == nil {
		t = &tally{programs: map[string]bool{}}
		ts[name] = t
	}
	t.programs[program] = true
	return t
}

func (t *tally) row(b *bytes.Buffer, cells ...string) {
	for _, c := range cells {
		fmt.Fprintf(b, "| %s ", c)
	}
	fmt.Fprintf(b, "| %d | %d | %d | %d |\n", t.checks, t.passed[onPlain], t.passed[stoppable], t.passed[frozen])
}

func (t *tally) names() string { return strings.Join(slices.Sorted(maps.Keys(t.programs)), ", ") }

// outcomes keeps what g's runs came to, and what of each check's line passed in all runs of
// each way.
type outcomes struct {
	lines []string // of the first run
	bad   [ways]map[string]bool
}

// note takes up one run: it must have the lines of the first, and end as g does.
func (s *outcomes) note(t *testing.T, g guest, w way, o outcome) {
	t.Helper()
	if o.err != nil || o.exit != g.exit {
		t.Errorf("%v: exit %d, %v; want exit %d\n%s", w, o.exit, o.err, g.exit, o.stderr)
	}
	lines := strings.Split(strings.TrimSuffix(o.stdout, "\n"), "\n")
	if s.lines == nil {
		s.lines = lines
	}
	if s.bad[w] == nil {
		s.bad[w] = map[string]bool{}
	}
	for i, l := range s.lines {
		if i < len(lines) && lines[i] == l && !strings.Contains(l, ": got ") {
			continue
		}
		s.bad[w][fmt.Sprint(i)] = true
		t.Errorf("%v: %q, and at first %q", w, append(lines, "")[min(i, len(lines))], l)
	}
	if len(lines) > len(s.lines) {
		t.Errorf("%v: %d lines more than at first: %q", w, len(lines)-len(s.lines), lines[len(s.lines)])
	}
}

// count adds the checks to those of their calls.
func (s *outcomes) count(ts tallies, program string) {
	for i, l := range s.lines {
		name, _, _ := strings.Cut(l, ":")
		c := ts.of(name, program)
		c.checks++
		for w := range ways {
			if !s.bad[w][fmt.Sprint(i)] {
				c.passed[w]++
			}
		}
	}
}

// checkSection compares a section of the document in docs with what was found, or writes
// it.
func checkSection(t *testing.T, name string, want []byte) {
	t.Helper()
	if err := section.Check(filepath.Join("..", "..", "..", "docs", "CONFORMANCE.md"), name, want, *update); err != nil {
		t.Error(err)
	}
}

const head = "| %s | checks | plain | stoppable | frozen |\n|%s--:|--:|--:|--:|\n"
