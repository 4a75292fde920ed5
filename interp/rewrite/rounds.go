package rewrite

import (
	"math"

	"sojourn/interp/wasm"
)

// A loop counts where it is gone round: at the branches back to its head. One that
// some counted call precedes in every round need not count: it has no endless path
// that does not count. A loop without any branch that counts has no point of its own.

// edge is a branch back: the position of the instruction, and the loop.
type edge struct{ pos, con int }

// rounds finds which branches back to the head of a loop count, and which constructs
// contain calls that can suspend.
func (p *Plan) rounds() {
	_ = p.each(func(f *function) error {
		if f.suspends {
			f.rounds(p)
		}
		return nil
	})
}

// rounds walks the body forwards. What it keeps is one number: all loops around the
// instruction that are less deep, counted in constructs, have had a counted call in this
// round. Ways that meet have the smaller one.
func (f *function) rounds(p *Plan) {
	const never = math.MaxInt // code that is not reached
	var (
		in   wasm.Instr
		r    = wasm.NewReader(p.ext, p.ext.Funcs[p.ord(f)].Body)
		ctls = []round{{con: -1, after: never}}
		next int
		con  = -1
		deep = 0
	)
	branch := func(l uint32) {
		k := &ctls[len(ctls)-1-int(l)]
		switch {
		case k.con < 0 || f.cons[k.con].op != wasm.OpLoop:
			k.after = min(k.after, deep)
		case deep > len(ctls)-1-int(l):
			if f.counted == nil {
				f.counted = map[edge]bool{}
			}
			f.counted[edge{in.Pos, k.con}] = true
		default:
			f.cons[k.con].ticks = true
		}
	}
	for {
		if ok, err := r.Next(&in); !ok || err != nil {
			return
		}
		switch in.Op {
		case wasm.OpBlock, wasm.OpLoop, wasm.OpIf, wasm.OpTryTable:
			for _, c := range in.Catches { // from anywhere inside, where no less has been counted
				branch(c.Label)
			}
			con++
			ctls = append(ctls, round{con: con, after: never, start: deep})
			if deep != never {
				deep = min(deep, len(ctls)-1)
			}
		case wasm.OpElse:
			k := &ctls[len(ctls)-1]
			k.after, deep, k.els = min(k.after, deep), k.start, true
		case wasm.OpEnd:
			k := ctls[len(ctls)-1]
			ctls = ctls[:len(ctls)-1]
			deep = min(deep, k.after)
			if k.con >= 0 && f.cons[k.con].op == wasm.OpIf && !k.els {
				deep = min(deep, k.start)
			}
			if deep != never {
				deep = min(deep, len(ctls))
			}
		case wasm.OpBr, wasm.OpBrIf:
			branch(uint32(in.A))
			if in.Op == wasm.OpBr {
				deep = never
			}
		case wasm.OpBrTable:
			for _, l := range in.Labels {
				branch(l)
			}
			deep = never
		case wasm.OpReturn, wasm.OpUnreachable, wasm.OpReturnCall, wasm.OpReturnCallIndirect, wasm.OpThrow, wasm.OpThrowRef:
			deep = never
		}
		if next < len(f.sites) && f.sites[next].pos == in.Pos {
			s := &f.sites[next]
			next++
			kind, is := p.isPoint(f, s)
			if !is || kind != Call && kind != Host && kind != Jump {
				continue
			}
			if s.counted && kind == Call {
				deep = len(ctls)
			}
			for c := s.parent; c >= 0 && !f.cons[c].calls; c = f.cons[c].parent {
				f.cons[c].calls = true
			}
		}
	}
}

// round is an open construct of the walk.
type round struct {
	con          int
	start, after int // the number before it, and behind it as far as branches lead there
	els          bool
}
