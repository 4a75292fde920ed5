package interp

import (
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// An exception that leaves a frame on its own goes to the frame outside it, which waits
// as data: that one is entered behind its call as ever, with zeros for results, and
// finds the exception under way. The globals that hold it are not touched in between,
// and the guest cannot stop there.

// raised reports whether an exception has left what was called last.
func (in *Instance) raised() bool { return in.exn != nil && in.exn.Get() != 0 }

// unraise gives the budget back that a throw has put aside.
func (in *Instance) unraise() {
	if in.raised() && in.getBudget() < 0 {
		in.budget.Set(in.kept.Get())
	}
}

// throwOn hands the exception that has left the i-th frame to the one outside it.
func (in *Instance) throwOn(i int) error {
	if i == 0 {
		return in.uncaught()
	}
	outer := &in.frames[i-1]
	pt := in.parts[outer.Module].plan.Point(outer.entry.Point)
	for _, t := range pt.Stack[len(pt.Stack)-pt.Results:] {
		v := snapshotfmt.Value{Type: snapshotfmt.Type(t)}
		if t == wasm.FuncRef || t == wasm.ExternRef {
			v.Lo = snapshotfmt.Null
		}
		outer.Stack = append(outer.Stack, v)
	}
	return nil
}

// uncaught is how a guest ends that throws what nothing catches. Its frames are gone.
func (in *Instance) uncaught() error {
	in.exn.Set(0)
	return &Trap{Reason: "uncaught exception"}
}
