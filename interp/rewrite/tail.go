package rewrite

import (
	"slices"

	"sojourn/interp/wasm"
)

// tailCall writes a tail call. Its frame is gone when the callee runs, so there is no
// check behind it: where it closes a cycle, or work adds up, it is counted before.
//
//	local.get 0                  local.tee $s0
//	return_call $f       =>      …take from the budget; ask when none is left: (point)…
//	                             return_call $f
//
// A tail call of a blocking import is one of its thunk, whose frame stands for the call.
// A resume function calls and returns instead, for what it calls is in another module:
// its own frame stays below, but is none of the guest's.
func (e *emitter) tailCall(s *site) error {
	if s != nil {
		e.save()
		e.check(s)
		if e.ways != nil {
			e.arrive(wayIn{pos: e.in.Pos, after: true})
		}
	}
	e.flush()
	if e.in.Op == wasm.OpReturnCall {
		fn := uint32(e.in.A)
		to := e.p.guestFunc(fn)
		if fn < e.p.imported() && e.p.blocks(fn) {
			to = e.p.refFunc(fn)
		}
		e.opU32(e.leaving(wasm.OpCall), e.idx.fn(to))
	} else {
		e.opU32(e.leaving(wasm.OpCallIndirect), uint32(e.in.A))
		e.out = wasm.AppendU32(e.out, e.idx.table(uint32(e.in.B)))
	}
	if e.apart() {
		e.op(wasm.OpReturn)
	}
	return e.step()
}

// leaving returns the tail call for a call, where it can be one.
func (e *emitter) leaving(call wasm.Opcode) wasm.Opcode {
	switch {
	case e.apart():
		return call
	case call == wasm.OpCall:
		return wasm.OpReturnCall
	}
	return wasm.OpReturnCallIndirect
}

// apart reports whether code is written into a satellite.
func (e *emitter) apart() bool {
	_, ok := e.idx.(own)
	return !ok
}

// tails is what the module's tail calls can call, and who makes them.
type tails struct {
	makes map[uint32]bool // functions
	funcs map[uint32]bool // called by name
	types map[uint32]bool // called through a table
}

func (p *Plan) findTails() tails {
	t := tails{map[uint32]bool{}, map[uint32]bool{}, map[uint32]bool{}}
	for i := range p.fns {
		for _, s := range p.fns[i].sites {
			switch {
			case !s.tail():
				continue
			case s.indirect():
				t.types[s.target] = true
			default:
				t.funcs[s.target] = true
			}
			t.makes[p.fns[i].index] = true
		}
	}
	return t
}

// Tails reports whether a frame of the second function can be where the first was
// called: the one called has made tail calls since. It holds for any function that a
// tail call can reach, if it returns the same.
func (p *Plan) Tails(called, found uint32) bool {
	return p.tails.makes[called] && p.canReplace(p.typeOf(called), found)
}

// TailsType is Tails for an indirect call through a type.
func (p *Plan) TailsType(typ, found uint32) bool {
	if !p.canReplace(typ, found) {
		return false
	}
	for _, f := range p.taken {
		if p.tails.makes[f] && p.Module.Types[p.typeOf(f)].Equal(p.Module.Types[typ]) {
			return true
		}
	}
	return false
}

// canReplace reports whether some tail call can call a function, and it returns what a
// type does.
func (p *Plan) canReplace(typ, fn uint32) bool {
	is := p.Module.Types[p.typeOf(fn)]
	if !slices.Equal(is.Results, p.Module.Types[typ].Results) {
		return false
	}
	if p.tails.funcs[fn] {
		return true
	}
	for t := range p.tails.types {
		if p.isTaken(fn) && p.Module.Types[t].Equal(is) {
			return true
		}
	}
	return false
}

// TailCalls reports whether the module makes tail calls.
func (p *Plan) TailCalls() bool { return len(p.tails.makes) > 0 }

// isTaken reports whether references can name a function.
func (p *Plan) isTaken(fn uint32) bool {
	_, ok := slices.BinarySearch(p.taken, fn)
	return ok
}
