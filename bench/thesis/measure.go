package thesis

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"sojourn/compat"
	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/examples/guests"
	"sojourn/interp"
)

// Config says what to measure with.
type Config struct {
	Runs   int    // repetitions
	Wasmer string // path of sojourn-wasmer; empty leaves Wasmer out
}

// Result is all that was measured. Times of repetitions are in milliseconds, in order.
type Result struct {
	Runs   int
	Wasmer bool
	Sizes  []Size
	Times  []Times
	Copies []Copy
	Calls  []Call
	Again  []Again
}

// Size is the first experiment: bytes of one guest's modules.
type Size struct {
	Guest                      string
	Twin, Idiomatic, Stoppable int
}

// Times is the second experiment: one guest run in one way.
type Times struct {
	Guest, Way           string
	Instantiate, Execute []float64
}

// Call is the third experiment, seen by the guest: the time of a run that makes Each
// checkpoints of Values values, by the number of them, in microseconds.
type Call struct {
	Way          string
	Values, Each int
	Micros       []float64
}

// The ways of Times.
const (
	OldEnv      = "unmodified, plain wazero"
	NewEnv      = "idiomatic, our engine"
	Movable     = "unmodified, our engine"
	OldOnWasmer = "unmodified, Wasmer"
	NewOnWasmer = "idiomatic, Wasmer"
)

// sizes of the guests' work, for runs of about a millisecond.
var work = map[string]string{"fib": "3000", "kmeans": "2", "matmul": "1"}

// Run measures everything.
func Run(ctx context.Context, c Config) (*Result, error) {
	r := &Result{Runs: c.Runs, Wasmer: c.Wasmer != ""}
	var ms engine.Modules
	defer ms.Close()
	for _, g := range guests.Idiomatic() {
		if err := r.guest(ctx, &c, &ms, g.Name); err != nil {
			return nil, fmt.Errorf("%s: %w", g.Name, err)
		}
	}
	for _, n := range []int{3, 10, 100, 1_000, 10_000, 100_000, 1_000_000} {
		r.Copies = append(r.Copies, measureCopy(n, c.Runs))
		if err := r.calls(ctx, &c, &ms, n); err != nil {
			return nil, fmt.Errorf("a vector of %d: %w", n, err)
		}
	}
	return r, nil
}

func (r *Result) guest(ctx context.Context, c *Config, ms *engine.Modules, name string) error {
	idiomatic, err := guests.Module("idiomatic/" + name)
	if err != nil {
		return err
	}
	twin, err := guests.Module("idiomatic/" + name + "-twin")
	if err != nil {
		return err
	}
	mods := map[string]*engine.Module{}
	for way, b := range map[string][]byte{NewEnv: idiomatic, Movable: twin} {
		if mods[way], err = ms.Add(ctx, b, interp.Auto); err != nil {
			return err
		}
	}
	r.Sizes = append(r.Sizes, Size{name, len(twin), len(idiomatic), mods[Movable].Program().Stats().StoppableBytes})
	args := []string{name, work[name]}
	old, err := plain(ctx, twin, args, c.Runs)
	if err != nil {
		return err
	}
	r.Times = append(r.Times, Times{name, OldEnv, nil, old})
	for _, way := range []string{NewEnv, Movable} {
		t, err := ours(ctx, mods[way], args, c.Runs)
		if err != nil {
			return err
		}
		t.Guest, t.Way = name, way
		r.Times = append(r.Times, t)
	}
	if err := r.wasmer(ctx, c, name, args); err != nil {
		return err
	}
	a, err := again(ctx, ms, name, idiomatic, twin)
	r.Again = append(r.Again, a)
	return err
}

func (r *Result) wasmer(ctx context.Context, c *Config, name string, args []string) error {
	if c.Wasmer == "" {
		return nil
	}
	for _, s := range [][2]string{{OldOnWasmer, name + "-twin"}, {NewOnWasmer, name}} {
		w, err := onWasmer(ctx, c, s[1], args[1:], c.Runs)
		if err != nil {
			return err
		}
		r.Times = append(r.Times, Times{name, s[0], w.Instantiate, w.Execute})
	}
	return nil
}

// wasmerResult is what 'sojourn-wasmer bench' writes.
type wasmerResult struct {
	Instantiate []float64 `json:"instantiate_ms"`
	Execute     []float64 `json:"execute_ms"`
}

func onWasmer(ctx context.Context, c *Config, module string, args []string, runs int) (w wasmerResult, err error) {
	b, err := guests.Module("idiomatic/" + module)
	if err != nil {
		return w, err
	}
	dir, err := os.MkdirTemp("", "sojourn-thesis-")
	if err != nil {
		return w, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "guest.wasm")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return w, err
	}
	cmd := exec.CommandContext(ctx, c.Wasmer, append([]string{"bench", "--runs", strconv.Itoa(runs), path}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return w, fmt.Errorf("%s: %w: %s", c.Wasmer, err, errs.String())
	}
	return w, json.Unmarshal(out, &w)
}

// plain runs a module on plain wazero; instantiation is in the time.
func plain(ctx context.Context, module []byte, args []string, runs int) (took []float64, err error) {
	p, err := interp.PreparePlain(ctx, module, interp.Options{Host: wasi.Functions()})
	if err != nil {
		return nil, err
	}
	defer p.Close(ctx)
	for range runs {
		began := time.Now()
		world, err := wasi.New(wasi.Config{Args: args})
		if err != nil {
			return nil, err
		}
		if err := errors.Join(p.Run(ctx, world, ""), world.Close()); err != nil {
			return nil, err
		}
		took = append(took, millis(time.Since(began)))
	}
	return took, nil
}

// ours runs a module on our engine.
func ours(ctx context.Context, m *engine.Module, args []string, runs int) (t Times, err error) {
	for range runs {
		began := time.Now()
		e, err := engine.New(ctx, m, engine.Spec{Args: args})
		if err != nil {
			return t, err
		}
		t.Instantiate = append(t.Instantiate, millis(time.Since(began)))
		began = time.Now()
		if err := e.Start(); err != nil {
			return t, err
		}
		e.Wait()
		t.Execute = append(t.Execute, millis(time.Since(began)))
		code, err := e.Result()
		e.Close()
		if code != 0 || err != nil {
			return t, fmt.Errorf("the guest ended with %d, %v", code, err)
		}
	}
	return t, nil
}

func (r *Result) calls(ctx context.Context, c *Config, ms *engine.Modules, n int) error {
	module, err := guests.Module("idiomatic/vector")
	if err != nil {
		return err
	}
	m, err := ms.Add(ctx, module, interp.Auto)
	if err != nil {
		return err
	}
	each := max(2, min(200, 200_000/n))
	args := []string{"vector", strconv.Itoa(n), strconv.Itoa(each)}
	t, err := ours(ctx, m, args, c.Runs)
	if err != nil {
		return err
	}
	r.Calls = append(r.Calls, Call{"our engine", n, each, perCall(t.Execute, each)})
	if c.Wasmer == "" {
		return nil
	}
	w, err := onWasmer(ctx, c, "vector", args[1:], c.Runs)
	if err != nil {
		return err
	}
	r.Calls = append(r.Calls, Call{"Wasmer", n, each, perCall(w.Execute, each)})
	return nil
}

func perCall(ms []float64, each int) []float64 {
	us := make([]float64, len(ms))
	for i, v := range ms {
		us[i] = v * 1000 / float64(each)
	}
	return us
}

// Copy is the third experiment, inside the functions: microseconds of one checkpoint of
// Values values with the lock, of its copy alone, and of one restore.
type Copy struct {
	Values                        int
	Checkpoint, Unlocked, Restore []float64
}

func measureCopy(n, runs int) Copy {
	c := Copy{Values: n}
	mem := make([]byte, (4*n+0xffff)&^0xffff)
	call := compat.Call{Memory: mem, Len: uint32(n), Size: 4}
	var v compat.Vector
	bare := [2][]byte{make([]byte, 4*n), make([]byte, 4*n)}
	must(v.Checkpoint(call))
	must(v.Checkpoint(call)) // both buffers are there
	for i := range runs {
		began := time.Now()
		must(v.Checkpoint(call))
		c.Checkpoint = append(c.Checkpoint, micros(time.Since(began)))
		began = time.Now()
		copy(bare[i%2], mem[:4*n])
		c.Unlocked = append(c.Unlocked, micros(time.Since(began)))
		a := compat.Arrived(bare[0])
		began = time.Now()
		must(a.Restore(call))
		c.Restore = append(c.Restore, micros(time.Since(began)))
	}
	return c
}

func must(err error) {
	if err != nil {
		panic(err) // a bug of ours: the call is well formed
	}
}

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// at returns the value below which a share p of the values lies.
func at(v []float64, p float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(v))[int(p*float64(len(v)-1))]
}
