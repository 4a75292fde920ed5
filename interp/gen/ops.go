package gen

import "sojourn/interp/wasm"

// typ is a type as the generator sees it: references come in classes, so that what is
// behind them can be called without a trap.
type typ byte

const (
	i32 typ = iota
	i64
	f32
	f64
	v128
	refA
	refB
	ext
	exn // of locals of the generator's own only
	types
)

var valTypes = [types]wasm.ValType{wasm.I32, wasm.I64, wasm.F32, wasm.F64, wasm.V128, wasm.FuncRef, wasm.FuncRef, wasm.ExternRef, wasm.ExnRef}

func (t typ) isRef() bool { return t >= refA }

// row is a range of instructions of one signature: operands ':' result.
type row struct {
	first, last wasm.Opcode
	sig         string
	kind        kind
}

// kind says what an instruction needs beside its operands.
type kind byte

const (
	exact  kind = iota
	nan         // its result may be a NaN of any bits
	div         // traps on some divisors
	trunc       // traps on what is out of range
	lanes2      // an immediate: one of so many lanes
	lanes4
	lanes8
	lanes16
	shuffle
	mem0 // an address and an alignment, of at most so much
	mem1
	mem2
	mem3
	mem4
	memLane0 // and a lane
	memLane1
	memLane2
	memLane3
)

// rows are the numeric, vector and memory instructions of WebAssembly 2.0.
var rows = []row{
	{wasm.OpI32Eqz, wasm.OpI32Eqz, "i:i", exact},
	{wasm.OpI32Eq, wasm.OpI32GeU, "ii:i", exact},
	{wasm.OpI64Eqz, wasm.OpI64Eqz, "l:i", exact},
	{wasm.OpI64Eq, wasm.OpI64GeU, "ll:i", exact},
	{wasm.OpF32Eq, wasm.OpF32Ge, "ff:i", exact},
	{wasm.OpF64Eq, wasm.OpF64Ge, "dd:i", exact},
	{wasm.OpI32Clz, wasm.OpI32Popcnt, "i:i", exact},
	{wasm.OpI32Add, wasm.OpI32Mul, "ii:i", exact},
	{wasm.OpI32DivS, wasm.OpI32RemU, "ii:i", div},
	{wasm.OpI32And, wasm.OpI32Rotr, "ii:i", exact},
	{wasm.OpI64Clz, wasm.OpI64Popcnt, "l:l", exact},
	{wasm.OpI64Add, wasm.OpI64Mul, "ll:l", exact},
	{wasm.OpI64DivS, wasm.OpI64RemU, "ll:l", div},
	{wasm.OpI64And, wasm.OpI64Rotr, "ll:l", exact},
	{wasm.OpF32Abs, wasm.OpF32Sqrt, "f:f", nan},
	{wasm.OpF32Add, wasm.OpF32Copysign, "ff:f", nan},
	{wasm.OpF64Abs, wasm.OpF64Sqrt, "d:d", nan},
	{wasm.OpF64Add, wasm.OpF64Copysign, "dd:d", nan},
	{wasm.OpI32WrapI64, wasm.OpI32WrapI64, "l:i", exact},
	{wasm.OpI32TruncF32S, wasm.OpI32TruncF32U, "f:i", trunc},
	{wasm.OpI32TruncF64S, wasm.OpI32TruncF64U, "d:i", trunc},
	{wasm.OpI64ExtendI32S, wasm.OpI64ExtendI32U, "i:l", exact},
	{wasm.OpI64TruncF32S, wasm.OpI64TruncF32U, "f:l", trunc},
	{wasm.OpI64TruncF64S, wasm.OpI64TruncF64U, "d:l", trunc},
	{wasm.OpF32ConvertI32S, wasm.OpF32ConvertI32U, "i:f", exact},
	{wasm.OpF32ConvertI64S, wasm.OpF32ConvertI64U, "l:f", exact},
	{wasm.OpF32DemoteF64, wasm.OpF32DemoteF64, "d:f", nan},
	{wasm.OpF64ConvertI32S, wasm.OpF64ConvertI32U, "i:d", exact},
	{wasm.OpF64ConvertI64S, wasm.OpF64ConvertI64U, "l:d", exact},
	{wasm.OpF64PromoteF32, wasm.OpF64PromoteF32, "f:d", nan},
	{wasm.OpI32ReinterpretF32, wasm.OpI32ReinterpretF32, "f:i", exact},
	{wasm.OpI64ReinterpretF64, wasm.OpI64ReinterpretF64, "d:l", exact},
	{wasm.OpF32ReinterpretI32, wasm.OpF32ReinterpretI32, "i:f", exact},
	{wasm.OpF64ReinterpretI64, wasm.OpF64ReinterpretI64, "l:d", exact},
	{wasm.OpI32Extend8S, wasm.OpI32Extend16S, "i:i", exact},
	{wasm.OpI64Extend8S, wasm.OpI64Extend32S, "l:l", exact},
	{wasm.OpI32TruncSatF32S, wasm.OpI32TruncSatF32U, "f:i", exact},
	{wasm.OpI32TruncSatF64S, wasm.OpI32TruncSatF64U, "d:i", exact},
	{wasm.OpI64TruncSatF32S, wasm.OpI64TruncSatF32U, "f:l", exact},
	{wasm.OpI64TruncSatF64S, wasm.OpI64TruncSatF64U, "d:l", exact},

	{wasm.OpI8x16Shuffle, wasm.OpI8x16Shuffle, "vv:v", shuffle},
	{wasm.OpI8x16Swizzle, wasm.OpI8x16Swizzle, "vv:v", exact},
	{wasm.OpI8x16Splat, wasm.OpI32x4Splat, "i:v", exact},
	{wasm.OpI64x2Splat, wasm.OpI64x2Splat, "l:v", exact},
	{wasm.OpF32x4Splat, wasm.OpF32x4Splat, "f:v", exact},
	{wasm.OpF64x2Splat, wasm.OpF64x2Splat, "d:v", exact},
	{wasm.OpI8x16ExtractLaneS, wasm.OpI8x16ExtractLaneU, "v:i", lanes16},
	{wasm.OpI8x16ReplaceLane, wasm.OpI8x16ReplaceLane, "vi:v", lanes16},
	{wasm.OpI16x8ExtractLaneS, wasm.OpI16x8ExtractLaneU, "v:i", lanes8},
	{wasm.OpI16x8ReplaceLane, wasm.OpI16x8ReplaceLane, "vi:v", lanes8},
	{wasm.OpI32x4ExtractLane, wasm.OpI32x4ExtractLane, "v:i", lanes4},
	{wasm.OpI32x4ReplaceLane, wasm.OpI32x4ReplaceLane, "vi:v", lanes4},
	{wasm.OpI64x2ExtractLane, wasm.OpI64x2ExtractLane, "v:l", lanes2},
	{wasm.OpI64x2ReplaceLane, wasm.OpI64x2ReplaceLane, "vl:v", lanes2},
	{wasm.OpF32x4ExtractLane, wasm.OpF32x4ExtractLane, "v:f", lanes4},
	{wasm.OpF32x4ReplaceLane, wasm.OpF32x4ReplaceLane, "vf:v", lanes4},
	{wasm.OpF64x2ExtractLane, wasm.OpF64x2ExtractLane, "v:d", lanes2},
	{wasm.OpF64x2ReplaceLane, wasm.OpF64x2ReplaceLane, "vd:v", lanes2},
	{wasm.OpI8x16Eq, wasm.OpF64x2Ge, "vv:v", exact},
	{wasm.OpV128Not, wasm.OpV128Not, "v:v", exact},
	{wasm.OpV128And, wasm.OpV128Xor, "vv:v", exact},
	{wasm.OpV128Bitselect, wasm.OpV128Bitselect, "vvv:v", exact},
	{wasm.OpV128AnyTrue, wasm.OpV128AnyTrue, "v:i", exact},
	{wasm.OpF32x4DemoteF64x2Zero, wasm.OpF64x2PromoteLowF32x4, "v:v", nan},
	{wasm.OpI8x16Abs, wasm.OpI8x16Popcnt, "v:v", exact},
	{wasm.OpI8x16AllTrue, wasm.OpI8x16Bitmask, "v:i", exact},
	{wasm.OpI8x16NarrowI16x8S, wasm.OpI8x16NarrowI16x8U, "vv:v", exact},
	{wasm.OpF32x4Ceil, wasm.OpF32x4Nearest, "v:v", nan},
	{wasm.OpI8x16Shl, wasm.OpI8x16ShrU, "vi:v", exact},
	{wasm.OpI8x16Add, wasm.OpI8x16SubSatU, "vv:v", exact},
	{wasm.OpF64x2Ceil, wasm.OpF64x2Floor, "v:v", nan},
	{wasm.OpI8x16MinS, wasm.OpI8x16MaxU, "vv:v", exact},
	{wasm.OpF64x2Trunc, wasm.OpF64x2Trunc, "v:v", nan},
	{wasm.OpI8x16AvgrU, wasm.OpI8x16AvgrU, "vv:v", exact},
	{wasm.OpI16x8ExtaddPairwiseI8x16S, wasm.OpI16x8Neg, "v:v", exact},
	{wasm.OpI16x8Q15mulrSatS, wasm.OpI16x8Q15mulrSatS, "vv:v", exact},
	{wasm.OpI16x8AllTrue, wasm.OpI16x8Bitmask, "v:i", exact},
	{wasm.OpI16x8NarrowI32x4S, wasm.OpI16x8NarrowI32x4U, "vv:v", exact},
	{wasm.OpI16x8ExtendLowI8x16S, wasm.OpI16x8ExtendHighI8x16U, "v:v", exact},
	{wasm.OpI16x8Shl, wasm.OpI16x8ShrU, "vi:v", exact},
	{wasm.OpI16x8Add, wasm.OpI16x8SubSatU, "vv:v", exact},
	{wasm.OpF64x2Nearest, wasm.OpF64x2Nearest, "v:v", nan},
	{wasm.OpI16x8Mul, wasm.OpI16x8MaxU, "vv:v", exact},
	{wasm.OpI16x8AvgrU, wasm.OpI16x8AvgrU, "vv:v", exact},
	{wasm.OpI16x8ExtmulLowI8x16S, wasm.OpI16x8ExtmulHighI8x16U, "vv:v", exact},
	{wasm.OpI32x4Abs, wasm.OpI32x4Neg, "v:v", exact},
	{wasm.OpI32x4AllTrue, wasm.OpI32x4Bitmask, "v:i", exact},
	{wasm.OpI32x4ExtendLowI16x8S, wasm.OpI32x4ExtendHighI16x8U, "v:v", exact},
	{wasm.OpI32x4Shl, wasm.OpI32x4ShrU, "vi:v", exact},
	{wasm.OpI32x4Add, wasm.OpI32x4Add, "vv:v", exact},
	{wasm.OpI32x4Sub, wasm.OpI32x4Sub, "vv:v", exact},
	{wasm.OpI32x4Mul, wasm.OpI32x4DotI16x8S, "vv:v", exact},
	{wasm.OpI32x4ExtmulLowI16x8S, wasm.OpI32x4ExtmulHighI16x8U, "vv:v", exact},
	{wasm.OpI64x2Abs, wasm.OpI64x2Neg, "v:v", exact},
	{wasm.OpI64x2AllTrue, wasm.OpI64x2Bitmask, "v:i", exact},
	{wasm.OpI64x2ExtendLowI32x4S, wasm.OpI64x2ExtendHighI32x4U, "v:v", exact},
	{wasm.OpI64x2Shl, wasm.OpI64x2ShrU, "vi:v", exact},
	{wasm.OpI64x2Add, wasm.OpI64x2Add, "vv:v", exact},
	{wasm.OpI64x2Sub, wasm.OpI64x2Sub, "vv:v", exact},
	{wasm.OpI64x2Mul, wasm.OpI64x2ExtmulHighI32x4U, "vv:v", exact},
	{wasm.OpF32x4Abs, wasm.OpF32x4Neg, "v:v", nan},
	{wasm.OpF32x4Sqrt, wasm.OpF32x4Sqrt, "v:v", nan},
	{wasm.OpF32x4Add, wasm.OpF32x4Pmax, "vv:v", nan},
	{wasm.OpF64x2Abs, wasm.OpF64x2Neg, "v:v", nan},
	{wasm.OpF64x2Sqrt, wasm.OpF64x2Sqrt, "v:v", nan},
	{wasm.OpF64x2Add, wasm.OpF64x2Pmax, "vv:v", nan},
	{wasm.OpI32x4TruncSatF32x4S, wasm.OpF64x2ConvertLowI32x4U, "v:v", exact},

	{wasm.OpI32Load, wasm.OpI32Load, "i:i", mem2},
	{wasm.OpI64Load, wasm.OpI64Load, "i:l", mem3},
	{wasm.OpF32Load, wasm.OpF32Load, "i:f", mem2},
	{wasm.OpF64Load, wasm.OpF64Load, "i:d", mem3},
	{wasm.OpI32Load8S, wasm.OpI32Load8U, "i:i", mem0},
	{wasm.OpI32Load16S, wasm.OpI32Load16U, "i:i", mem1},
	{wasm.OpI64Load8S, wasm.OpI64Load8U, "i:l", mem0},
	{wasm.OpI64Load16S, wasm.OpI64Load16U, "i:l", mem1},
	{wasm.OpI64Load32S, wasm.OpI64Load32U, "i:l", mem2},
	{wasm.OpI32Store, wasm.OpI32Store, "ii:", mem2},
	{wasm.OpI64Store, wasm.OpI64Store, "il:", mem3},
	{wasm.OpF32Store, wasm.OpF32Store, "if:", mem2},
	{wasm.OpF64Store, wasm.OpF64Store, "id:", mem3},
	{wasm.OpI32Store8, wasm.OpI32Store8, "ii:", mem0},
	{wasm.OpI32Store16, wasm.OpI32Store16, "ii:", mem1},
	{wasm.OpI64Store8, wasm.OpI64Store8, "il:", mem0},
	{wasm.OpI64Store16, wasm.OpI64Store16, "il:", mem1},
	{wasm.OpI64Store32, wasm.OpI64Store32, "il:", mem2},
	{wasm.OpV128Load, wasm.OpV128Load, "i:v", mem4},
	{wasm.OpV128Load8x8S, wasm.OpV128Load32x2U, "i:v", mem3},
	{wasm.OpV128Load8Splat, wasm.OpV128Load8Splat, "i:v", mem0},
	{wasm.OpV128Load16Splat, wasm.OpV128Load16Splat, "i:v", mem1},
	{wasm.OpV128Load32Splat, wasm.OpV128Load32Splat, "i:v", mem2},
	{wasm.OpV128Load64Splat, wasm.OpV128Load64Splat, "i:v", mem3},
	{wasm.OpV128Load32Zero, wasm.OpV128Load32Zero, "i:v", mem2},
	{wasm.OpV128Load64Zero, wasm.OpV128Load64Zero, "i:v", mem3},
	{wasm.OpV128Store, wasm.OpV128Store, "iv:", mem4},
	{wasm.OpV128Load8Lane, wasm.OpV128Load8Lane, "iv:v", memLane0},
	{wasm.OpV128Load16Lane, wasm.OpV128Load16Lane, "iv:v", memLane1},
	{wasm.OpV128Load32Lane, wasm.OpV128Load32Lane, "iv:v", memLane2},
	{wasm.OpV128Load64Lane, wasm.OpV128Load64Lane, "iv:v", memLane3},
	{wasm.OpV128Store8Lane, wasm.OpV128Store8Lane, "iv:", memLane0},
	{wasm.OpV128Store16Lane, wasm.OpV128Store16Lane, "iv:", memLane1},
	{wasm.OpV128Store32Lane, wasm.OpV128Store32Lane, "iv:", memLane2},
	{wasm.OpV128Store64Lane, wasm.OpV128Store64Lane, "iv:", memLane3},
}

var letters = map[byte]typ{'i': i32, 'l': i64, 'f': f32, 'd': f64, 'v': v128}

// instr is one instruction of rows.
type instr struct {
	op     wasm.Opcode
	in     []typ
	kind   kind
	single bool // of vectors: lanes of 32 bits, and not of 64
}

// byResult lists the instructions by what they push; stores are last.
var byResult = func() (out [types + 1][]instr) {
	for _, r := range rows {
		var in []typ
		k := 0
		for ; r.sig[k] != ':'; k++ {
			in = append(in, letters[r.sig[k]])
		}
		to := types
		if k+1 < len(r.sig) {
			to = letters[r.sig[k+1]]
		}
		for op := r.first; op <= r.last; op++ {
			out[to] = append(out[to], instr{op: op, in: in, kind: r.kind, single: singles[op]})
		}
	}
	return out
}()

// singles are the vector instructions whose result has 32-bit floats for lanes.
var singles = func() map[wasm.Opcode]bool {
	m := map[wasm.Opcode]bool{wasm.OpF32x4DemoteF64x2Zero: true}
	for _, r := range [][2]wasm.Opcode{{wasm.OpF32x4Ceil, wasm.OpF32x4Nearest}, {wasm.OpF32x4Abs, wasm.OpF32x4Pmax}} {
		for op := r[0]; op <= r[1]; op++ {
			m[op] = true
		}
	}
	return m
}()
