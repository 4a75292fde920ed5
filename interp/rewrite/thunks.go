package rewrite

import (
	"fmt"

	"sojourn/interp/wasm"
)

// addThunks gives each import from the host that a reference can reach, and each blocking
// one that a tail call can, a function that does nothing but call it, so that a frame
// stands for the call where it blocks, and that the reference is to a function of the
// module's, which wazero can look up:
//
//	(func $fd_write (import …) …)      (func $thunk (param i32 i32 i32 i32) (result i32)
//	(elem … $fd_write)            =>     local.get 0 … local.get 3 call $fd_write)
//	                                   (elem … $thunk)
func (p *Plan) addThunks() error {
	ext := *p.Module
	ext.Funcs = append([]wasm.Func{}, p.Module.Funcs...)
	for i := range p.imported() {
		if p.linked(i) || !p.isTaken(i) && !(p.blocks(i) && p.tails.funcs[i]) {
			continue
		}
		typ := p.funcImport(i).Func
		var b []byte
		for k := range p.Module.Types[typ].Params {
			b = wasm.AppendOpU32(b, wasm.OpLocalGet, uint32(k))
		}
		b = wasm.AppendOp(wasm.AppendOpU32(b, wasm.OpCall, i), wasm.OpEnd)
		ext.Funcs = append(ext.Funcs, wasm.Func{Type: typ, Body: b})
		f := function{index: i, typ: typ, thunk: true}
		f.read(p.Module, b, &refs{})
		p.fns = append(p.fns, f)
	}
	p.ext, p.types = &ext, ext.Machines()
	for i := range p.fns {
		locals, err := ext.Funcs[i].LocalTypes(p.Module.Types[p.fns[i].typ].Params)
		if err != nil {
			return fmt.Errorf("function %d: %w", p.fns[i].index, err)
		}
		p.fns[i].locals = locals
	}
	return nil
}
