package rewrite

import (
	"runtime"
	"strings"
	"testing"

	"sojourn/interp/wasm"
)

// hostile returns a valid module of one function, of type () -> ().
func hostile(t *testing.T, f wasm.Func) *wasm.Module {
	t.Helper()
	m := &wasm.Module{Types: []wasm.FuncType{{}}, Funcs: []wasm.Func{f}}
	m, err := wasm.Decode(m.Encode())
	if err == nil {
		err = m.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// taken returns how many bytes f allocates.
func taken(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Small modules whose frames would be huge at a great many points are refused before
// anything of that size is made.
func TestTooManyValues(t *testing.T) {
	const points, fewer = 100_000, 10_000
	round := ops(wasm.AppendBlock(nil, wasm.OpLoop, wasm.Unknown), wasm.AppendI32Const(nil, 0), at(wasm.OpBrIf, 0), wasm.AppendOp(nil, wasm.OpEnd))
	rounds := func(n int) (b []byte) {
		for range n {
			b = append(b, round...)
		}
		return b
	}
	var reads []byte
	for i := range uint32(wasm.MaxLocals) {
		reads = wasm.AppendOp(wasm.AppendOpU32(reads, wasm.OpLocalGet, i), wasm.OpDrop)
	}
	locals := []wasm.LocalDecl{{Count: wasm.MaxLocals, Type: wasm.I32}}
	var stack []byte
	for range 20_000 {
		stack = append(stack, wasm.AppendI32Const(nil, 0)...)
	}
	// Loops that are never gone round are places that ask when instructions are counted.
	var asks []byte
	for range points {
		asks = append(wasm.AppendBlock(asks, wasm.OpLoop, wasm.Unknown), byte(wasm.OpNop), byte(wasm.OpEnd))
	}
	end := []byte{byte(wasm.OpUnreachable), byte(wasm.OpEnd)}
	for name, f := range map[string]wasm.Func{
		"locals":       {Body: ops(rounds(points), reads, end), Locals: locals},
		"fewer points": {Body: ops(rounds(fewer), reads, end), Locals: locals}, // all sets of live locals fit
		"stack":        {Body: ops(stack, rounds(points), end)},
		"counting":     {Body: ops(stack, asks, end)},
	} {
		t.Run(name, func(t *testing.T) {
			m := hostile(t, f)
			took := taken(func() {
				if _, err := Analyze(m, Options{Blocking: all, Count: name == "counting"}); err == nil || !strings.Contains(err.Error(), "values to hand over") {
					t.Errorf("analyzed: %v", err)
				}
			})
			if took > 1<<30 {
				t.Errorf("%d MiB were allocated before it was refused", took>>20)
			}
		})
	}
}

// A snapshot that names a great many places with huge frames is refused before anything of
// that size is made, and one with few that comes after it is not.
func TestTooManyAdHocValues(t *testing.T) {
	var body []byte
	for range 60_000 {
		body = wasm.AppendI32Const(body, 0)
	}
	m := hostile(t, wasm.Func{Body: append(body, byte(wasm.OpUnreachable), byte(wasm.OpEnd))})
	p, err := Analyze(m, Options{Blocking: all})
	if err != nil {
		t.Fatal(err)
	}
	places := boundaries(m, 0)[:60_000]
	took := taken(func() {
		if err := p.Add(0, places...); err == nil || !strings.Contains(err.Error(), "values in all") {
			t.Errorf("added: %v", err)
		}
	})
	if took > 1<<30 {
		t.Errorf("%d MiB were allocated before they were refused", took>>20)
	}
	if err := p.Add(0, places[:10]...); err != nil {
		t.Errorf("after a refusal: %v", err)
	}
}
