package wasm

import (
	"fmt"
	"math"
	"strconv"
)

// String returns the instruction as the text format writes it, with indices
// as numbers: "i32.const 7", "call 12", "i32.load offset=8 align=4".
func (in *Instr) String() string { return string(in.appendText(nil)) }

// appendText appends what String returns.
func (in *Instr) appendText(b []byte) []byte {
	o := &opInfos[opIndex(in.Op)]
	b = append(b, in.Op.String()...)
	switch o.imm {
	case immLabel, immFunc, immRefFunc, immLocal, immGlobal, immTable, immElem, immData, immDataMem, immLane, immTag:
		b = appendNums(b, in.A)
	case immTableTable:
		b = appendNums(b, in.A, in.B)
	case immElemTable:
		b = appendNums(b, in.B, in.A)
	case immCallIndirect:
		b = fmt.Appendf(b, " %d (type %d)", in.B, in.A)
	case immLabels:
		for _, l := range in.Labels {
			b = appendNums(b, uint64(l))
		}
	case immI32:
		b = strconv.AppendInt(append(b, ' '), int64(int32(in.A)), 10)
	case immI64:
		b = strconv.AppendInt(append(b, ' '), int64(in.A), 10)
	case immF32:
		b = appendFloat(b, float64(math.Float32frombits(uint32(in.A))), in.A, 32)
	case immF64:
		b = appendFloat(b, math.Float64frombits(in.A), in.A, 64)
	case immV128:
		b = fmt.Appendf(b, " i64x2 0x%016x 0x%016x", in.A, in.B)
	case immShuffle:
		for i := range 16 {
			half := in.A
			if i >= 8 {
				half = in.B
			}
			b = appendNums(b, half>>(8*(i%8))&0xff)
		}
	case immMem, immMemLane:
		b = in.appendMemarg(b, o)
	case immRefType:
		b = append(b, map[ValType]string{FuncRef: " func", ExternRef: " extern", ExnRef: " exn"}[ValType(in.A)]...)
	case immTypes:
		if len(in.Types) > 0 {
			b = fmt.Appendf(b, " (result %s)", in.Types[0])
		}
	case immBlock, immTry:
		b = appendTypes(b, "param", in.Block.Params)
		b = appendTypes(b, "result", in.Block.Results)
		for _, c := range in.Catches {
			b = append(append(b, " ("...), c.Kind.String()...)
			if c.Kind.HasTag() {
				b = appendNums(b, uint64(c.Tag))
			}
			b = append(appendNums(b, uint64(c.Label)), ')')
		}
	}
	return b
}

func appendNums(b []byte, ns ...uint64) []byte {
	for _, n := range ns {
		b = strconv.AppendUint(append(b, ' '), n, 10)
	}
	return b
}

// appendFloat appends a float, as bits when it is not a number.
func appendFloat(b []byte, v float64, bits uint64, size int) []byte {
	if math.IsNaN(v) {
		return fmt.Appendf(b, " nan (;0x%x;)", bits)
	}
	return strconv.AppendFloat(append(b, ' '), v, 'g', -1, size)
}

// appendMemarg appends the offset and alignment of an access where they are
// not the usual ones, and its lane.
func (in *Instr) appendMemarg(b []byte, o *opInfo) []byte {
	if off := in.memOffset(); off != 0 {
		b = fmt.Appendf(b, " offset=%d", off)
	}
	if in.A != uint64(o.x) {
		b = fmt.Appendf(b, " align=%d", uint64(1)<<(in.A&31))
	}
	if o.imm == immMemLane {
		b = appendNums(b, uint64(in.lane()))
	}
	return b
}

func appendTypes(b []byte, what string, ts []ValType) []byte {
	if len(ts) == 0 {
		return b
	}
	b = append(append(b, " ("...), what...)
	for _, t := range ts {
		b = append(append(b, ' '), t.String()...)
	}
	return append(b, ')')
}
