package spectest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"sojourn/interp"
	"sojourn/snapshotfmt"
)

// plain is a store of modules as they are, on wazero alone.
type plain struct {
	ctx   context.Context
	rt    wazero.Runtime
	named map[string]api.Module
}

func newPlain(ctx context.Context, proposal string, kind interp.Kind) (store, error) {
	cfg := wazero.NewRuntimeConfigInterpreter()
	if kind == interp.Compiler {
		cfg = wazero.NewRuntimeConfigCompiler()
	}
	features := api.CoreFeaturesV2
	switch proposal {
	case "extended-const":
		features |= experimental.CoreFeaturesExtendedConst
	case "tail-call":
		features |= experimental.CoreFeaturesTailCall
	case "exception-handling": // its scripts use the others
		features |= experimental.CoreFeaturesExceptionHandling | experimental.CoreFeaturesTailCall |
			experimental.CoreFeaturesTypedFunctionReferences
	}
	s := &plain{ctx: ctx, rt: wazero.NewRuntimeWithConfig(ctx, cfg.WithCoreFeatures(features)), named: map[string]api.Module{}}
	root, err := specRoot()
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(root, "testdata", "spectest.wasm"))
	if err != nil {
		return nil, err
	}
	s.named["spectest"], err = s.module(b)
	return s, err
}

func (s *plain) module(b []byte) (api.Module, error) {
	compiled, err := s.rt.CompileModule(s.ctx, b)
	if err != nil {
		return nil, err
	}
	ctx := experimental.WithImportResolver(s.ctx, func(name string) api.Module { return s.named[name] })
	return s.rt.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
}

func (s *plain) instantiate(_ int, b []byte) (instance, error) {
	m, err := s.module(b)
	if err != nil {
		return nil, trapOf(err)
	}
	return &plainInstance{s.ctx, m}, nil
}

func (s *plain) register(in instance, as string) {
	if in, ok := in.(*plainInstance); ok {
		s.named[as] = in.mod
	}
}

func (s *plain) close() { s.rt.Close(s.ctx) }

type plainInstance struct {
	ctx context.Context
	mod api.Module
}

func (in *plainInstance) invoke(name string, args []snapshotfmt.Value) ([]snapshotfmt.Value, error) {
	f := in.mod.ExportedFunction(name)
	if f == nil {
		return nil, fmt.Errorf("no function %q", name)
	}
	res, err := f.Call(in.ctx, raw(args)...)
	if err != nil {
		return nil, trapOf(err)
	}
	return cooked(f.Definition().ResultTypes(), res), nil
}

func (in *plainInstance) get(name string) (snapshotfmt.Value, error) {
	g := in.mod.ExportedGlobal(name)
	if g == nil {
		return snapshotfmt.Value{}, fmt.Errorf("no global %q", name)
	}
	return cooked([]api.ValueType{g.Type()}, []uint64{g.Get()})[0], nil
}

// trapOf gives an error of wazero's the form that the project gives it.
func trapOf(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if _, reason, ok := strings.Cut(text, "wasm error: "); ok {
		return &interp.Trap{Reason: reason}
	} else if text == "stack overflow" {
		return &interp.Trap{Reason: text}
	} else if strings.HasPrefix(text, "data[") && strings.HasSuffix(text, "out of bounds memory access") {
		return &interp.Trap{Reason: "out of bounds memory access"}
	}
	return err
}

// raw makes arguments for wazero. It takes 0 for the null reference: references of the
// scripts move up by one.
func raw(vs []snapshotfmt.Value) (out []uint64) {
	for _, v := range vs {
		switch v.Type {
		case snapshotfmt.V128:
			out = append(out, v.Lo, v.Hi)
		case snapshotfmt.ExternRef, snapshotfmt.FuncRef:
			out = append(out, v.Lo+1)
		default:
			out = append(out, v.Lo)
		}
	}
	return out
}

func cooked(types []api.ValueType, res []uint64) (out []snapshotfmt.Value) {
	for _, t := range types {
		v := snapshotfmt.Value{Type: snapshotfmt.Type(t), Lo: res[0]}
		switch v.Type {
		case snapshotfmt.V128:
			v.Hi, res = res[1], res[1:]
		case snapshotfmt.ExternRef, snapshotfmt.FuncRef:
			v.Lo--
		case snapshotfmt.I32, snapshotfmt.F32:
			v.Lo = uint64(uint32(v.Lo))
		}
		out, res = append(out, v), res[1:]
	}
	return out
}
