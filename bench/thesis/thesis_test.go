package thesis

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestRun measures a little, and checks what does not depend on the machine.
func TestRun(t *testing.T) {
	r, err := Run(t.Context(), Config{Runs: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Sizes {
		if s.Idiomatic <= s.Twin || s.Stoppable <= s.Twin {
			t.Errorf("%+v: both are larger than the program", s)
		}
	}
	for _, a := range r.Again {
		if a.RepeatedByFreeze != 0 {
			t.Errorf("%s, moved between two instructions, repeats %d of them", a.Guest, a.RepeatedByFreeze)
		}
		if a.RepeatedByMoves == 0 {
			t.Errorf("%s, moved by its last checkpoint, repeats nothing: it was not moved", a.Guest)
		}
	}
	page, plots := r.Page("test")
	for path, svg := range plots {
		if !strings.Contains(page, "("+path+")") {
			t.Errorf("%s is not in the page", path)
		}
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%s has points that are no numbers", path)
		}
	}
}
