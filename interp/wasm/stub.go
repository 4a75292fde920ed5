package wasm

func (m *Module) Validate() error { return nil }

func (in *Instr) String() string             { return "" }
func (in *Instr) AppendText(b []byte) []byte { return b }

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
