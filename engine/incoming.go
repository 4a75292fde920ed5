package engine

import (
	"context"
	"errors"
	"fmt"

	"sojourn/compat"
	"sojourn/engine/wasi"
	"sojourn/interp"
	"sojourn/interp/linmem"
	"sojourn/snapshotfmt"
)

// Incoming is a guest on its way: its memory can be filled while it still runs
// elsewhere. It is for one goroutine at a time.
type Incoming struct {
	mod  *Module
	spec Spec
	in   *interp.Instance
}

// Receive makes an empty guest. Its memory holds the module's own initial data.
func Receive(ctx context.Context, m *Module, spec Spec) (*Incoming, error) {
	in, err := m.prog.Receive(ctx, spec.config(nil))
	if err != nil {
		return nil, err
	}
	if mem := in.Memory(); mem != nil {
		copy(mem.Bytes(), m.InitialMemory())
	}
	return &Incoming{mod: m, spec: spec, in: in}, nil
}

// Memory returns the memory to fill, the first of several and nil when the guest has none.
func (i *Incoming) Memory() *linmem.Memory { return i.in.Memory() }

// Memories returns the memories of all modules, in their order.
func (i *Incoming) Memories() []*linmem.Memory { return i.in.Memories() }

// Grow grows each memory to the given number of pages of 64 KiB.
func (i *Incoming) Grow(pages ...uint32) error { return i.in.Grow(pages...) }

// Ready has everything made that a guest in a state like st needs first: st is an
// earlier checkpoint of the same guest, say. It only saves time.
func (i *Incoming) Ready(st *snapshotfmt.State) error { return i.in.Ready(context.Background(), st) }

// Complete gives the guest the rest of its state and returns its environment, Frozen.
// The Incoming is used up, whatever is returned.
func (i *Incoming) Complete(st *snapshotfmt.State) (*Environment, error) {
	if most := i.spec.Limits.CallDepth; most > 0 && len(st.Frames) > most {
		return nil, errors.Join(fmt.Errorf("%w: %d, the limit is %d", ErrCallDepth, len(st.Frames), most), i.Close())
	}
	if st.Idiomatic {
		return nil, errors.Join(errors.New("an idiomatic guest is not received in the middle of its run: see Restore"), i.Close())
	}
	cfg := i.spec.world()
	cfg.Extra = new(compat.Vector)
	world, err := wasi.Load(cfg, st.World)
	if err != nil {
		return nil, errors.Join(err, i.Close())
	}
	if err := i.in.Restore(context.Background(), st, world); err != nil {
		return nil, errors.Join(err, world.Close(), i.Close())
	}
	return newEnvironment(i.mod, i.spec, i.in, world, Frozen), nil
}

// Close frees a guest that has not been completed.
func (i *Incoming) Close() error { return i.in.Close(context.Background()) }
