package wasm

func Decode(b []byte) (*Module, error) { return nil, nil }
func (m *Module) Validate() error      { return nil }
func (m *Module) Encode() []byte       { return nil }

type Reader struct{}

func NewReader(m *Module, body []byte) *Reader        { return nil }
func (r *Reader) Next(in *Instr) (ok bool, err error) { return false, nil }
func (in *Instr) String() string                      { return "" }
func (in *Instr) AppendText(b []byte) []byte          { return b }
func (op Opcode) String() string                      { return "" }

type Machine struct{}
type Ctl struct {
	Op          Opcode
	Block       BlockType
	Height      int
	Unreachable bool
}

func NewMachine(m *Module, i int) (*Machine, error) { return nil, nil }
func (x *Machine) Reset(i int) error                { return nil }
func (x *Machine) Step(in *Instr) error             { return nil }
func (x *Machine) Stack() []ValType                 { return nil }
func (x *Machine) Unreachable() bool                { return false }
func (x *Machine) Depth() int                       { return 0 }
func (x *Machine) Frame(label int) *Ctl             { return nil }
func (x *Machine) Done() bool                       { return false }
func (x *Machine) Locals() []ValType                { return nil }

func AppendU32(b []byte, v uint32) []byte                         { return b }
func AppendS32(b []byte, v int32) []byte                          { return b }
func AppendS64(b []byte, v int64) []byte                          { return b }
func AppendName(b []byte, s string) []byte                        { return b }
func AppendOp(b []byte, op Opcode) []byte                         { return b }
func AppendOpU32(b []byte, op Opcode, v uint32) []byte            { return b }
func AppendI32Const(b []byte, v int32) []byte                     { return b }
func AppendI64Const(b []byte, v int64) []byte                     { return b }
func AppendMem(b []byte, op Opcode, align, offset uint32) []byte  { return b }
func AppendBlock(b []byte, op Opcode, t ValType) []byte           { return b }
func AppendBlockIndex(b []byte, op Opcode, typeIdx uint32) []byte { return b }
func AppendBrTable(b []byte, labels []uint32) []byte              { return b }
