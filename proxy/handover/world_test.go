package handover

import (
	"fmt"
	"math/rand/v2"
)

// image is what a simulated node has of the guest.
type image int

const (
	none image = iota
	held       // frozen, whole
	running
)

// world is two nodes, a link and what happened to them, from one seed.
type world struct {
	rnd     *rand.Rand
	durable bool // nodes keep images on disk
	faults  bool
	src     source
	tgt     target
	wire    []Event // messages on the way, either direction
	lost    bool    // the last whole copy died with its process
	log     func(string, ...any)
}

type source struct {
	up      bool
	m       Source
	disk    *Record
	mem     image
	pending []Event
}

type target struct {
	up      bool
	m       Target
	disk    *Record
	mem     image
	whole   bool // the image on disk
	pending []Event
}

const mig = "m1"

func newWorld(seed uint64, durable bool) *world {
	w := &world{rnd: rand.New(rand.NewPCG(seed, 7)), durable: durable, faults: true, log: func(string, ...any) {}}
	w.src = source{up: true, mem: running}
	w.tgt = target{up: true, m: NewTarget(Record{Migration: mig})}
	return w
}

func (w *world) chance(percent int) bool { return w.faults && w.rnd.IntN(100) < percent }

// copies counts the whole images that the protocol could still run. The
// target's counts once it is written down as ready: one that cannot be is
// dropped, so that the source hears of it at once.
func (w *world) copies() int {
	n := 0
	active := w.tgt.disk != nil && w.tgt.disk.Phase == Active
	if (w.src.mem != none || w.durable && w.owns()) && !active {
		n++
	}
	if w.tgt.mem == running || w.tgt.disk != nil && (w.tgt.mem == held || w.tgt.whole) && !w.decidedAgainst() {
		n++
	}
	return n
}

func (w *world) owns() bool { return w.src.disk == nil || w.src.disk.Phase != Moved }

func (w *world) decidedAgainst() bool {
	return w.src.disk != nil && (w.src.disk.Phase == Cancelled || w.src.disk.Phase == Reclaimed)
}

func (w *world) killSource() {
	had := w.copies()
	w.log("kill source at %s", w.src.m.Step)
	w.src.up, w.src.mem, w.src.pending = false, none, nil
	w.lost = w.lost || had > 0 && w.copies() == 0
}

func (w *world) killTarget() {
	had := w.copies()
	w.log("kill target at %s", w.tgt.m.Step)
	w.tgt.up, w.tgt.mem, w.tgt.pending = false, none, nil
	w.lost = w.lost || had > 0 && w.copies() == 0
}

func (w *world) restart() {
	if !w.src.up {
		w.src.up = true
		if w.src.disk == nil { // the migration never began
			w.recoverSource()
			w.src.m = Source{Record: Record{Migration: mig, Phase: Cancelled}, Step: SCancelled}
		} else {
			w.log("restart source: %s", w.src.disk.Phase)
			w.stepSource(func() (Source, []Effect) { return RestartSource(*w.src.disk) })
		}
	}
	if !w.tgt.up {
		w.tgt.up = true
		if w.tgt.disk == nil {
			w.tgt.m = NewTarget(Record{Migration: mig})
		} else {
			w.log("restart target: %s", w.tgt.disk.Phase)
			w.stepTarget(func() (Target, []Effect) { return RestartTarget(*w.tgt.disk) })
		}
	}
}

func (w *world) recoverSource() {
	if w.durable {
		w.src.mem = running
	}
}

func (w *world) stepSource(next func() (Source, []Effect)) {
	var fx []Effect
	w.src.m, fx = next()
	for _, f := range fx {
		if w.chance(2) {
			w.killSource()
		}
		if !w.src.up {
			return
		}
		w.performSource(f)
		w.check()
	}
}

func (w *world) performSource(f Effect) {
	later := func(k Kind) { w.src.pending = append(w.src.pending, Event{Kind: k, Migration: mig}) }
	switch f.Do {
	case Send:
		w.send(f.Message)
	case Persist:
		k := w.write(func() { r := f.Record; w.src.disk = &r })
		w.log("source writes %s: %s", f.Record.Phase, k)
		if w.chance(2) {
			w.killSource()
			return
		}
		w.stepSource(func() (Source, []Effect) { return w.src.m.Next(Event{Kind: k, Migration: mig}) })
	case CopyMemory:
		later(Copied)
	case Freeze:
		w.src.mem = held
		later(Frozen)
	case Thaw:
		w.src.mem = running
	case Discard:
		w.src.mem = none
	case Recover:
		w.recoverSource()
	default:
		panic(fmt.Sprint("source: effect ", f.Do))
	}
}

func (w *world) stepTarget(next func() (Target, []Effect)) {
	var fx []Effect
	w.tgt.m, fx = next()
	for _, f := range fx {
		if w.chance(2) {
			w.killTarget()
		}
		if !w.tgt.up {
			return
		}
		w.performTarget(f)
		w.check()
	}
}

func (w *world) performTarget(f Effect) {
	later := func(k Kind) { w.tgt.pending = append(w.tgt.pending, Event{Kind: k, Migration: mig}) }
	switch f.Do {
	case Send:
		w.send(f.Message)
	case Persist:
		k := w.write(func() { r := f.Record; w.tgt.disk = &r })
		w.log("target writes %s: %s", f.Record.Phase, k)
		if w.chance(2) {
			w.killTarget()
			return
		}
		w.stepTarget(func() (Target, []Effect) { return w.tgt.m.Next(Event{Kind: k, Migration: mig}) })
	case Reserve:
		later(pick(w, Granted, Refused))
	case Compile:
		later(pick(w, Compiled, Failed))
	case Verify:
		k := pick(w, Verified, Failed)
		if k == Verified {
			w.tgt.mem, w.tgt.whole = held, w.durable
		}
		later(k)
	case Activate:
		w.tgt.mem = running
	case Release:
		w.tgt.mem, w.tgt.whole = none, false
	case Recover:
		w.recoverTarget(later)
	default:
		panic(fmt.Sprint("target: effect ", f.Do))
	}
}

func (w *world) recoverTarget(later func(Kind)) {
	switch {
	case !w.tgt.whole:
		later(RecoverFailed)
	case w.tgt.m.Step == TActive:
		w.tgt.mem = running
	default:
		w.tgt.mem = held
		later(Recovered)
	}
}

func pick(w *world, good, bad Kind) Kind {
	if w.chance(3) {
		return bad
	}
	return good
}

// write is durable, or fails having written or not.
func (w *world) write(do func()) Kind {
	if w.chance(4) {
		if w.chance(50) {
			do()
		}
		return PersistFailed
	}
	do()
	return Persisted
}

func (w *world) send(k Kind) {
	if w.chance(5) {
		return
	}
	w.wire = append(w.wire, Event{Kind: k, Migration: mig})
	if w.chance(8) {
		w.wire = append(w.wire, Event{Kind: k, Migration: mig})
	}
}
