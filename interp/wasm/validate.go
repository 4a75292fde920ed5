package wasm

import "fmt"

// Validate checks the whole module, with every body, as the specification
// has it (3.4.10) and against the limits of this package. Errors are of type
// *Error; their offsets are those of the bytes that m was decoded from, and
// -1 when it was not.
func (m *Module) Validate() error {
	s := m.spaces()
	v := &validator{m: m, spaces: s, x: &Machine{m: m, spaces: s}}
	v.counts()
	for i := range m.Types {
		v.funcType(i)
	}
	for i := range m.Imports {
		v.importEntry(i)
	}
	for i := range m.Tables {
		v.table("table", i, m.Tables[i])
	}
	for i := range m.Memories {
		v.memory("memory", i, m.Memories[i])
	}
	for i, t := range m.Tags {
		v.tag("tag", i, t)
	}
	for i := range m.Globals {
		v.constExpr("global", i, m.Globals[i].Init, m.Globals[i].Type.Type, len(s.impGlobals))
	}
	v.exports()
	v.start()
	for i := range m.Elems {
		v.elem(i)
	}
	v.dataCount()
	for i := range m.Datas {
		v.data(i)
	}
	v.bodies()
	if v.err != nil {
		return v.err
	}
	return nil
}

// validator keeps the first error.
type validator struct {
	m *Module
	*spaces
	x   *Machine
	err *Error
}

// fail records what is wrong with the i-th entry of a section.
func (v *validator) fail(section string, i int, format string, args ...any) {
	if v.err != nil {
		return
	}
	v.err = &Error{Section: section, Offset: v.m.where.of(section, i), Msg: fmt.Sprintf(format, args...)}
	if i >= 0 {
		v.err.What = fmt.Sprintf("%s[%d]", section, i)
	}
}

// of returns where the i-th entry of a section began, -1 when unknown.
func (w *positions) of(section string, i int) int {
	if w == nil {
		return -1
	}
	var at []uint32
	switch section {
	case "type":
		at = w.types
	case "import":
		at = w.imports
	case "function":
		return w.code
	case "table":
		at = w.tables
	case "memory":
		at = w.memories
	case "tag":
		at = w.tags
	case "global":
		at = w.globals
	case "export":
		at = w.exports
	case "element":
		at = w.elems
	case "data":
		at = w.datas
	case "start":
		return int(w.start)
	case "data count":
		return int(w.dataCount)
	}
	if i < 0 || i >= len(at) {
		return -1
	}
	return int(at[i])
}

// counts checks the limits on what a module imports and defines together.
func (v *validator) counts() {
	m := v.m
	for _, c := range []struct {
		section string
		kind    ExternKind
		n, max  int
	}{
		{"function", KindFunc, len(m.Funcs), MaxFuncs},
		{"table", KindTable, len(m.Tables), MaxTables},
		{"memory", KindMemory, len(m.Memories), MaxMemories},
		{"global", KindGlobal, len(m.Globals), MaxGlobals},
		{"tag", KindTag, len(m.Tags), MaxTags},
	} {
		n := m.NumImported(c.kind) + c.n
		switch {
		case n <= c.max:
		case c.n > 0:
			v.fail(c.section, c.n-1, "%d %s imported and defined, the limit is %d", n, c.kind, c.max)
		default:
			v.fail("import", m.lastImport(c.kind), "%d %s imported, the limit is %d", n, c.kind, c.max)
		}
	}
	if v.err != nil && m.NumImported(KindMemory)+len(m.Memories) > MaxMemories {
		v.err.Feature = featMultiMem
		v.err.Msg += "; " + featMultiMem + " came after WebAssembly 2.0"
	}
}

// lastImport returns the index of the last import of kind k, -1 if there is
// none.
func (m *Module) lastImport(k ExternKind) int {
	i := len(m.Imports) - 1
	for i >= 0 && m.Imports[i].Kind != k {
		i--
	}
	return i
}

func (v *validator) funcType(i int) {
	t := &v.m.Types[i]
	if len(t.Params) > MaxParams || len(t.Results) > MaxResults {
		v.fail("type", i, "%d parameters and %d results, the limits are %d and %d",
			len(t.Params), len(t.Results), MaxParams, MaxResults)
	}
}

func (v *validator) importEntry(i int) {
	im := &v.m.Imports[i]
	switch {
	case im.Module == "":
		v.fail("import", i, "%q has an empty module name, which wazero does not link", im.Name)
	case im.Kind == KindFunc && uint64(im.Func) >= uint64(len(v.m.Types)):
		v.fail("import", i, "%q.%q: %s", im.Module, im.Name, noSuch("type", uint64(im.Func)))
	case im.Kind == KindTable:
		v.table("import", i, im.Table)
	case im.Kind == KindMemory:
		v.memory("import", i, im.Memory)
	case im.Kind == KindTag:
		v.tag("import", i, im.Tag)
	case im.Kind > KindTag:
		v.fail("import", i, "%q.%q is a %s", im.Module, im.Name, im.Kind)
	}
}

func (v *validator) tag(section string, i int, typeIdx uint32) {
	if uint64(typeIdx) >= uint64(len(v.m.Types)) {
		v.fail(section, i, "%s", noSuch("type", uint64(typeIdx)))
	} else if t := &v.m.Types[typeIdx]; len(t.Results) > 0 {
		v.fail(section, i, "the type of a tag has results: %s", t)
	}
}

func (v *validator) table(section string, i int, t TableType) {
	switch {
	case !t.Elem.IsRef():
		v.fail(section, i, "table of %s", t.Elem)
	case t.HasMax && t.Min > t.Max:
		v.fail(section, i, "minimum %d over maximum %d", t.Min, t.Max)
	case t.Min > MaxTableSize:
		v.fail(section, i, "table of %d elements, the limit is %d", t.Min, MaxTableSize)
	}
}

func (v *validator) memory(section string, i int, l Limits) {
	switch {
	case l.Min > MaxMemoryPages || l.Max > MaxMemoryPages:
		v.fail(section, i, "memory of %d pages, the limit is %d", max(l.Min, l.Max), MaxMemoryPages)
	case l.HasMax && l.Min > l.Max:
		v.fail(section, i, "minimum %d over maximum %d", l.Min, l.Max)
	}
}

func (v *validator) exports() {
	seen := make(map[string]struct{}, len(v.m.Exports))
	for i := range v.m.Exports {
		ex := &v.m.Exports[i]
		if _, dup := seen[ex.Name]; dup {
			v.fail("export", i, "a second export named %q", ex.Name)
		}
		seen[ex.Name] = struct{}{}
		if !v.exists(ex.Kind, ex.Index) {
			v.fail("export", i, "%q: %s", ex.Name, noSuch(ex.Kind.String(), uint64(ex.Index)))
		}
	}
}

func (v *validator) start() {
	if v.m.Start == nil {
		return
	}
	t, ok := v.spaces.funcType(uint64(*v.m.Start))
	switch {
	case !ok:
		v.fail("start", -1, "%s", noSuch("function", uint64(*v.m.Start)))
	case len(t.Params)+len(t.Results) > 0:
		v.fail("start", -1, "function %d is of type %s, not () -> ()", *v.m.Start, t)
	}
}

func (v *validator) elem(i int) {
	e := &v.m.Elems[i]
	if !e.Type.IsRef() {
		v.fail("element", i, "segment of %s", e.Type)
	}
	if e.Mode == Active {
		t, ok := v.spaces.table(uint64(e.Table))
		if !ok {
			v.fail("element", i, "%s", noSuch("table", uint64(e.Table)))
		} else if t.Elem != e.Type {
			v.fail("element", i, "segment of %s, table %d of %s", e.Type, e.Table, t.Elem)
		}
		v.constExpr("element", i, e.Offset, I32, v.globals())
	}
	for _, init := range e.Init {
		v.constExpr("element", i, init, e.Type, v.globals())
	}
}

func (v *validator) dataCount() {
	if c := v.m.DataCount; c != nil && uint64(*c) != uint64(len(v.m.Datas)) {
		v.fail("data count", -1, "says %d segments, the data section has %d", *c, len(v.m.Datas))
	}
}

func (v *validator) data(i int) {
	s := &v.m.Datas[i]
	if s.Mode != Active {
		return
	}
	if !v.hasMemory || s.Memory != 0 {
		v.fail("data", i, "%s", noSuch("memory", uint64(s.Memory)))
	}
	v.constExpr("data", i, s.Offset, I32, len(v.impGlobals))
}

// bodies walks every function with the Machine.
func (v *validator) bodies() {
	r := NewReader(v.m, nil)
	var in Instr
	for i := range v.m.Funcs {
		if v.err != nil {
			return
		}
		if err := v.body(i, r, &in); err != nil {
			v.err = err.(*Error)
		}
	}
}

func (v *validator) body(i int, r *Reader, in *Instr) error {
	x := v.x
	if err := x.Reset(i); err != nil {
		return err
	}
	r.reset(i)
	for {
		ok, err := r.Next(in)
		if err != nil {
			r.c.err.within(x.funcDesc())
			return err
		}
		if !ok {
			break
		}
		if err := x.Step(in); err != nil {
			return err
		}
	}
	if !x.done {
		return x.errorf(len(v.m.Funcs[i].Body), "", "the body has no end")
	}
	return nil
}
