// Package page puts generated tables into a document written by hand. A table stands between two
// lines that name the command which makes it:
//
//	<!-- go run ./bench -doc: begin -->
//	<!-- go run ./bench -doc: end -->
package page

import (
	"bytes"
	"fmt"
	"os"
)

// Insert replaces what stands between the lines of command in a file.
func Insert(file, command string, text []byte) error {
	begin, end := "<!-- "+command+": begin -->\n", "<!-- "+command+": end -->\n"
	doc, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, ok := bytes.Cut(doc, []byte(begin))
	_, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		return fmt.Errorf("%s has no lines\n%s%sto put the table between", file, begin, end)
	}
	return os.WriteFile(file, bytes.Join([][]byte{head, []byte(begin), text, []byte(end), tail}, nil), 0o644)
}
