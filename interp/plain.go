package interp

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"sojourn/interp/linmem"
	"sojourn/interp/wasm"
)

// Plain is a module as its author shipped it, on plain wazero with the same host
// functions and the same kind of linear memory: what a stoppable [Program] is measured
// against. It cannot be stopped, not even by the garbage collector where it loops.
type Plain struct {
	rt      wazero.Runtime
	main    wazero.CompiledModule
	memory  *uint64 // the most bytes of its memory, nil without one
	compile time.Duration
}

// PreparePlain decodes, validates and compiles a module, and rewrites nothing.
func PreparePlain(ctx context.Context, module []byte, opt Options) (*Plain, error) {
	kind, err := opt.Engine.resolve()
	if err != nil {
		return nil, err
	}
	m, err := wasm.Decode(module)
	if err != nil {
		return nil, err
	}
	host := hostByName(opt.Host)
	renamed := false
	for i := range m.Imports {
		name := m.Imports[i].Name
		if _, err := linkHost(m, &m.Imports[i], host); err != nil {
			return nil, fmt.Errorf("import %d, %q.%q: %w", i, m.Imports[i].Module, name, err)
		}
		renamed = renamed || m.Imports[i].Name != name
	}
	if renamed {
		module = m.Encode() // nothing else has changed
	}
	p := &Plain{rt: wazero.NewRuntimeWithConfig(ctx, runtimeConfig(kind))}
	if limits, ok := m.MemoryType(); ok {
		most := uint64(wasm.MaxMemoryPages) << 16
		if limits.HasMax {
			most = uint64(limits.Max) << 16
		}
		p.memory = &most
	}
	if err := p.prepare(ctx, module, host); err != nil {
		return nil, errors.Join(err, p.rt.Close(ctx))
	}
	return p, nil
}

func (p *Plain) prepare(ctx context.Context, module []byte, host map[[2]string]HostFunc) (err error) {
	if err := offer(ctx, p.rt, host, plainFunction); err != nil {
		return err
	}
	start := time.Now()
	ctx = experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0))
	if p.main, err = p.rt.CompileModule(ctx, module); err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	p.compile = time.Since(start)
	return nil
}

// Compile returns how long wazero took to compile the module.
func (p *Plain) Compile() time.Duration { return p.compile }

type plainKey struct{}

// plainFunction makes wazero call h, which gets as its host what Run was given. A
// blocking function is never asked to stop.
func plainFunction(h HostFunc) api.GoModuleFunc {
	return func(ctx context.Context, mod api.Module, stack []uint64) {
		memory := func() []byte { return memoryBytes(mod) }
		run := ctx.Value(plainKey{}).(*plainRun)
		if err := h.Call(&HostCall{Stack: stack, Host: run.host, memory: memory}); err != nil {
			run.failure = err
			panic(sys.NewExitError(1))
		}
	}
}

type plainRun struct {
	host    any
	failure error // why the host ended the guest
}

// Run runs a fresh guest to its end, and returns nil when its entry function ("_start"
// when empty) has returned, an *Exit, or another error.
func (p *Plain) Run(ctx context.Context, host any, entry string) error {
	if entry == "" {
		entry = "_start"
	}
	run := &plainRun{host: host}
	ctx = context.WithValue(ctx, plainKey{}, run)
	if p.memory != nil {
		mem, err := linmem.New(*p.memory)
		if err != nil {
			return err
		}
		defer mem.Free()
		ctx = experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(
			func(_, _ uint64) experimental.LinearMemory { return mem }))
	}
	mod, err := p.rt.InstantiateModule(ctx, p.main, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return errors.Join(run.failure, err)
	}
	defer mod.Close(ctx)
	f := mod.ExportedFunction(entry)
	if f == nil {
		return fmt.Errorf("the module exports no function %q: it is a library and not a program", entry)
	}
	if _, err := f.Call(ctx); run.failure != nil {
		return run.failure
	} else if err != nil {
		return err
	}
	return nil
}

// Close frees the compiled code.
func (p *Plain) Close(ctx context.Context) error { return p.rt.Close(ctx) }
