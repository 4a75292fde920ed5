package main

import (
	"bufio"
	"fmt"
	"io"
)

// shownRanges is how many ranges of memory a person is shown.
const shownRanges = 40

// print shows a difference to a person, outermost frame first.
func (d *difference) print(out io.Writer) error {
	w := bufio.NewWriter(out)
	if d.Instructions != nil {
		fmt.Fprintf(w, "instructions %+d\n", *d.Instructions)
	}
	if d.Same {
		fmt.Fprintln(w, "no difference")
		return w.Flush()
	}
	for i := range d.Frames {
		d.Frames[i].print(w)
	}
	printChanges(w, "global", d.Globals)
	for _, t := range d.Tables {
		printChanges(w, fmt.Sprintf("table %d element", t.Table), []valueChange{t.valueChange})
	}
	if len(d.Dropped.Elems)+len(d.Dropped.Datas) > 0 {
		fmt.Fprintf(w, "dropped      element segments %v, data segments %v\n", d.Dropped.Elems, d.Dropped.Datas)
	}
	d.Memory.print(w)
	for _, c := range d.Descriptors {
		c.print(w)
	}
	if d.World {
		fmt.Fprintln(w, "world        clocks, input read ahead, or other state of the host's for the program")
	}
	return w.Flush()
}

func (c *frameChange) print(w io.Writer) {
	switch {
	case c.A == nil:
		fmt.Fprintf(w, "frame %-6d + %s\n", c.Depth, c.B.place())
	case c.B == nil:
		fmt.Fprintf(w, "frame %-6d - %s\n", c.Depth, c.A.place())
	default:
		fmt.Fprintf(w, "frame %-6d %s -> %s\n", c.Depth, c.A.place(), c.B.place())
	}
	printChanges(w, "local", c.Locals)
	printChanges(w, "stack", c.Stack)
}

// place says where a frame is.
func (f *shownFrame) place() string {
	name := f.Name
	if name == "" {
		name = fmt.Sprintf("function %d", f.Func)
	}
	if f.Source != "" {
		return fmt.Sprintf("%s at 0x%x %s", name, f.PC, f.Source)
	}
	return fmt.Sprintf("%s at 0x%x", name, f.PC)
}

func printChanges(w io.Writer, what string, cs []valueChange) {
	text := func(s string) string {
		if s == "" {
			return "none"
		}
		return s
	}
	for _, c := range cs {
		name := fmt.Sprintf("%s %d", what, c.Index)
		if c.Name != "" {
			name += " " + c.Name
		}
		fmt.Fprintf(w, "    %-20s %s -> %s\n", name, text(c.A), text(c.B))
	}
}

func (m *memoryChange) print(w io.Writer) {
	if m.A != m.B {
		fmt.Fprintf(w, "memory       %d -> %d pages of 64 KiB\n", m.A, m.B)
	}
	if len(m.Ranges) == 0 {
		return
	}
	fmt.Fprintf(w, "memory       %d bytes differ\n", m.Bytes)
	for i, r := range m.Ranges {
		if i == shownRanges {
			fmt.Fprintf(w, "    and %d more ranges: --json shows all\n", len(m.Ranges)-i)
			return
		}
		note := ""
		if !r.Known {
			note = "  the module is not there to say what was at the start"
		}
		fmt.Fprintf(w, "    0x%08x to 0x%08x%s\n", r.Start, r.End, note)
	}
}

func (c *openedChange) print(w io.Writer) {
	if c.A != nil {
		fmt.Fprint(w, "descriptor - ")
		c.A.print(w)
	}
	if c.B != nil {
		fmt.Fprint(w, "descriptor + ")
		c.B.print(w)
	}
}
