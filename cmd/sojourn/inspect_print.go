package main

import (
	"bufio"
	"fmt"
	"io"
)

// print shows an inspection to a person, innermost frame first.
func (in *inspection) print(out io.Writer) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "module       %s (%d bytes)\n", in.Module, in.ModuleBytes)
	for i, l := range in.Libraries {
		fmt.Fprintf(w, "library %d    %s, %s (%d bytes)\n", i, l.Name, l.Module, l.Bytes)
	}
	switch {
	case in.Engine != "":
		fmt.Fprintf(w, "captured     on %s, %s\n", in.Engine, in.ISA)
	case in.Instructions != nil:
		fmt.Fprintf(w, "captured     after %d instructions\n", *in.Instructions)
	}
	fmt.Fprintf(w, "arguments    %q\n", in.Args)
	if in.Instance != "" {
		fmt.Fprintf(w, "instance     %s, epoch %d\n", in.Instance, in.Epoch)
	}
	if !in.Named {
		fmt.Fprintln(w, "names        none: the module is not there (--module app.wasm)")
	}
	if in.Vector != nil {
		fmt.Fprintf(w, "idiomatic    a vector of %d bytes; the program begins anew and asks for it\n", *in.Vector)
		return w.Flush()
	}
	fmt.Fprintf(w, "\n%d frames, innermost first\n", len(in.Frames))
	for i := range in.Frames {
		in.Frames[i].print(w, i)
	}
	if len(in.Frames) == 0 {
		fmt.Fprintln(w, "    the program has not begun")
	}
	fmt.Fprintln(w, "\nglobals")
	printValues(w, "global", in.Globals)
	for i, t := range in.Tables {
		fmt.Fprintf(w, "\ntable %d      %d entries of %s, %d null\n", i, t.Entries, t.Type, t.Null)
	}
	if len(in.Dropped.Elems)+len(in.Dropped.Datas) > 0 {
		fmt.Fprintf(w, "\ndropped      element segments %v, data segments %v\n", in.Dropped.Elems, in.Dropped.Datas)
	}
	in.Memory.print(w)
	fmt.Fprintln(w, "\ndescriptors")
	for _, d := range in.Descriptors {
		d.print(w)
	}
	return w.Flush()
}

func (f *shownFrame) print(w io.Writer, n int) {
	name := f.Name
	if name == "" {
		name = fmt.Sprintf("function %d", f.Func)
	}
	fmt.Fprintf(w, "#%d  %s at 0x%x", n, name, f.PC)
	if f.Source != "" {
		fmt.Fprintf(w, "  %s", f.Source)
	}
	fmt.Fprintln(w)
	printValues(w, "local", f.Locals)
	printValues(w, "stack", f.Stack)
}

// printValues shows those that are live.
func printValues(w io.Writer, what string, vs []shownValue) {
	for _, v := range vs {
		if v.Type == "dead" {
			continue
		}
		name := fmt.Sprintf("%s %d", what, v.Index)
		if v.Name != "" {
			name += " " + v.Name
		}
		fmt.Fprintf(w, "    %-20s %-9s %s\n", name, v.Type, v.Value)
	}
}

func (m *memoryMap) print(w io.Writer) {
	fmt.Fprintf(w, "\nmemory       %d pages of 64 KiB: %d zero, %d initial, %d touched; %d of 4 KiB in the file\n", m.Pages, m.Zero, m.Initial, m.Touched, m.Stored)
	for _, r := range m.Runs {
		fmt.Fprintf(w, "    0x%08x to 0x%08x  %s\n", uint64(r.First)<<16, uint64(r.First+r.Pages)<<16, r.Kind)
	}
}

func (d *openDescriptor) print(w io.Writer) {
	switch d.Kind {
	case "stream":
		fmt.Fprintf(w, "    %-3d %-10s %s\n", d.Number, d.Kind, d.Path)
	case "file":
		fmt.Fprintf(w, "    %-3d %-10s %s in %s at %d\n", d.Number, d.Kind, d.Path, d.Mount, d.Offset)
	default:
		fmt.Fprintf(w, "    %-3d %-10s %s in %s\n", d.Number, d.Kind, d.Path, d.Mount)
	}
}
