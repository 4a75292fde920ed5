package rewrite

import (
	"fmt"

	"sojourn/interp/wasm"
)

// indices maps index spaces of the rewritten module to those of the module that
// code is being written into: the same one, or a satellite that imports from it.
type indices interface {
	fn(uint32) uint32
	global(uint32) uint32
	table(uint32) uint32
	block(wasm.FuncType) uint32 // index of a type, for a block
}

// own is the rewritten module itself.
type own struct {
	p     *Plan
	types []wasm.FuncType
}

func (own) fn(i uint32) uint32       { return i }
func (o own) global(i uint32) uint32 { return o.p.ours(i) }
func (own) table(i uint32) uint32    { return i }
func (o own) block(t wasm.FuncType) uint32 {
	for i := range o.types {
		if o.types[i].Equal(t) {
			return uint32(i)
		}
	}
	panic("rewrite: guarded code needs no new block types")
}

// emitter writes one function: the guarded original, or, with ways in, its resume
// function. Instructions are copied as they are unless one of these says otherwise.
//
// At each point the value stack is in slots: locals, one for each height and type,
// from which the cold path takes it. A compiler to SSA form makes the moves vanish.
type emitter struct {
	p   *Plan
	idx indices
	f   *function
	src *wasm.Func
	x   *wasm.Machine
	in  wasm.Instr
	out []byte

	extra []wasm.ValType // locals added behind the author's
	slots map[slot]uint32
	temps map[string]uint32
	nest  int // how many constructs are open up to the loop of a nest, 0 outside of one: see budget.go

	saved  int   // slots below this height hold what is on the stack
	ctls   []ctl // the author's open constructs, innermost last
	labels []label32
	con    int     // constructs opened so far: index in f.cons of the next
	site   int     // next site
	made   label32 // labels made so far; the first is 1
	where  []int   // of each label made: its place in labels

	ways *ways // nil in a guarded original

	paces []pace // of the instructions from the next one on, when they are counted
	asker int    // point at which the next instruction's segment begins, -1 if none

	catch func() // of a stride: writes where the exception under way goes
}

type slot struct {
	height int
	typ    wasm.ValType
}

// label32 identifies a label of the output; its depth follows from what is open.
type label32 int32

// ctl is an open construct of the author's.
type ctl struct {
	label  label32
	con    int
	saved  int
	base   int // height of the stack below its parameters
	block  wasm.BlockType
	opened bool    // by an instruction at its own place; false when hoisted
	els    label32 // of a split if, where its else arm begins
	caught label32 // of a try_table: where exceptions leave it

	point      int     // of a loop that ticks
	back, exit label32 // of a loop that ticks: where a round ends, and behind the loop
}

// newEmitter begins the i-th function of Plan.ext.
func (p *Plan) newEmitter(i int, idx indices) (*emitter, error) {
	x, err := p.types.New(i)
	if err != nil {
		return nil, err
	}
	e := &emitter{p: p, idx: idx, f: &p.fns[i], src: &p.ext.Funcs[i], x: x,
		slots: map[slot]uint32{}, temps: map[string]uint32{}, asker: -1}
	if p.count && !e.f.thunk {
		e.paces = p.paces(e.f)
	}
	e.out = make([]byte, 0, len(e.src.Body)*5/4+64)
	return e, nil
}

// run copies the body. On return out holds the new one.
func (e *emitter) run() error {
	e.openFunction()
	r := wasm.NewReader(e.p.ext, e.src.Body)
	for {
		ok, err := r.Next(&e.in)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if err := e.instr(); err != nil {
			return err
		}
	}
	if n := len(e.f.locals) + len(e.extra); n > wasm.MaxLocals {
		return fmt.Errorf("function %d (%s) would need %d locals to be stoppable; the limit is %d",
			e.f.index, e.p.Module.FuncName(e.f.index), n, wasm.MaxLocals)
	}
	return nil
}

// locals returns the declarations of the locals that are no parameters.
func (e *emitter) locals(params int) []wasm.LocalDecl {
	var ds []wasm.LocalDecl
	add := func(t wasm.ValType) {
		t = low(t)
		if n := len(ds); n > 0 && ds[n-1].Type == t {
			ds[n-1].Count++
			return
		}
		ds = append(ds, wasm.LocalDecl{Count: 1, Type: t})
	}
	for _, t := range e.f.locals[params:] {
		add(t)
	}
	for _, t := range e.extra {
		add(t)
	}
	return ds
}

// here returns the site of the current instruction, nil where there is none. A site
// that is no point is not returned.
func (e *emitter) here() *site {
	if e.site >= len(e.f.sites) || e.f.sites[e.site].pos != e.in.Pos {
		return nil
	}
	s := &e.f.sites[e.site]
	e.site++
	if s.point < 0 {
		return nil
	}
	return s
}

// goesTo returns the depth in the output of the author's label l: for a branch back
// that counts, where the round ends.
func (e *emitter) goesTo(l uint32) uint32 {
	return e.goesFrom(e.in.Pos, &e.ctls[len(e.ctls)-1-int(l)])
}

func (e *emitter) goesFrom(pos int, k *ctl) uint32 {
	if k.back != anonymous && !e.f.counted[edge{pos, k.con}] {
		return e.depth(k.back)
	}
	return e.depth(k.label)
}

// flushFor writes the clock back if one of the labels is outside the nest.
func (e *emitter) flushFor(labels ...uint32) {
	for _, l := range labels {
		if len(e.ctls)-int(l) < e.nest {
			e.flush()
			return
		}
	}
}

func (e *emitter) instr() error {
	e.beforeInstr()
	s := e.here()
	switch e.in.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf, wasm.OpTryTable:
		return e.open(s)
	case wasm.OpElse:
		return e.elseArm()
	case wasm.OpEnd:
		return e.end()
	case wasm.OpBr, wasm.OpBrIf:
		e.flushFor(uint32(e.in.A))
		e.opU32(e.in.Op, e.goesTo(uint32(e.in.A)))
	case wasm.OpBrTable:
		e.flushFor(e.in.Labels...)
		ls := make([]uint32, len(e.in.Labels))
		for i, l := range e.in.Labels {
			ls[i] = e.goesTo(l)
		}
		e.out = wasm.AppendBrTable(e.out, ls)
	case wasm.OpReturn:
		e.flush()
		e.copy()
	case wasm.OpCall, wasm.OpCallIndirect:
		return e.call(s)
	case wasm.OpReturnCall, wasm.OpReturnCallIndirect:
		return e.tailCall(s)
	case wasm.OpThrow, wasm.OpThrowRef:
		return e.throw(s)
	case wasm.OpMemoryCopy, wasm.OpMemoryFill:
		if s != nil {
			return e.bulk(s)
		}
		e.copy()
	default:
		e.plain()
	}
	return e.step()
}

// step applies the instruction to the types, and forgets the slots of the values
// that it popped: of those left on the stack, only the top one can be new.
func (e *emitter) step() error {
	if err := e.x.Step(&e.in); err != nil {
		return err
	}
	low := len(e.x.Stack())
	switch op := e.in.Op; {
	case op == wasm.OpLocalSet, op == wasm.OpGlobalSet, op == wasm.OpDrop, op == wasm.OpNop, op == wasm.OpBrIf,
		op >= wasm.OpI32Store && op <= wasm.OpI64Store32: // push nothing
	default:
		low--
	}
	e.forget(low)
	return nil
}

// forget marks slots from height up as stale. What is below the innermost construct
// cannot be popped inside it.
func (e *emitter) forget(height int) {
	e.saved = max(e.ctls[len(e.ctls)-1].saved, min(e.saved, height))
}

// plain writes an instruction that neither branches nor calls, with its indices
// mapped.
func (e *emitter) plain() {
	in, l := &e.in, &e.p.lay
	switch in.Op {
	case wasm.OpGlobalGet, wasm.OpGlobalSet:
		e.opU32(in.Op, e.idx.global(uint32(in.A)))
	case wasm.OpTableGet, wasm.OpTableSet, wasm.OpTableGrow, wasm.OpTableSize, wasm.OpTableFill:
		e.opU32(in.Op, e.idx.table(uint32(in.A)))
	case wasm.OpTableCopy:
		e.opU32(in.Op, e.idx.table(uint32(in.A)))
		e.out = wasm.AppendU32(e.out, e.idx.table(uint32(in.B)))
	case wasm.OpRefFunc:
		// Each evaluation of ref.func makes wazero remember one more reference, and
		// in a satellite it would name the satellite's import.
		e.i32(int32(e.p.takenIndex(uint32(in.A))))
		e.opU32(wasm.OpTableGet, e.idx.table(l.allRefs))
	case wasm.OpMemoryInit, wasm.OpTableInit, wasm.OpDataDrop, wasm.OpElemDrop:
		op, _ := asSegOp(in)
		e.opU32(wasm.OpCall, e.idx.fn(l.segFuncs[op]))
	default:
		if !e.exnRef() {
			e.copy()
		}
	}
}

// call writes a call and, where the guest can stop in it, the check behind it.
func (e *emitter) call(s *site) error {
	if s != nil && e.ways != nil {
		e.arrive(wayIn{pos: e.in.Pos})
	}
	pops := 0
	if e.in.Op == wasm.OpCall {
		fn := uint32(e.in.A)
		pops = len(e.p.Module.Types[e.p.typeOf(fn)].Params)
		e.opU32(wasm.OpCall, e.idx.fn(e.p.guestFunc(fn)))
	} else {
		pops = len(e.p.Module.Types[e.in.A].Params) + 1
		e.opU32(wasm.OpCallIndirect, uint32(e.in.A))
		e.out = wasm.AppendU32(e.out, e.idx.table(uint32(e.in.B)))
	}
	e.forget(len(e.x.Stack()) - pops)
	if err := e.x.Step(&e.in); err != nil {
		return err
	}
	if s == nil {
		return nil
	}
	e.save()
	e.check(s)
	if e.ways != nil {
		if e.arrive(wayIn{pos: e.in.Pos, after: true}) && e.p.Points[s.point].Kind == Call {
			e.deliverIfRaised() // the call has thrown, while the frame waited as data
		}
	}
	e.asker = s.point
	return nil
}

// save puts all of the value stack that is not there yet in slots, and leaves it
// on the stack.
func (e *emitter) save() {
	st := e.x.Stack()
	if e.saved >= len(st) {
		return
	}
	if e.saved == len(st)-1 {
		e.opU32(wasm.OpLocalTee, e.slot(e.saved, st[e.saved]))
	} else {
		for h := len(st) - 1; h >= e.saved; h-- {
			e.opU32(wasm.OpLocalSet, e.slot(h, st[h]))
		}
		e.load(e.saved, len(st))
	}
	e.saved = len(st)
}

// load pushes the slots of heights from up to to.
func (e *emitter) load(from, to int) {
	st := e.x.Stack()
	for h := from; h < to; h++ {
		e.opU32(wasm.OpLocalGet, e.slot(h, st[h]))
	}
}

func (e *emitter) slot(height int, t wasm.ValType) uint32 {
	k := slot{height, t}
	i, ok := e.slots[k]
	if !ok {
		i = e.local(t)
		e.slots[k] = i
	}
	return i
}

func (e *emitter) temp(name string) uint32 {
	i, ok := e.temps[name]
	if !ok {
		i = e.local(wasm.I32)
		e.temps[name] = i
	}
	return i
}

func (e *emitter) local(t wasm.ValType) uint32 {
	e.extra = append(e.extra, t)
	return uint32(len(e.f.locals) + len(e.extra) - 1)
}

// depth returns how many open labels of the output are inside l, which is open.
func (e *emitter) depth(l label32) uint32 { return uint32(len(e.labels) - 1 - e.where[l]) }

// openLabel notes that the output has just opened l.
func (e *emitter) openLabel(l label32) {
	e.where[l] = len(e.labels)
	e.labels = append(e.labels, l)
}

const anonymous label32 = 0 // a label that nothing branches to by name

func (e *emitter) block(op wasm.Opcode) {
	e.out = wasm.AppendBlock(e.out, op, wasm.Unknown)
	e.labels = append(e.labels, anonymous)
}

func (e *emitter) endBlock() {
	e.op(wasm.OpEnd)
	e.labels = e.labels[:len(e.labels)-1]
}

func (e *emitter) copy()                          { e.out = append(e.out, e.src.Body[e.in.Pos:e.in.Pos+e.in.Len]...) }
func (e *emitter) op(op wasm.Opcode)              { e.out = wasm.AppendOp(e.out, op) }
func (e *emitter) opU32(op wasm.Opcode, v uint32) { e.out = wasm.AppendOpU32(e.out, op, v) }
func (e *emitter) i32(v int32)                    { e.out = wasm.AppendI32Const(e.out, v) }
func (e *emitter) zero(t wasm.ValType)            { e.out = wasm.AppendZero(e.out, low(t)) }
