package gen

import (
	"testing"

	"sojourn/interp/wasm"
)

func valid(t testing.TB, choices []byte) *Program {
	t.Helper()
	p := Make(choices)
	m, err := wasm.Decode(p.Module.Encode())
	if err == nil {
		err = m.Validate()
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, Text(p.Module))
	}
	return p
}

// Whatever the choices are, the program is valid.
func TestMakeIsValid(t *testing.T) {
	valid(t, nil)
	size := 0
	for i := range uint64(400) {
		size += len(valid(t, Bytes(1, i)).Module.Encode())
	}
	t.Logf("%d bytes a program", size/400)
}

func FuzzMake(f *testing.F) {
	f.Add(Bytes(1, 1))
	f.Fuzz(func(t *testing.T, choices []byte) {
		if len(choices) < 8<<10 {
			valid(t, choices)
		}
	})
}

// Every instruction of the table is applied to what it takes.
func TestEveryInstruction(t *testing.T) {
	n := 0
	for to, list := range byResult {
		for _, in := range list {
			g := &maker{src: &source{}, m: &wasm.Module{Memories: []wasm.Limits{{Min: 1}}}}
			s := sig{}
			if typ(to) < types {
				s.results = []typ{typ(to)}
			}
			f := g.newBody(s)
			f.apply(in, 1)
			g.m.Funcs = []wasm.Func{f.done(g.addSig(s))}
			if err := g.m.Validate(); err != nil {
				t.Errorf("%s: %v", in.op, err)
			}
			n++
		}
	}
	if n < 390 {
		t.Errorf("%d instructions; there were 394", n)
	}
}

// Shrinking keeps what makes a program interesting, and little else.
func TestShrink(t *testing.T) {
	interesting := func(choices []byte) bool {
		return contains(Make(choices).Module, wasm.OpMemoryFill)
	}
	for i := uint64(0); ; i++ {
		b := Bytes(2, i)
		if len(b) < 500 || !interesting(b) {
			continue
		}
		small := Shrink(b, interesting)
		if !interesting(small) || len(small)*2 > len(b) || len(Make(small).Module.Encode()) > len(Make(b).Module.Encode()) {
			t.Errorf("%d bytes of choices shrank to %d:\n%s", len(b), len(small), Text(Make(small).Module))
		}
		return
	}
}

func contains(m *wasm.Module, op wasm.Opcode) bool {
	for i := range m.Funcs {
		r := wasm.NewReader(m, m.Funcs[i].Body)
		var in wasm.Instr
		for {
			if ok, err := r.Next(&in); !ok || err != nil {
				break
			}
			if in.Op == op {
				return true
			}
		}
	}
	return false
}
