package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/interp"
)

// guestFlags are what a guest may do, as all commands that run one take it.
type guestFlags struct {
	libs   []string
	dirs   []string
	env    []string
	engine string
	memory string
	time   time.Duration
	entry  string
	cache  cacheFlag
}

func (g *guestFlags) add(f *pflag.FlagSet) {
	f.StringArrayVar(&g.dirs, "dir", nil, "let the guest see a folder: `host:guest[:ro|:carried|:digest]`")
	f.StringVar(&g.memory, "memory", "", "most memory, as 512MiB; default: what the module allows")
	f.DurationVar(&g.time, "time", 0, "most running time, as 30s; 0 is without limit")
	f.StringVar(&g.entry, "entry", "", "exported function to run; default _start")
}

func (g *guestFlags) addLibraries(f *pflag.FlagSet) {
	f.StringArrayVar(&g.libs, "module", nil, "link a library before the program, and those behind it: `name=lib.wasm`")
}

func (g *guestFlags) addEnv(f *pflag.FlagSet) {
	f.StringArrayVar(&g.env, "env", nil, "set an environment variable of the guest: `NAME=value`")
}

func (g *guestFlags) addEngine(f *pflag.FlagSet) {
	f.StringVar(&g.engine, "engine", "auto", "how to run it: auto, compiler or interpreter")
}

// spec returns what the flags say, with args and the given streams.
func (g *guestFlags) spec(args []string, std streams) (engine.Spec, error) {
	s := engine.Spec{Args: args, Env: g.env, Entry: g.entry, Stdin: std.in, Stdout: std.out, Stderr: std.err}
	for _, e := range g.env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" {
			return s, usagef("--env %q: NAME=value is needed", e)
		}
	}
	for _, d := range g.dirs {
		m, err := parseMount(d)
		if err != nil {
			return s, err
		}
		s.Mounts = append(s.Mounts, m)
	}
	if g.time < 0 {
		return s, usagef("--time %v: it must not be below 0", g.time)
	}
	s.Limits.RunTime = g.time
	if g.memory != "" {
		n, err := parseSize(g.memory)
		if err != nil {
			return s, usagef("--memory %q: %w", g.memory, err)
		}
		s.Limits.MemoryPages = uint32(min(n>>16, 1<<16))
	}
	return s, nil
}

// parseMount reads a folder of this machine, which is used in place.
func parseMount(s string) (wasi.Mount, error) {
	f, err := engine.ParseFolder(s)
	if err == nil && f.Host == "" {
		err = errors.New("which folder of this machine is it?")
	}
	if err != nil {
		return wasi.Mount{}, usagef("--dir %q: %w", s, err)
	}
	if _, err := os.Stat(f.Host); errors.Is(err, fs.ErrNotExist) && f.Sharing == engine.Shared {
		return wasi.Mount{}, hint(fmt.Errorf("--dir %q: mount %q: there is no folder %q", s, f.Guest, f.Host), "host:guest is needed; behind it may be :ro, :carried or :digest")
	}
	return f.Mount()
}

// parseSize reads a number of bytes, with the suffixes K, M and G (of 1024), KiB and so
// on. It is at least one page of WebAssembly.
func parseSize(s string) (uint64, error) {
	digits := strings.TrimRight(s, "KMGiB")
	shift, ok := map[string]uint{"": 0, "B": 0, "K": 10, "KiB": 10, "M": 20, "MiB": 20, "G": 30, "GiB": 30}[s[len(digits):]]
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || !ok {
		return 0, errors.New("a size such as 65536, 512MiB or 1GiB is needed")
	}
	if n <<= shift; n < 1<<16 {
		return 0, errors.New("a guest's memory has at least 64 KiB")
	}
	return n, nil
}

// program is a module on its way to run, with the libraries before it.
type program struct {
	path      string
	bytes     []byte
	libraries []interp.Module
	precision interp.Precision
	set       engine.Modules
}

func readProgram(path string) (*program, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint(fmt.Errorf("no module at %q", path), "give the path of a program compiled for WASI, as app.wasm")
	}
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	return &program{path: path, bytes: b}, nil
}

// keep makes the program take its compiled code from a store, and leave it there.
func (p *program) keep(c *cacheFlag) (err error) {
	p.set.Cache, err = c.open()
	return err
}

func (p *program) digest() [sha256.Size]byte { return sha256.Sum256(p.bytes) }

func (p *program) name() string { return filepath.Base(p.path) }

// link reads libraries, given as name=path, in the order in which they are instantiated.
func (p *program) link(libraries []string) error {
	for _, l := range libraries {
		name, path, ok := strings.Cut(l, "=")
		if !ok || name == "" || path == "" {
			return usagef("--module %q: name=lib.wasm is needed, with the name under which others import it", l)
		}
		lib, err := readProgram(path)
		if err != nil {
			return err
		}
		p.libraries = append(p.libraries, interp.Module{Name: name, Bytes: lib.bytes})
	}
	return nil
}

// prepare makes the module runnable by an engine.
func (p *program) prepare(ctx context.Context, name string) (*engine.Module, error) {
	kind, err := interp.ParseKind(name)
	if err != nil {
		return nil, &usageError{err}
	}
	m, err := p.set.AddPrecise(ctx, append(slices.Clone(p.libraries), interp.Module{Bytes: p.bytes}), kind, p.precision)
	if errors.Is(err, interp.ErrNoCompiler) {
		return nil, hint(err, "use --engine interpreter, or auto")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.path, err)
	}
	return m, nil
}

// finish returns how a guest that is gone has ended, as the process is to end.
func finish(e *engine.Environment) error {
	code, err := e.Result()
	var trap *interp.Trap
	switch {
	case errors.As(err, &trap):
		return &exitError{exitTrap, err}
	case errors.Is(err, engine.ErrRunTime):
		return &exitError{exitKilled, hint(err, "--time sets it")}
	case errors.Is(err, engine.ErrCallDepth):
		return &exitError{exitKilled, err}
	case err != nil:
		return err
	}
	if unused := e.UnusedListeners(); code != 0 && len(unused) > 0 {
		return &exitError{int(code), unusedListener(int(code), unused[0])}
	}
	if w, ok := e.Stderr().(*netWatch); ok && code == goExit && w.seen {
		return &exitError{goExit, errFakeListener}
	}
	return exitWith(int(code))
}
