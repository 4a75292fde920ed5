package engine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/internal/corpus"
	"sojourn/interp"
	"sojourn/snapshotfmt"
)

// moves is about how often each program is frozen, written down and continued elsewhere.
const moves = 40

// brief is how much less the interpreter gets to run than the compiler: it is that
// much slower.
const brief = 200

// programs returns what TestPrograms runs: by default as many as go test's own time limit
// allows on two cores; with SOJOURN_ALL set, all there are.
func programs() []corpus.Recipe {
	all := append(corpus.Foreign(), corpus.GoStdTests()...)
	if os.Getenv("SOJOURN_ALL") == "" {
		all = slices.DeleteFunc(all, func(r corpus.Recipe) bool {
			return slices.Contains([]string{"speedtest", "go-test/bytes", "go-test/math/big", "go-test/regexp",
				"go-test/strconv", "go-test/strings", "go-test/text/template"}, r.Name)
		})
	}
	return all
}

// TestPrograms runs programs that nobody here wrote, undisturbed and then frozen all
// the time, each time through the bytes of a snapshot into a fresh instance, from the
// compiler to the interpreter and back. They must print what they print on plain wazero.
func TestPrograms(t *testing.T) {
	if !interp.HasCompiler() {
		t.Fatal("this test needs wazero's compiler: run it on amd64 or arm64")
	}
	for _, r := range programs() {
		t.Run(r.Name, func(t *testing.T) {
			p, err := r.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var ms engine.Modules
			t.Cleanup(func() { ms.Close() })
			comp, intp := add(t, &ms, p, interp.Compiler), add(t, &ms, p, interp.Interpreter)
			points, _ := run(t, p, comp, comp, 0)
			every := max(1, points/moves)
			_, freezes := run(t, p, comp, intp, every)
			if freezes < moves/2 {
				t.Errorf("%d points and %d freezes: too few", points, freezes)
			}
			t.Logf("%d points, frozen at every %d: %d freezes", points, every, freezes)
		})
	}
}

func add(t *testing.T, ms *engine.Modules, p corpus.Program, k interp.Kind) *engine.Module {
	t.Helper()
	b, err := os.ReadFile(p.Module)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ms.Add(t.Context(), b, k)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run runs p to its end, on one module's engine and then on the other's by turns if
// every is not 0, and holds its output and exit code to what they must be.
func run(t *testing.T, p corpus.Program, a, b *engine.Module, every uint64) (points uint64, freezes int) {
	t.Helper()
	mounts, err := p.MountsIn(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in, out, errs := wasi.NewBuffer(), newCollector(), newCollector()
	go func() {
		feed(in, p.Stdin)
		in.CloseInput()
	}()
	spec := engine.Spec{Args: p.Args, Env: p.Env, Stdin: in, Stdout: out.stream, Stderr: errs.stream, FreezeEvery: every}
	for _, m := range mounts {
		spec.Mounts = append(spec.Mounts, wasi.Mount{Host: m.Host, Guest: m.Guest, ReadOnly: m.ReadOnly})
	}
	e, err := engine.New(t.Context(), a, spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { e.Close() }()
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	for e.Wait() == engine.Frozen {
		freezes++
		points += e.Points()
		a, b = b, a
		spec.FreezeEvery = every
		if a.Kind() == interp.Interpreter {
			spec.FreezeEvery = max(1, every/brief)
		}
		e = through(t, e, a, spec)
		if err := e.Thaw(); err != nil {
			t.Fatal(err)
		}
	}
	points += e.Points()
	code, err := e.Result()
	stdout := out.wait()
	if err != nil || code != p.Exit {
		t.Fatalf("after %d freezes: exit %d, %v; want exit %d; on standard error:\n%s", freezes, code, err, p.Exit, errs.wait())
	}
	if err := p.Check(stdout); err != nil {
		t.Fatalf("after %d freezes: %v", freezes, err)
	}
	return points, freezes
}

// through carries a frozen guest over in the bytes of a snapshot.
func through(t *testing.T, e *engine.Environment, to *engine.Module, spec engine.Spec) *engine.Environment {
	t.Helper()
	var file bytes.Buffer
	if err := e.Snapshot(&file, snapshotfmt.Meta{Instance: t.Name()}); err != nil {
		t.Fatal(err)
	}
	next, err := engine.Restore(context.Background(), to, spec, &file)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return next
}

// collector keeps all that a guest writes.
type collector struct {
	stream *wasi.Buffer
	out    bytes.Buffer
	done   chan struct{}
}

func newCollector() *collector {
	c := &collector{stream: wasi.NewBuffer(), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		p := make([]byte, 32<<10)
		for {
			n, err := c.stream.Drain(p)
			c.out.Write(p[:n])
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.Is(err, wasi.ErrAgain):
				<-c.stream.Drainable()
			}
		}
	}()
	return c
}

// wait returns all of it, once the guest has ended.
func (c *collector) wait() []byte {
	c.stream.Close()
	<-c.done
	return c.out.Bytes()
}

func feed(b *wasi.Buffer, s string) {
	for p := []byte(s); len(p) > 0; {
		n, err := b.Feed(p)
		if err != nil && !errors.Is(err, wasi.ErrAgain) {
			return
		}
		if p = p[n:]; len(p) > 0 {
			<-b.Feedable()
		}
	}
}
