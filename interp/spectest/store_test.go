package spectest

import (
	"context"
	"errors"
	"strings"

	"sojourn/interp"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// store is where a script's modules are instantiated, linked and called: one way of
// running the script.
type store interface {
	instantiate(command int, module []byte) (instance, error)
	register(in instance, as string)
	close()
}

type instance interface {
	invoke(function string, args []snapshotfmt.Value) ([]snapshotfmt.Value, error)
	get(global string) (snapshotfmt.Value, error)
}

// refusal is what the project says to what it does not do: not a failure, but counted
// by its reason.
type refusal struct{ reason string }

func (r *refusal) Error() string { return "refused: " + r.reason }

// reasons name what errors refuse, by a part of their text.
var reasons = []struct{ text, reason string }{
	{"the start function is an import", "the start function is an import"},
	{"is an import, and not the module's own", "an import is called from outside"},
	{"needs typed function references", "typed references"},
	{"needs garbage collection", "typed references"},
}

// refuse turns an error of the project's into a refusal, if that is what it is.
func refuse(err error) error {
	if err == nil {
		return nil
	}
	for _, r := range reasons {
		if strings.Contains(err.Error(), r.text) {
			return &refusal{r.reason}
		}
	}
	return err
}

// missing is the instance of a module that could not be instantiated.
type missing struct{ why error }

func (m missing) invoke(string, []snapshotfmt.Value) ([]snapshotfmt.Value, error) { return nil, m.why }
func (m missing) get(string) (snapshotfmt.Value, error)                           { return snapshotfmt.Value{}, m.why }

func isRefusal(err error) bool {
	_, ok := errors.AsType[*refusal](err)
	return ok
}

// hostFuncs are the functions of the module "spectest" that scripts import: they print,
// and here they do nothing.
var hostFuncs = func() []interp.HostFunc {
	i32, i64, f32, f64 := wasm.I32, wasm.I64, wasm.F32, wasm.F64
	var fs []interp.HostFunc
	for name, params := range map[string][]wasm.ValType{
		"print": nil, "print_i32": {i32}, "print_i64": {i64}, "print_f32": {f32}, "print_f64": {f64},
		"print_i32_f32": {i32, f32}, "print_f64_f64": {f64, f64},
	} {
		fs = append(fs, interp.HostFunc{Module: "spectest", Name: name, Params: params, Blocking: true,
			Call: func(*interp.HostCall) error { return nil }})
	}
	return fs
}()

// programs prepares each guest of a script once for each engine.
type programs struct {
	ctx  context.Context
	made map[guestKey]*interp.Program
}

// guestKey tells guests apart by where their lists of modules are.
type guestKey struct {
	kind      interp.Kind
	precision interp.Precision
	first     *interp.Module
}

func (ps *programs) prepare(modules []interp.Module, kind interp.Kind, p interp.Precision) (*interp.Program, error) {
	key := guestKey{kind, p, &modules[0]}
	if made := ps.made[key]; made != nil {
		return made, nil
	}
	made, err := interp.PrepareLinked(ps.ctx, modules, interp.Options{Engine: kind, Precision: p, Host: hostFuncs})
	if err == nil {
		ps.made[key] = made
	}
	return made, err
}

func (ps *programs) close() {
	for _, p := range ps.made {
		p.Close(ps.ctx)
	}
}
