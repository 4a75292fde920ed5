package snapshotfmt

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// fullState has a value of every type, and something in every part.
func fullState() *State {
	return &State{
		Frames: []Frame{
			{Func: 7, PC: 0x1234, Locals: []Value{
				{Type: I32, Lo: 0xffffffff}, {Type: Dead}, {Type: I64, Lo: 1 << 63},
				{Type: F32, Lo: 0x3f800000}, {Type: F64, Lo: 0x7ff8000000000001},
			}},
			{Func: 300, PC: 5, Stack: []Value{
				{Type: V128, Lo: 1, Hi: 2}, {Type: FuncRef, Lo: 3}, {Type: ExternRef, Lo: Null},
			}},
		},
		Globals:      []Value{{Type: I32, Lo: 65536}, {Type: FuncRef, Lo: Null}},
		Tables:       []Table{{Elem: FuncRef, Refs: []uint64{Null, 0, 41}}, {Elem: ExternRef}},
		DroppedElems: []uint32{0, 1, 9},
		DroppedDatas: []uint32{4},
		World:        []byte{0xa1, 0x01, 0x02},
		MemoryPages:  2,
		Started:      true,
	}
}

// linkedState is of three modules with two memories, the second in its start function.
func linkedState() *State {
	return &State{
		Frames: []Frame{
			{Module: 1, Func: 2, PC: 9, Locals: []Value{{Type: FuncRef, Lo: Ref(2, 0)}}},
			{Func: 7, PC: 3},
		},
		Globals:      []Value{{Type: FuncRef, Lo: Ref(1, 5)}},
		Tables:       []Table{{Elem: FuncRef, Refs: []uint64{Ref(2, 3), Null, Ref(0, 1)}}},
		DroppedDatas: []uint32{2, 5},
		MemoryPages:  2,
		Ready:        1,
		Memories:     []uint32{2, 0},
	}
}

// emptyState is a guest without anything.
func emptyState() *State { return &State{} }

func testManifest() Manifest {
	return Manifest{
		Meta: Meta{
			Instance: "counter-1", Epoch: 3, Engine: "compiler", ISA: "amd64",
			Created: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
		},
		Module:     [32]byte{1, 2, 3},
		ModuleSize: 1234,
	}
}

// testImage is a module's initial memory, which ends within a page.
func testImage() []byte { return bytes.Repeat([]byte("sojourn "), 3*PageSize/8-100) }

// testMemory is 128 KiB that starts as testImage, with page 1 changed, page 2 cleared,
// and pages 5 and 6 written.
func testMemory() []byte {
	mem := make([]byte, 128<<10)
	copy(mem, testImage())
	mem[PageSize+9] = 1
	clear(mem[2*PageSize : 3*PageSize])
	mem[5*PageSize] = 5
	mem[7*PageSize-1] = 6
	return mem
}

// encode returns a snapshot, and fails the test when there is none.
func encode(t testing.TB, m Manifest, st *State, mem, image []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := Encode(&buf, m, st, mem, Options{Base: NewBase(image)}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// decode reads a whole snapshot.
func decode(b, image []byte, lim Limits) (*Manifest, *State, []byte, error) {
	d, err := NewDecoder(bytes.NewReader(b), lim)
	if err != nil {
		return nil, nil, nil, err
	}
	st, err := d.State()
	if err != nil {
		return nil, nil, nil, err
	}
	mem := make([]byte, int(st.MemoryPages)<<16)
	return d.Manifest(), st, mem, d.Memory(NewBase(image), mem)
}

// newRand returns a random source, and logs how to have it again.
func newRand(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
