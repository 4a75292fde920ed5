package handover

// SourceStep is where a source stands. The names of those that a user sees are
// the steps of the design.
type SourceStep uint8

const (
	SBegin     SourceStep = iota // writing moving
	SPlan                        // waiting for Reserved
	SStage                       // waiting for Staged
	SCopy                        // pre-copy; the guest runs
	SFreeze                      // waiting for Frozen
	SFinal                       // the guest stands; waiting for Ready
	SReady                       // writing ready
	SCommit                      // writing committed
	SActivate                    // committed; telling until Activated
	SCleanUp                     // writing moved
	SMoved                       // the end: the guest is at the target
	SCancel                      // writing cancelled
	SCancelled                   // the end: the guest is here
	SReclaim                     // writing reclaimed
	SReclaimed                   // the end: the guest is here, two epochs on
	SDoubt                       // restarted while undecided; asking
)

var sourceSteps = [...]string{"reserve", "plan", "stage", "pre-copy", "freeze", "final", "ready", "commit",
	"activate", "clean up", "moved", "cancelling", "cancelled", "reclaiming", "reclaimed", "in doubt"}

func (s SourceStep) String() string { return sourceSteps[s] }

// Source is the side that the guest leaves. The zero value is of no use: see
// Begin and RestartSource.
type Source struct {
	Record  Record
	Step    SourceStep
	Stopped bool // Freeze was asked for, so Thaw must undo it
	Gone    bool // the process that held the guest died: only a durable image can be run
	stuck   bool // the write that Step waits for failed and is tried again on Tick
}

// Begin starts a migration of a running guest. The record's phase is set here.
func Begin(r Record) (Source, []Effect) {
	r.Role, r.Phase = SourceRole, Moving
	return Source{Record: r}, []Effect{persist(r)}
}

// RestartSource goes on from a record that was read from disk.
func RestartSource(r Record) (Source, []Effect) {
	s := Source{Record: r, Gone: true}
	switch r.Phase {
	case Moving, Ready:
		s.Step = SDoubt
		return s, []Effect{send(AskTarget, "")}
	case Committed:
		s.Step = SActivate
		return s, []Effect{send(Commit, "")}
	case Cancelled:
		s.Step = SCancelled
		return s, []Effect{do(Recover)}
	case Reclaimed:
		s.Step = SReclaimed
		return s, []Effect{do(Recover)}
	case Moved:
		s.Step = SMoved
		return s, nil
	}
	illegal("restart", string(r.Phase))
	return s, nil
}

// Over says that the source has nothing more to do but answer.
func (s Source) Over() bool {
	return s.Step == SMoved || s.Step == SCancelled || s.Step == SReclaimed
}

// Told is the phase that peers who ask are told: one that decides holds only once it is
// written, and until then they are told the step.
func (s Source) Told() string {
	switch s.Step {
	case SCommit, SCancel, SReclaim:
		return s.Step.String()
	}
	return string(s.Record.Phase)
}

// Next takes one event. Events of other migrations, and messages that are late
// or came twice, change nothing.
func (s Source) Next(e Event) (Source, []Effect) {
	if e.Migration != s.Record.Migration {
		return s, nil
	}
	switch s.Step {
	case SBegin, SReady, SCommit, SCleanUp, SCancel, SReclaim:
		return s.written(e)
	case SPlan, SStage, SCopy, SFreeze, SFinal:
		return s.undecided(e)
	case SDoubt:
		return s.doubt(e)
	case SActivate:
		return s.committed(e)
	}
	return s.ended(e)
}

func (s Source) undecided(e Event) (Source, []Effect) {
	switch {
	case e.Kind == Failed || e.Kind == LinkLost || e.Kind == Refused || e.Kind == Absent || e.Kind == LostAtT:
		return s.becomeCancelling(e.Reason)
	case s.Step == SPlan && e.Kind == Reserved:
		return s.becomeStaging()
	case s.Step == SStage && e.Kind == Staged:
		return s.becomeCopying()
	case s.Step == SCopy && e.Kind == Copied:
		return s.becomeFreezing()
	case s.Step == SFreeze && e.Kind == Frozen:
		return s.becomeFinal()
	case s.Step == SFinal && e.Kind == ReadyAtT:
		return s.becomeReady()
	}
	return s, nil
}

// doubt is of a source that was killed: the target may hold the only copy.
func (s Source) doubt(e Event) (Source, []Effect) {
	switch e.Kind {
	case ReadyAtT:
		return s.becomeReady()
	case Absent, LostAtT, Refused:
		return s.becomeCancelling("the source was restarted and the target holds nothing")
	case Tick:
		return s, []Effect{send(AskTarget, "")}
	}
	return s, nil
}

func (s Source) committed(e Event) (Source, []Effect) {
	switch e.Kind {
	case Activated:
		return s.becomeCleaningUp()
	case LostAtT:
		return s.becomeReclaiming()
	case Tick, AskSource, ReadyAtT:
		return s, []Effect{send(Commit, "")}
	}
	return s, nil
}

func (s Source) ended(e Event) (Source, []Effect) {
	if e.Kind != AskSource && e.Kind != ReadyAtT {
		return s, nil
	}
	if s.Step == SMoved {
		return s, []Effect{send(Commit, "")}
	}
	return s, []Effect{send(CancelIt, s.Record.Reason)}
}

// written takes the outcome of a write. Only a write that succeeded decides;
// after one that failed the disk may say either, and both lead to one owner.
func (s Source) written(e Event) (Source, []Effect) {
	if s.stuck {
		if e.Kind == Tick {
			s.stuck = false
			return s, []Effect{persist(s.Record)}
		}
		return s, nil
	}
	switch e.Kind {
	case Persisted:
		return s.afterWrite()
	case PersistFailed:
		return s.afterFailedWrite(e.Reason)
	}
	illegal(e.Kind.String()+" while writing", s.Step.String())
	return s, nil
}

func (s Source) afterWrite() (Source, []Effect) {
	switch s.Step {
	case SBegin:
		return s.becomePlanning()
	case SReady:
		return s.becomeCommitting()
	case SCommit:
		return s.becomeActivating()
	case SCleanUp:
		return s.becomeMoved()
	case SCancel:
		return s.becomeCancelled()
	}
	return s.becomeReclaimed()
}

func (s Source) afterFailedWrite(why string) (Source, []Effect) {
	if s.Gone && (s.Step == SReady || s.Step == SCommit) {
		return s.becomeDoubtful()
	}
	switch s.Step {
	case SBegin, SReady, SCommit:
		return s.becomeCancelling("writing the record: " + why)
	case SCleanUp: // the disk says committed: after a restart Commit is told once more
		return s.becomeMoved()
	}
	s.stuck = true
	return s, nil
}

func (s Source) mustBe(what string, from ...SourceStep) {
	for _, f := range from {
		if s.Step == f {
			return
		}
	}
	illegal(what, s.Step.String())
}

func (s Source) becomePlanning() (Source, []Effect) {
	s.mustBe("planning", SBegin)
	s.Step = SPlan
	return s, []Effect{send(Plan, "")}
}

func (s Source) becomeStaging() (Source, []Effect) {
	s.mustBe("staging", SPlan)
	s.Step = SStage
	return s, []Effect{send(Stage, "")}
}

func (s Source) becomeCopying() (Source, []Effect) {
	s.mustBe("copying", SStage)
	s.Step = SCopy
	return s, []Effect{do(CopyMemory)}
}

func (s Source) becomeFreezing() (Source, []Effect) {
	s.mustBe("freezing", SCopy)
	s.Step, s.Stopped = SFreeze, true
	return s, []Effect{do(Freeze)}
}

func (s Source) becomeFinal() (Source, []Effect) {
	s.mustBe("final", SFreeze)
	s.Step = SFinal
	return s, []Effect{send(Final, "")}
}

func (s Source) becomeReady() (Source, []Effect) {
	s.mustBe("ready", SFinal, SDoubt)
	s.Step, s.Record.Phase = SReady, Ready
	return s, []Effect{persist(s.Record)}
}

// becomeDoubtful is of a source that has no guest to go back to: it asks again
// on the next Tick.
func (s Source) becomeDoubtful() (Source, []Effect) {
	s.mustBe("in doubt", SReady, SCommit)
	s.Step, s.Record.Phase = SDoubt, Ready
	return s, nil
}

func (s Source) becomeCommitting() (Source, []Effect) {
	s.mustBe("committing", SReady)
	s.Step, s.Record.Phase = SCommit, Committed
	return s, []Effect{persist(s.Record)}
}

func (s Source) becomeActivating() (Source, []Effect) {
	s.mustBe("activating", SCommit)
	s.Step = SActivate
	return s, []Effect{send(Commit, "")}
}

func (s Source) becomeCleaningUp() (Source, []Effect) {
	s.mustBe("cleaning up", SActivate)
	s.Step, s.Record.Phase = SCleanUp, Moved
	return s, []Effect{persist(s.Record)}
}

func (s Source) becomeMoved() (Source, []Effect) {
	s.mustBe("moved", SCleanUp)
	s.Step = SMoved
	return s, []Effect{do(Discard)}
}

// becomeCancelling is open until the Commit was sent: nothing that may be on
// disk by then has been acted upon.
func (s Source) becomeCancelling(why string) (Source, []Effect) {
	s.mustBe("cancelling", SBegin, SPlan, SStage, SCopy, SFreeze, SFinal, SReady, SCommit, SDoubt)
	s.Step, s.Record.Phase, s.Record.Reason = SCancel, Cancelled, why
	return s, []Effect{persist(s.Record)}
}

func (s Source) becomeCancelled() (Source, []Effect) {
	s.mustBe("cancelled", SCancel)
	s.Step = SCancelled
	return s, append(s.runAgain(), send(CancelIt, s.Record.Reason))
}

func (s Source) becomeReclaiming() (Source, []Effect) {
	s.mustBe("reclaiming", SActivate)
	s.Step, s.Record.Phase, s.Record.Reason = SReclaim, Reclaimed, "the target lost the guest before it ran there"
	return s, []Effect{persist(s.Record)}
}

func (s Source) becomeReclaimed() (Source, []Effect) {
	s.mustBe("reclaimed", SReclaim)
	s.Step = SReclaimed
	return s, s.runAgain()
}

func (s Source) runAgain() []Effect {
	switch {
	case s.Gone:
		return []Effect{do(Recover)}
	case s.Stopped:
		return []Effect{do(Thaw)}
	}
	return nil
}
