package interp

import (
	"fmt"

	"sojourn/snapshotfmt"
)

// To a guest a reference of the host's is opaque; to the host it is a number, below
// Config.Externs. wazero takes 0 for null, so there the number is one more.

func rawExtern(n uint64) uint64 { return n + 1 } // Null wraps to 0

func externOf(raw uint64) (uint64, error) {
	if raw >= 1<<32 {
		return 0, fmt.Errorf("a reference of the host's, %#x, that is no number of its own", raw)
	}
	return raw - 1, nil
}

// checkExterns refuses a state with references that the host has not given out.
func (in *Instance) checkExterns(st *snapshotfmt.State) error {
	all := func(vs []snapshotfmt.Value) error {
		for _, v := range vs {
			if err := in.checkExtern(v); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range st.Frames {
		f := &st.Frames[i]
		if err := all(f.Locals); err != nil {
			return fmt.Errorf("frame %d, locals: %w", i, err)
		}
		if err := all(f.Stack); err != nil {
			return fmt.Errorf("frame %d, stack: %w", i, err)
		}
	}
	for i, t := range st.Tables {
		for k, ref := range t.Refs {
			if err := in.checkExtern(snapshotfmt.Value{Type: t.Elem, Lo: ref}); err != nil {
				return fmt.Errorf("table %d, element %d: %w", i, k, err)
			}
		}
	}
	if err := all(st.Globals); err != nil {
		return fmt.Errorf("globals: %w", err)
	}
	return nil
}

func (in *Instance) checkExtern(v snapshotfmt.Value) error {
	if v.Type != snapshotfmt.ExternRef || v.Lo == snapshotfmt.Null || v.Lo < uint64(in.cfg.Externs) {
		return nil
	}
	return fmt.Errorf("reference %d of the host's: it gives out %d", v.Lo, in.cfg.Externs)
}
