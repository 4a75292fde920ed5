package engine

import (
	"bytes"
	"testing"

	"sojourn/engine/wasi"
	"sojourn/snapshotfmt"
)

// small are guests that a checkpoint should take no time for: a C program, a Go program.
var small = []struct {
	name string
	args []string
}{
	{"fib", []string{"fib", "45"}},
	{"go-lines", []string{"go-lines"}},
}

// frozen returns a guest that has run for a while, frozen.
func frozen(b *testing.B, m *Module, args []string) (*Environment, Spec) {
	b.Helper()
	spec := Spec{Args: args, Stdin: wasi.NewBuffer()}
	first := spec
	first.FreezeEvery = 300
	e, err := New(b.Context(), m, first)
	if err != nil {
		b.Fatal(err)
	}
	if err := e.Start(); err != nil {
		b.Fatal(err)
	}
	if s := e.Wait(); s != Frozen {
		b.Fatalf("guest is %v: %v", s, e.err)
	}
	return e, spec
}

func prepareOne(b *testing.B, name string) *Module {
	b.Helper()
	var ms Modules
	b.Cleanup(func() { ms.Close() })
	m, err := ms.Add(b.Context(), guest(b, name), kinds()[0])
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func BenchmarkSnapshot(b *testing.B) {
	for _, g := range small {
		b.Run(g.name, func(b *testing.B) {
			e, _ := frozen(b, prepareOne(b, g.name), g.args)
			defer e.Close()
			var file bytes.Buffer
			for b.Loop() {
				file.Reset()
				if err := e.Snapshot(&file, snapshotfmt.Meta{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(file.Len()), "bytes")
		})
	}
}

// The target has the module, and an empty guest of it: what is left until the guest has
// run to its next point is measured.
func BenchmarkLoad(b *testing.B) {
	for _, g := range small {
		b.Run(g.name, func(b *testing.B) {
			m := prepareOne(b, g.name)
			e, spec := frozen(b, m, g.args)
			defer e.Close()
			var file bytes.Buffer
			if err := e.Snapshot(&file, snapshotfmt.Meta{}); err != nil {
				b.Fatal(err)
			}
			st, err := e.Capture()
			if err != nil {
				b.Fatal(err)
			}
			spec.FreezeEvery = 1
			for b.Loop() {
				b.StopTimer()
				in, err := Receive(b.Context(), m, spec)
				if err != nil {
					b.Fatal(err)
				}
				if err := in.Ready(st); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				e, err := in.Load(bytes.NewReader(file.Bytes()))
				if err != nil {
					b.Fatal(err)
				}
				if err := e.Thaw(); err != nil {
					b.Fatal(err)
				}
				if s := e.Wait(); s != Frozen {
					b.Fatalf("guest is %v: %v", s, e.err)
				}
				b.StopTimer()
				e.Close()
				b.StartTimer()
			}
		})
	}
}

func BenchmarkRestore(b *testing.B) {
	for _, g := range small {
		b.Run(g.name, func(b *testing.B) {
			m := prepareOne(b, g.name)
			e, spec := frozen(b, m, g.args)
			defer e.Close()
			var file bytes.Buffer
			if err := e.Snapshot(&file, snapshotfmt.Meta{}); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				e, err := Restore(b.Context(), m, spec, bytes.NewReader(file.Bytes()))
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				e.Close()
				b.StartTimer()
			}
		})
	}
}
