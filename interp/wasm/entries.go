package wasm

import "fmt"

// importEntry reads an import (5.5.5): module, name, kind, type.
func (d *decoder) importEntry() (im Import) {
	im.Module, im.Name = d.name(), d.name()
	at := d.pos
	kind := d.byte()
	im.Kind = ExternKind(kind)
	switch {
	case !d.ok():
	case im.Kind == KindFunc:
		im.Func = d.u32()
	case im.Kind == KindTable:
		im.Table = d.tableType()
	case im.Kind == KindMemory:
		im.Memory = d.limits()
	case im.Kind == KindGlobal:
		im.Global = d.globalType()
	case im.Kind == KindTag:
		im.Tag = d.tag()
	default:
		d.fail(at, "0x%02x is not a kind of import", kind)
	}
	return im
}

func appendImport(b []byte, im Import) []byte {
	b = appendName(appendName(b, im.Module), im.Name)
	b = append(b, byte(im.Kind))
	switch im.Kind {
	case KindFunc:
		b = AppendU32(b, im.Func)
	case KindTable:
		b = appendTableType(b, im.Table)
	case KindMemory:
		b = appendLimits(b, im.Memory)
	case KindGlobal:
		b = appendGlobalType(b, im.Global)
	case KindTag:
		b = appendTag(b, im.Tag)
	}
	return b
}

// tag reads a tag (of WebAssembly 3.0, 5.5.10): 0 for exceptions, its type.
func (d *decoder) tag() uint32 {
	at := d.pos
	if b := d.byte(); b != 0 {
		d.fail(at, "tag of kind 0x%02x, not 0", b)
	}
	return d.u32()
}

func appendTag(b []byte, typeIdx uint32) []byte { return AppendU32(append(b, 0), typeIdx) }

// global reads a global (5.5.9): type, initial value.
func (d *decoder) global() Global {
	return Global{Type: d.globalType(), Init: d.constExpr()}
}

func appendGlobal(b []byte, g Global) []byte {
	return appendConstExpr(appendGlobalType(b, g.Type), g.Init)
}

// export reads an export (5.5.10): name, kind, index.
func (d *decoder) export() (ex Export) {
	ex.Name = d.name()
	at := d.pos
	kind := d.byte()
	ex.Kind = ExternKind(kind)
	if ex.Kind > KindTag {
		d.fail(at, "0x%02x is not a kind of export", kind)
	}
	ex.Index = d.u32()
	return ex
}

func appendExport(b []byte, ex Export) []byte {
	return AppendU32(append(appendName(b, ex.Name), byte(ex.Kind)), ex.Index)
}

// funcSection reads the type of each function (5.5.6).
func (d *decoder) funcSection() {
	d.what = "count"
	n := d.count(MaxFuncs, 1, "functions")
	d.what = ""
	d.funcTypes = make([]uint32, n)
	for i := range d.funcTypes {
		d.funcTypes[i] = d.u32()
	}
}

// codeSection reads the bodies of the functions (5.5.13).
func (d *decoder) codeSection() {
	d.where.code = d.pos
	d.what = "count"
	at := d.pos
	n := d.count(MaxFuncs, 3, "bodies")
	if d.ok() && n != len(d.funcTypes) {
		d.fail(at, "%d bodies, %d functions declared", n, len(d.funcTypes))
	}
	d.what = ""
	if !d.ok() || n == 0 {
		return
	}
	d.m.Funcs = make([]Func, n)
	for i := range d.m.Funcs {
		d.code(&d.m.Funcs[i])
		if !d.ok() {
			d.err.within(fmt.Sprintf("func[%d]", i+d.m.NumImportedFuncs()))
			return
		}
		d.m.Funcs[i].Type = d.funcTypes[i]
	}
}

// code reads one body: its size, its locals, its instructions.
func (d *decoder) code(f *Func) {
	at := d.pos
	size := d.size()
	if size > MaxBodySize {
		d.fail(at, "body of %d bytes, the limit is %d", size, MaxBodySize)
	}
	if !d.ok() {
		return
	}
	end := d.pos + size
	rest := d.b
	d.b = rest[:end:end]
	d.locals(f)
	f.Offset = uint32(d.pos - d.where.code)
	f.Body = d.bytes(end - d.pos)
	if d.ok() && (len(f.Body) == 0 || f.Body[len(f.Body)-1] != byte(OpEnd)) {
		d.fail(end, "the body does not finish with end")
	}
	d.b = rest
}

func (d *decoder) locals(f *Func) {
	n := d.count(MaxLocals, 2, "local declarations")
	if n == 0 {
		return
	}
	f.Locals = make([]LocalDecl, n)
	total := uint64(0)
	for i := range f.Locals {
		at := d.pos
		f.Locals[i] = LocalDecl{Count: d.u32(), Type: d.valType()}
		if total += uint64(f.Locals[i].Count); total > MaxLocals {
			d.fail(at, "%d locals, the limit is %d", total, MaxLocals)
		}
		if !d.ok() {
			return
		}
	}
}

func appendFunc(b []byte, f Func) []byte {
	size := len(f.Body) + lenU32(uint32(len(f.Locals)))
	for _, l := range f.Locals {
		size += lenU32(l.Count) + 1
	}
	b = AppendU32(b, uint32(size))
	b = AppendU32(b, uint32(len(f.Locals)))
	for _, l := range f.Locals {
		b = append(AppendU32(b, l.Count), byte(l.Type))
	}
	return append(b, f.Body...)
}

// lenU32 returns how many bytes AppendU32 appends.
func lenU32(v uint32) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}
