package wasm

import (
	"fmt"
	"strings"
	"testing"
)

// trace steps through m.Funcs[i] and returns a line for each instruction:
// what it is, the stack it finds, and "dead" when it cannot be reached.
func trace(t *testing.T, m *Module, i int) string {
	t.Helper()
	x, err := NewMachine(m, i)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var in Instr
	for r := m.Reader(i); ; {
		ok, err := r.Next(&in)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		fmt.Fprintf(&out, "%s %v", in.String(), x.Stack())
		if x.Unreachable() {
			out.WriteString(" dead")
		}
		out.WriteByte('\n')
		if err := x.Step(&in); err != nil {
			t.Fatal(err)
		}
	}
	if !x.Done() || x.Depth() != 0 {
		t.Errorf("at the end: done %v, depth %d", x.Done(), x.Depth())
	}
	return out.String()
}

func TestMachineStack(t *testing.T) {
	var b []byte
	b = AppendI64Const(b, -3)                             // kept below everything
	b = AppendBlockIndex(AppendI32Const(b, 1), OpLoop, 1) // loop (i32) -> (i32 f64)
	b = AppendOpU32(b, OpLocalTee, 0)
	b = AppendF64Const(b, 0x4008000000000000)
	b = AppendOp(b, OpEnd)
	b = AppendOp(b, OpDrop)
	b = AppendBlock(b, OpIf, F32)
	b = AppendOp(b, OpUnreachable)
	b = AppendBlock(b, OpBlock, Unknown)
	b = AppendOp(b, OpNop)
	b = AppendOp(b, OpEnd)
	b = AppendOp(AppendOp(b, OpDrop), OpSelect)
	b = AppendOp(b, OpElse)
	b = AppendF32Const(b, 0x3f800000)
	b = AppendOp(b, OpEnd)
	b = AppendOp(AppendOp(b, OpDrop), OpEnd)
	m := &Module{
		Types: []FuncType{
			{Params: []ValType{I32}, Results: []ValType{I64}},
			{Params: []ValType{I32}, Results: []ValType{I32, F64}},
		},
		Funcs: []Func{{Body: b}},
	}
	want := `i64.const -3 []
i32.const 1 [i64]
loop (param i32) (result i32 f64) [i64 i32]
local.tee 0 [i64 i32]
f64.const 3 [i64 i32]
end [i64 i32 f64]
drop [i64 i32 f64]
if (result f32) [i64 i32]
unreachable [i64]
block [i64] dead
nop [i64] dead
end [i64] dead
drop [i64] dead
select [i64] dead
else [i64 unknown] dead
f32.const 1 [i64]
end [i64 f32]
drop [i64 f32]
end [i64]
`
	if got := trace(t, m, 0); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestMachineFrames(t *testing.T) {
	var b []byte
	b = AppendI32Const(b, 0)
	b = AppendBlock(b, OpBlock, Unknown)
	b = AppendI32Const(b, 1)
	b = AppendBlock(b, OpIf, Unknown)
	b = AppendOp(b, OpElse)
	b = AppendOp(b, OpEnd)
	b = AppendOp(b, OpEnd)
	b = AppendOp(AppendOp(b, OpDrop), OpEnd)
	m := oneFunc(nil, b)
	x, err := m.Machines().New(0)
	if err != nil {
		t.Fatal(err)
	}
	var in Instr
	r := m.Reader(0)
	for in.Op != OpElse {
		if ok, err := r.Next(&in); !ok {
			t.Fatal(err)
		}
		if err := x.Step(&in); err != nil {
			t.Fatal(err)
		}
	}
	if x.Depth() != 3 || x.Frame(3) != nil || x.Frame(-1) != nil {
		t.Errorf("depth %d, beyond it %v", x.Depth(), x.Frame(3))
	}
	for label, want := range []Ctl{{Op: OpElse, Height: 1}, {Op: OpBlock, Height: 1}, {Op: OpBlock}} {
		if c := x.Frame(label); c.Op != want.Op || c.Height != want.Height || c.Unreachable {
			t.Errorf("label %d: got %+v, want %+v", label, *c, want)
		}
	}
}

func TestMachineErrors(t *testing.T) {
	for _, c := range []struct {
		body []byte
		want string
	}{
		{[]byte{0x6a, 0x0b}, "i32.add, offset 0x17: needs i32, the stack is empty"},
		{[]byte{0x42, 0, 0x45, 0x1a, 0x0b}, "i32.eqz, offset 0x19: needs i32, finds i64"},
		{[]byte{0x41, 0, 0x0b}, "end, offset 0x19: the block leaves 1 values more than its results ()"},
		{[]byte{0x20, 9, 0x0b}, "local.get, offset 0x17: local 9, there are 0"},
		{[]byte{0x0c, 1, 0x0b}, "br, offset 0x17: label 1, 1 blocks are open"},
		{[]byte{0x02, 0x40, 0x0b}, "offset 0x1a: the body has no end"},
		{[]byte{0x0b, 0x01, 0x0b}, "nop, offset 0x18: instruction after the end of the body"},
		{[]byte{0xff, 0x0b}, "offset 0x17: unknown opcode 0xff"},
		{[]byte{0x02, 0x05, 0x0b, 0x0b}, "block, offset 0x18: block type 5, the module has 1 types"},
	} {
		_, err := parse(oneFunc(nil, c.body).Encode())
		if err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("% x: got %v, want %q", c.body, err, c.want)
			continue
		}
		if !strings.Contains(err.Error(), "code section, func[0]") {
			t.Errorf("% x: %v does not name the function", c.body, err)
		}
	}
}

// TestOpcodesOnce: the table has each opcode and each pair of name and type
// rule once, and an encoding of it decodes to itself.
func TestOpcodesOnce(t *testing.T) {
	seen := map[Opcode]string{}
	for _, r := range opTable {
		if old, dup := seen[r.op]; dup {
			t.Errorf("opcode %#x is both %s and %s", uint16(r.op), old, r.name)
		}
		seen[r.op] = r.name
		b := append(AppendOp(nil, r.op), make([]byte, 24)...)
		if r.imm == immTypes {
			b = AppendSelect(nil, I32)
		} else if r.imm == immRefType {
			b = AppendZero(nil, FuncRef)
		}
		var in Instr
		rd := NewReader(&Module{Types: []FuncType{{}}}, b)
		if ok, err := rd.Next(&in); !ok || in.Op != r.op || in.Op.String() != r.name {
			t.Errorf("%s: decodes to %s, %v", r.name, in.String(), err)
		}
	}
	if len(seen) != 437+5 {
		t.Errorf("%d instructions; WebAssembly 2.0 has 437, tail calls and exceptions 5", len(seen))
	}
}
