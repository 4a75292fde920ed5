package handover

import (
	"flag"
	"fmt"
	"testing"
)

var (
	schedules = flag.Int("schedules", 20000, "random schedules of the simulation")
	oneSeed   = flag.Uint64("seed", 0, "run only this schedule of the simulation, and log it")
)

// deliver takes any message that is on the way: the order is nobody's.
func (w *world) deliver() {
	if len(w.wire) == 0 {
		return
	}
	i := w.rnd.IntN(len(w.wire))
	e := w.wire[i]
	w.wire = append(w.wire[:i], w.wire[i+1:]...)
	if e.Kind < FromSource {
		w.atTarget(e)
	} else {
		w.atSource(e)
	}
}

func (w *world) atTarget(e Event) {
	if w.tgt.up {
		w.log("target at %s: %s", w.tgt.m.Step, e.Kind)
		w.stepTarget(func() (Target, []Effect) { return w.tgt.m.Next(e) })
	}
}

func (w *world) atSource(e Event) {
	if w.src.up {
		w.log("source at %s: %s", w.src.m.Step, e.Kind)
		w.stepSource(func() (Source, []Effect) { return w.src.m.Next(e) })
	}
}

func (w *world) local() {
	if len(w.src.pending) > 0 && w.rnd.IntN(2) == 0 {
		e := w.src.pending[0]
		w.src.pending = w.src.pending[1:]
		w.atSource(e)
	}
	if len(w.tgt.pending) > 0 && w.rnd.IntN(2) == 0 {
		e := w.tgt.pending[0]
		w.tgt.pending = w.tgt.pending[1:]
		w.atTarget(e)
	}
}

func (w *world) cut() {
	w.log("cut")
	w.wire = nil
	w.atSource(Event{Kind: LinkLost, Migration: mig, Reason: "cut"})
	w.atTarget(Event{Kind: LinkLost, Migration: mig, Reason: "cut"})
}

func (w *world) tick() {
	w.atSource(Event{Kind: Tick, Migration: mig})
	w.atTarget(Event{Kind: Tick, Migration: mig})
}

func (w *world) check() {
	if w.src.mem == running && w.tgt.mem == running {
		panic("two run")
	}
}

func (w *world) run() {
	w.stepSource(func() (Source, []Effect) {
		return Begin(Record{Migration: mig, Instance: "i", Epoch: 5})
	})
	for range 60 {
		switch n := w.rnd.IntN(100); {
		case n < 1:
			w.killSource()
		case n < 2:
			w.killTarget()
		case n < 3:
			w.cut()
		case n < 10:
			w.restart()
		case n < 20:
			w.tick()
		case n < 60:
			w.local()
		default:
			w.deliver()
		}
		w.check()
	}
	w.heal()
}

// heal brings everything back and lets it talk until nothing changes.
func (w *world) heal() {
	w.faults = false
	w.restart()
	w.cut()
	for range 40 {
		w.tick()
		for range 20 {
			w.local()
			w.deliver()
			w.check()
		}
	}
}

func (w *world) verdict() error {
	n := 0
	for _, m := range []image{w.src.mem, w.tgt.mem} {
		if m == running {
			n++
		}
	}
	switch {
	case n == 0 && w.lost && !w.durable:
		return nil
	case n != 1:
		return fmt.Errorf("%d run in the end; source %s, target %s", n, w.src.m.Step, w.tgt.m.Step)
	case !w.src.m.Over() || !w.tgt.m.Over() && w.tgt.m.Step != TNew:
		return fmt.Errorf("no end: source %s, target %s", w.src.m.Step, w.tgt.m.Step)
	}
	return w.owners()
}

// owners holds the records on disk to the same rule as the processes.
func (w *world) owners() error {
	n := 0
	var epochs []uint64
	for _, r := range []*Record{w.src.disk, w.tgt.disk} {
		if r == nil {
			continue
		}
		if e, ok := r.Owner(); ok {
			n++
			epochs = append(epochs, e)
		}
	}
	if n > 1 {
		return fmt.Errorf("both records own the guest, epochs %v", epochs)
	}
	return nil
}

// TestNeverTwo runs random schedules of kills, restarts, cuts, failed writes,
// and of messages that are lost, late, repeated and out of order.
func TestNeverTwo(t *testing.T) {
	if *oneSeed != 0 {
		simulate(t, *oneSeed, t.Logf)
		return
	}
	ends := map[string]int{}
	for seed := uint64(1); seed <= uint64(*schedules); seed++ {
		ends[simulate(t, seed, nil)]++
		if t.Failed() {
			return
		}
	}
	t.Log(ends)
	for _, e := range []string{"moved", "cancelled", "reclaimed"} {
		if ends[e] == 0 {
			t.Errorf("no schedule ended %s: the simulation does not reach it", e)
		}
	}
}

func simulate(t *testing.T, seed uint64, log func(string, ...any)) string {
	t.Helper()
	w := newWorld(seed, seed%2 == 0)
	if log != nil {
		w.log = log
	}
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%v; again with: go test ./proxy/handover -run TestNeverTwo -seed %d -v", r, seed)
		}
	}()
	w.run()
	if err := w.verdict(); err != nil {
		t.Errorf("%v; again with: go test ./proxy/handover -run TestNeverTwo -seed %d -v", err, seed)
	}
	return w.src.m.Step.String()
}
