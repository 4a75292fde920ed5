package interp

import (
	"context"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental/table"

	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// wazero hands out references as opaque bits, and says which function is behind one
// only for an element of a table, to who knows its type. So a reference goes into the
// table of references in transfer and is looked up there, under each type that a
// function in a reference can have. What is found is known by its definition, which
// wazero has once for each function, wherever it is imported.

// taken returns the module that defines what a reference names, and the place of the
// function in its Plan.Taken.
func (p *Program) taken(ref uint64) (*unit, uint64, bool) {
	mod, fn := snapshotfmt.RefFunc(ref)
	if ref == snapshotfmt.Null || mod >= uint32(len(p.units)) {
		return nil, 0, false
	}
	u := p.units[mod]
	if owner, _ := p.function(u, fn); owner != u {
		return nil, 0, false // it is written as a function of the other module
	}
	i, ok := slices.BinarySearch(u.plan.Taken(), fn)
	return u, uint64(i), ok
}

// moving is the index of the table of references in transfer.
func (u *unit) moving() uint32 {
	m := u.module()
	return uint32(m.NumImported(wasm.KindTable)+len(m.Tables)) + 1
}

// nameRefs lists what references can name.
func (p *Program) nameRefs() {
	p.refNames = map[api.FunctionDefinition]uint64{}
	seen := map[string]bool{}
	for _, u := range p.units {
		exports := u.code.ExportedFunctions()
		for _, fn := range u.plan.Taken() {
			t, _ := u.module().FuncType(fn)
			if s := t.String(); !seen[s] {
				seen[s] = true
				p.refTypes = append(p.refTypes, t)
			}
			if owner, _ := p.function(u, fn); owner != u {
				continue
			}
			p.refNames[exports[u.plan.RefExport(fn)]] = snapshotfmt.Ref(uint32(u.index), fn)
		}
	}
}

// movingIndex returns the function behind reference number i in transfer.
func (m *part) movingIndex(i int) (uint64, error) {
	p := m.in.prog
	p.refsOnce.Do(p.nameRefs)
	for _, t := range p.refTypes {
		f := m.lookup(i, t)
		if f == nil {
			continue
		}
		if ref, ok := p.refNames[f.Definition()]; ok {
			return ref, nil
		}
		return 0, fmt.Errorf("a reference to %s, which is none of the guest's functions", f.Definition().DebugName())
	}
	return 0, fmt.Errorf("a reference to a function that no type of the guest fits")
}

func (m *part) lookup(i int, t wasm.FuncType) (f api.Function) {
	t = rewrite.LowType(t)
	defer func() {
		if recover() != nil { // wazero's answer for a type that differs
			f = nil
		}
	}()
	return table.LookupFunction(m.main, m.moving(), uint32(i), valueTypes(t.Params), valueTypes(t.Results))
}

// hold makes what a reference names, or null, reference number i in transfer.
func (m *part) hold(ctx context.Context, i int, ref uint64) error {
	if ref == snapshotfmt.Null {
		m.in.held.Set(0)
		_, err := m.helper(ctx, rewrite.ToMovingName, uint64(i))
		return err
	}
	u, k, ok := m.in.prog.taken(ref)
	if !ok {
		return m.in.prog.checkRef(ref)
	}
	if u == m.unit {
		_, err := m.helper(ctx, rewrite.FromAllName, uint64(i), k)
		return err
	}
	from := m.in.parts[u.index] // nothing is in transfer there
	if _, err := from.helper(ctx, rewrite.FromAllName, 0, k); err != nil {
		return err
	}
	if _, err := from.helper(ctx, rewrite.FromMovingName, 0); err != nil {
		return err
	}
	_, err := m.helper(ctx, rewrite.ToMovingName, uint64(i))
	return err
}

// refIndex returns the function behind a reference as wazero has it, or Null.
func (m *part) refIndex(ctx context.Context, raw uint64) (uint64, error) {
	if raw == 0 {
		return snapshotfmt.Null, nil
	}
	if ref, ok := m.in.refs[raw]; ok {
		return ref, nil
	}
	m.in.held.Set(raw)
	if _, err := m.helper(ctx, rewrite.ToMovingName, 0); err != nil {
		return 0, err
	}
	ref, err := m.movingIndex(0)
	if err == nil {
		m.in.refs[raw] = ref
	}
	return ref, err
}

// refRaw returns the reference to a function as wazero has it.
func (m *part) refRaw(ctx context.Context, ref uint64) (uint64, error) {
	if ref == snapshotfmt.Null {
		return 0, nil
	}
	if err := m.hold(ctx, 0, ref); err != nil {
		return 0, err
	}
	_, err := m.helper(ctx, rewrite.FromMovingName, 0)
	return m.in.held.Get(), err
}
