//go:build cgo && ((linux && amd64) || darwin)

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/wasmerio/wasmer-go/wasmer"

	"sojourn/compat"
)

const available = true

// guest is a module that Wasmer has compiled.
type guest struct {
	start  start
	store  *wasmer.Store
	module *wasmer.Module
}

func compile(s start) (*guest, error) {
	g := &guest{start: s, store: wasmer.NewStore(wasmer.NewEngine())}
	var err error
	g.module, err = wasmer.NewModule(g.store, s.Module)
	return g, err
}

// instance is a guest with its memory. What its functions return an error for is given to
// fail, which does not return: an error that a host function returns to wasmer-go 1.0.4
// becomes a trap that is freed twice.
type instance struct {
	*wasmer.Instance
	memory *wasmer.Memory
	vector *compat.Vector
	fail   func(error)

	checkpoints, restores timing // of the functions
}

type timing struct {
	n    int
	took time.Duration
}

func (g *guest) instantiate(v *compat.Vector, fail func(error)) (*instance, error) {
	imports, err := g.wasi()
	if err != nil {
		return nil, err
	}
	in := &instance{vector: v, fail: fail}
	imports.Register(compat.Module, map[string]wasmer.IntoExtern{
		"checkpoint":       in.function(g.store, 4, (*compat.Vector).Checkpoint, &in.checkpoints),
		"checkpoint_bytes": in.function(g.store, 1, (*compat.Vector).Checkpoint, &in.checkpoints),
		"restore":          in.function(g.store, 4, (*compat.Vector).Restore, &in.restores),
		"restore_bytes":    in.function(g.store, 1, (*compat.Vector).Restore, &in.restores),
	})
	in.Instance, err = wasmer.NewInstance(g.module, imports)
	return in, err
}

// wasi returns WASI's functions, on this process's streams; none for a module that
// imports none.
func (g *guest) wasi() (*wasmer.ImportObject, error) {
	if wasmer.GetWasiVersion(g.module) == wasmer.WASI_VERSION_INVALID {
		return wasmer.NewImportObject(), nil
	}
	b := wasmer.NewWasiStateBuilder("guest")
	if len(g.start.Args) > 0 {
		b = wasmer.NewWasiStateBuilder(g.start.Args[0])
		for _, a := range g.start.Args[1:] {
			b = b.Argument(a)
		}
	}
	for _, e := range g.start.Env {
		name, value, _ := strings.Cut(e, "=")
		b = b.Environment(name, value)
	}
	env, err := b.InheritStdin().InheritStdout().InheritStderr().Finalize()
	if err != nil {
		return nil, err
	}
	return env.GenerateImportObject(g.store, g.module)
}

func (in *instance) function(s *wasmer.Store, size uint32, f func(*compat.Vector, compat.Call) error, t *timing) *wasmer.Function {
	i32s := wasmer.NewValueTypes(wasmer.I32, wasmer.I32)
	return wasmer.NewFunction(s, wasmer.NewFunctionType(i32s, wasmer.NewValueTypes()), func(args []wasmer.Value) ([]wasmer.Value, error) {
		began := time.Now()
		c := compat.Call{Memory: in.bytes(), Ptr: uint32(args[0].I32()), Len: uint32(args[1].I32()), Size: size}
		if err := f(in.vector, c); err != nil {
			in.fail(err)
		}
		t.n++
		t.took += time.Since(began)
		return nil, nil
	})
}

// bytes returns the memory; nil when there is none, or not yet.
func (in *instance) bytes() []byte {
	if in.memory == nil && in.Instance != nil {
		if m, err := in.Exports.GetMemory("memory"); err == nil {
			in.memory = m
		}
	}
	if in.memory == nil {
		return nil
	}
	if b := in.memory.Data(); b != nil {
		return b
	}
	return []byte{}
}

func (in *instance) run() (uint32, error) {
	start, err := in.Exports.GetFunction("_start")
	if err != nil {
		return 0, fmt.Errorf("no function \"_start\", which a program begins with: %w", err)
	}
	_, err = start()
	var exit uint32
	if err != nil {
		if _, scan := fmt.Sscanf(err.Error(), "WASI exited with code: %d", &exit); scan == nil {
			return exit, nil
		}
	}
	return exit, err
}

// load compiles a guest's module.
func load(s start) (runner, error) {
	g, err := compile(s)
	return func(s start, v *compat.Vector, fail func(error)) (uint32, error) {
		g.start = s
		in, err := g.instantiate(v, fail)
		if err != nil {
			return 0, err
		}
		return in.run()
	}, err
}

// bench runs a guest again and again, its output into a file, and writes how long each run
// took, as JSON.
func bench(w io.Writer, s start, runs int, output string) error {
	out, err := os.Create(output)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := syscall.Dup2(int(out.Fd()), 1); err != nil {
		return err
	}
	began := time.Now()
	g, err := compile(s)
	if err != nil {
		return err
	}
	r := benchResult{CompileMS: millis(time.Since(began))}
	for range runs {
		began, cpu := time.Now(), cpuMillis()
		in, err := g.instantiate(new(compat.Vector), func(err error) { panic(err) })
		if err != nil {
			return err
		}
		r.Instantiate = append(r.Instantiate, millis(time.Since(began)))
		began = time.Now()
		exit, err := in.run()
		r.Execute = append(r.Execute, millis(time.Since(began)))
		r.CPU = append(r.CPU, cpuMillis()-cpu)
		if err != nil || exit != 0 {
			return fmt.Errorf("the guest ended with %d, %v", exit, err)
		}
		if in.checkpoints.n > 0 {
			r.Checkpoint = append(r.Checkpoint, millis(in.checkpoints.took)*1000/float64(in.checkpoints.n))
		}
		if in.restores.n > 0 {
			r.Restore = append(r.Restore, millis(in.restores.took)*1000/float64(in.restores.n))
		}
		in.Close()
	}
	return json.NewEncoder(w).Encode(r)
}

// dupStdout returns a copy of the standard output, which guests write to.
func dupStdout() (*os.File, error) {
	fd, err := syscall.Dup(1)
	return os.NewFile(uintptr(fd), "output"), err
}

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// cpuMillis returns the processor time that this process has used.
func cpuMillis() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}
