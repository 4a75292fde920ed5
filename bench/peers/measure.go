package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sojourn/bench/measure"
	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/examples/guests"
	"sojourn/interp"
	"sojourn/interp/wasm"
)

//go:embed node.mjs
var script []byte

// sources is where the programs' C is, from the top of the source tree.
const sources = "examples/guests/c"

// bench is one run of the command.
type bench struct {
	dir  string // for files
	runs int
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// build makes the commands that are used.
func (b *bench) build(ctx context.Context) error {
	if _, err := os.Stat(sources); err != nil {
		return fmt.Errorf("run it from the top of the source tree: %w", err)
	}
	return errors.Join(
		os.WriteFile(b.path("node.mjs"), script, 0o600),
		tool(ctx, "go", "build", "-o", b.path("wasmer"), "./cmd/sojourn-wasmer"),
		tool(ctx, "go", "build", "-tags", "peers", "-o", b.path("wasmtime"), "./bench/peers/wasmtime"),
	)
}

// tool runs a command that prints nothing of interest.
func tool(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", missing(strings.Join(args, " "), err), out)
	}
	return nil
}

// result is what is found of one program. Times are milliseconds of the processor.
type result struct {
	name        string
	native      float64
	ratios      map[string]float64 // by side: over native
	interpreter float64            // over wazero's compiler

	code  map[string]float64 // of the machine: over that of the module as it is
	bytes map[string]float64 // the same of the module
}

// The sides, as the table names them.
const (
	node     = "node (V8)"
	wasmtime = "wasmtime"
	wasmer   = "Wasmer"
	wazero   = "wazero"
	movable  = "movable"
	moved    = "moved"
	asyncify = "Asyncify"
	polled   = "Asyncify, polled"
)

var sides = []string{node, wasmtime, wasmer, wazero, movable, moved, asyncify}

func (r *result) String() string {
	text := fmt.Sprintf("gcc %4.0f ms", r.native)
	for _, s := range sides {
		text += fmt.Sprintf(", %s %.2f", s, r.ratios[s])
	}
	return text + fmt.Sprintf(", interpreter %.0f", r.interpreter)
}

func (b *bench) measure(ctx context.Context, p program) (*result, error) {
	module, err := guests.Module(p.name)
	if err != nil {
		return nil, err
	}
	file := b.path(p.name + ".wasm")
	if err := os.WriteFile(file, module, 0o600); err != nil {
		return nil, err
	}
	if err := tool(ctx, "gcc", "-O2", "-w", "-o", b.path(p.name), filepath.Join(sources, p.name+".c"), "-lm"); err != nil {
		return nil, err
	}
	r := &result{name: p.name}
	async, err := b.sizes(ctx, r, file, module)
	if err != nil {
		return nil, err
	}
	if err := b.times(ctx, r, p, file, module, async); err != nil {
		return nil, err
	}
	return r, b.interpreted(ctx, r, p, module)
}

// sizes measures code and returns the module that Asyncify makes.
func (b *bench) sizes(ctx context.Context, r *result, file string, module []byte) (async []byte, err error) {
	opt := interp.Options{Host: wasi.Functions()}
	plain, ours, err := interp.NativeBytes(ctx, module, opt)
	if err != nil {
		return nil, err
	}
	var set engine.Modules
	defer set.Close()
	m, err := set.Add(ctx, module, interp.Compiler)
	if err != nil {
		return nil, err
	}
	r.code = map[string]float64{movable: float64(ours) / float64(plain)}
	r.bytes = map[string]float64{movable: float64(m.Program().Stats().StoppableBytes) / float64(len(module))}
	opt.Host = append(opt.Host, logged)
	for _, way := range []struct {
		name   string
		passes []string
	}{{polled, []string{"--log-execution", "--asyncify"}}, {asyncify, []string{"--asyncify"}}} {
		out := b.path("async.wasm")
		if err := tool(ctx, append(append([]string{"wasm-opt"}, way.passes...), "-O2", file, "-o", out)...); err != nil {
			return nil, err
		}
		if async, err = os.ReadFile(out); err != nil {
			return nil, err
		}
		made, _, err := interp.NativeBytes(ctx, async, opt)
		if err != nil {
			return nil, err
		}
		r.code[way.name] = float64(made) / float64(plain)
		r.bytes[way.name] = float64(len(async)) / float64(len(module))
	}
	return async, nil
}

// logged is what wasm-opt --log-execution calls. It is never run.
var logged = interp.HostFunc{Module: "env", Name: "log_execution", Params: []wasm.ValType{wasm.I32}}

// noFastCalls: with V8's fast calls node 20 ends with a segmentation fault in WASI after a memory has grown.
const noFastCalls = "--no-turbo-fast-api-calls"

// times runs the program on all sides in turn.
func (b *bench) times(ctx context.Context, r *result, p program, file string, module, async []byte) error {
	spec := func() (engine.Spec, error) { return engine.Spec{Args: append([]string{p.name}, p.args...)}, nil }
	var set engine.Modules
	defer set.Close()
	m, err := set.Add(ctx, module, interp.Compiler)
	if err != nil {
		return err
	}
	onPlain := func(code []byte) (*measure.Guest, error) {
		plain, err := interp.PreparePlain(ctx, code, interp.Options{Engine: interp.Compiler, Host: wasi.Functions()})
		return &measure.Guest{Plain: plain, Module: m, Spec: spec}, err
	}
	ours, err := onPlain(module)
	if err != nil {
		return err
	}
	defer ours.Plain.Close(ctx)
	theirs, err := onPlain(async)
	if err != nil {
		return err
	}
	defer theirs.Plain.Close(ctx)
	first, err := ours.Movable().Run(ctx)
	if err != nil {
		return err
	}
	all := []measure.Side{
		child{name: "natively", command: func() []string { return append([]string{b.path(p.name)}, p.args...) }}.side(),
		b.onNode(p, file),
		b.foreign(wasmtime, p, tellsOnce, b.path("wasmtime"), file, b.path("out"), p.name),
		b.foreign(wasmer, p, tellsAll, b.path("wasmer"), "bench", "--runs", "1", "--output", b.path("out"), file),
		ours.OnPlain(), ours.Movable(), ours.Moved(max(1, first.Points/10)), theirs.OnPlain(),
	}
	took, err := measure.InTurn(ctx, b.runs, all...)
	if err != nil {
		return err
	}
	r.ratios = map[string]float64{}
	for i, name := range sides {
		c := measure.Least(took[0], took[i+1], measure.CPU)
		r.native, r.ratios[name] = c.Plain, c.Ratio
	}
	return nil
}

func (b *bench) onNode(p program, file string) measure.Side {
	return b.foreign(node, p, tellsOnce, "node", "--no-warnings", noFastCalls, b.path("node.mjs"), file, b.path("out"), p.name)
}

// foreign is an engine in a process: args, and then the program's.
func (b *bench) foreign(name string, p program, told func([]byte) (float64, float64, error), args ...string) measure.Side {
	all := append(args, p.args...)
	return child{name: name, out: b.path("out"), told: told, command: func() []string { return all }}.side()
}

// interpreted compares wazero's interpreter with its compiler.
func (b *bench) interpreted(ctx context.Context, r *result, p program, module []byte) error {
	var both []measure.Side
	for _, kind := range []interp.Kind{interp.Compiler, interp.Interpreter} {
		plain, err := interp.PreparePlain(ctx, module, interp.Options{Engine: kind, Host: wasi.Functions()})
		if err != nil {
			return err
		}
		defer plain.Close(ctx)
		g := &measure.Guest{Plain: plain, Spec: func() (engine.Spec, error) {
			return engine.Spec{Args: append([]string{p.name}, p.brief...)}, nil
		}}
		both = append(both, g.OnPlain())
	}
	took, err := measure.InTurn(ctx, min(b.runs, 3), both...)
	if err != nil {
		return err
	}
	r.interpreter = measure.Least(took[0], took[1], measure.CPU).Ratio
	return nil
}
