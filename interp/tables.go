package interp

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// readTables reads the tables that the module defines.
func (m *part) readTables(ctx context.Context) ([]snapshotfmt.Table, error) {
	tables, first := m.module().Tables, uint32(m.module().NumImported(wasm.KindTable))
	out := make([]snapshotfmt.Table, len(tables))
	for i, t := range tables {
		index := first + uint32(i)
		grow := m.main.ExportedFunction(rewrite.Helper(rewrite.GrowName, index))
		get := m.main.ExportedFunction(rewrite.Helper(rewrite.GetName, index))
		size, err := grow.Call(m.in.context(ctx), 0)
		if err != nil {
			return nil, err
		}
		out[i] = snapshotfmt.Table{Elem: snapshotfmt.Type(t.Elem), Refs: make([]uint64, size[0])}
		for k := range out[i].Refs {
			ref, err := m.element(ctx, get, t.Elem, uint64(k))
			if err != nil {
				return nil, fmt.Errorf("table %d, element %d: %w", index, k, err)
			}
			out[i].Refs[k] = ref
		}
	}
	return out, nil
}

func (m *part) element(ctx context.Context, get api.Function, elem wasm.ValType, k uint64) (uint64, error) {
	res, err := get.Call(m.in.context(ctx), k)
	switch {
	case err != nil:
		return 0, err
	case elem == wasm.ExternRef:
		return externOf(res[0])
	case res[0] != 0:
		return snapshotfmt.Null, nil
	}
	return m.movingIndex(0)
}

// restoreTables restores the tables that the module defines, from a state's or, where
// no code writes them, from the module's own segments.
func (m *part) restoreTables(ctx context.Context, tables []snapshotfmt.Table) error {
	if !m.plan.TableWrites {
		if m.in.elems {
			return nil
		}
		if _, err := m.helper(ctx, rewrite.ElemsName); err != nil {
			return m.in.trap(err)
		}
		return nil
	}
	for i, t := range tables {
		if err := m.restoreTable(ctx, uint32(i), t); err != nil {
			return fmt.Errorf("table %d: %w", i, err)
		}
	}
	return nil
}

// restoreTable restores the i-th table that the module defines.
func (m *part) restoreTable(ctx context.Context, i uint32, t snapshotfmt.Table) error {
	typ := m.module().Tables[i]
	index := uint32(m.module().NumImported(wasm.KindTable)) + i
	if t.Elem != snapshotfmt.Type(typ.Elem) {
		return fmt.Errorf("it is of %v, and %v is needed", wasm.ValType(t.Elem), typ.Elem)
	}
	n, limit := uint64(len(t.Refs)), m.in.cfg.TableSize
	if n < uint64(typ.Min) || n > uint64(limit) {
		return fmt.Errorf("%d elements; it starts with %d and the limit is %d", n, typ.Min, limit)
	}
	if was, err := m.helper(ctx, rewrite.Helper(rewrite.GrowName, index), n-uint64(typ.Min)); err != nil || int32(uint32(was)) < 0 {
		return fmt.Errorf("it cannot grow to %d elements: %v", n, err)
	}
	for k, ref := range t.Refs {
		if err := m.put(ctx, typ.Elem, index, uint64(k), ref); err != nil {
			return fmt.Errorf("element %d: %w", k, err)
		}
	}
	return nil
}

// put stores a reference in a table that the module defines.
func (m *part) put(ctx context.Context, elem wasm.ValType, table uint32, k, ref uint64) error {
	if ref == snapshotfmt.Null {
		_, err := m.helper(ctx, rewrite.Helper(rewrite.ClearName, table), k)
		return err
	}
	if elem == wasm.ExternRef {
		_, err := m.helper(ctx, rewrite.Helper(rewrite.PutName, table), k, rawExtern(ref))
		return err
	}
	u, taken, ok := m.in.prog.taken(ref)
	if !ok {
		return m.in.prog.checkRef(ref)
	}
	if u == m.unit {
		_, err := m.helper(ctx, rewrite.Helper(rewrite.PutName, table), k, taken)
		return err
	}
	if _, err := m.in.parts[u.index].refRaw(ctx, ref); err != nil { // which leaves it in held
		return err
	}
	_, err := m.helper(ctx, rewrite.Helper(rewrite.MoveName, table), k)
	return err
}
