package rewrite

import (
	"fmt"

	"sojourn/interp/wasm"
)

// The helpers are functions of ours at the end of the guarded module: what the host
// cannot do from outside, and what satellites cannot do to segments of another module.

// TableHelper names a helper of one table.
func TableHelper(name string, table uint32) string { return fmt.Sprintf("%s%d", name, table) }

const (
	typeNone  = 1 // in layout.hookTypes
	typeOne   = 2
	typeTwo   = 3
	typeThree = 4
	typeAsk   = 0
)

func (p *Plan) addHelpers(g *wasm.Module) {
	l := &p.lay
	add := func(typ uint32, body []byte) {
		g.Funcs = append(g.Funcs, wasm.Func{Type: l.askType + typ, Body: wasm.AppendOp(body, wasm.OpEnd)})
	}
	add(typeNone, p.initBody())
	if p.References {
		add(typeOne, ops(get(0), at(wasm.OpGlobalGet, l.held), at(wasm.OpTableSet, l.moving)))
		add(typeTwo, ops(get(0), get(1), at(wasm.OpTableGet, l.allRefs), at(wasm.OpTableSet, l.moving)))
		add(typeOne, ops(get(0), at(wasm.OpTableGet, l.moving), at(wasm.OpGlobalSet, l.held)))
	} else {
		for range 3 { // keep the indices of what follows
			add(typeNone, nil)
		}
	}
	for _, op := range l.segOrder {
		add(p.segBody(op))
	}
	if p.TableWrites {
		for t := range p.Module.Tables {
			p.tableHelpers(uint32(t), p.Module.Tables[t].Elem, add)
		}
	}
}

// helperNames lists the helpers that the host calls, with their indices.
func (p *Plan) helperNames() map[string]uint32 {
	l := &p.lay
	names := map[string]uint32{InitName: l.init}
	if p.References {
		names[ToMovingName], names[FromAllName], names[FromMovingName] = l.toMoving, l.fromAll, l.fromHeld
	}
	if p.TableWrites {
		next := l.init + 4 + uint32(len(l.segOrder))
		for t := range p.Module.Tables {
			for _, name := range []string{PutName, ClearName, GrowName, GetName} {
				names[TableHelper(name, uint32(t))] = next
				next++
			}
		}
	}
	return names
}

// tableHelpers adds, in the order of helperNames, what the host needs of one table.
func (p *Plan) tableHelpers(t uint32, elem wasm.ValType, add func(uint32, []byte)) {
	null := append(wasm.AppendOp(nil, wasm.OpRefNull), byte(elem))
	if elem == wasm.FuncRef {
		add(typeTwo, ops(get(0), get(1), at(wasm.OpTableGet, p.lay.allRefs), at(wasm.OpTableSet, t)))
	} else {
		add(typeTwo, wasm.AppendOp(nil, wasm.OpUnreachable))
	}
	add(typeOne, ops(get(0), null, at(wasm.OpTableSet, t)))
	add(typeAsk, ops(null, get(0), at(wasm.OpTableGrow, t)))
	body := ops(get(0), at(wasm.OpTableGet, t), wasm.AppendOp(nil, wasm.OpRefIsNull))
	if elem == wasm.FuncRef {
		body = append(ops(wasm.AppendI32Const(nil, 0), get(0), at(wasm.OpTableGet, t), at(wasm.OpTableSet, p.lay.moving)), body...)
	}
	add(typeAsk, body)
}

// initBody does what instantiation does with active segments (specification, 4.5.4,
// steps 14 to 17): element segments first.
func (p *Plan) initBody() []byte {
	var b []byte
	for i, s := range p.Module.Elems {
		if s.Mode == wasm.Active {
			b = append(b, s.Offset...)
			b = append(b, ops(wasm.AppendI32Const(nil, 0), wasm.AppendI32Const(nil, int32(len(s.Init))),
				at(wasm.OpTableInit, uint32(i)), wasm.AppendU32(nil, s.Table), at(wasm.OpElemDrop, uint32(i)))...)
		}
	}
	for i, s := range p.Module.Datas {
		if s.Mode == wasm.Active {
			b = append(b, s.Offset...)
			b = append(b, ops(wasm.AppendI32Const(nil, 0), wasm.AppendI32Const(nil, int32(len(s.Init))),
				at(wasm.OpMemoryInit, uint32(i)), []byte{0}, at(wasm.OpDataDrop, uint32(i)))...)
		}
	}
	return b
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
	return typeNone, ops(at(op.op, op.seg), wasm.AppendI32Const(nil, 1), at(wasm.OpGlobalSet, flag))
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
