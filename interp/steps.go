package interp

import (
	"context"
	"fmt"
	"math"

	"github.com/tetratelabs/wazero/api"

	"sojourn/interp/rewrite"
	"sojourn/snapshotfmt"
)

// Precision is where a guest can be stopped by itself, and what is counted.
type Precision int

const (
	// AtPoints is at loop heads and behind calls: nothing is slower for it.
	AtPoints Precision = iota
	// EveryInstruction is anywhere, after a given number of instructions, which are
	// counted. Package rewrite says what counts (count.go).
	EveryInstruction
)

// noLimit is the limit of a guest that is not to be stopped by count.
const noLimit = math.MaxInt64

// steps counts a guest's instructions. What it may still execute is in a global of the
// guest's, which it takes from a segment at a time.
type steps struct {
	left  api.MutableGlobal // nil when nothing is counted
	known bool              // the total is from the guest's beginning
	base  uint64            // total when left was granted
	grant int64             // what left was then

	unused int64 // of the segment that a stride is in: what it does not execute
	stop   bool  // unwinding because of the count, and for nothing else
}

// Instructions returns how many instructions a guest that is not running has executed,
// from its beginning. It is false when that is not known: the program does not count,
// or the guest has come here from one that does not.
func (in *Instance) Instructions() (uint64, bool) {
	s := &in.steps
	return s.total(), s.left != nil && s.known
}

func (s *steps) total() uint64 {
	if s.left == nil {
		return 0
	}
	return s.base + uint64(s.grant-s.get())
}

func (s *steps) get() int64  { return int64(s.left.Get()) }
func (s *steps) add(n int64) { s.left.Set(uint64(s.get() + n)) }

// StopAfter makes Run return ErrFrozen when the guest has executed n more instructions,
// exactly. It is for a guest that is not running, of a program that counts. A guest that
// is frozen for another reason before goes on to the same place.
func (in *Instance) StopAfter(n uint64) error {
	s := &in.steps
	if s.left == nil {
		return fmt.Errorf("stop after %d instructions: the program does not count them: prepare it with every instruction as its precision", n)
	}
	total := s.total()
	if n > noLimit-min(total, noLimit) {
		n = noLimit - min(total, noLimit)
	}
	s.from(total, int64(n))
	return nil
}

// from sets the total, and how many more instructions the guest may execute.
func (s *steps) from(total uint64, n int64) {
	s.base, s.grant = total, n
	s.left.Set(uint64(n))
}

// restore takes over the count of a state.
func (s *steps) restore(st *snapshotfmt.State) {
	if s.left != nil {
		s.known = st.Counted
		s.from(st.Instructions, noLimit-int64(min(st.Instructions, noLimit)))
	}
}

// arrived reports whether the guest has executed all that it may, and stands before the
// next instruction that counts. The innermost frame is then at that. A guest that has
// thrown stands where that is caught.
func (in *Instance) arrived() (bool, error) {
	if in.steps.left == nil || in.steps.get() > 0 || len(in.frames) == 0 || in.raised() {
		return false, nil
	}
	f := &in.frames[len(in.frames)-1]
	plan := in.prog.units[f.Module].plan
	pc, err := plan.Settle(f.Func, f.PC)
	if err != nil || !plan.AtCounted(f.Func, pc) {
		return false, err
	}
	en, err := plan.Lookup(f.Func, pc, false)
	if err != nil || en == f.entry {
		return err == nil, err
	}
	pt := plan.Point(en.Point)
	if pt.Kind == rewrite.Jump || en.Before && in.cfg.FreezeEvery > 0 {
		in.points.Add(1) // nothing in a snapshot tells before this point from behind it
		in.given = max(in.given, 1) - 1
	}
	return true, f.moveTo(en, pt)
}

// moveTo puts a frame at a later point to which it gets without doing anything.
func (f *frame) moveTo(en rewrite.Entry, pt *rewrite.Point) error {
	f.entry, f.PC = en, pt.PC
	if en.Before {
		f.PC = pt.At
	}
	live := make([]snapshotfmt.Value, len(f.Locals))
	for _, l := range pt.Locals {
		if live[l] = f.Locals[l]; live[l].Type == snapshotfmt.Dead {
			return fmt.Errorf("local %d of function %d is needed at 0x%x and not before: this is a bug of ours", l, f.Func, f.PC)
		}
	}
	f.Locals = live
	return nil
}

// way returns how the innermost frame goes on: at full speed, or by a stride where the
// guest could run out before it asks. One that an exception comes to does nothing before
// it asks, where that is caught. What the guest has behind it of its segment when
// it gets there is not taken from the count by its code.
func (in *Instance) way(u *unit, f *frame) resumeKey {
	key := in.prog.wayIn(u, f.Func, f.entry)
	s := &in.steps
	if s.left == nil {
		return key
	}
	rest, ahead, most := u.plan.Pace(f.entry)
	left := s.get()
	if left > 0 && left >= int64(most) || f.Func < uint32(u.module().NumImportedFuncs()) || in.raised() {
		s.add(-int64(ahead))
		return key
	}
	n := min(int64(rest), max(left, 0))
	s.add(-int64(rest))
	s.unused = int64(rest) - n
	return resumeKey{unit: u.index, fn: f.Func, entry: f.entry, stride: true, steps: uint32(n)}
}

// mustStop reports whether a guest that asks at a point may not go on at full speed.
func (in *Instance) mustStop(number uint32) bool {
	if in.steps.left == nil {
		return false
	}
	u, point := in.prog.at(number)
	return u.plan.MustStop(point, uint64(max(in.steps.get(), 0)))
}

// stopHere stops the guest at the end of a stride.
func (in *Instance) stopHere(ctx context.Context, number uint32) {
	s := &in.steps
	s.add(s.unused)
	s.unused = 0
	s.stop = in.cfg.FreezeEvery == 0 || in.given > 0 // it may have gone back to a loop's head
	in.unwind()
	in.record(ctx, number, false)
}

// giveBack returns to the count what has been taken of the segment of the innermost
// frame, which has just been captured, and is not executed.
func (in *Instance) giveBack() {
	if in.steps.left != nil {
		f := &in.captured[0]
		_, ahead, _ := in.prog.units[f.Module].plan.Pace(f.entry)
		in.steps.add(int64(ahead))
	}
}
