package gen

import "sojourn/interp/wasm"

// tableOp changes a table.
func (f *body) tableOp(d int) {
	if len(f.tables) == 0 {
		f.set(d)
		return
	}
	t := f.src.n(len(f.tables))
	class := f.tables[t].class
	op := f.src.n(4)
	if f.tables[t].size == 0 {
		op = 1
	}
	switch op {
	case 0:
		f.element(t, d)
		f.expr(class, d)
		f.opU32(wasm.OpTableSet, t)
	case 1:
		f.expr(class, d)
		f.masked(3, d)
		f.opU32(wasm.OpTableGrow, t)
		f.keep(i32)
	case 2:
		from, n := f.part(f.tables[t].size)
		f.i32(from)
		f.expr(class, d)
		f.i32(n)
		f.opU32(wasm.OpTableFill, t)
	case 3:
		u, _ := f.tableOf(class)
		n := min(f.tables[t].size, f.tables[u].size)
		to, n := f.part(n)
		f.i32(to)
		f.i32(f.src.n(max(f.tables[u].size-n, 0) + 1))
		f.i32(n)
		f.opU32(wasm.OpTableCopy, t)
		f.b = wasm.AppendU32(f.b, uint32(u))
	}
}

// part chooses a range within size, which tables and memories never fall below; now
// and then one that is not.
func (f *body) part(size int) (from, n int) {
	if f.src.rare(40) {
		return size, 2
	}
	from = f.src.n(min(size, 255) + 1)
	return from, f.src.n(min(size-from, 255) + 1)
}

// memoryOp copies, fills or grows memory.
func (f *body) memoryOp(d int) {
	if f.leaf {
		f.store(d)
		return
	}
	op := f.src.n(3)
	if op == 2 {
		f.masked(1, d)
		f.opU32(wasm.OpMemoryGrow, 0)
		f.keep(i32)
		return
	}
	f.masked(0x7ff, d)
	f.masked(0x7ff, d)
	if f.big && f.src.n(3) > 0 {
		f.i32((f.src.n(2)+1)<<20 + f.src.n(200))
	} else {
		f.masked(0xff, d)
	}
	if op == 0 {
		f.opU32(wasm.OpMemoryCopy, 0)
	} else {
		f.op(wasm.OpMemoryFill)
	}
	f.b = append(f.b, 0)
}

// segmentOp copies out of a segment, or drops it. To copy from a dropped one traps,
// but for nothing of it.
func (f *body) segmentOp(d int) {
	if len(f.elems)+len(f.datas) == 0 {
		f.set(d)
		return
	}
	k := f.src.n(len(f.elems) + len(f.datas))
	drop := f.src.rare(4)
	if k < len(f.elems) {
		if drop {
			f.opU32(wasm.OpElemDrop, k)
			return
		}
		f.tableInit(k, d)
		return
	}
	k -= len(f.elems)
	if drop {
		f.opU32(wasm.OpDataDrop, k)
		return
	}
	f.masked(0x7ff, d)
	from, n := f.part(f.datas[k].size)
	if f.datas[k].active { // dropped when the program begins, but not by wazero
		from, n = 0, 0
	}
	f.i32(from)
	f.i32(n)
	f.opU32(wasm.OpMemoryInit, k)
	f.b = append(f.b, 0)
}

func (f *body) tableInit(k, d int) {
	t, ok := f.tableOf(f.elems[k].class)
	if !ok {
		f.set(d)
		return
	}
	to, n := f.part(min(f.tables[t].size, f.elems[k].size))
	f.i32(to)
	f.i32(0)
	f.i32(n)
	f.opU32(wasm.OpTableInit, k)
	f.b = wasm.AppendU32(f.b, uint32(t))
}
