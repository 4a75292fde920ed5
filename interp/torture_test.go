package interp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sojourn/interp/wasm"
)

// outcome is what a run shows of itself.
type outcome struct {
	out, end string
	freezes  int
	points   uint64
}

func readGuest(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../examples/guests/bin", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func prepare(t testing.TB, module []byte, kind Kind) *Program {
	t.Helper()
	return prepareWith(t, []Module{{Bytes: module}}, Options{Engine: kind})
}

// hostOf returns what a module imports from a small host.
func hostOf(t testing.TB, module []byte) []HostFunc {
	t.Helper()
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	fs := (&miniHost{}).functions(t, m)
	return slices.DeleteFunc(fs, func(f HostFunc) bool { return f.Module != "wasi_snapshot_preview1" })
}

func prepareLinked(t testing.TB, modules []Module, kind Kind) *Program {
	t.Helper()
	return prepareWith(t, modules, Options{Engine: kind})
}

// prepareWith prepares modules with the host of these tests.
func prepareWith(t testing.TB, modules []Module, opt Options) *Program {
	t.Helper()
	for _, mod := range modules {
		opt.Host = append(opt.Host, hostOf(t, mod.Bytes)...)
	}
	p, err := PrepareLinked(t.Context(), modules, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	return p
}

func ending(err error) string {
	var exit *Exit
	var trap *Trap
	switch {
	case err == nil:
		return "exit 0"
	case errors.As(err, &exit):
		return fmt.Sprintf("exit %d", exit.Code)
	case errors.As(err, &trap):
		return "trap " + trap.Reason + ": " + strings.Join(trap.Stack, " ")
	}
	return err.Error()
}

// torture runs a guest that freezes at every k-th point, going on in a fresh instance
// of the next program each time.
func torture(t testing.TB, progs []*Program, k uint64, args ...string) outcome {
	t.Helper()
	ctx := t.Context()
	h := &miniHost{args: append([]string{"guest"}, args...)}
	cfg := Config{Host: h, FreezeEvery: k}
	in, err := progs[0].Instantiate(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var o outcome
	for {
		err := in.Run(ctx)
		o.points += in.Points()
		if !errors.Is(err, ErrFrozen) {
			o.end, o.out = ending(err), h.out.String()
			in.Close(ctx)
			return o
		}
		o.freezes++
		st, err := in.Capture(ctx)
		if err != nil {
			t.Fatal(err)
		}
		next, err := progs[o.freezes%len(progs)].Thaw(ctx, st, cfg)
		if err != nil {
			t.Fatalf("freeze %d: %v", o.freezes, err)
		}
		for i, mem := range in.Memories() {
			copy(next.Memories()[i].Bytes(), mem.Bytes())
		}
		in.Close(ctx)
		in = next
	}
}

// tortured is a guest with its arguments, and how often it is frozen.
type tortured struct {
	name  string
	args  []string
	every []uint64
}

// tortureGuests are the guests of examples/guests that compute and print, with
// arguments that keep them short, and how often to freeze.
var tortureGuests = []tortured{
	{"control", nil, []uint64{1, 2, 3}},
	{"multivalue", nil, []uint64{1, 2, 3}},
	{"tables", nil, []uint64{1, 2, 3}},
	{"segments", nil, []uint64{1, 2, 3}},
	{"select", nil, []uint64{1, 2}},
	{"vectors", nil, []uint64{1, 2, 3}},
	{"floats", nil, []uint64{1, 2}},
	{"hostcalls", nil, []uint64{1, 2, 3}},
	{"start", nil, []uint64{1, 2}},
	{"bulk", nil, []uint64{1, 2, 7}},
	{"exit", nil, []uint64{1}},
	{"tail", nil, []uint64{1, 2, 3}},
	{"jump", []string{"40"}, []uint64{1, 2, 7}},
	{"trap", nil, []uint64{1, 2}},
	{"fib", []string{"12"}, []uint64{1, 7}},
	{"vm", []string{"20"}, []uint64{7, 101}},
	{"gemm", []string{"8"}, []uint64{1, 17}},
	{"sieve", []string{"300"}, []uint64{1, 17}},
	{"crc32", []string{"1"}, []uint64{997}},
	{"qsort", []string{"200"}, []uint64{7, 101}},
	{"trees", []string{"4"}, []uint64{7, 101}},
	{"nqueens", []string{"5"}, []uint64{1, 53}},
	{"mandelbrot", []string{"8"}, []uint64{53}},
	{"simd", []string{"10"}, []uint64{1, 53}},
	{"nbody", []string{"3"}, []uint64{1, 17}},
	{"fannkuch", []string{"4"}, []uint64{1, 17}},
	{"spectral", []string{"6"}, []uint64{1, 53}},
	{"lu", []string{"7"}, []uint64{1, 53}},
	{"linpack", []string{"7"}, []uint64{1, 53}},
	{"pagerank", []string{"10"}, []uint64{7, 101}},
	{"components", []string{"20"}, []uint64{7, 101}},
	{"bfs", []string{"20"}, []uint64{7, 101}},
	{"integers", []string{"1"}, []uint64{97, 997}},
	{"deep", []string{"60"}, []uint64{1, 53}},
}

func TestTorture(t *testing.T) {
	for _, g := range tortureGuests {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			module := readGuest(t, g.name)
			progs := []*Program{prepare(t, module, Interpreter)}
			if HasCompiler() {
				progs = append(progs, prepare(t, module, Compiler))
			}
			want := torture(t, progs[:1], 0, g.args...)
			if want.freezes != 0 || want.out == "" && want.end == "exit 0" {
				t.Fatalf("undisturbed: %d freezes, output %q, %s", want.freezes, want.out, want.end)
			}
			for _, k := range g.every {
				got := torture(t, progs, k, g.args...)
				if got.out != want.out || got.end != want.end {
					t.Errorf("every %d, after %d freezes:\n got %q, %s\nwant %q, %s", k, got.freezes, got.out, got.end, want.out, want.end)
				}
				if got.freezes == 0 && g.name != "exit" {
					t.Errorf("every %d: never frozen", k)
				}
				t.Logf("every %d: %d points, %d freezes", k, got.points, got.freezes)
			}
		})
	}
}
