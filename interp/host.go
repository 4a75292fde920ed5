package interp

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"sojourn/interp/wasm"
)

// HostFunc is one function that the host offers to guests. Of several with the same
// module and name, but different types, a guest gets the one whose type it imports.
type HostFunc struct {
	Module, Name    string
	Params, Results []wasm.ValType

	// Blocking says that Call may wait, and that a guest can be frozen in it: the
	// call sees [HostCall.Stop], and may return [ErrRestart].
	Blocking bool

	// Call performs the function. An [*Exit] ends the guest with its code; any
	// other error but ErrRestart ends the guest as a trap does.
	Call func(*HostCall) error
}

// HostCall is one call of a [HostFunc]. It is valid until Call returns.
type HostCall struct {
	Stack []uint64 // parameters in, results out, both from index 0; an externref is its number and one, or 0
	Host  any      // what the instance was created with

	memory func() []byte
	stop   <-chan struct{}
}

// NewHostCall returns a call for tests of host functions; mem may be nil.
func NewHostCall(host any, mem []byte, stop <-chan struct{}, stack ...uint64) *HostCall {
	return &HostCall{Stack: stack, Host: host, memory: func() []byte { return mem }, stop: stop}
}

// Memory returns the guest's linear memory, nil when it has none.
func (c *HostCall) Memory() []byte { return c.memory() }

// Stop is closed when the guest is asked to stop. A blocking call that has had no
// effect yet then returns [ErrRestart]; one that has had some returns its result.
func (c *HostCall) Stop() <-chan struct{} { return c.stop }

// ErrRestart is what an interrupted [HostFunc] returns. The guest is then captured
// as about to make the call, and makes it again, with the same arguments, after thaw.
var ErrRestart = errors.New("host call interrupted before it had any effect")

// Exit ends the guest with an exit code of its own choice.
type Exit struct{ Code uint32 }

func (e *Exit) Error() string { return fmt.Sprintf("guest exited with code %d", e.Code) }

// hostByName finds host functions by module and name. Of several of one name the first
// has it, and each other one a name of its own: see overload.
func hostByName(offered []HostFunc) map[[2]string]HostFunc {
	host := map[[2]string]HostFunc{}
	for _, h := range offered {
		t := wasm.FuncType{Params: h.Params, Results: h.Results}
		if first, taken := host[[2]string{h.Module, h.Name}]; taken && !t.Equal(wasm.FuncType{Params: first.Params, Results: first.Results}) {
			h.Name = overload(h.Name, t)
		}
		host[[2]string{h.Module, h.Name}] = h
	}
	return host
}

// overload returns the name by which the rewritten module imports a function that is not
// the first of its name: wazero has one function a name.
func overload(name string, t wasm.FuncType) string { return fmt.Sprintf("%s %v", name, t) }

// offer makes a runtime's modules import host functions, each as call makes wazero call it.
func offer(ctx context.Context, rt wazero.Runtime, host map[[2]string]HostFunc, call func(HostFunc) api.GoModuleFunc) error {
	builders := map[string]wazero.HostModuleBuilder{}
	for _, h := range host {
		if builders[h.Module] == nil {
			builders[h.Module] = rt.NewHostModuleBuilder(h.Module)
		}
		builders[h.Module].NewFunctionBuilder().
			WithGoModuleFunction(call(h), valueTypes(h.Params), valueTypes(h.Results)).Export(h.Name)
	}
	for name, b := range builders {
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("host module %q: %w", name, err)
		}
	}
	return nil
}

// hostFunction makes wazero call h.
func hostFunction(h HostFunc) api.GoModuleFunc {
	params, results := words(h.Params), words(h.Results)
	if !h.Blocking {
		return func(ctx context.Context, from api.Module, stack []uint64) {
			in := fromContext(ctx)
			if err := h.Call(&HostCall{Stack: stack, Host: in.cfg.Host, memory: in.memoryOf(from)}); err != nil {
				in.hostFailed(&h, err)
			}
		}
	}
	return func(ctx context.Context, from api.Module, stack []uint64) {
		in := fromContext(ctx)
		args := append(make([]uint64, 0, 8), stack[:params]...) // never nil
		if in.cfg.FreezeEvery > 0 && !in.again && in.spent() {
			in.interrupt(args, stack[:results])
			return
		}
		in.again = false
		err := h.Call(&HostCall{Stack: stack, Host: in.cfg.Host, memory: in.memoryOf(from), stop: in.stopped()})
		switch {
		case errors.Is(err, ErrRestart):
			if why := in.kill.Load(); why != nil {
				in.end(*why)
			}
			in.interrupt(args, stack[:results])
		case err != nil:
			in.hostFailed(&h, err)
		case in.cfg.FreezeEvery > 0:
			in.spent()
		case in.freeze.Load():
			in.settle()
			in.setBudget(0)
			in.given = 0
		}
	}
}

// interrupt captures the guest as about to make the host call with these arguments, which
// are not nil.
func (in *Instance) interrupt(args, results []uint64) {
	in.settle()
	in.restart = args
	clear(results)
	in.unwind()
}

func (in *Instance) hostFailed(h *HostFunc, err error) {
	var exit *Exit
	if !errors.As(err, &exit) {
		err = fmt.Errorf("host function %s.%s: %w", h.Module, h.Name, err)
	}
	in.end(err)
}

// memoryOf returns what gives a host function the memory of the module that calls it.
func (in *Instance) memoryOf(from api.Module) func() []byte {
	if len(in.parts) > 1 {
		return func() []byte { return memoryBytes(from) }
	}
	return in.bytes
}

func (in *Instance) bytes() []byte {
	if mem := in.parts[0].mem; mem != nil {
		return mem.Bytes()
	}
	return nil
}

// memoryBytes returns the memory of a module as wazero has it.
func memoryBytes(m api.Module) []byte {
	mem := m.Memory()
	if mem == nil || reflect.ValueOf(mem).IsNil() { // wazero's is a nil pointer in a module without one
		return nil
	}
	b, _ := mem.Read(0, mem.Size())
	return b
}
