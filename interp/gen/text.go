package gen

import (
	"fmt"
	"strings"

	"sojourn/interp/wasm"
)

// Text returns a module as text, much as the text format has it, for people.
func Text(m *wasm.Module) string {
	var b strings.Builder
	for i, t := range m.Types {
		fmt.Fprintf(&b, "type %d %v\n", i, t)
	}
	for i, im := range m.Imports {
		fmt.Fprintf(&b, "func %d = %s.%s type %d\n", i, im.Module, im.Name, im.Func)
	}
	for i, t := range m.Tables {
		fmt.Fprintf(&b, "table %d %v %d to %d\n", i, t.Elem, t.Min, t.Max)
	}
	for i, l := range m.Memories {
		fmt.Fprintf(&b, "memory %d %d to %d\n", i, l.Min, l.Max)
	}
	for i, g := range m.Globals {
		fmt.Fprintf(&b, "global %d %v mutable=%v %s\n", i, g.Type.Type, g.Type.Mutable, exprText(m, g.Init))
	}
	for i, e := range m.Elems {
		fmt.Fprintf(&b, "elem %d %v table %d [%s] %v:", i, e.Mode, e.Table, exprText(m, e.Offset), e.Type)
		for _, x := range e.Init {
			fmt.Fprintf(&b, " (%s)", exprText(m, x))
		}
		b.WriteByte('\n')
	}
	for i, d := range m.Datas {
		fmt.Fprintf(&b, "data %d %v [%s] %d bytes\n", i, d.Mode, exprText(m, d.Offset), len(d.Init))
	}
	if m.Start != nil {
		fmt.Fprintf(&b, "start %d\n", *m.Start)
	}
	for i := range m.Funcs {
		funcText(&b, m, i)
	}
	return b.String()
}

func exprText(m *wasm.Module, e wasm.ConstExpr) string {
	return strings.Join(instrs(m, e), " ")
}

func instrs(m *wasm.Module, code []byte) (out []string) {
	r := wasm.NewReader(m, code)
	var in wasm.Instr
	for {
		if ok, err := r.Next(&in); !ok || err != nil {
			return out
		}
		out = append(out, in.String())
	}
}

func funcText(b *strings.Builder, m *wasm.Module, i int) {
	fn := &m.Funcs[i]
	fmt.Fprintf(b, "func %d type %d %v locals", len(m.Imports)+i, fn.Type, m.Types[fn.Type])
	for _, l := range fn.Locals {
		fmt.Fprintf(b, " %v", l.Type)
	}
	b.WriteByte('\n')
	depth := 1
	for _, s := range instrs(m, fn.Body) {
		word, _, _ := strings.Cut(s, " ")
		if word == "end" || word == "else" {
			depth--
		}
		fmt.Fprintf(b, "%s%s\n", strings.Repeat("  ", max(depth, 0)), s)
		switch word {
		case "block", "loop", "if", "else":
			depth++
		}
	}
}
