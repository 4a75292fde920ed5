package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// figures is a table, each line with | between its cells; the first is the head.
type figures []string

func (f *figures) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

func (f figures) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, line := range f {
		fmt.Fprintln(t, strings.ReplaceAll(line, "|", "\t")+"\t")
	}
	return t.Flush()
}

func (f figures) markdown() []byte {
	var w bytes.Buffer
	for i, line := range f {
		fmt.Fprintln(&w, "|", strings.ReplaceAll(line, "|", " | "), "|")
		if i == 0 {
			fmt.Fprintln(&w, "|"+strings.Repeat("---|", 1+strings.Count(line, "|")))
		}
	}
	return w.Bytes()
}

// inMiB writes a size of whole mebibytes so, and any other as byteSize does.
func inMiB(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return byteSize(n)
}
