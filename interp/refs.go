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
// function in a reference can have.

// takenIndex returns the place of a function in Plan.Taken.
func (p *Program) takenIndex(fn uint64) (uint64, bool) {
	if fn >= 1<<32 {
		return 0, false
	}
	i, ok := slices.BinarySearch(p.plan.Taken(), uint32(fn))
	return uint64(i), ok
}

// moving is the index of the table of references in transfer.
func (p *Program) moving() uint32 { return uint32(len(p.Module().Tables)) + 1 }

// movingIndex returns the function behind reference number i in transfer.
func (in *Instance) movingIndex(i int) (uint64, error) {
	m := in.prog.Module()
	tried := map[string]bool{}
	for _, f := range in.prog.plan.Taken() {
		t, _ := m.FuncType(f)
		if tried[t.String()] {
			continue
		}
		tried[t.String()] = true
		if fn := in.lookup(i, t); fn != nil {
			return in.authorIndex(fn)
		}
	}
	return 0, fmt.Errorf("a reference to a function that no type of the module fits")
}

func (in *Instance) lookup(i int, t wasm.FuncType) (f api.Function) {
	t = rewrite.LowType(t)
	defer func() {
		if recover() != nil { // wazero's answer for a type that differs
			f = nil
		}
	}()
	return table.LookupFunction(in.main, in.prog.moving(), uint32(i), valueTypes(t.Params), valueTypes(t.Results))
}

// authorIndex maps a function as wazero defines it to the author's index space.
func (in *Instance) authorIndex(f api.Function) (uint64, error) {
	idx := f.Definition().Index()
	for _, t := range in.prog.plan.Taken() {
		if in.prog.plan.RefIndex(t) == idx {
			return uint64(t), nil
		}
	}
	return 0, fmt.Errorf("a reference to function %d of the rewritten module, which is none of the author's", idx)
}

// hold makes function idx of the author's index space, or null, reference number i in
// transfer.
func (in *Instance) hold(ctx context.Context, i int, idx uint64) error {
	if idx == snapshotfmt.Null {
		in.held.Set(0)
		_, err := in.helper(ctx, rewrite.ToMovingName, uint64(i))
		return err
	}
	k, ok := in.prog.takenIndex(idx)
	if !ok {
		return in.prog.checkRef(idx)
	}
	_, err := in.helper(ctx, rewrite.FromAllName, uint64(i), k)
	return err
}

// refIndex returns the function behind a reference as wazero has it, or Null.
func (in *Instance) refIndex(ctx context.Context, raw uint64) (uint64, error) {
	if raw == 0 {
		return snapshotfmt.Null, nil
	}
	if idx, ok := in.refs[raw]; ok {
		return idx, nil
	}
	in.held.Set(raw)
	if _, err := in.helper(ctx, rewrite.ToMovingName, 0); err != nil {
		return 0, err
	}
	idx, err := in.movingIndex(0)
	if err == nil {
		in.refs[raw] = idx
	}
	return idx, err
}

// refRaw returns the reference to a function as wazero has it.
func (in *Instance) refRaw(ctx context.Context, idx uint64) (uint64, error) {
	if idx == snapshotfmt.Null {
		return 0, nil
	}
	if err := in.hold(ctx, 0, idx); err != nil {
		return 0, err
	}
	_, err := in.helper(ctx, rewrite.FromMovingName, 0)
	return in.held.Get(), err
}
