package interp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// NativeBytes returns how much machine code wazero's compiler makes of a module as its author
// shipped it, and made stoppable by the same rewriting as Prepare's. wazero tells only by the
// file that it caches, which adds 8 bytes for each function. Resume functions are not in it.
func NativeBytes(ctx context.Context, module []byte, opt Options) (plain, stoppable int64, err error) {
	if !HasCompiler() {
		return 0, 0, ErrNoCompiler
	}
	p := &Program{precision: opt.Precision}
	if err := p.analyze([]Module{{Bytes: module}}, hostByName(opt.Host)); err != nil {
		return 0, 0, err
	}
	codes, err := p.guard()
	if err != nil {
		return 0, 0, err
	}
	if plain, err = nativeBytes(ctx, module); err != nil {
		return 0, 0, err
	}
	stoppable, err = nativeBytes(ctx, codes[0])
	return plain, stoppable, err
}

func nativeBytes(ctx context.Context, code []byte) (size int64, err error) {
	dir, err := os.MkdirTemp("", "sojourn-native-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return 0, err
	}
	rt := wazero.NewRuntimeWithConfig(ctx, runtimeConfig(Compiler).WithCompilationCache(cache))
	defer func() { err = errors.Join(err, rt.Close(ctx), cache.Close(ctx)) }()
	if _, err := rt.CompileModule(experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0)), code); err != nil {
		return 0, fmt.Errorf("compile: %w", err)
	}
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
