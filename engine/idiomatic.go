package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sojourn/compat"
	"sojourn/engine/wasi"
	"sojourn/interp"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// hostFunctions returns what a guest can import: WASI, and the functions of package
// compat, whose state is in the world.
func hostFunctions() []interp.HostFunc {
	list := wasi.Functions()
	for _, f := range []struct {
		name string
		size uint32
		call func(*compat.Vector, compat.Call) error
	}{
		{"checkpoint", 4, (*compat.Vector).Checkpoint},
		{"checkpoint_bytes", 1, (*compat.Vector).Checkpoint},
		{"restore", 4, (*compat.Vector).Restore},
		{"restore_bytes", 1, (*compat.Vector).Restore},
	} {
		list = append(list, interp.HostFunc{Module: compat.Module, Name: f.name,
			Params: []wasm.ValType{wasm.I32, wasm.I32}, Blocking: true,
			Call: func(h *interp.HostCall) error {
				v := h.Host.(*wasi.World).Extra().(*compat.Vector)
				err := f.call(v, compat.Call{Memory: h.Memory(), Ptr: uint32(h.Stack[0]), Len: uint32(h.Stack[1]), Size: f.size, Stop: h.Stop()})
				if errors.Is(err, compat.ErrStopped) {
					return interp.ErrRestart
				}
				return err
			}})
	}
	return list
}

// Idiomatic reports whether guests of the module make checkpoints by themselves, and can
// be moved by [Environment.Hold]. They can also be moved like any other.
func (m *Module) Idiomatic() bool {
	for _, im := range m.prog.Module().Imports {
		if im.Module == compat.Module {
			return true
		}
	}
	return false
}

// ErrNotIdiomatic is returned for a guest that makes no checkpoints by itself.
var ErrNotIdiomatic = errors.New("guest does not import checkpoint from \"migration\": it can be moved only by freezing it")

// Hold begins an idiomatic move of a guest, which need not be frozen: it returns its last
// checkpoint, and decide, which must be called once with whether the guest goes on
// elsewhere. Until then it makes no other checkpoint. If it has moved it ends here.
func (e *Environment) Hold(meta snapshotfmt.Meta) (s *compat.Snapshot, decide func(moved bool), err error) {
	if !e.mod.Idiomatic() {
		return nil, nil, ErrNotIdiomatic
	}
	if err := e.spec.leaves(); err != nil {
		return nil, nil, err
	}
	if e.State() == Gone {
		return nil, nil, ErrGone
	}
	last, settle, err := e.vector.Hold()
	if err != nil {
		return nil, nil, err
	}
	decide = func(moved bool) {
		settle(moved)
		if moved {
			e.Kill(compat.ErrMoved)
		}
	}
	return e.idiomatic(meta, last), decide, nil
}

// SnapshotIdiomatic writes the last checkpoint of a guest as a snapshot file; the guest
// goes on.
func (e *Environment) SnapshotIdiomatic(w io.Writer, meta snapshotfmt.Meta) error {
	if !e.mod.Idiomatic() {
		return ErrNotIdiomatic
	}
	if err := e.spec.leaves(); err != nil {
		return err
	}
	return e.idiomatic(meta, e.vector.Last()).Encode(w)
}

func (e *Environment) idiomatic(meta snapshotfmt.Meta, last []byte) *compat.Snapshot {
	args, env := e.started[0], e.started[1]
	return &compat.Snapshot{Meta: e.mod.describe(meta), Module: e.mod.Digest(), ModuleSize: uint64(len(e.mod.Bytes())),
		Args: args, Env: env, Last: last}
}

// Begin reads the rest of a snapshot file whose state, which is idiomatic, has been read,
// and returns an environment, Frozen, whose guest starts from its beginning.
func Begin(ctx context.Context, m *Module, spec Spec, dec *snapshotfmt.Decoder, st *snapshotfmt.State) (*Environment, error) {
	if !m.Idiomatic() {
		return nil, fmt.Errorf("idiomatic snapshot: %w", ErrNotIdiomatic)
	}
	s, err := compat.Read(dec, st)
	if err != nil {
		return nil, err
	}
	spec.Args, spec.Env = s.Args, s.Env
	return begin(ctx, m, spec, s.Last, Frozen)
}
