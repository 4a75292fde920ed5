package rewrite

import (
	"fmt"

	"sojourn/interp/wasm"
)

// refuse names the first instruction that cannot be made stoppable.
func (p *Plan) refuse() error {
	var in wasm.Instr
	for i := range p.Module.Funcs {
		f := &p.Module.Funcs[i]
		for r := wasm.NewReader(p.Module, f.Body); ; {
			if ok, err := r.Next(&in); !ok || err != nil {
				break
			}
			why := ""
			switch in.Op {
			case wasm.OpThrow, wasm.OpThrowRef, wasm.OpTryTable:
				why = "exceptions cannot be captured"
			case wasm.OpReturnCallIndirect:
				if p.link != nil {
					why = "in a guest of several modules nobody knows which module it leads to"
				}
			case wasm.OpReturnCall:
				if p.linked(uint32(in.A)) {
					why = "a tail call of another module's function"
				}
			}
			if why != "" {
				return fmt.Errorf("function %d (%s), at 0x%x of the code section, %s: %s",
					p.fns[i].index, p.Module.FuncName(p.fns[i].index), int(f.Offset)+in.Pos, in.Op, why)
			}
		}
	}
	return nil
}
