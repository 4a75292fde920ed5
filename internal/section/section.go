// Package section keeps the parts of a document that tests write: each between two marks,
// so that one can be written again without the others.
//
//	<!-- begin NAME -->
//	...
//	<!-- end NAME -->
package section

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Check compares the section of a file with what it must be. With update it writes that
// instead.
func Check(file, name string, want []byte, update bool) error {
	doc, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, old, after, err := split(doc, name)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if update {
		return os.WriteFile(file, bytes.Join([][]byte{before, want, after}, nil), 0o666)
	}
	if !bytes.Equal(old, want) {
		return fmt.Errorf("section %q of %s is not what is found; -update writes it, and its difference is to be read:\n%s",
			name, file, difference(old, want))
	}
	return nil
}

// split cuts a document before and behind the content of a section.
func split(doc []byte, name string) (before, content, after []byte, err error) {
	begin, end := []byte("<!-- begin "+name+" -->\n"), []byte("<!-- end "+name+" -->\n")
	i := bytes.Index(doc, begin)
	if i < 0 || bytes.Count(doc, begin) != 1 || bytes.Count(doc, end) != 1 {
		return nil, nil, nil, fmt.Errorf("section %q needs one mark at its begin and one at its end", name)
	}
	i += len(begin)
	n := bytes.Index(doc[i:], end)
	if n < 0 {
		return nil, nil, nil, errors.New("section " + name + " ends before it begins")
	}
	return doc[:i], doc[i : i+n], doc[i+n:], nil
}

// difference lists the lines that only one of the two has.
func difference(old, want []byte) string {
	var out strings.Builder
	missing(&out, "- ", old, want)
	missing(&out, "+ ", want, old)
	return out.String()
}

func missing(out *strings.Builder, mark string, from, in []byte) {
	had := map[string]bool{}
	for l := range strings.Lines(string(in)) {
		had[l] = true
	}
	for l := range strings.Lines(string(from)) {
		if !had[l] {
			out.WriteString(mark + l)
		}
	}
}
