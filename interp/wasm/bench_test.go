package wasm

import (
	"os"
	"testing"
)

// BenchmarkModule decodes, validates and encodes the module that
// SOJOURN_BENCH_WASM names, or else the largest of the specification's tests.
func BenchmarkModule(b *testing.B) {
	var src []byte
	if name := os.Getenv("SOJOURN_BENCH_WASM"); name != "" {
		src = readFile(b, name)
	} else {
		specModules(b, func(_, command, _, _ string, m []byte) {
			if command == "module" && len(m) > len(src) {
				src = m
			}
		})
	}
	m, err := parse(src)
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name string
		f    func() error
	}{
		{"decode", func() error { _, err := Decode(src); return err }},
		{"validate", m.Validate},
		{"encode", func() error { m.Encode(); return nil }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if err := bench.f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
