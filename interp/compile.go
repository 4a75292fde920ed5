package interp

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"sojourn/interp/codecache"
)

// codeDir is where wazero looks for the compiled code of one program, and leaves it: a
// folder of the program's own, in memory where the system has such. What is taken from
// the store is checked and linked there, and what is new is put into the store.
type codeDir struct {
	store *codecache.Store
	root  string
	files string // below root, named by wazero
	cache wazero.CompilationCache
}

func newCodeDir(store *codecache.Store) (*codeDir, error) {
	parent := os.TempDir()
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		parent = "/dev/shm" // wazero syncs what it writes, and resume functions cannot wait for a disk
	}
	sweep(parent)
	root, err := os.MkdirTemp(parent, fmt.Sprintf("%s%d-*", codeDirPrefix, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("folder for compiled code: %w", err)
	}
	d := &codeDir{store: store, root: root}
	if d.cache, err = wazero.NewCompilationCacheWithDir(root); err == nil {
		d.files, err = onlyFolder(root)
	}
	if err != nil {
		os.RemoveAll(root)
		return nil, fmt.Errorf("folder for compiled code: %w", err)
	}
	return d, nil
}

const codeDirPrefix = "sojourn-code-"

// sweep removes the folders of processes that were killed.
func sweep(parent string) {
	left, _ := filepath.Glob(filepath.Join(parent, codeDirPrefix+"*-*"))
	for _, path := range left {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), codeDirPrefix), "-")
		if n, err := strconv.Atoi(pid); err == nil && !alive(n) {
			_ = os.RemoveAll(path)
		}
	}
}

// alive reports whether a process may be there.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return runtime.GOOS == "windows"
	}
	defer p.Release()
	return !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// onlyFolder returns the one folder in dir.
func onlyFolder(dir string) (string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(list) != 1 || !list[0].IsDir() {
		return "", fmt.Errorf("%s holds %d files, and a folder of wazero's is expected", dir, len(list))
	}
	return filepath.Join(dir, list[0].Name()), nil
}

func (d *codeDir) close(ctx context.Context) {
	_ = d.cache.Close(ctx)
	_ = os.RemoveAll(d.root)
}

// lay links what the store has for a key, and reports whether that is anything.
func (d *codeDir) lay(key codecache.Key) bool {
	found := false
	for _, e := range d.store.Get(key) {
		at := filepath.Join(d.files, e.Name)
		if os.Symlink(e.Path, at) == nil || os.Link(e.Path, at) == nil {
			found = true
		}
	}
	return found
}

// gather empties the folder, and puts what is new there into the store. A store that
// cannot be written to costs the next start, and not this one. It reports whether
// anything was new.
func (d *codeDir) gather(key codecache.Key) bool {
	list, _ := os.ReadDir(d.files)
	fresh := false
	for _, f := range list {
		path := filepath.Join(d.files, f.Name())
		if f.Type().IsRegular() {
			_ = d.store.Put(key, f.Name(), path)
			fresh = true
		}
		_ = os.Remove(path)
	}
	return fresh
}

// code compiles a module, or takes from the store what was compiled of the same bytes
// by the same wazero. It is for one goroutine at a time, before anything is resumed.
func (p *Program) code(ctx context.Context, module []byte) (wazero.CompiledModule, error) {
	ctx = experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0))
	d := p.dir
	if d == nil {
		return p.rt.CompileModule(ctx, module)
	}
	sum := sha256.Sum256(module)
	key := codecache.NewKey(sum[:], []byte(wazeroVersion()), []byte(runtime.GOOS+"/"+runtime.GOARCH))
	found := d.lay(key)
	c, err := p.rt.CompileModule(ctx, module)
	if err != nil && found { // whole, and yet wazero does not take it
		d.gather(key)
		found = false
		c, err = p.rt.CompileModule(ctx, module)
	}
	fresh := d.gather(key)
	p.stats.Cached = found && !fresh
	return c, err
}

// resumeCode compiles a module of resume functions. It is not kept: it is small, and
// nobody can say beforehand which are needed.
func (p *Program) resumeCode(ctx context.Context, module []byte) (wazero.CompiledModule, error) {
	ctx = experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0))
	c, err := p.rt.CompileModule(ctx, module)
	if err != nil && p.dir != nil { // somebody has tidied up
		if err := os.MkdirAll(p.dir.files, 0o700); err != nil {
			return nil, err
		}
		return p.rt.CompileModule(ctx, module)
	}
	return c, err
}

// wazeroVersion returns which wazero this is, as the build says.
func wazeroVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path != "github.com/tetratelabs/wazero" {
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		return m.Version + m.Sum
	}
	return ""
}
