package rewrite

import (
	"fmt"
	"slices"

	"sojourn/interp/wasm"
)

// Exceptions are a second way to return, and none of them is left in what this package
// emits. A throw puts the tag and the values into globals and makes the budget negative;
// the check behind each call, which is there already, finds that as it finds an
// unwinding guest. A try_table is two blocks, of which an exception leaves the inner one:
//
//	(try_table (result i32)         block (result i32)
//	    (catch $e $l)                 block
//	  (call $f))               =>       call $f
//	                                    …check: if an exception is under way, br 0; …
//	                                    br 1
//	                                  end
//	                                  …if it is $e: …its values… br $l…
//	                                  …else on to the try_table around, or return zeros…
//	                                end
//
// A frame in a handler's scope is thus in blocks like any other, and captured as such.
//
// A reference to an exception is a vector here: the tag's number and one more, or 0 for
// null, in the first 4 bytes, and the values behind it, each as long as its type, zeros
// behind them. That is how a snapshot has it, too. It leaves 12 bytes for values; a
// guest that makes references and has a tag with more is refused.
//
// What wazero makes of try_table is not used: its compiler forgets on a catch what the
// body has set locals to, and neither engine keeps an exception that a reference names
// from being collected.
type exceptions struct {
	any     bool            // some module of the guest can throw, or try to
	refs    bool            // references to exceptions occur in this one
	guest   *Guest          // whose tags they are of
	numbers []uint32        // of the module's tags, among the guest's
	blocks  []wasm.FuncType // types of blocks that the author's module lacks
	counts  [8]int          // globals for values, by place in payloadTypes
}

// payloadTypes are the types of the globals that hold an exception's values.
var payloadTypes = [...]wasm.ValType{wasm.I32, wasm.I64, wasm.F32, wasm.F64, wasm.V128, wasm.FuncRef, wasm.ExternRef, wasm.ExnRef}

// raised is what the budget is while an exception is under way.
const raised = -1 << 29

// exnBytes is how many bytes of values a reference to an exception holds.
const exnBytes = 12

// low returns what stands for a type in the rewritten module.
func low(t wasm.ValType) wasm.ValType {
	if t == wasm.ExnRef {
		return wasm.V128
	}
	return t
}

func lowAll(ts []wasm.ValType) []wasm.ValType {
	if !slices.Contains(ts, wasm.ExnRef) {
		return ts
	}
	out := make([]wasm.ValType, len(ts))
	for i, t := range ts {
		out[i] = low(t)
	}
	return out
}

// LowType returns what stands for a function type in the rewritten module.
func LowType(t wasm.FuncType) wasm.FuncType {
	return wasm.FuncType{Params: lowAll(t.Params), Results: lowAll(t.Results)}
}

// types returns the types that the rewritten module and its satellites begin with.
func (p *Plan) outTypes() []wasm.FuncType {
	types := make([]wasm.FuncType, 0, len(p.Module.Types)+len(p.lay.hookTypes)+len(p.exn.blocks))
	for _, t := range p.Module.Types {
		types = append(types, LowType(t))
	}
	return append(append(types, p.lay.hookTypes...), p.exn.blocks...)
}

// scanExceptions settles what the module does with exceptions, and refuses what
// cannot be captured. found says what code does.
func (p *Plan) scanExceptions(found *refs) error {
	m, x := p.Module, &p.exn
	x.refs = found.exnRefs || hasRefs(m, wasm.ExnRef)
	link := p.link
	if link == nil {
		link = &Link{Guest: alone(m, found)}
	}
	g := link.Guest
	x.numbers = g.numbers(m, link)
	x.any = g.throws || g.exnRefs
	if !x.any {
		return nil
	}
	x.guest, x.blocks = g, found.blocks
	for _, t := range g.tags {
		for k, typ := range payloadTypes {
			x.counts[k] = max(x.counts[k], count(t.Params, typ))
		}
	}
	if err := g.checkTags(); err != nil {
		return err
	}
	return g.checkTypes()
}

// packable reports whether a reference to an exception can hold its values.
func packable(t wasm.FuncType) error {
	n := 0
	for _, v := range t.Params {
		switch v {
		case wasm.I32, wasm.F32:
			n += 4
		case wasm.I64, wasm.F64:
			n += 8
		default:
			return fmt.Errorf("a reference to such an exception cannot hold a value of type %v", v)
		}
	}
	if n > exnBytes {
		return fmt.Errorf("a reference to such an exception cannot hold its %d bytes of values; the limit is %d", n, exnBytes)
	}
	return nil
}

// globals of ours for exceptions, in their order: the tag under way and one more, the
// budget of before, then those for values.
func (p *Plan) exnGlobals() []wasm.ValType {
	if !p.exn.any {
		return nil
	}
	ts := []wasm.ValType{wasm.I32, wasm.I32}
	for k, t := range payloadTypes {
		for range p.exn.counts[k] {
			ts = append(ts, t)
		}
	}
	return ts
}

// payload calls f for each value of the exceptions of a tag, by its number, with the
// global that holds it.
func (p *Plan) payload(tag uint32, f func(i int, t wasm.ValType, global uint32)) {
	var next [len(payloadTypes)]uint32
	at := p.lay.exn + 2
	for k := range payloadTypes {
		next[k] = at
		at += uint32(p.exn.counts[k])
	}
	for i, t := range p.exn.guest.tags[tag].Params {
		k := slices.Index(payloadTypes[:], t)
		f(i, t, next[k])
		next[k]++
	}
}

// CheckExn checks that a vector can be a reference to an exception of the guest's.
func (p *Plan) CheckExn(lo, hi uint64) error {
	tag, tags := uint64(uint32(lo)), []wasm.FuncType(nil)
	if p.exn.any {
		tags = p.exn.guest.tags
	}
	switch {
	case tag == 0 && (lo != 0 || hi != 0):
		return fmt.Errorf("a null reference to an exception, with values")
	case tag == 0:
		return nil
	case tag > uint64(len(tags)):
		return fmt.Errorf("a reference to an exception of tag %d; there are %d", tag-1, len(tags))
	}
	words := [4]uint32{1: uint32(lo >> 32), 2: uint32(hi), 3: uint32(hi >> 32)}
	used := 1
	for _, t := range tags[tag-1].Params {
		used += laneCount(t)
	}
	for _, w := range words[used:] {
		if w != 0 {
			return fmt.Errorf("a reference to an exception of tag %d, with more values than it has", tag-1)
		}
	}
	return nil
}

// laneCount returns how many words of 4 bytes a value takes in a reference.
func laneCount(t wasm.ValType) int {
	if t == wasm.I64 || t == wasm.F64 {
		return 2
	}
	return 1
}

// packBody makes a reference to the exception under way.
func (p *Plan) packBody() []byte {
	var b []byte
	for tag := range p.exn.guest.tags {
		b = append(b, ops(at(wasm.OpGlobalGet, p.ours(p.lay.exn)), wasm.AppendI32Const(nil, int32(tag+1)), wasm.AppendOp(nil, wasm.OpI32Eq),
			wasm.AppendBlock(nil, wasm.OpIf, wasm.Unknown), wasm.AppendV128Const(nil, uint64(tag+1), 0))...)
		lane := byte(0)
		p.payload(uint32(tag), func(_ int, t wasm.ValType, g uint32) {
			for half := range laneCount(t) {
				b = append(b, at(wasm.OpGlobalGet, p.ours(g))...)
				b = append(b, toWord(t, half)...)
				lane++
				b = append(wasm.AppendOp(b, wasm.OpI32x4ReplaceLane), lane)
			}
		})
		b = append(wasm.AppendOp(b, wasm.OpReturn), byte(wasm.OpEnd))
	}
	return append(b, wasm.AppendV128Const(nil, 0, 0)...)
}

// toWord turns a value into its lower or upper word.
func toWord(t wasm.ValType, half int) []byte {
	var b []byte
	switch t {
	case wasm.F32:
		return wasm.AppendOp(b, wasm.OpI32ReinterpretF32)
	case wasm.I32:
		return b
	case wasm.F64:
		b = wasm.AppendOp(b, wasm.OpI64ReinterpretF64)
	}
	if half == 1 {
		b = wasm.AppendOp(wasm.AppendI64Const(b, 32), wasm.OpI64ShrU)
	}
	return wasm.AppendOp(b, wasm.OpI32WrapI64)
}

// unpackBody puts the exception that a reference names under way.
func (p *Plan) unpackBody() []byte {
	word := func(lane byte) []byte {
		return append(ops(get(0), wasm.AppendOp(nil, wasm.OpI32x4ExtractLane)), lane)
	}
	b := ops(word(0), at(wasm.OpGlobalSet, p.ours(p.lay.exn)))
	for tag := range p.exn.guest.tags {
		b = append(b, ops(at(wasm.OpGlobalGet, p.ours(p.lay.exn)), wasm.AppendI32Const(nil, int32(tag+1)), wasm.AppendOp(nil, wasm.OpI32Eq),
			wasm.AppendBlock(nil, wasm.OpIf, wasm.Unknown))...)
		lane := byte(1)
		p.payload(uint32(tag), func(_ int, t wasm.ValType, g uint32) {
			b = append(b, fromWords(t, word(lane), word(lane+1))...)
			b = append(b, at(wasm.OpGlobalSet, p.ours(g))...)
			lane += byte(laneCount(t))
		})
		b = wasm.AppendOp(b, wasm.OpEnd)
	}
	return b
}

// fromWords makes a value of what pushes its lower and its upper word.
func fromWords(t wasm.ValType, lower, upper []byte) []byte {
	extend := wasm.AppendOp(nil, wasm.OpI64ExtendI32U)
	var b []byte
	switch t {
	case wasm.I32:
		return lower
	case wasm.F32:
		return wasm.AppendOp(lower, wasm.OpF32ReinterpretI32)
	}
	b = ops(lower, extend, upper, extend, wasm.AppendI64Const(nil, 32), wasm.AppendOp(nil, wasm.OpI64Shl), wasm.AppendOp(nil, wasm.OpI64Or))
	if t == wasm.F64 {
		b = wasm.AppendOp(b, wasm.OpF64ReinterpretI64)
	}
	return b
}
