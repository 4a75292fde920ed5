package interp

import (
	"crypto/sha256"
	"fmt"

	"github.com/tetratelabs/wazero"

	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// unit is one module of a program.
type unit struct {
	index  int
	name   string // under which others import from it
	bytes  int
	digest [sha256.Size]byte
	mod    *wasm.Module
	plan   *rewrite.Plan
	// firstElem and firstData are the numbers of its first segments, among those of all
	// modules.
	firstElem, firstData uint32
	links                []target
	code                 wazero.CompiledModule
}

// target is what an import is resolved to, through all modules that only pass it on:
// where it is defined.
type target struct {
	unit  int // -1: the host
	index uint32
	host  HostFunc
}

// function resolves a function of a unit to the unit that defines it. A function of the
// host stays the import that it is.
func (p *Program) function(u *unit, fn uint32) (*unit, uint32) {
	if fn < uint32(u.module().NumImportedFuncs()) {
		if t := u.links[u.importOf(wasm.KindFunc, fn)]; t.unit >= 0 {
			return p.units[t.unit], t.index
		}
	}
	return u, fn
}

func (u *unit) module() *wasm.Module { return u.mod }

// importOf returns the place, among all imports, of the n-th one of a kind.
func (u *unit) importOf(kind wasm.ExternKind, n uint32) int {
	m := u.module()
	for i := range m.Imports {
		if m.Imports[i].Kind != kind {
			continue
		}
		if n == 0 {
			return i
		}
		n--
	}
	return -1
}

// funcName names a function to a person, as wazero does in a stack trace.
func (u *unit) funcName(fn uint32) string {
	if u.name != "" {
		return u.name + "." + u.module().FuncName(fn)
	}
	return u.module().FuncName(fn)
}

// analyze decodes, links and analyses the modules of a guest, in their order.
func (p *Program) analyze(modules []Module, host map[[2]string]HostFunc) error {
	if len(modules) == 0 || len(modules) > snapshotfmt.MaxModules {
		return fmt.Errorf("a guest of %d modules: it has 1 to %d", len(modules), snapshotfmt.MaxModules)
	}
	var guest *rewrite.Guest
	if len(modules) > 1 {
		guest = &rewrite.Guest{}
	}
	for i, mod := range modules {
		u := &unit{index: i, name: mod.Name, bytes: len(mod.Bytes), digest: sha256.Sum256(mod.Bytes)}
		p.units = append(p.units, u)
		if err := p.resolve(u, mod.Bytes, host); err != nil {
			return p.within(u, len(modules), err)
		}
		if guest != nil {
			guest.Add(u.mod)
		}
	}
	width := 0
	for i, u := range p.units {
		if err := p.analyzeUnit(u, host, guest); err != nil {
			return p.within(u, len(modules), err)
		}
		if i > 0 {
			before := p.units[i-1]
			u.firstElem = before.firstElem + uint32(len(before.module().Elems))
			u.firstData = before.firstData + uint32(len(before.module().Datas))
		}
		w, _ := u.plan.Transfer()
		width = max(width, w)
		p.stats.Points += len(u.plan.Points)
		p.stats.Bytes += u.bytes
	}
	p.units[0].plan.Widen(width)
	return nil
}

// within says which module of several an error is of.
func (p *Program) within(u *unit, of int, err error) error {
	if of == 1 {
		return err
	}
	return fmt.Errorf("module %d (%q): %w", u.index, u.name, err)
}

// resolve decodes a module and resolves its imports, to the modules before it and the
// host.
func (p *Program) resolve(u *unit, module []byte, host map[[2]string]HostFunc) (err error) {
	if u.mod, err = wasm.Decode(module); err != nil {
		return err
	}
	if err := u.mod.Validate(); err != nil {
		return err
	}
	u.links = make([]target, len(u.mod.Imports))
	for i := range u.mod.Imports {
		im := &u.mod.Imports[i]
		if u.links[i], err = p.link(u, u.mod, i, host); err != nil {
			return fmt.Errorf("%w: import %d, %q.%q: %w", ErrLink, i, im.Module, im.Name, err)
		}
	}
	return nil
}

// analyzeUnit analyses a module, after those before it. guest is nil for a guest of one.
func (p *Program) analyzeUnit(u *unit, host map[[2]string]HostFunc, guest *rewrite.Guest) (err error) {
	blocking := func(im wasm.Import) bool { return host[[2]string{im.Module, im.Name}].Blocking }
	o := rewrite.Options{Blocking: blocking, Count: p.precision == EveryInstruction}
	if guest != nil {
		o.Link = &rewrite.Link{Index: u.index, Name: u.name, Guest: guest}
		for i := range u.mod.Imports {
			o.Link.Imports = append(o.Link.Imports, p.emitted(&u.mod.Imports[i], &u.links[i], guest))
		}
	}
	u.plan, err = rewrite.Analyze(u.mod, o)
	return err
}

// link resolves the i-th import of a module and checks its type; sizes are checked
// when the module is instantiated.
func (p *Program) link(u *unit, m *wasm.Module, i int, host map[[2]string]HostFunc) (target, error) {
	im := &m.Imports[i]
	var from *unit
	for _, o := range p.units[:u.index] {
		if o.name != "" && o.name == im.Module {
			from = o
		}
	}
	if from == nil {
		return linkHost(m, im, host)
	}
	for _, e := range from.module().Exports {
		if e.Name != im.Name {
			continue
		}
		if e.Kind != im.Kind {
			return target{}, fmt.Errorf("it is imported as a %v, and is a %v", im.Kind, e.Kind)
		}
		t := p.define(from, e)
		return t, p.checkLink(m, im, t)
	}
	return target{}, fmt.Errorf("module %d of the guest has no such export", from.index)
}

// define follows an export to where it is defined.
func (p *Program) define(u *unit, e wasm.Export) target {
	n := uint32(u.module().NumImported(e.Kind))
	if e.Index < n {
		return u.links[u.importOf(e.Kind, e.Index)]
	}
	return target{unit: u.index, index: e.Index}
}

// linkHost resolves an import to a host function, and renames it to an overload.
func linkHost(m *wasm.Module, im *wasm.Import, host map[[2]string]HostFunc) (target, error) {
	if im.Kind != wasm.KindFunc {
		return target{}, fmt.Errorf("only functions can be imported from the host, and no module of the guest before this one has that name: a %v cannot", im.Kind)
	}
	h, ok := host[[2]string{im.Module, im.Name}]
	if !ok {
		return target{}, fmt.Errorf("there is no such host function")
	}
	want := m.Types[im.Func]
	if other, ok := host[[2]string{im.Module, overload(im.Name, want)}]; ok {
		h = other
		im.Name = h.Name
	}
	t := target{unit: -1, host: h}
	return t, checkFunc(want, wasm.FuncType{Params: h.Params, Results: h.Results})
}

func checkFunc(want, have wasm.FuncType) error {
	if !have.Equal(want) {
		return fmt.Errorf("it is imported as %v, and is %v", want, have)
	}
	return nil
}

// checkLink checks an import against what another module defines.
func (p *Program) checkLink(m *wasm.Module, im *wasm.Import, t target) error {
	if t.unit < 0 {
		return checkFunc(m.Types[im.Func], wasm.FuncType{Params: t.host.Params, Results: t.host.Results})
	}
	from := p.units[t.unit].module()
	bad := func(want, have any) error { return fmt.Errorf("it is imported as %v, and is %v", want, have) }
	switch im.Kind {
	case wasm.KindFunc:
		have, _ := from.FuncType(t.index)
		return checkFunc(m.Types[im.Func], have)
	case wasm.KindGlobal:
		if have, _ := from.GlobalType(t.index); have != im.Global {
			return bad(globalType(im.Global), globalType(have))
		}
	case wasm.KindTable:
		have, _ := from.TableType(t.index)
		if have.Elem != im.Table.Elem {
			return bad(im.Table.Elem, have.Elem)
		}
		return checkMax(im.Table.Limits, have.Limits)
	case wasm.KindMemory:
		have, _ := from.MemoryType()
		return checkMax(im.Memory, have)
	case wasm.KindTag:
		have, _ := from.TagType(t.index)
		return checkFunc(m.Types[im.Tag], have)
	}
	return nil
}

func globalType(t wasm.GlobalType) string {
	if t.Mutable {
		return "mut " + t.Type.String()
	}
	return t.Type.String()
}

func checkMax(want, have wasm.Limits) error {
	switch {
	case want.HasMax && !have.HasMax:
		return fmt.Errorf("it may grow to %d as it is imported, and without limit as it is", want.Max)
	case want.HasMax && have.Max > want.Max:
		return fmt.Errorf("it may grow to %d as it is imported, and to %d as it is", want.Max, have.Max)
	}
	return nil
}

// emitted returns the import of the rewritten module.
func (p *Program) emitted(im *wasm.Import, t *target, guest *rewrite.Guest) rewrite.Import {
	out := rewrite.Import{Import: *im, Guest: t.unit >= 0}
	if !out.Guest {
		out.Module, out.Name = t.host.Module, t.host.Name
		return out
	}
	from := p.units[t.unit]
	out.Module = rewrite.LinkName(t.unit)
	switch m := from.module(); im.Kind {
	case wasm.KindFunc:
		out.Name = from.plan.FuncExport(t.index)
	case wasm.KindGlobal:
		out.Name = rewrite.GlobalExport(t.index)
		out.Global, _ = m.GlobalType(t.index)
	case wasm.KindTable:
		out.Name = rewrite.TableExport(t.index)
		out.Table, _ = m.TableType(t.index)
	case wasm.KindMemory:
		out.Name = rewrite.MemoryName
		out.Memory, _ = m.MemoryType()
	case wasm.KindTag:
		out.Number = guest.Tag(t.unit, t.index-uint32(m.NumImported(wasm.KindTag)))
	}
	return out
}

// guard rewrites each module and returns the code.
func (p *Program) guard() ([][]byte, error) {
	var codes [][]byte
	for _, u := range p.units {
		g, err := u.plan.Guard()
		if err != nil {
			return nil, p.within(u, len(p.units), err)
		}
		codes = append(codes, g.Encode())
		p.stats.StoppableBytes += len(codes[u.index])
	}
	return codes, nil
}

// at returns the unit that a point asks under a number, and the point.
func (p *Program) at(number uint32) (*unit, int) {
	if len(p.units) == 1 {
		return p.units[0], int(number)
	}
	index, point := rewrite.LinkedPoint(number)
	return p.units[index], point
}
