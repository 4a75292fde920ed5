package thesis

import (
	"bytes"
	"context"
	"fmt"

	"sojourn/engine"
	"sojourn/interp"
	"sojourn/snapshotfmt"
)

// longer is work in which each move leaves a guest time for some checkpoints.
var longer = map[string]string{"fib": "3000", "kmeans": "100", "matmul": "2"}

// moves is how often a guest is moved to see what it does twice.
const moves = 20

// Again is what one guest does twice when it moves, in instructions, counted exactly.
type Again struct {
	Guest            string
	Idiomatic, Twin  uint64 // executed without a move
	RepeatedByMoves  uint64 // beyond that by the idiomatic one, moved by its last checkpoint
	RepeatedByFreeze uint64 // by the unmodified one, moved between two instructions
}

func again(ctx context.Context, ms *engine.Modules, name string, idiomatic, twin []byte) (a Again, err error) {
	a.Guest = name
	args := []string{name, longer[name]}
	var total uint64
	if a.Idiomatic, err = counted(ctx, ms, idiomatic, args, 0, true); err != nil {
		return a, err
	}
	if total, err = counted(ctx, ms, idiomatic, args, a.Idiomatic/moves+1, true); err != nil {
		return a, err
	}
	a.RepeatedByMoves = total - a.Idiomatic
	if a.Twin, err = counted(ctx, ms, twin, args, 0, false); err != nil {
		return a, err
	}
	if total, err = counted(ctx, ms, twin, args, a.Twin/(moves+1)+1, false); err != nil {
		return a, err
	}
	a.RepeatedByFreeze = total - a.Twin
	return a, nil
}

// counted runs a guest to its end, moves it after every so many instructions when not 0,
// at most moves times, and returns how many it has executed in all its lives.
func counted(ctx context.Context, ms *engine.Modules, module []byte, args []string, every uint64, byCheckpoint bool) (total uint64, err error) {
	m, err := ms.AddPrecise(ctx, []interp.Module{{Bytes: module}}, interp.Auto, interp.EveryInstruction)
	if err != nil {
		return 0, err
	}
	e, err := engine.New(ctx, m, engine.Spec{Args: args})
	if err != nil {
		return 0, err
	}
	defer func() { e.Close() }()
	start := e.Start
	for moved := 0; ; moved++ {
		if every > 0 && moved < moves {
			if err := e.StopAfter(every); err != nil {
				return 0, err
			}
		}
		if err := start(); err != nil {
			return 0, err
		}
		state := e.Wait()
		n, ok := e.Instructions()
		if !ok {
			return 0, fmt.Errorf("instructions are not counted")
		}
		if state == engine.Gone {
			code, err := e.Result()
			if code != 0 || err != nil {
				return 0, fmt.Errorf("the guest ended with %d, %v", code, err)
			}
			return total + n, nil
		}
		var file bytes.Buffer
		if byCheckpoint {
			total += n // the next life counts from 0
			err = e.SnapshotIdiomatic(&file, snapshotfmt.Meta{})
		} else {
			err = e.Snapshot(&file, snapshotfmt.Meta{})
		}
		if err != nil {
			return 0, err
		}
		e.Close()
		if e, err = engine.Restore(ctx, m, engine.Spec{}, &file); err != nil {
			return 0, err
		}
		start = e.Thaw
	}
}
