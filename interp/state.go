package interp

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// ErrRunning is returned for what only a guest that is not running can do.
var ErrRunning = errors.New("guest is running")

// Capture returns the state of a guest that is frozen, or has not begun: all but its
// memory and its world.
func (in *Instance) Capture(ctx context.Context) (*snapshotfmt.State, error) {
	switch {
	case in.phase == ended:
		return nil, ErrEnded
	case in.cfg.Library && in.pending != nil:
		return nil, fmt.Errorf("capture: a call has been begun, and Run has not: its arguments have no place in a state")
	case in.phase == fresh: // so that what is captured is always past initialisation
		if err := in.next(ctx); err != nil {
			return nil, err
		}
	}
	st := &snapshotfmt.State{Started: in.phase == running}
	for _, f := range in.frames {
		st.Frames = append(st.Frames, f.Frame)
	}
	if in.mem != nil {
		st.MemoryPages = uint32(in.mem.Size() >> 16)
	}
	var err error
	if st.Globals, err = in.readGlobals(ctx); err != nil {
		return nil, err
	}
	if in.prog.plan.TableWrites {
		if st.Tables, err = in.readTables(ctx); err != nil {
			return nil, err
		}
	}
	in.prog.plan.Droppable(func(elem bool, index uint32, export string) {
		switch dropped := in.global(export).Get() != 0; {
		case dropped && elem:
			st.DroppedElems = append(st.DroppedElems, index)
		case dropped:
			st.DroppedDatas = append(st.DroppedDatas, index)
		}
	})
	return st, nil
}

// Thaw makes an instance that goes on from a state. Its memory has the state's size
// and no contents but zeros: the caller fills it before Run. A state that this
// program cannot have is refused.
func (p *Program) Thaw(ctx context.Context, st *snapshotfmt.State, cfg Config) (*Instance, error) {
	in, err := p.instance(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := in.Restore(ctx, st, cfg.Host); err != nil {
		return nil, errors.Join(err, in.Close(ctx))
	}
	return in, nil
}

// Receive makes an instance that waits for Restore: its memory can be filled before
// the rest of its state is known.
func (p *Program) Receive(ctx context.Context, cfg Config) (*Instance, error) {
	return p.instance(ctx, cfg)
}

// Restore puts a state into an instance that has run nothing, with what its host
// functions get. The memory grows to the state's size and otherwise stays as it is.
func (in *Instance) Restore(ctx context.Context, st *snapshotfmt.State, host any) error {
	if in.phase != fresh {
		return fmt.Errorf("restore: the guest has begun to run")
	}
	frames, err := in.prog.check(st, &in.cfg)
	if err != nil {
		return err
	}
	if err := in.checkExterns(st); err != nil {
		return err
	}
	if err := in.Grow(st.MemoryPages); err != nil {
		return err
	}
	if err := in.writeGlobals(ctx, st.Globals); err != nil {
		return err
	}
	if err := in.restoreTables(ctx, st); err != nil {
		return err
	}
	if err := in.drop(ctx, st); err != nil {
		return err
	}
	in.frames, in.cfg.Host = frames, host
	in.phase = starting
	if st.Started {
		in.phase = running
		if len(frames) > 0 {
			in.pending = nil
		}
	}
	in.warm(ctx)
	return nil
}

func (in *Instance) readGlobals(ctx context.Context) ([]snapshotfmt.Value, error) {
	globals := in.prog.Module().Globals
	vs := make([]snapshotfmt.Value, len(globals))
	for i := range globals {
		t := globals[i].Type.Type
		v := snapshotfmt.Value{Type: snapshotfmt.Type(t)}
		g := in.main.ExportedGlobal(rewrite.GlobalExport(uint32(i)))
		switch t {
		case wasm.V128, wasm.ExnRef:
			if _, err := in.helper(ctx, rewrite.Helper(rewrite.LoadName, uint32(i))); err != nil {
				return nil, err
			}
			v.Lo, v.Hi = in.transfer[0].Get(), in.transfer[1].Get()
		case wasm.ExternRef:
			n, err := externOf(g.Get())
			if err != nil {
				return nil, fmt.Errorf("global %d: %w", i, err)
			}
			v.Lo = n
		case wasm.FuncRef:
			idx, err := in.refIndex(ctx, g.Get())
			if err != nil {
				return nil, fmt.Errorf("global %d: %w", i, err)
			}
			v.Lo = idx
		case wasm.I32, wasm.F32:
			v.Lo = uint64(uint32(g.Get()))
		default:
			v.Lo = g.Get()
		}
		vs[i] = v
	}
	return vs, nil
}

func (in *Instance) writeGlobals(ctx context.Context, vs []snapshotfmt.Value) error {
	globals := in.prog.Module().Globals
	if len(vs) != len(globals) {
		return fmt.Errorf("%d globals; the module has %d", len(vs), len(globals))
	}
	for i, v := range vs {
		t := globals[i].Type
		if err := in.prog.checkValue(v, t.Type); err != nil {
			return fmt.Errorf("global %d: %w", i, err)
		}
		if !t.Mutable {
			continue
		}
		g := in.global(rewrite.GlobalExport(uint32(i)))
		switch t.Type {
		case wasm.V128, wasm.ExnRef:
			in.transfer[0].Set(v.Lo)
			in.transfer[1].Set(v.Hi)
			if _, err := in.helper(ctx, rewrite.Helper(rewrite.StoreName, uint32(i))); err != nil {
				return err
			}
		case wasm.ExternRef:
			g.Set(rawExtern(v.Lo))
		case wasm.FuncRef:
			raw, err := in.refRaw(ctx, v.Lo)
			if err != nil {
				return fmt.Errorf("global %d: %w", i, err)
			}
			g.Set(raw)
		default:
			g.Set(v.Lo)
		}
	}
	return nil
}

func (in *Instance) readTables(ctx context.Context) ([]snapshotfmt.Table, error) {
	tables := in.prog.Module().Tables
	out := make([]snapshotfmt.Table, len(tables))
	for i, t := range tables {
		grow := in.main.ExportedFunction(rewrite.Helper(rewrite.GrowName, uint32(i)))
		get := in.main.ExportedFunction(rewrite.Helper(rewrite.GetName, uint32(i)))
		size, err := grow.Call(in.context(ctx), 0)
		if err != nil {
			return nil, err
		}
		out[i] = snapshotfmt.Table{Elem: snapshotfmt.Type(t.Elem), Refs: make([]uint64, size[0])}
		for k := range out[i].Refs {
			ref, err := in.element(ctx, get, t.Elem, uint64(k))
			if err != nil {
				return nil, fmt.Errorf("table %d, element %d: %w", i, k, err)
			}
			out[i].Refs[k] = ref
		}
	}
	return out, nil
}

func (in *Instance) element(ctx context.Context, get api.Function, elem wasm.ValType, k uint64) (uint64, error) {
	res, err := get.Call(in.context(ctx), k)
	switch {
	case err != nil:
		return 0, err
	case elem == wasm.ExternRef:
		return externOf(res[0])
	case res[0] != 0:
		return snapshotfmt.Null, nil
	}
	return in.movingIndex(0)
}

func (in *Instance) restoreTables(ctx context.Context, st *snapshotfmt.State) error {
	if !in.prog.plan.TableWrites {
		if len(st.Tables) != 0 {
			return fmt.Errorf("%d tables; the module never writes its tables, so none belong in its state", len(st.Tables))
		}
		if _, err := in.helper(ctx, rewrite.ElemsName); err != nil {
			return in.trap(err)
		}
		return nil
	}
	tables := in.prog.Module().Tables
	if len(st.Tables) != len(tables) {
		return fmt.Errorf("%d tables; the module has %d", len(st.Tables), len(tables))
	}
	for i, t := range st.Tables {
		if err := in.restoreTable(ctx, uint32(i), t); err != nil {
			return fmt.Errorf("table %d: %w", i, err)
		}
	}
	return nil
}

func (in *Instance) restoreTable(ctx context.Context, i uint32, t snapshotfmt.Table) error {
	typ := in.prog.Module().Tables[i]
	if t.Elem != snapshotfmt.Type(typ.Elem) {
		return fmt.Errorf("it is of %v, and %v is needed", wasm.ValType(t.Elem), typ.Elem)
	}
	n := uint64(len(t.Refs))
	if n < uint64(typ.Min) || n > uint64(in.cfg.TableSize) {
		return fmt.Errorf("%d elements; it starts with %d and the limit is %d", n, typ.Min, in.cfg.TableSize)
	}
	if was, err := in.helper(ctx, rewrite.Helper(rewrite.GrowName, i), n-uint64(typ.Min)); err != nil || int32(uint32(was)) < 0 {
		return fmt.Errorf("it cannot grow to %d elements: %v", n, err)
	}
	put, clear := rewrite.Helper(rewrite.PutName, i), rewrite.Helper(rewrite.ClearName, i)
	for k, ref := range t.Refs {
		var err error
		if ref == snapshotfmt.Null {
			_, err = in.helper(ctx, clear, uint64(k))
		} else if typ.Elem == wasm.ExternRef {
			_, err = in.helper(ctx, put, uint64(k), rawExtern(ref))
		} else if taken, ok := in.prog.takenIndex(ref); ok {
			_, err = in.helper(ctx, put, uint64(k), taken)
		} else {
			err = fmt.Errorf("element %d refers to function %d, which no code of the module can refer to", k, ref)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// drop drops the segments that instantiation has dropped, and those that the state
// says are dropped.
func (in *Instance) drop(ctx context.Context, st *snapshotfmt.State) error {
	if in.prog.plan.Past() {
		if _, err := in.helper(ctx, rewrite.PastName); err != nil {
			return err
		}
	}
	can := map[[2]uint32]bool{}
	kind := func(elem bool) uint32 {
		if elem {
			return 1
		}
		return 0
	}
	in.prog.plan.Droppable(func(elem bool, index uint32, _ string) { can[[2]uint32{kind(elem), index}] = true })
	for _, elem := range []bool{true, false} {
		list := st.DroppedDatas
		if elem {
			list = st.DroppedElems
		}
		for _, seg := range list {
			if !can[[2]uint32{kind(elem), seg}] {
				return fmt.Errorf("segment %d is said to be dropped, and no code of the module drops it", seg)
			}
			if _, err := in.helper(ctx, in.prog.plan.DropHelper(elem, seg)); err != nil {
				return err
			}
		}
	}
	return nil
}
