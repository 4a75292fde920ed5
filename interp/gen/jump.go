package gen

import (
	"slices"

	"sojourn/interp/wasm"
)

// tailCall returns what another function returns.
func (f *body) tailCall(d int) {
	fs := f.callees(func(s sig) bool { return slices.Equal(s.results, f.sig.results) })
	if !f.tails || len(fs) == 0 {
		f.seq(f.sig.results, d)
		f.op(wasm.OpReturn)
		return
	}
	fn := fs[f.src.n(len(fs))]
	k := f.funcs[fn].sig
	if t, ok := f.tableOf(refA + typ(min(k, 2))); ok && k < 2 && f.src.n(2) == 1 {
		at := f.local(i32)
		f.element(t, d)
		f.opU32(wasm.OpLocalSet, at)
		f.arguments(f.sigs[k], d)
		f.opU32(wasm.OpLocalGet, at)
		f.orAnother(t, at)
		f.opU32(wasm.OpReturnCallIndirect, k)
		f.b = wasm.AppendU32(f.b, uint32(t))
		return
	}
	f.arguments(f.sigs[k], d)
	f.opU32(wasm.OpReturnCall, fn)
}

// throw throws an exception of some tag.
func (f *body) throw(d int) {
	if len(f.tags) == 0 || f.leaf {
		f.seq(f.sig.results, d)
		f.op(wasm.OpReturn)
		return
	}
	tag := f.src.n(len(f.tags))
	f.seq(f.sigs[f.tags[tag]].params, d)
	f.opU32(wasm.OpThrow, tag)
}

// catchAll makes do, and goes on behind it when it throws.
func (f *body) catchAll(do func()) {
	if len(f.tags) == 0 {
		do()
		return
	}
	f.start(wasm.OpBlock, sig{})
	f.push(nil, false)
	f.tryTable(wasm.CatchAll, 0)
	do()
	f.close()
	f.close()
}

// tryTable opens a try_table of one clause, which leads to the innermost label.
func (f *body) tryTable(kind wasm.CatchKind, tag int) {
	f.b = wasm.AppendBlock(f.b, wasm.OpTryTable, wasm.Unknown)
	f.b = append(f.b, 1, byte(kind))
	if kind.HasTag() {
		f.b = wasm.AppendU32(f.b, uint32(tag))
	}
	f.b = append(f.b, 0)
	f.push(nil, false)
}

// try makes statements, and others for when an exception of some tag leaves them:
//
//	block $out  block $caught (result …)  try_table (catch … $caught)  …  end  br $out  end  …  end
func (f *body) try(d int) {
	if len(f.tags) == 0 || f.leaf {
		f.set(d)
		return
	}
	kind := wasm.CatchKind(f.src.n(4))
	if kind.HasRef() && !f.small {
		kind--
	}
	tag := f.src.n(len(f.tags))
	var caught []typ
	if kind.HasTag() {
		caught = append(caught, f.sigs[f.tags[tag]].params...)
	}
	if kind.HasRef() {
		caught = append(caught, exn)
	}
	f.start(wasm.OpBlock, sig{})
	f.push(nil, false)
	f.start(wasm.OpBlock, sig{results: caught})
	f.push(caught, false)
	f.tryTable(kind, tag)
	f.stmts(d)
	f.close()
	f.opU32(wasm.OpBr, 1)
	f.close()
	if kind.HasRef() {
		f.again(d)
		caught = caught[:len(caught)-1]
	}
	f.keepAll(caught)
	f.stmts(d)
	f.close()
}

// again takes an exception off the stack, and may throw it again.
func (f *body) again(d int) {
	e := f.local(exn)
	f.opU32(wasm.OpLocalSet, e)
	if f.src.n(3) > 0 {
		return
	}
	f.stmts(d - 1)
	f.expr(i32, d)
	f.start(wasm.OpIf, sig{})
	f.opU32(wasm.OpLocalGet, e)
	f.op(wasm.OpThrowRef)
	f.op(wasm.OpEnd)
}
