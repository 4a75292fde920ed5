package rewrite

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Passes come after those whose findings they read, and the package comment lists them in
// their order, with files that there are.
func TestPasses(t *testing.T) {
	var names []string
	for _, ps := range passes {
		for _, u := range ps.uses {
			if !slices.Contains(names, u) {
				t.Errorf("%s reads what %s finds, which does not come before it", ps.name, u)
			}
		}
		names = append(names, ps.name)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^//\t([a-z ]*?) {2,}([a-z]+\.go) `).FindAllStringSubmatch(string(doc), -1)
	var listed []string
	for _, r := range rows {
		if r[1] != "" {
			listed = append(listed, r[1])
		}
	}
	if len(listed) < len(names) || !slices.Equal(listed[:len(names)], names) {
		t.Errorf("the package comment lists %v; the passes are %v", listed, names)
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := f.Name()
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && name != "doc.go" && !strings.Contains(string(doc), name) {
			t.Errorf("the package comment does not say what %s is for", name)
		}
	}
	for _, name := range regexp.MustCompile(`[a-z]+\.go`).FindAllString(string(doc), -1) {
		if !slices.ContainsFunc(files, func(f os.DirEntry) bool { return f.Name() == name }) {
			t.Errorf("the package comment names %s, which is not there", name)
		}
	}
}
