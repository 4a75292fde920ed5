package wasm

// encoder appends a module's sections to b.
type encoder struct {
	m     *Module
	b     []byte
	named bool // the name section is written
}

// section writes one section, if it has anything in it.
func (e *encoder) section(id byte) {
	m := e.m
	switch id {
	case secType:
		put(e, id, m.Types, appendFuncType)
	case secImport:
		put(e, id, m.Imports, appendImport)
	case secFunc:
		put(e, id, m.Funcs, func(b []byte, f Func) []byte { return AppendU32(b, f.Type) })
	case secTable:
		put(e, id, m.Tables, appendTableType)
	case secMemory:
		put(e, id, m.Memories, appendLimits)
	case secTag:
		put(e, id, m.Tags, appendTag)
	case secGlobal:
		put(e, id, m.Globals, appendGlobal)
	case secExport:
		put(e, id, m.Exports, appendExport)
	case secStart:
		e.index(id, m.Start)
	case secElem:
		put(e, id, m.Elems, appendElem)
	case secDataCount:
		e.index(id, m.DataCount)
	case secCode:
		put(e, id, m.Funcs, appendFunc)
	case secData:
		put(e, id, m.Datas, appendData)
	}
}

// put writes a section that is a list of entries.
func put[T any](e *encoder, id byte, ts []T, entry func([]byte, T) []byte) {
	if len(ts) == 0 {
		return
	}
	e.b = appendSection(e.b, id, func(b []byte) []byte {
		b = AppendU32(b, uint32(len(ts)))
		for i := range ts {
			b = entry(b, ts[i])
		}
		return b
	})
}

// index writes a section that is one number.
func (e *encoder) index(id byte, v *uint32) {
	if v == nil {
		return
	}
	e.b = appendSection(e.b, id, func(b []byte) []byte { return AppendU32(b, *v) })
}

// customs writes the custom sections that follow section id, and the name
// section where it stood among them. secEnd stands for all that follow a
// section that does not exist.
func (e *encoder) customs(id byte) {
	for i := range e.m.Customs {
		c := &e.m.Customs[i]
		if min(c.After, secEnd) != id {
			continue
		}
		if e.m.Names != nil && !e.named && i >= e.m.Names.At {
			e.names()
		}
		e.b = appendSection(e.b, secCustom, func(b []byte) []byte {
			return append(appendName(b, c.Name), c.Data...)
		})
	}
}

func (e *encoder) names() {
	e.named = true
	e.b = appendSection(e.b, secCustom, func(b []byte) []byte {
		return appendNames(appendName(b, nameSection), e.m.Names)
	})
}
