//go:build cgo && ((linux && amd64) || darwin)

package main

import (
	"testing"

	"github.com/wasmerio/wasmer-go/wasmer"

	"sojourn/examples/guests"
	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
)

// TestRewrittenOnWasmer: what package rewrite makes of a program is plain WebAssembly.
// Wasmer compiles it, it ends well when the hook lets it go on, and unwinds, frame by
// frame, when the hook says so. docs/RATIONALE.md says what is missing for a thaw.
func TestRewrittenOnWasmer(t *testing.T) {
	for name, arg := range map[string]string{"fib": "22", "sieve": "20000", "nbody": "500", "qsort": "2000", "lu": "24"} {
		t.Run(name, func(t *testing.T) {
			r := rewritten(t, name)
			if points, ended := r.run(t, []string{name, arg}, 0); !ended || len(points) == 0 {
				t.Errorf("it has asked %d times, and ended %t", len(points), ended)
			}
			points, ended := r.run(t, []string{name, arg}, 3)
			if ended || len(points) < 3 {
				t.Fatalf("told to unwind at its third question it has asked %d times, and ended %t", len(points), ended)
			}
			for _, p := range points {
				if int(p) >= len(r.plan.Points) {
					t.Errorf("point %d of %d", p, len(r.plan.Points))
				}
			}
		})
	}
}

type rewrittenGuest struct {
	plan  *rewrite.Plan
	bytes []byte
	main  string // export of the entry function
}

func rewritten(t *testing.T, name string) *rewrittenGuest {
	t.Helper()
	b, err := guests.Module(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := rewrite.Analyze(m, rewrite.Options{Blocking: func(wasm.Import) bool { return false }})
	if err != nil {
		t.Fatal(err)
	}
	guarded, err := plan.Guard()
	if err != nil {
		t.Fatal(err)
	}
	// Wasmer's own WASI looks for the memory by its name.
	guarded.Exports = append(guarded.Exports, wasm.Export{Name: "memory", Kind: wasm.KindMemory})
	g := &rewrittenGuest{plan: plan, bytes: guarded.Encode()}
	for _, e := range m.Exports {
		if e.Name == "_start" {
			g.main = plan.FuncExport(e.Index)
		}
	}
	return g
}

// run runs the guest until it ends, or has unwound when that is asked for at its
// unwindAt-th question, and returns the points at which it has asked.
func (r *rewrittenGuest) run(t *testing.T, args []string, unwindAt int) (points []uint32, ended bool) {
	g, err := compile(start{Module: r.bytes, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	imports, err := g.wasi()
	if err != nil {
		t.Fatal(err)
	}
	const grant, unwinding = 50, -1 << 30
	var budget *wasmer.Global
	i32s := wasmer.NewValueTypes(wasmer.I32)
	imports.Register(rewrite.HookModule, map[string]wasmer.IntoExtern{
		rewrite.HookName: wasmer.NewFunction(g.store, wasmer.NewFunctionType(i32s, wasmer.NewValueTypes(wasmer.I32)),
			func(args []wasmer.Value) ([]wasmer.Value, error) {
				points = append(points, uint32(args[0].I32()))
				if unwindAt == 0 || len(points) < unwindAt {
					return []wasmer.Value{wasmer.NewI32(0)}, budget.Set(int32(grant), wasmer.I32)
				}
				return []wasmer.Value{wasmer.NewI32(1)}, budget.Set(int32(unwinding), wasmer.I32)
			}),
	})
	in, err := wasmer.NewInstance(g.module, imports)
	if err != nil {
		t.Fatal(err)
	}
	if budget, err = in.Exports.GetGlobal(rewrite.BudgetName); err != nil {
		t.Fatal(err)
	}
	if err := budget.Set(int32(grant), wasmer.I32); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{rewrite.DatasName, rewrite.ElemsName, r.main} {
		f, err := in.Exports.GetFunction(name)
		if err != nil {
			continue // a module without segments
		}
		if _, err := f(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	left, err := budget.Get()
	if err != nil {
		t.Fatal(err)
	}
	return points, left.(int32) >= 0
}
