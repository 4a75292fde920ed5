package rewrite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sojourn/interp/wasm"
)

// Every instruction that can be reached is a way in, and what leads to it is valid.
func TestEveryWayIn(t *testing.T) {
	guests, _ := filepath.Glob("../../examples/guests/bin/*.wasm")
	ways := 0
	for _, f := range append(specModules(t), guests...) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m, err := wasm.Decode(b)
		if err != nil || m.Validate() != nil || len(b) > 8<<10 {
			continue
		}
		p, err := Analyze(m, Options{Blocking: all})
		if err != nil {
			continue // TestSpecificationModules holds them to the reason
		}
		name := filepath.Base(f)
		for i := range m.Funcs {
			fn := uint32(m.NumImportedFuncs() + i)
			for _, pc := range boundaries(m, i) {
				en, err := p.Lookup(fn, pc, false)
				if err != nil {
					if !strings.Contains(err.Error(), "can never be reached") {
						t.Fatalf("%s, function %d: %v", name, fn, err)
					}
					continue
				}
				if !p.AdHoc(en.Point) {
					continue
				}
				sat, err := p.Resume(map[uint32][]Entry{fn: {en}})
				if err != nil {
					t.Fatalf("%s, function %d, pc 0x%x: %v", name, fn, pc, err)
				}
				valid(t, name, sat.Module)
				ways++
			}
		}
	}
	if ways < 1000 {
		t.Errorf("only %d ways in", ways)
	}
	t.Logf("%d ways in", ways)
}

// A module that counts is valid, and so is each stride in it.
func TestEveryStride(t *testing.T) {
	guests, _ := filepath.Glob("../../examples/guests/bin/*.wasm")
	strides := 0
	for _, f := range append(specModules(t), guests...) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m, err := wasm.Decode(b)
		if err != nil || m.Validate() != nil || len(b) > 8<<10 {
			continue
		}
		p, err := Analyze(m, Options{Blocking: all, Count: true})
		if err != nil {
			continue // TestSpecificationModules holds them to the reason
		}
		name := filepath.Base(f)
		g, err := p.Guard()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		valid(t, name, g)
		for i := range m.Funcs {
			fn := uint32(m.NumImportedFuncs() + i)
			for _, pc := range boundaries(m, i) {
				en, err := p.Lookup(fn, pc, false)
				if err != nil {
					continue // TestEveryWayIn holds them to the reason
				}
				rest, _, _ := p.Pace(en)
				for _, n := range []uint32{min(1, rest), rest} {
					s, err := p.Stride(en, n)
					if err != nil {
						t.Fatalf("%s, function %d, pc 0x%x, %d: %v", name, fn, pc, n, err)
					}
					valid(t, name, s.Module)
					strides++
				}
			}
		}
	}
	if strides < 1000 {
		t.Errorf("only %d strides", strides)
	}
	t.Logf("%d strides", strides)
}

// boundaries lists the pc of each instruction of m.Funcs[i].
func boundaries(m *wasm.Module, i int) []uint32 {
	var pcs []uint32
	r := m.Reader(i)
	for in := (wasm.Instr{}); ; {
		if ok, err := r.Next(&in); !ok || err != nil {
			return pcs
		}
		pcs = append(pcs, m.Funcs[i].Offset+uint32(in.Pos))
	}
}
