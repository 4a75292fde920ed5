package engine

import (
	"context"
	"fmt"
	"io"
	"time"

	"sojourn/snapshotfmt"
)

// StopAfter makes a guest that is Prepared or Frozen, of a module that counts (see
// [Modules.AddPrecise]), Frozen again when it has executed n more instructions, exactly.
func (e *Environment) StopAfter(n uint64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state != Prepared && e.state != Frozen {
		return fmt.Errorf("stop after %d instructions: guest is %v, and must be prepared or frozen", n, e.state)
	}
	return e.in.StopAfter(n)
}

// Instructions returns how many instructions a guest that does not run has executed
// since its beginning; false when that is not known.
func (e *Environment) Instructions() (uint64, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == Running || e.state == Freezing {
		return 0, false
	}
	return e.in.Instructions()
}

// SnapshotExact writes a Frozen guest as a snapshot file that says nothing of when, where
// and by what it was run: the same guest after the same instructions is the same bytes.
// Its monotonic clock stands where the guest has last seen it.
func (e *Environment) SnapshotExact(w io.Writer) error {
	st, err := e.captureExact()
	if err != nil {
		return err
	}
	m := e.mod.manifest(snapshotfmt.Meta{Created: time.UnixMicro(0).UTC()})
	m.Engine, m.ISA = "", ""
	return e.encode(w, m, st)
}

func (e *Environment) captureExact() (*snapshotfmt.State, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state != Frozen {
		return nil, fmt.Errorf("capture: guest is %v, and must be frozen", e.state)
	}
	st, err := e.in.Capture(context.Background())
	if err != nil {
		return nil, err
	}
	st.World, err = e.world.SaveExact()
	return st, err
}
