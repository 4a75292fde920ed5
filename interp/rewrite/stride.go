package rewrite

import (
	"errors"
	"fmt"

	"sojourn/interp/wasm"
)

// A stride takes a frame a given number of instructions on, within one segment, and
// stops there. It is a function of nothing but these instructions, so that a guest can
// be stopped anywhere in a module of any size, which has no code for that: a point
// before every instruction would make it many times as large.
//
//	(func $r7 (result i32)
//	  …the frame, from transfer, into locals and onto the stack…
//	  local.get 0  i32.load  i32.add          ;; as the author wrote them
//	  …transfer…  (drop (call $ask (i32.or point stop)))
//	  i32.const 0  return)                    ;; unwinding
//
// At the end of its segment it takes the branch that is there, and stops at the head of
// the segment where that leads; it makes the call that is there, and stops behind it;
// and it returns where the function does. What is thrown there it takes to the clause
// that catches it. Until then it has no branch: block, loop, try_table and end are gone
// from it.

// StopHere is added to the number of a point at which a stride asks: it is to unwind.
const StopHere = 1 << 31

// Stride builds a module with the stride of n instructions from an entry: at most as
// many as are left of its segment (see Pace).
func (p *Plan) Stride(en Entry, n uint32) (*Satellite, error) {
	pt := p.Point(en.Point)
	f := p.function(pt.Func)
	if rest, _, _ := p.Pace(en); n > rest || f.thunk {
		return nil, fmt.Errorf("a stride of %d instructions from 0x%x of function %d, which has %d there", n, pt.PC, pt.Func, rest)
	}
	m, err := p.satellite([]uint32{pt.Func}, func(s *satellite, _ uint32) error {
		e, err := p.newEmitter(p.ord(f), s)
		if err != nil {
			return err
		}
		st := stride{emitter: e, cons: walk{cons: f.cons, inside: -1}, left: n}
		e.catch = st.caught
		if err := errors.Join(st.write(en), st.err); err != nil {
			return err
		}
		s.add(f, e)
		return nil
	})
	return &Satellite{Module: m}, err
}

type stride struct {
	*emitter
	cons walk
	left uint32 // counted instructions that are still to come
	done bool
	err  error // of caught
}

// write writes the stride from an entry on.
func (s *stride) write(en Entry) error {
	s.paces = nil // the host counts
	s.openFunction()
	from := s.p.Point(en.Point)
	pc := from.PC
	if en.Before {
		pc = from.At
	}
	start := int(pc - s.src.Offset)
	r := wasm.NewReader(s.p.ext, s.src.Body)
	for !s.done {
		ok, err := r.Next(&s.in)
		if err != nil || !ok {
			return fmt.Errorf("a stride that leads nowhere: %w", err)
		}
		site := s.here()
		if s.in.Pos == start {
			s.restore(en)
			s.load(0, len(s.x.Stack()))
			s.saved = len(s.x.Stack())
		}
		if s.in.Pos < start {
			err = s.x.Step(&s.in)
		} else {
			err = s.instr(site)
		}
		if err != nil {
			return err
		}
		s.cons.pass(&s.in)
	}
	s.op(wasm.OpEnd)
	return nil
}

// instr writes one instruction of the stride.
func (s *stride) instr(at *site) error {
	if counted(s.in.Op) {
		if s.left == 0 {
			return s.stop(s.in.Pos)
		}
		s.left--
	}
	next := s.in.Pos + s.in.Len
	switch s.in.Op {
	case wasm.OpBlock, wasm.OpTryTable:
		return s.x.Step(&s.in)
	case wasm.OpLoop, wasm.OpElse:
		return s.stop(s.in.Pos)
	case wasm.OpEnd:
		return s.end()
	case wasm.OpIf:
		return s.branchIf()
	case wasm.OpBr:
		s.save()
		s.done = true
		return s.branch(uint32(s.in.A), len(s.x.Stack()))
	case wasm.OpBrIf:
		return s.brIf()
	case wasm.OpBrTable:
		return s.brTable()
	case wasm.OpReturn, wasm.OpUnreachable:
		s.done = true
		s.copy()
		return nil
	case wasm.OpCall, wasm.OpCallIndirect:
		if err := s.call(at); err != nil {
			return err
		}
		return s.stop(next)
	case wasm.OpReturnCall, wasm.OpReturnCallIndirect:
		s.done = true
		return s.tailCall(at)
	case wasm.OpThrow, wasm.OpThrowRef:
		s.done = true
		return s.throw(at)
	case wasm.OpMemoryCopy, wasm.OpMemoryFill:
		if err := s.bulk(at); err != nil {
			return err
		}
		return s.stop(next)
	}
	s.plain()
	return s.step()
}

// end passes the end of a loop, stops at that of a block, and returns at the last one.
func (s *stride) end() error {
	switch {
	case s.cons.inside < 0:
		s.done = true
		return nil
	case s.f.cons[s.cons.inside].op == wasm.OpLoop:
		return s.x.Step(&s.in)
	}
	return s.stop(s.in.Pos)
}

// stop ends the stride before the instruction at pos, or where that leads without
// doing anything.
func (s *stride) stop(pos int) error {
	s.save()
	s.done = true
	return s.stopAt(pos)
}

// stopAt writes a stop; the value stack is in slots.
func (s *stride) stopAt(pos int) error {
	pc, err := s.p.settle(s.f, s.src.Offset+uint32(pos))
	if err != nil {
		return err
	}
	point, err := s.p.innermost(s.f, pc)
	if err != nil {
		return err
	}
	s.spill(point)
	s.i32(int32(uint32(s.p.number(point)) | StopHere))
	s.opU32(wasm.OpCall, s.idx.fn(s.p.ask()))
	s.op(wasm.OpDrop)
	for _, t := range s.p.Module.Types[s.f.typ].Results {
		s.zero(t)
	}
	s.op(wasm.OpReturn)
	return nil
}

// branch writes a branch taken when the value stack, of a height, is in slots: the
// values that it carries move down to where it leads.
func (s *stride) branch(label uint32, height int) error {
	st := s.x.Stack()
	for h := height - len(s.x.Frame(int(label)).LabelTypes()); h < height; h++ {
		s.opU32(wasm.OpLocalGet, s.slot(h, st[h]))
	}
	return s.lead(label, s.in.Pos)
}

// lead writes a stop where a label leads, on the edge from pos; the values for it are on
// the stack, and what is below them is in slots.
func (s *stride) lead(label uint32, pos int) error {
	if int(label) == s.x.Depth()-1 {
		s.op(wasm.OpReturn)
		return nil
	}
	to := s.x.Frame(int(label))
	types := to.LabelTypes()
	for i := len(types) - 1; i >= 0; i-- {
		s.opU32(wasm.OpLocalSet, s.slot(to.Height+i, types[i]))
	}
	con := s.cons.inside
	for range label {
		con = s.f.cons[con].parent
	}
	c := &s.f.cons[con]
	if c.op != wasm.OpLoop {
		return s.stopAt(c.end)
	}
	if c.ticks && !s.f.counted[edge{pos, con}] {
		s.tick()
		s.op(wasm.OpDrop)
	}
	return s.stopAt(c.start)
}

// caught writes where the exception under way goes: to a clause of the function's, or
// out of it. What is below the values of a clause is in slots.
func (s *stride) caught() {
	out := uint32(0) // labels that are left
	for con := s.cons.inside; con >= 0; con = s.f.cons[con].parent {
		out++
		if s.f.cons[con].op != wasm.OpTryTable {
			continue
		}
		if s.clauses(con, func(c wasm.Catch) {
			s.err = errors.Join(s.err, s.lead(out+c.Label, s.f.cons[con].start))
		}) {
			return
		}
	}
	s.returnZeros()
}

// brIf stops where the branch leads, or behind it.
func (s *stride) brIf() error {
	s.save()
	s.block(wasm.OpIf)
	if err := s.branch(uint32(s.in.A), len(s.x.Stack())-1); err != nil {
		return err
	}
	s.endBlock()
	if err := s.step(); err != nil {
		return err
	}
	return s.stop(s.in.Pos + s.in.Len)
}

// branchIf stops at the head of one of the arms.
func (s *stride) branchIf() error {
	s.save()
	c := &s.f.cons[s.cons.next]
	s.block(wasm.OpIf)
	if err := s.stopAt(s.in.Pos + s.in.Len); err != nil {
		return err
	}
	s.endBlock()
	s.done = true
	if c.els < 0 {
		return s.stopAt(c.end)
	}
	return s.stopAt(c.els + 1)
}

// brTable stops where one of the branches leads. Each label is written once.
func (s *stride) brTable() error {
	s.save()
	st := s.x.Stack()
	height := len(st) - 1
	index := map[uint32]uint32{}
	var order, table []uint32
	for _, l := range s.in.Labels {
		if _, ok := index[l]; !ok {
			index[l] = uint32(len(order))
			order = append(order, l)
		}
		table = append(table, index[l])
	}
	for range order {
		s.block(wasm.OpBlock)
	}
	s.opU32(wasm.OpLocalGet, s.slot(height, wasm.I32))
	s.out = wasm.AppendBrTable(s.out, table)
	for _, l := range order {
		s.endBlock()
		if err := s.branch(l, height); err != nil {
			return err
		}
	}
	s.done = true
	return nil
}

// Settle returns the pc of the instruction that a frame at pc executes next and that
// counts: behind block, loop, try_table, else and end, which do nothing. It may be that of the
// function's last end.
func (p *Plan) Settle(fn, pc uint32) (uint32, error) {
	f := p.function(fn)
	if f == nil || f.thunk {
		return pc, nil
	}
	for {
		next, err := p.settle(f, pc)
		if err != nil || next == pc {
			return next, err
		}
		pc = next
	}
}

// settle is Settle as far as the head of the next loop, if there is one: it ends right
// inside.
func (p *Plan) settle(f *function, pc uint32) (uint32, error) {
	src := &p.ext.Funcs[p.ord(f)]
	pos := int(pc - src.Offset)
	var in wasm.Instr
	for {
		r := wasm.NewReader(p.ext, src.Body[pos:])
		if ok, err := r.Next(&in); err != nil || !ok {
			return 0, fmt.Errorf("no instruction at 0x%x of function %d: %w", src.Offset+uint32(pos), f.index, err)
		}
		switch next := pos + in.Len; {
		case in.Op == wasm.OpLoop:
			return src.Offset + uint32(next), nil
		case in.Op == wasm.OpBlock, in.Op == wasm.OpTryTable, in.Op == wasm.OpEnd && next < len(src.Body):
			pos = next
		case in.Op == wasm.OpElse:
			pos = f.endOf(pos)
		default:
			return src.Offset + uint32(pos), nil
		}
	}
}

// endOf returns where the if ends whose else is at pos.
func (f *function) endOf(pos int) int {
	for i := range f.cons {
		if f.cons[i].els == pos {
			return f.cons[i].end
		}
	}
	panic("rewrite: an else of no if")
}

// AtCounted reports whether the instruction at pc counts: a guest can be stopped there
// by count.
func (p *Plan) AtCounted(fn, pc uint32) bool {
	f := p.function(fn)
	if f == nil || f.thunk {
		return false
	}
	src := &p.ext.Funcs[p.ord(f)]
	var in wasm.Instr
	ok, err := wasm.NewReader(p.ext, src.Body[pc-src.Offset:]).Next(&in)
	return ok && err == nil && counted(in.Op)
}
