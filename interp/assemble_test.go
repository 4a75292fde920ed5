package interp

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"sojourn/interp/wasm"
)

// assemble makes a body of instructions in the text format, folded nowhere, with
// numbers for indices and labels, and a block's type behind it: "-", a value type, or
// the number of a function type. wabt's text has no try_table.
func assemble(t testing.TB, text string) []byte {
	t.Helper()
	a := &assembler{t: t, words: strings.Fields(text)}
	for len(a.words) > 0 {
		a.instruction()
	}
	return wasm.AppendOp(a.out, wasm.OpEnd)
}

type assembler struct {
	t     testing.TB
	words []string
	out   []byte
}

var opcodes = func() map[string]wasm.Opcode {
	names := map[string]wasm.Opcode{}
	for _, prefix := range []wasm.Opcode{0, 0xfc00, 0xfd00} {
		for i := range wasm.Opcode(0x100) {
			names[(prefix + i).String()] = prefix + i
		}
	}
	names["select"] = wasm.OpSelect // and not the one that states its type
	return names
}()

func (a *assembler) word() string {
	if len(a.words) == 0 {
		a.t.Fatal("assemble: an immediate is missing")
	}
	w := a.words[0]
	a.words = a.words[1:]
	return w
}

func (a *assembler) u32() uint32 {
	w := a.word()
	n, err := strconv.ParseUint(w, 0, 32)
	if err != nil {
		a.t.Fatalf("assemble: %q is no index", w)
	}
	return uint32(n)
}

func (a *assembler) instruction() {
	name := a.word()
	op, ok := opcodes[name]
	if !ok {
		a.t.Fatalf("assemble: no instruction is called %q", name)
	}
	switch op {
	case wasm.OpI32Const, wasm.OpI64Const:
		n, err := strconv.ParseInt(a.word(), 0, 64)
		if err != nil {
			a.t.Fatal(err)
		}
		a.out = wasm.AppendS64(wasm.AppendOp(a.out, op), n)
	case wasm.OpF64Const:
		f, err := strconv.ParseFloat(a.word(), 64)
		if err != nil {
			a.t.Fatal(err)
		}
		a.out = wasm.AppendF64Const(a.out, math.Float64bits(f))
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf, wasm.OpTryTable:
		a.block(op)
	case wasm.OpRefNull:
		a.out = append(wasm.AppendOp(a.out, op), byte(valueType(a.word())))
	case wasm.OpCallIndirect, wasm.OpReturnCallIndirect:
		a.out = wasm.AppendU32(wasm.AppendOpU32(a.out, op, a.u32()), a.u32())
	case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee, wasm.OpGlobalGet, wasm.OpGlobalSet, wasm.OpBr, wasm.OpBrIf,
		wasm.OpCall, wasm.OpReturnCall, wasm.OpThrow, wasm.OpRefFunc:
		a.out = wasm.AppendOpU32(a.out, op, a.u32())
	default:
		a.out = wasm.AppendOp(a.out, op)
	}
}

// block assembles a block's type and, of a try_table, its clauses, which end at "do".
func (a *assembler) block(op wasm.Opcode) {
	switch w := a.word(); {
	case w == "-":
		a.out = wasm.AppendBlock(a.out, op, wasm.Unknown)
	case valueType(w) != wasm.Unknown:
		a.out = wasm.AppendBlock(a.out, op, valueType(w))
	default:
		n, err := strconv.Atoi(w)
		if err != nil {
			a.t.Fatalf("assemble: %q is no block type", w)
		}
		a.out = wasm.AppendBlockIndex(a.out, op, uint32(n))
	}
	if op != wasm.OpTryTable {
		return
	}
	var clauses []byte
	n := uint32(0)
	for w := a.word(); w != "do"; w = a.word() {
		kind := wasm.CatchKind(0)
		for kind.String() != w {
			kind++
		}
		clauses = append(clauses, byte(kind))
		if kind.HasTag() {
			clauses = wasm.AppendU32(clauses, a.u32())
		}
		clauses = wasm.AppendU32(clauses, a.u32())
		n++
	}
	a.out = append(wasm.AppendU32(a.out, n), clauses...)
}

// valueType returns the type with a name, Unknown when there is none.
func valueType(name string) wasm.ValType {
	for _, t := range []wasm.ValType{wasm.I32, wasm.I64, wasm.F32, wasm.F64, wasm.V128, wasm.FuncRef, wasm.ExternRef, wasm.ExnRef} {
		if t.String() == name {
			return t
		}
	}
	return wasm.Unknown
}
