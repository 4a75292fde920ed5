package rewrite

import (
	"fmt"

	"sojourn/interp/wasm"
)

// The helpers are functions of ours at the end of the guarded module: what the host
// cannot do from outside, and what satellites cannot do to segments of another module.

// Helper names a helper of one table or global.
func Helper(name string, index uint32) string { return fmt.Sprintf("%s%d", name, index) }

const (
	typeNone  = 1 // in layout.hookTypes
	typeOne   = 2
	typeTwo   = 3
	typeThree = 4
	typeXGet  = 5
	typeXPut  = 6
	typePack  = 7
	typeThrow = 8
	typeAsk   = 0
)

func (p *Plan) addHelpers(g *wasm.Module) {
	l := &p.lay
	add := func(typ uint32, body []byte) {
		g.Funcs = append(g.Funcs, wasm.Func{Type: l.askType + typ, Body: wasm.AppendOp(body, wasm.OpEnd)})
	}
	elems, datas := p.initBodies()
	add(typeNone, elems)
	add(typeNone, datas)
	if p.references {
		add(typeOne, ops(get(0), at(wasm.OpGlobalGet, p.ours(l.held)), at(wasm.OpTableSet, l.moving)))
		add(typeTwo, ops(get(0), get(1), at(wasm.OpTableGet, l.allRefs), at(wasm.OpTableSet, l.moving)))
		add(typeOne, ops(get(0), at(wasm.OpTableGet, l.moving), at(wasm.OpGlobalSet, p.ours(l.held))))
	} else {
		for range 3 { // keep the indices of what follows
			add(typeNone, nil)
		}
	}
	for _, op := range l.segOrder {
		add(p.segBody(op))
	}
	if p.exn.refs {
		add(typePack, p.packBody())
		add(typeThrow, p.unpackBody())
	}
	if p.TableWrites {
		for t, typ := range p.Module.Tables {
			p.tableHelpers(p.spaces.impTables+uint32(t), typ.Elem, add)
		}
	}
	for _, g := range p.vectorGlobals() {
		lane := func(i byte) []byte {
			return ops(at(wasm.OpGlobalGet, p.ours(g)), wasm.AppendOp(nil, wasm.OpI64x2ExtractLane), []byte{i}, at(wasm.OpGlobalSet, p.ours(l.transfer+uint32(i))))
		}
		add(typeNone, ops(lane(0), lane(1)))
		if !p.spaces.globals[g].Mutable {
			add(typeNone, nil)
			continue
		}
		add(typeNone, ops(at(wasm.OpGlobalGet, p.ours(l.transfer)), wasm.AppendOp(nil, wasm.OpI64x2Splat), at(wasm.OpGlobalGet, p.ours(l.transfer+1)),
			wasm.AppendOp(nil, wasm.OpI64x2ReplaceLane), []byte{1}, at(wasm.OpGlobalSet, p.ours(g))))
	}
	if past := p.past(); past != nil {
		add(typeNone, past)
	}
	if l.externCount > 0 {
		add(typeXPut, ops(get(0), get(1), at(wasm.OpTableSet, l.externs)))
		add(typeXGet, ops(get(0), at(wasm.OpTableGet, l.externs)))
	}
}

// past drops the active segments that code could read again, as instantiation has;
// nil when there are none.
func (p *Plan) past() []byte {
	var b []byte
	for _, op := range p.lay.segOrder {
		switch m := p.Module; {
		case op.op == wasm.OpTableInit && m.Elems[op.seg].Mode == wasm.Active:
			b = append(b, at(wasm.OpElemDrop, op.seg)...)
		case op.op == wasm.OpMemoryInit && int(op.seg) >= p.placed && m.Datas[op.seg].Mode == wasm.Active:
			b = append(b, at(wasm.OpDataDrop, op.seg)...)
		}
	}
	return b
}

// Past reports whether a guest that is thawed needs the helper PastName.
func (p *Plan) Past() bool { return p.past() != nil }

// vectorGlobals lists the globals of the module whose values wazero's API does not show whole.
func (p *Plan) vectorGlobals() []uint32 {
	var gs []uint32
	for i := range p.Module.Globals {
		if low(p.Module.Globals[i].Type.Type) == wasm.V128 {
			gs = append(gs, p.spaces.impGlobals+uint32(i))
		}
	}
	return gs
}

// helperNames lists the helpers that the host calls, with their indices.
func (p *Plan) helperNames() map[string]uint32 {
	l := &p.lay
	names := map[string]uint32{ElemsName: l.elems, DatasName: l.datas}
	if p.references {
		names[ToMovingName], names[FromAllName], names[FromMovingName] = l.toMoving, l.fromAll, l.fromMoving
	}
	next := l.fromMoving + 1 + uint32(len(l.segOrder))
	if p.exn.refs {
		next += 2
	}
	each := func(index uint32, helpers ...string) {
		for _, name := range helpers {
			names[Helper(name, index)] = next
			next++
		}
	}
	if p.TableWrites {
		for t, typ := range p.Module.Tables {
			each(p.spaces.impTables+uint32(t), PutName, ClearName, GrowName, GetName)
			if p.link != nil && typ.Elem == wasm.FuncRef {
				each(p.spaces.impTables+uint32(t), MoveName)
			}
		}
	}
	for _, g := range p.vectorGlobals() {
		each(g, LoadName, StoreName)
	}
	if p.Past() {
		names[PastName] = next
		next++
	}
	if l.externCount > 0 {
		names[ExternPutName], names[ExternGetName] = next, next+1
	}
	return names
}

// tableHelpers adds, in the order of helperNames, what the host needs of one table.
func (p *Plan) tableHelpers(t uint32, elem wasm.ValType, add func(uint32, []byte)) {
	null := append(wasm.AppendOp(nil, wasm.OpRefNull), byte(elem))
	extern := elem == wasm.ExternRef
	if extern {
		add(typeXPut, ops(get(0), get(1), at(wasm.OpTableSet, t)))
	} else {
		add(typeTwo, ops(get(0), get(1), at(wasm.OpTableGet, p.lay.allRefs), at(wasm.OpTableSet, t)))
	}
	add(typeOne, ops(get(0), null, at(wasm.OpTableSet, t)))
	add(typeAsk, ops(null, get(0), at(wasm.OpTableGrow, t)))
	if extern {
		add(typeXGet, ops(get(0), at(wasm.OpTableGet, t)))
		return
	}
	add(typeAsk, ops(wasm.AppendI32Const(nil, 0), get(0), at(wasm.OpTableGet, t), at(wasm.OpTableSet, p.lay.moving),
		get(0), at(wasm.OpTableGet, t), wasm.AppendOp(nil, wasm.OpRefIsNull)))
	if p.link != nil {
		add(typeOne, ops(get(0), at(wasm.OpGlobalGet, p.ours(p.lay.held)), at(wasm.OpTableSet, t)))
	}
}

// initBodies do what instantiation does with active element segments, and then with
// those data segments that the host does not copy (specification, 4.5.4, steps 14 to 17).
func (p *Plan) initBodies() (elems, datas []byte) {
	zero := wasm.AppendI32Const(nil, 0)
	size := func(n int) []byte { return wasm.AppendI32Const(nil, int32(n)) }
	for i, s := range p.Module.Elems {
		switch offset := p.constExpr(s.Offset); {
		case s.Mode != wasm.Active:
		case s.Type == wasm.ExternRef: // all null; wazero forgets passive ones
			null := append(wasm.AppendOp(nil, wasm.OpRefNull), byte(wasm.ExternRef))
			elems = append(elems, ops(offset, null, size(len(s.Init)),
				at(wasm.OpTableFill, s.Table), at(wasm.OpElemDrop, uint32(i)))...)
		default:
			elems = append(elems, ops(offset, zero, size(len(s.Init)),
				at(wasm.OpTableInit, uint32(i)), wasm.AppendU32(nil, s.Table), at(wasm.OpElemDrop, uint32(i)))...)
		}
	}
	for i, s := range p.Module.Datas[p.placed:] {
		if i += p.placed; s.Mode == wasm.Active {
			datas = append(datas, ops(s.Offset, zero, size(len(s.Init)),
				at(wasm.OpMemoryInit, uint32(i)), []byte{0}, at(wasm.OpDataDrop, uint32(i)))...)
		}
	}
	return elems, datas
}

func (p *Plan) segBody(op segOp) (typ uint32, body []byte) {
	switch op.op {
	case wasm.OpMemoryInit:
		return typeThree, ops(get(0), get(1), get(2), at(op.op, op.seg), []byte{0})
	case wasm.OpTableInit:
		return typeThree, ops(get(0), get(1), get(2), at(op.op, op.seg), wasm.AppendU32(nil, op.table))
	}
	flag := p.lay.dropped
	for i, s := range p.lay.droppable {
		if s.index == op.seg && s.elem == (op.op == wasm.OpElemDrop) {
			flag += uint32(i)
		}
	}
	return typeNone, ops(at(op.op, op.seg), wasm.AppendI32Const(nil, 1), at(wasm.OpGlobalSet, p.ours(flag)))
}

// DropHelper names the export of the helper that drops a segment which the module's
// code can drop.
func (p *Plan) DropHelper(elem bool, seg uint32) string {
	op := segOp{op: wasm.OpDataDrop, seg: seg}
	if elem {
		op.op = wasm.OpElemDrop
	}
	return funcExport(p.lay.segFuncs[op])
}

func ops(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func at(op wasm.Opcode, i uint32) []byte { return wasm.AppendOpU32(nil, op, i) }
func get(i uint32) []byte                { return at(wasm.OpLocalGet, i) }
