package interp

import (
	"context"
	"errors"
	"fmt"

	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// Capture returns the state of a guest that is frozen, or has not begun: all but its
// memory and its world.
func (in *Instance) Capture(ctx context.Context) (*snapshotfmt.State, error) {
	switch {
	case in.phase == ended:
		return nil, errEnded
	case in.cfg.Library && in.pending != nil:
		return nil, fmt.Errorf("capture: a call has been begun, and Run has not: its arguments have no place in a state")
	case in.phase == fresh && !in.halted(): // so that what is captured is past initialisation
		if err := in.next(ctx); err != nil {
			return nil, err
		}
	}
	st := &snapshotfmt.State{Started: in.phase == running, Waiting: in.phase == fresh}
	if !st.Started {
		st.Ready = uint32(in.stage)
	}
	if n, ok := in.Instructions(); ok {
		st.Counted, st.Instructions = true, n
	}
	for _, f := range in.frames {
		st.Frames = append(st.Frames, f.Frame)
	}
	for _, m := range in.parts {
		if err := m.capture(ctx, st); err != nil {
			return nil, err
		}
	}
	if len(st.Memories) < 2 {
		st.Memories = nil
	}
	if st.MemoryPages > snapshotfmt.MaxMemoryPages {
		return nil, fmt.Errorf("capture: memories of %d pages of 64 KiB in all; a snapshot holds %d", st.MemoryPages, snapshotfmt.MaxMemoryPages)
	}
	return st, nil
}

// capture adds what a module defines.
func (m *part) capture(ctx context.Context, st *snapshotfmt.State) error {
	if m.mem != nil {
		pages := uint32(m.mem.Size() >> 16)
		st.MemoryPages += pages
		st.Memories = append(st.Memories, pages)
	}
	globals, err := m.readGlobals(ctx)
	if err != nil {
		return err
	}
	st.Globals = append(st.Globals, globals...)
	if m.plan.TableWrites {
		tables, err := m.readTables(ctx)
		if err != nil {
			return err
		}
		st.Tables = append(st.Tables, tables...)
	}
	m.plan.Droppable(func(elem bool, index uint32, export string) {
		switch dropped := m.global(export).Get() != 0; {
		case dropped && elem:
			st.DroppedElems = append(st.DroppedElems, m.firstElem+index)
		case dropped:
			st.DroppedDatas = append(st.DroppedDatas, m.firstData+index)
		}
	})
	return nil
}

// Thaw makes an instance that goes on from a state. Its memory has the state's size
// and no contents but zeros: the caller fills it before Run. A state that this
// program cannot have is refused.
func (p *Program) Thaw(ctx context.Context, st *snapshotfmt.State, cfg Config) (*Instance, error) {
	in, err := p.Receive(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := in.Restore(ctx, st, cfg.Host); err != nil {
		return nil, errors.Join(err, in.Close(ctx))
	}
	return in, nil
}

// Receive makes an instance that waits for Restore: its memory can be filled before
// the rest of its state is known. What depends on the module alone is done by then.
func (p *Program) Receive(ctx context.Context, cfg Config) (*Instance, error) {
	in, err := p.instance(ctx, cfg)
	if err != nil || len(in.parts) > 1 || in.parts[0].plan.TableWrites {
		return in, err
	}
	if err := in.parts[0].restoreTables(ctx, nil); err != nil {
		return nil, errors.Join(err, in.Close(ctx))
	}
	in.elems = true
	return in, nil
}

// Restore puts a state into an instance that has run nothing, with what its host
// functions get. The memory grows to the state's size and otherwise stays as it is.
func (in *Instance) Restore(ctx context.Context, st *snapshotfmt.State, host any) error {
	if in.phase != fresh {
		return fmt.Errorf("restore: the guest has begun to run")
	}
	if st.Idiomatic {
		return errors.New("restore: an idiomatic guest starts from its beginning, and has no state between instructions")
	}
	frames, err := in.prog.check(st, &in.cfg)
	if err != nil {
		return err
	}
	if err := in.checkExterns(st); err != nil {
		return err
	}
	if err := in.Grow(st.Sizes()...); err != nil {
		return err
	}
	if err := in.restoreModules(ctx, st); err != nil {
		return err
	}
	if err := in.drop(ctx, st); err != nil {
		return err
	}
	in.frames, in.cfg.Host = frames, host
	switch {
	case st.Started:
		in.phase, in.stage = running, len(in.parts)
	case st.Waiting:
		in.phase, in.stage = fresh, int(st.Ready)
	default:
		in.phase, in.stage = starting, int(st.Ready)
	}
	if len(frames) > 0 && in.phase == running {
		in.pending = nil
	}
	in.steps.restore(st)
	in.warm(ctx)
	return nil
}

// checkStage checks how far the guest is said to have been instantiated.
func (p *Program) checkStage(st *snapshotfmt.State, cfg *Config) error {
	switch {
	case st.Ready >= uint32(len(p.units)):
		return fmt.Errorf("%d modules are ready and one is not; the guest has %d", st.Ready, len(p.units))
	case st.Waiting && (!cfg.Library || st.Ready == 0):
		return fmt.Errorf("module %d waits to be instantiated: it does in libraries only, behind another", st.Ready)
	}
	return nil
}

// restoreModules restores globals and tables, which are those of one module after the
// other.
func (in *Instance) restoreModules(ctx context.Context, st *snapshotfmt.State) error {
	globals, tables := st.Globals, st.Tables
	wantGlobals, wantTables := 0, 0
	for _, m := range in.parts {
		wantGlobals += len(m.module().Globals)
		if m.plan.TableWrites {
			wantTables += len(m.module().Tables)
		}
	}
	switch {
	case len(globals) != wantGlobals:
		return fmt.Errorf("%d globals; the module has %d", len(globals), wantGlobals)
	case len(tables) != wantTables && !in.parts[0].plan.TableWrites:
		return fmt.Errorf("%d tables; the module never writes its tables, so none belong in its state", len(tables))
	case len(tables) != wantTables:
		return fmt.Errorf("%d tables; the module has %d", len(tables), wantTables)
	}
	for _, m := range in.parts {
		n := len(m.module().Globals)
		if err := m.writeGlobals(ctx, globals[:n]); err != nil {
			return err
		}
		globals = globals[n:]
		if n = 0; m.plan.TableWrites {
			n = len(m.module().Tables)
		}
		if err := m.restoreTables(ctx, tables[:n]); err != nil {
			return err
		}
		tables = tables[n:]
	}
	return nil
}

// readGlobals reads the globals that the module defines.
func (m *part) readGlobals(ctx context.Context) ([]snapshotfmt.Value, error) {
	first := uint32(m.module().NumImported(wasm.KindGlobal))
	vs := make([]snapshotfmt.Value, 0, len(m.module().Globals))
	for i, g := range m.module().Globals {
		index := first + uint32(i)
		raw, err := m.readGlobal(ctx, index, g.Type.Type)
		if err != nil {
			return nil, fmt.Errorf("global %d: %w", index, err)
		}
		v, err := m.values(ctx, []wasm.ValType{g.Type.Type}, raw)
		if err != nil {
			return nil, fmt.Errorf("global %d: %w", index, err)
		}
		vs = append(vs, v...)
	}
	return vs, nil
}

// readGlobal returns a global in wazero's words.
func (m *part) readGlobal(ctx context.Context, index uint32, t wasm.ValType) ([]uint64, error) {
	if t != wasm.V128 && t != wasm.ExnRef {
		return []uint64{m.main.ExportedGlobal(rewrite.GlobalExport(index)).Get()}, nil
	}
	_, err := m.helper(ctx, rewrite.Helper(rewrite.LoadName, index))
	return []uint64{m.in.transfer[0].Get(), m.in.transfer[1].Get()}, err
}

// writeGlobals writes the globals that the module defines, and refuses values of other
// types.
func (m *part) writeGlobals(ctx context.Context, vs []snapshotfmt.Value) error {
	first := uint32(m.module().NumImported(wasm.KindGlobal))
	for i, v := range vs {
		t, index := m.module().Globals[i].Type, first+uint32(i)
		err := m.in.prog.checkValue(v, t.Type)
		if err == nil && t.Mutable {
			err = m.writeGlobal(ctx, index, v)
		}
		if err != nil {
			return fmt.Errorf("global %d: %w", index, err)
		}
	}
	return nil
}

func (m *part) writeGlobal(ctx context.Context, index uint32, v snapshotfmt.Value) error {
	raw, err := m.raw(ctx, []snapshotfmt.Value{v})
	if err != nil {
		return err
	}
	if len(raw) == 1 {
		m.global(rewrite.GlobalExport(index)).Set(raw[0])
		return nil
	}
	m.in.transfer[0].Set(raw[0])
	m.in.transfer[1].Set(raw[1])
	_, err = m.helper(ctx, rewrite.Helper(rewrite.StoreName, index))
	return err
}

// drop drops the segments that instantiation has dropped, and those that the state
// says are dropped.
func (in *Instance) drop(ctx context.Context, st *snapshotfmt.State) error {
	type segment struct {
		elem  bool
		index uint32
	}
	can := map[segment]func() error{}
	for _, m := range in.parts {
		if m.plan.Past() && st.Begun(uint32(m.index)) {
			if _, err := m.helper(ctx, rewrite.PastName); err != nil {
				return err
			}
		}
		m.plan.Droppable(func(elem bool, index uint32, _ string) {
			seg := segment{elem, m.firstData + index}
			if elem {
				seg.index = m.firstElem + index
			}
			can[seg] = func() error {
				_, err := m.helper(ctx, m.plan.DropHelper(elem, index))
				return err
			}
		})
	}
	for _, elem := range []bool{true, false} {
		list := st.DroppedDatas
		if elem {
			list = st.DroppedElems
		}
		for _, index := range list {
			drop := can[segment{elem, index}]
			if drop == nil {
				kind := "data"
				if elem {
					kind = "element"
				}
				return fmt.Errorf("%s segment %d is said to be dropped, and no code of the module drops it", kind, index)
			}
			if err := drop(); err != nil {
				return err
			}
		}
	}
	return nil
}
