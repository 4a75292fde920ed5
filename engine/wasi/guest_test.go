package wasi_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"sojourn/engine/wasi"
	"sojourn/interp"
)

// compiled shares compiled code among the tests.
var compiled = sync.OnceValue(wazero.NewCompilationCache)

// runGuest runs a module on plain wazero with this package's functions, and returns
// its exit code.
func runGuest(ctx context.Context, module []byte, w *wasi.World) (uint32, error) {
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(compiled()))
	defer rt.Close(ctx)
	host := rt.NewHostModuleBuilder(wasi.Module)
	seen := map[string]bool{}
	for _, f := range wasi.Functions() {
		if seen[f.Name] {
			continue // the same with another type
		}
		seen[f.Name] = true
		host.NewFunctionBuilder().
			WithGoModuleFunction(adapt(f, w), types(f.Params), types(f.Results)).
			Export(f.Name)
	}
	if _, err := host.Instantiate(ctx); err != nil {
		return 0, err
	}
	_, err := rt.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig())
	var exit *sys.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// adapt makes f callable by wazero.
func adapt(f interp.HostFunc, w *wasi.World) api.GoModuleFunction {
	return api.GoModuleFunc(func(ctx context.Context, mod api.Module, stack []uint64) {
		var mem []byte
		if m := mod.Memory(); m != nil {
			mem, _ = m.Read(0, m.Size())
		}
		call := interp.NewHostCall(w, mem, ctx.Done(), stack...)
		err := f.Call(call)
		var exit *interp.Exit
		if errors.As(err, &exit) {
			mod.CloseWithExitCode(ctx, exit.Code)
			panic(sys.NewExitError(exit.Code))
		}
		if err != nil {
			panic(fmt.Errorf("%s: %w", f.Name, err))
		}
		copy(stack, call.Stack)
	})
}

func types[T ~byte](list []T) []api.ValueType {
	out := make([]api.ValueType, len(list))
	for i, t := range list {
		out[i] = api.ValueType(t)
	}
	return out
}

// output drains a buffer into memory until it is closed.
func output(t *testing.T, b *wasi.Buffer) func() string {
	t.Helper()
	var all []byte
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := b.Drain(buf)
			all = append(all, buf[:n]...)
			switch err {
			case nil:
			case wasi.ErrAgain:
				<-b.Drainable()
			default:
				return
			}
		}
	}()
	return func() string { <-done; return string(all) }
}
