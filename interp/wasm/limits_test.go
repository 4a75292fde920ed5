package wasm

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// module returns a module's header and the given sections.
func module(sections ...[]byte) []byte {
	b := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range sections {
		b = append(b, s...)
	}
	return b
}

func section(id byte, contents ...byte) []byte {
	return appendSection(nil, id, func(b []byte) []byte { return append(b, contents...) })
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// huge is 2^32-1 as a LEB128.
var huge = []byte{0xff, 0xff, 0xff, 0xff, 0x0f}

func TestHugeCounts(t *testing.T) {
	ty := section(secType, 1, 0x60, 0, 0)
	fn := section(secFunc, 1, 0)
	with := func(prefix ...byte) []byte { return append(prefix, huge...) }
	for _, c := range []struct {
		name string
		b    []byte
		want string // in the error: the section
	}{
		{"custom section's name", module(section(secCustom, huge...)), "custom"},
		{"types", module(section(secType, huge...)), "type"},
		{"parameters", module(section(secType, with(1, 0x60)...)), "type[0]"},
		{"results", module(section(secType, with(1, 0x60, 0)...)), "type[0]"},
		{"imports", module(section(secImport, huge...)), "import"},
		{"import's module", module(section(secImport, with(1)...)), "import"},
		{"import's name", module(section(secImport, with(1, 0)...)), "import"},
		{"functions", module(section(secFunc, huge...)), "function"},
		{"tables", module(section(secTable, huge...)), "table"},
		{"memories", module(section(secMemory, huge...)), "memory"},
		{"globals", module(section(secGlobal, huge...)), "global"},
		{"exports", module(section(secExport, huge...)), "export"},
		{"export's name", module(section(secExport, with(1)...)), "export[0]"},
		{"start function", module(section(secStart, huge...)), "start"},
		{"element segments", module(section(secElem, huge...)), "element"},
		{"elements by index", module(section(secElem, with(1, 1, 0)...)), "element segment[0]"},
		{"elements by expression", module(section(secElem, with(1, 5, 0x70)...)), "element segment[0]"},
		{"data count", module(section(secDataCount, huge...)), "data count"},
		{"bodies", module(ty, fn, section(secCode, huge...)), "code"},
		{"body size", module(ty, fn, section(secCode, with(1)...)), "func[0]"},
		{"local declarations", module(ty, fn, section(secCode, with(1, 6)...)), "func[0]"},
		{"locals", module(ty, fn, section(secCode, append(with(1, 8, 1), 0x7f, 0x0b)...)), "func[0]"},
		{"br_table", module(ty, fn, section(secCode, append(with(1, 8, 0, 0x0e), 0x0b)...)), "br_table"},
		{"select types", module(ty, fn, section(secCode, append(with(1, 8, 0, 0x1c), 0x0b)...)), "select"},
		{"data segments", module(section(secData, huge...)), "data"},
		{"data bytes", module(section(secData, with(1, 1)...)), "data segment[0]"},
		{"section size", append(module(), append([]byte{secType}, huge...)...), "type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			n := allocated(func() { _, err = parse(c.b) })
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if !strings.Contains(err.Error(), c.want) || e.Offset < 8 || e.Offset > len(c.b) {
				t.Errorf("error %q, offset %d of %d, want %q in it", err, e.Offset, len(c.b), c.want)
			}
			if n > 1<<20 {
				t.Errorf("allocated %d bytes for a module of %d", n, len(c.b))
			}
		})
	}
}

// TestHugeNames: a name section is kept verbatim when its counts are lies.
func TestHugeNames(t *testing.T) {
	for _, sub := range [][]byte{
		append([]byte{namesModule, 5}, huge...),
		append([]byte{namesFuncs, 5}, huge...),
		append([]byte{namesLocals, 5}, huge...),
		append([]byte{namesLocals, 7, 1, 0}, huge...),
		append([]byte{9}, huge...),
		{namesFuncs, 1, 0, namesFuncs, 1, 0},             // twice
		{namesFuncs, 7, 2, 0, 1, 'a', 0, 1, 'b'},         // two names for function 0
		{namesFuncs, 4, 1, 0, 1, 0xff},                   // not UTF-8
		{namesLocals, 9, 2, 0, 1, 0, 1, 'a', 0, 0, 0, 0}, // two maps for function 0
		{namesFuncs, 2, 0, 0},                            // a byte too many
	} {
		b := module(section(secCustom, append([]byte("\x04name"), sub...)...))
		var m *Module
		var err error
		if n := allocated(func() { m, err = parse(b) }); n > 1<<20 {
			t.Errorf("% x: allocated %d bytes", sub, n)
		}
		if err != nil || m.Names != nil || len(m.Customs) != 1 || !bytes.Equal(m.Customs[0].Data, sub) {
			t.Errorf("% x: got %+v, %v, want the section verbatim", sub, m, err)
			continue
		}
		checkRoundTrip(t, fmt.Sprintf("% x", sub), m)
	}
}

// oneFunc returns a module with one function () -> () of the given
// declarations and instructions.
func oneFunc(locals []LocalDecl, body []byte) *Module {
	return &Module{Types: []FuncType{{}}, Funcs: []Func{{Locals: locals, Body: body}}}
}

func nested(depth int) []byte {
	b := bytes.Repeat([]byte{byte(OpBlock), blockEmpty}, depth)
	return append(b, bytes.Repeat([]byte{byte(OpEnd)}, depth+1)...)
}

func TestLimits(t *testing.T) {
	types := func(n int) []ValType { return bytesToTypes(bytes.Repeat([]byte{byte(I32)}, n)) }
	end := []byte{byte(OpEnd)}
	pushes := func(n int) *Module {
		b := append(bytes.Repeat(AppendOpU32(nil, OpCall, 0), n), byte(OpUnreachable), byte(OpEnd))
		m := oneFunc(nil, b)
		m.Imports = []Import{{Module: "m", Kind: KindFunc, Func: 1}}
		m.Types = append(m.Types, FuncType{Results: types(MaxResults)})
		return m
	}
	table := func(min uint32) *Module {
		return &Module{Tables: []TableType{{Elem: FuncRef, Limits: Limits{Min: min}}}}
	}
	for _, c := range []struct {
		name     string
		at, over *Module
		want     string
	}{
		{"nesting", oneFunc(nil, nested(MaxNesting-1)), oneFunc(nil, nested(MaxNesting)), "nested"},
		{"locals", oneFunc([]LocalDecl{{MaxLocals, I32}}, end), oneFunc([]LocalDecl{{MaxLocals, I32}, {1, I64}}, end), "locals"},
		{"parameters", &Module{Types: []FuncType{{Params: types(MaxParams)}}}, &Module{Types: []FuncType{{Params: types(MaxParams + 1)}}}, "parameters"},
		{"results", &Module{Types: []FuncType{{Results: types(MaxResults)}}}, &Module{Types: []FuncType{{Results: types(MaxResults + 1)}}}, "results"},
		{"stack", pushes(MaxStack / MaxResults), pushes(MaxStack/MaxResults + 1), "on the stack"},
		{"table", table(MaxTableSize), table(MaxTableSize + 1), "elements"},
		{"memory", &Module{Memories: []Limits{{Min: MaxMemoryPages}}}, &Module{Memories: []Limits{{Min: MaxMemoryPages + 1}}}, "pages"},
		{"body", oneFunc(nil, body(MaxBodySize-1)), oneFunc(nil, body(MaxBodySize)), "body of"},
		{"custom sections", &Module{Customs: make([]Custom, MaxCustoms)}, &Module{Customs: make([]Custom, MaxCustoms+1)}, "custom sections"},
		{"names", &Module{Customs: []Custom{{Name: strings.Repeat("x", MaxNameLen)}}}, &Module{Customs: []Custom{{Name: strings.Repeat("x", MaxNameLen+1)}}}, "name of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := parse(c.at.Encode()); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			if _, err := parse(c.over.Encode()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("over the limit: got %v, want %q", err, c.want)
			}
		})
	}
}

// body returns n bytes of instructions that do nothing.
func body(n int) []byte {
	b := bytes.Repeat([]byte{byte(OpNop)}, n)
	b[n-1] = byte(OpEnd)
	return b
}

func bytesToTypes(b []byte) []ValType {
	ts := make([]ValType, len(b))
	for i := range b {
		ts[i] = ValType(b[i])
	}
	return ts
}

// TestUnsupported: what came after 2.0 is refused by its name.
func TestUnsupported(t *testing.T) {
	code := func(body ...byte) []byte {
		body = append(append([]byte{0}, body...), 0x0b)
		return module(section(secType, 1, 0x60, 0, 0), section(secFunc, 1, 0), section(secMemory, 1, 0, 1),
			section(secCode, append([]byte{1, byte(len(body))}, body...)...))
	}
	for _, c := range []struct {
		feature string
		b       []byte
	}{
		{"threads", code(0xfe, 0x03, 0x00)},
		{"threads", module(section(secMemory, 1, 3, 1, 1))},
		{"threads", module(section(secImport, 1, 1, 'm', 1, 'n', 3, 0x7f, 2))},
		{"legacy exception handling", code(0x06, 0x40, 0x0b)},
		{"legacy exception handling", code(0x09, 0)},
		{"tables of exceptions", module(section(secTable, 1, 0x69, 0, 1))},
		{"typed function references", module(section(secType, 1, 0x60, 1, 0x64, 0x69, 0))},
		{"typed function references", code(0x15, 0)},
		{"garbage collection", module(section(secType, 1, 0x60, 1, 0x74, 0))},
		{"multiple memories", module(section(secMemory, 2, 0, 1, 0, 1))},
		{"multiple memories", code(0x3f, 1, 0x1a)},
		{"multiple memories", code(0x41, 0, 0x28, 0x42, 1, 0, 0x1a)},
		{"multiple memories", module(section(secData, 1, 2, 1, 0x41, 0, 0x0b, 0))},
		{"multiple memories", (&Module{Imports: []Import{
			{Module: "m", Name: "a", Kind: KindMemory}, {Module: "m", Name: "b", Kind: KindMemory}}}).Encode()},
		{"memory64", module(section(secMemory, 1, 4, 1))},
		{"custom page sizes", module(section(secMemory, 1, 8, 1, 0))},
		{"garbage collection", module(section(secType, 1, 0x5f, 0))},
		{"garbage collection", module(section(secType, 1, 0x4e, 0))},
		{"garbage collection", code(0xfb, 0x00, 0x00)},
		{"typed function references", code(0x14, 0)},
		{"typed function references", module(section(secType, 1, 0x60, 1, 0x64, 0x70, 0))},
		{"typed function references", module(section(secTable, 1, 0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b))},
		{"relaxed SIMD", code(0xfd, 0x80, 0x02)},
		{"wide arithmetic", code(0xfc, 0x13)},
		{"the component model", []byte("\x00asm\x0d\x00\x01\x00")},
	} {
		_, err := parse(c.b)
		var e *Error
		if !errors.As(err, &e) || e.Feature != c.feature || !errors.Is(err, ErrUnsupported) {
			t.Errorf("% x: got %v, want it refused for %s", c.b[4:], err, c.feature)
			continue
		}
		if e.Offset < 4 || e.Offset >= len(c.b) || !strings.Contains(err.Error(), c.feature) {
			t.Errorf("%s: offset %d of %d, message %q", c.feature, e.Offset, len(c.b), err)
		}
	}
}
