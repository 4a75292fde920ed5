package wasm

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	magic   = "\x00asm"
	version = 1
)

// The sections' ids (5.5.2).
const (
	secCustom byte = iota
	secType
	secImport
	secFunc
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElem
	secCode
	secData
	secDataCount
	secTag // of exception handling
	secEnd // one more than the last id
)

// secOrder lists the sections in the order that a module has them; custom
// sections, first here, may stand anywhere.
var secOrder = []byte{
	secCustom, secType, secImport, secFunc, secTable, secMemory, secTag, secGlobal,
	secExport, secStart, secElem, secDataCount, secCode, secData,
}

var secNames = [...]string{
	"custom", "type", "import", "function", "table", "memory", "global",
	"export", "start", "element", "code", "data", "data count", "tag",
}

// positions says where a module's constructs were in the bytes it was decoded
// from, for errors of validation. The code section's contents began at code,
// and imports[i] is where the i-th import began, and so on.
type positions struct {
	code                                               int
	types, imports, tables, memories, globals, exports []uint32
	elems, datas, tags                                 []uint32
	start, dataCount                                   uint32
}

// decoder decodes one module.
type decoder struct {
	cursor
	m     *Module
	where *positions

	funcTypes []uint32 // from the function section
	last      int      // place of the last section in secOrder
	lastID    byte     // id of the last section that was not empty
	inits     int      // element expressions so far, see MaxElemInits
	seen      [secEnd]bool
}

// Decode decodes a module from its binary format. The module keeps parts of
// b, which must not change afterwards. Decode checks the format and the
// limits of this package; Validate checks what the module means. Errors are
// of type *Error.
func Decode(b []byte) (*Module, error) {
	d := &decoder{cursor: cursor{b: b, section: "header"}, m: &Module{}, where: &positions{}}
	d.m.where = d.where
	d.header()
	for d.ok() && d.left() > 0 {
		d.nextSection()
	}
	if d.ok() && len(d.funcTypes) != len(d.m.Funcs) {
		d.section, d.what = "code", "count"
		d.fail(d.pos, "%d functions declared, %d bodies", len(d.funcTypes), len(d.m.Funcs))
	}
	if !d.ok() {
		return nil, d.err
	}
	return d.m, nil
}

// header reads the magic number and the version (5.5.16).
func (d *decoder) header() {
	if len(d.b) > MaxModuleSize {
		d.fail(0, "module of %d bytes, the limit is %d", len(d.b), MaxModuleSize)
		return
	}
	if !bytes.HasPrefix(d.b, []byte(magic)) {
		d.fail(0, "not a WebAssembly module: it does not begin with \\0asm")
		return
	}
	d.pos = len(magic)
	v := d.fixed32()
	switch {
	case !d.ok() || v == version:
	case v>>16 == 1:
		d.failWith(4, unsupported(featComponent, "a component binary"))
	default:
		d.fail(4, "version %d, not %d", v, version)
	}
}

// nextSection reads one section: its id, its size, its contents.
func (d *decoder) nextSection() {
	d.section, d.what = "module", "section id"
	at := d.pos
	id := d.byte()
	if !d.checkID(at, id) {
		return
	}
	d.section, d.what = secNames[id], "size"
	size := d.size()
	if !d.ok() {
		return
	}
	start := d.pos
	end := start + size
	whole := d.b
	d.b = whole[:end:end] // so that nothing reads past its section
	d.what = ""
	d.contents(id)
	if d.ok() && d.pos != end {
		d.what = "size"
		d.fail(d.pos, "%d bytes are left after the last entry", end-d.pos)
	}
	d.b = whole
	d.what = ""
}

func (d *decoder) checkID(at int, id byte) bool {
	place := bytes.IndexByte(secOrder, id)
	switch {
	case !d.ok():
		return false
	case place < 0:
		d.fail(at, "unknown section id %d", id)
		return false
	case id == secCustom:
		return true
	case d.seen[id]:
		d.fail(at, "a second %s section", secNames[id])
		return false
	case place < d.last:
		d.fail(at, "the %s section comes after the %s section", secNames[id], secNames[secOrder[d.last]])
		return false
	}
	d.seen[id], d.last = true, place
	return true
}

func (d *decoder) contents(id byte) {
	m := d.m
	n := 1 // whether the section holds anything
	switch id {
	case secCustom:
		d.custom()
		return
	case secType:
		m.Types, d.where.types = list(d, "type", MaxTypes, 2, (*decoder).funcType)
		n = len(m.Types)
	case secImport:
		m.Imports, d.where.imports = list(d, "import", MaxImports, 4, (*decoder).importEntry)
		n = len(m.Imports)
	case secFunc:
		d.funcSection()
		n = len(d.funcTypes)
	case secTable:
		m.Tables, d.where.tables = list(d, "table", MaxTables, 3, (*decoder).tableType)
		n = len(m.Tables)
	case secMemory:
		d.memorySection()
		n = len(m.Memories)
	case secTag:
		m.Tags, d.where.tags = list(d, "tag", MaxTags, 2, (*decoder).tag)
		n = len(m.Tags)
	case secGlobal:
		m.Globals, d.where.globals = list(d, "global", MaxGlobals, 4, (*decoder).global)
		n = len(m.Globals)
	case secExport:
		m.Exports, d.where.exports = list(d, "export", MaxExports, 3, (*decoder).export)
		n = len(m.Exports)
	case secStart:
		d.where.start = uint32(d.pos)
		v := d.u32()
		m.Start = &v
	case secElem:
		m.Elems, d.where.elems = list(d, "element segment", MaxElems, 3, (*decoder).elem)
		n = len(m.Elems)
	case secDataCount:
		d.where.dataCount = uint32(d.pos)
		v := d.u32()
		m.DataCount = &v
	case secCode:
		d.codeSection()
		n = len(m.Funcs)
	case secData:
		m.Datas, d.where.datas = list(d, "data segment", MaxDatas, 2, (*decoder).data)
		n = len(m.Datas)
	}
	if n > 0 {
		d.lastID = id
	}
}

// list reads a count and that many entries, each of at least minBytes bytes,
// and returns them with where they began.
func list[T any](d *decoder, entry string, limit, minBytes int, read func(*decoder) T) ([]T, []uint32) {
	d.what = "count"
	n := d.count(limit, minBytes, "entries")
	d.what = ""
	if n == 0 {
		return nil, nil
	}
	ts, at := make([]T, 0, n), make([]uint32, 0, n)
	for i := 0; i < n && d.ok(); i++ {
		at = append(at, uint32(d.pos))
		ts = append(ts, read(d))
		if !d.ok() {
			d.err.within(fmt.Sprintf("%s[%d]", entry, i))
		}
	}
	return ts, at
}

// The methods below give list the cursor's readers in the shape it wants.

func (d *decoder) funcType() FuncType   { return d.cursor.funcType() }
func (d *decoder) tableType() TableType { return d.cursor.tableType() }
func (d *decoder) limits() Limits       { return d.cursor.limits() }

// memorySection reads the memory section (5.5.8).
func (d *decoder) memorySection() {
	at := d.pos
	if n := d.u32(); d.ok() && n > MaxMemories {
		d.what = "count"
		d.failWith(at, unsupported(featMultiMem, fmt.Sprintf("a module with %d memories", n)))
		return
	}
	d.pos = at
	d.m.Memories, d.where.memories = list(d, "memory", MaxMemories, 2, (*decoder).limits)
}

// Encode returns the module in the binary format, each number in the fewest
// bytes. It writes what m says, valid or not; Decode of it gives a module
// that equals m but for where things are (Func.Offset). Empty sections are
// left out.
func (m *Module) Encode() []byte {
	b := binary.LittleEndian.AppendUint32([]byte(magic), version)
	e := &encoder{m: m, b: b}
	for _, id := range secOrder {
		e.section(id)
		e.customs(id)
	}
	e.customs(secEnd) // and any that claims to come later
	if m.Names != nil && !e.named {
		e.names()
	}
	return e.b
}

// Equal reports whether m and o are the same module, wherever their parts
// were in the bytes that they were decoded from.
func (m *Module) Equal(o *Module) bool { return bytes.Equal(m.Encode(), o.Encode()) }
