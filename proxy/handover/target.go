package handover

// TargetStep is where a target stands.
type TargetStep uint8

const (
	TNew      TargetStep = iota // waiting for Plan
	TReserve                    // checking and reserving
	TReserved                   // waiting for Stage
	TCompile                    // compiling
	TFilling                    // pages arrive
	TVerify                     // completing and checking
	TWrite                      // writing ready
	TReady                      // frozen, asking
	TActivate                   // writing active
	TActive                     // the end: it runs here
	TDrop                       // writing dropped
	TDropped                    // the end: nothing is here
	TRecover                    // restarted ready: reading the image
	TLose                       // writing lost
	TLost                       // the end: nothing is here any more
)

var targetSteps = [...]string{"new", "reserving", "reserved", "compiling", "filling", "verifying", "writing ready", "ready",
	"activating", "active", "dropping", "dropped", "recovering", "losing", "lost"}

func (t TargetStep) String() string { return targetSteps[t] }

// Target is the side that the guest reaches.
type Target struct {
	Record Record
	Step   TargetStep
	stuck  bool // writing lost failed and is tried again on Tick
}

// NewTarget waits for the Plan of this migration.
func NewTarget(r Record) Target {
	r.Role, r.Phase = TargetRole, Dropped
	return Target{Record: r}
}

// RestartTarget goes on from a record that was read from disk.
func RestartTarget(r Record) (Target, []Effect) {
	t := Target{Record: r}
	switch r.Phase {
	case Ready:
		t.Step = TRecover
		return t, []Effect{do(Recover)}
	case Active:
		t.Step = TActive
		return t, []Effect{do(Recover)}
	case Dropped:
		t.Step = TDropped
		return t, nil
	case Lost:
		t.Step = TLost
		return t, nil
	}
	illegal("restart", string(r.Phase))
	return t, nil
}

// Over says that the target has nothing more to do but answer.
func (t Target) Over() bool {
	return t.Step == TActive || t.Step == TDropped || t.Step == TLost
}

// Told is what peers who ask are told: a phase once it holds, and until then, or while a
// record is being written, the step.
func (t Target) Told() string {
	if t.Over() || t.Step == TReady {
		return string(t.Record.Phase)
	}
	return t.Step.String()
}

// Next takes one event; see Source.Next.
func (t Target) Next(e Event) (Target, []Effect) {
	if e.Migration != t.Record.Migration {
		return t, nil
	}
	switch t.Step {
	case TNew, TReserve, TReserved, TCompile, TFilling, TVerify:
		return t.filling(e)
	case TWrite, TActivate, TDrop, TLose:
		return t.written(e)
	case TReady:
		return t.ready(e)
	case TRecover:
		return t.recovering(e)
	}
	return t.ended(e)
}

// filling is before ready: whatever goes wrong, the guest is the source's. But
// once Final is here the target may have the only whole copy, and a source that
// went away or asks is answered when it is known whether it is good.
func (t Target) filling(e Event) (Target, []Effect) {
	switch {
	case t.Step == TVerify && (e.Kind == LinkLost || e.Kind == AskTarget):
		return t, nil
	case e.Kind == Failed || e.Kind == Refused:
		return t.becomeDropped(e.Kind, e.Reason)
	case e.Kind == CancelIt || e.Kind == AskTarget || e.Kind == LinkLost:
		return t.becomeDropped(Absent, e.Reason)
	case t.Step == TNew && e.Kind == Plan:
		return t.becomeReserving()
	case t.Step == TReserve && e.Kind == Granted:
		return t.becomeReserved()
	case t.Step == TReserved && e.Kind == Stage:
		return t.becomeCompiling()
	case t.Step == TCompile && e.Kind == Compiled:
		return t.becomeFilling()
	case t.Step == TFilling && e.Kind == Final:
		return t.becomeVerifying()
	case t.Step == TVerify && e.Kind == Verified:
		return t.becomeWriting()
	}
	return t, nil
}

// ready is frozen and asking. Only the source's word moves it.
func (t Target) ready(e Event) (Target, []Effect) {
	switch e.Kind {
	case Commit:
		return t.becomeActivating()
	case CancelIt:
		return t.becomeDropping(e.Reason)
	case AskTarget, Final:
		return t, []Effect{send(ReadyAtT, "")}
	case Tick, LinkLost:
		return t, []Effect{send(AskSource, "")}
	}
	return t, nil
}

func (t Target) recovering(e Event) (Target, []Effect) {
	switch e.Kind {
	case Recovered:
		return t.becomeReady(AskSource)
	case RecoverFailed:
		return t.becomeLosing(e.Reason)
	}
	return t, nil
}

func (t Target) ended(e Event) (Target, []Effect) {
	if e.Kind <= 0 || e.Kind >= FromSource {
		return t, nil
	}
	switch {
	case t.Step == TActive && e.Kind != CancelIt: // a cancel after commit is no source of ours
		return t, []Effect{send(Activated, "")}
	case t.Step == TLost:
		return t, []Effect{send(LostAtT, t.Record.Reason)}
	case t.Step == TDropped && e.Kind != CancelIt:
		return t, []Effect{send(Absent, t.Record.Reason)}
	}
	return t, nil
}

func (t Target) written(e Event) (Target, []Effect) {
	if t.stuck {
		if e.Kind == Tick {
			t.stuck = false
			return t, []Effect{persist(t.Record)}
		}
		return t, nil
	}
	switch e.Kind {
	case Persisted:
		return t.afterWrite()
	case PersistFailed:
		return t.afterFailedWrite(e.Reason)
	}
	illegal(e.Kind.String()+" while writing", t.Step.String())
	return t, nil
}

func (t Target) afterWrite() (Target, []Effect) {
	switch t.Step {
	case TWrite:
		return t.becomeReady(ReadyAtT)
	case TActivate:
		return t.becomeActive()
	case TDrop:
		return t.becomeDropped(Absent, t.Record.Reason)
	}
	return t.becomeLost()
}

func (t Target) afterFailedWrite(why string) (Target, []Effect) {
	switch t.Step {
	case TWrite: // ready was never said, so the source cancels
		return t.becomeDropped(Failed, "writing the record: "+why)
	case TActivate: // not run; the source tells again
		return t.becomeReadyAgain()
	case TDrop: // the disk says ready: after a restart it asks once more
		return t.becomeDropped(Absent, t.Record.Reason)
	}
	t.stuck = true
	return t, nil
}

func (t Target) mustBe(what string, from ...TargetStep) {
	for _, f := range from {
		if t.Step == f {
			return
		}
	}
	illegal(what, t.Step.String())
}

func (t Target) becomeReserving() (Target, []Effect) {
	t.mustBe("reserving", TNew)
	t.Step = TReserve
	return t, []Effect{do(Reserve)}
}

func (t Target) becomeReserved() (Target, []Effect) {
	t.mustBe("reserved", TReserve)
	t.Step = TReserved
	return t, []Effect{send(Reserved, "")}
}

func (t Target) becomeCompiling() (Target, []Effect) {
	t.mustBe("compiling", TReserved)
	t.Step = TCompile
	return t, []Effect{do(Compile)}
}

func (t Target) becomeFilling() (Target, []Effect) {
	t.mustBe("filling", TCompile)
	t.Step = TFilling
	return t, []Effect{send(Staged, "")}
}

func (t Target) becomeVerifying() (Target, []Effect) {
	t.mustBe("verifying", TFilling)
	t.Step = TVerify
	return t, []Effect{do(Verify)}
}

func (t Target) becomeWriting() (Target, []Effect) {
	t.mustBe("writing ready", TVerify)
	t.Step, t.Record.Phase = TWrite, Ready
	return t, []Effect{persist(t.Record)}
}

func (t Target) becomeReady(say Kind) (Target, []Effect) {
	t.mustBe("ready", TWrite, TRecover)
	t.Step = TReady
	return t, []Effect{send(say, "")}
}

func (t Target) becomeActivating() (Target, []Effect) {
	t.mustBe("activating", TReady)
	t.Step, t.Record.Phase = TActivate, Active
	return t, []Effect{persist(t.Record)}
}

func (t Target) becomeReadyAgain() (Target, []Effect) {
	t.mustBe("ready again", TActivate)
	t.Step, t.Record.Phase = TReady, Ready
	return t, nil
}

func (t Target) becomeActive() (Target, []Effect) {
	t.mustBe("active", TActivate)
	t.Step = TActive
	return t, []Effect{do(Activate), send(Activated, "")}
}

func (t Target) becomeDropping(why string) (Target, []Effect) {
	t.mustBe("dropping", TReady)
	t.Step, t.Record.Phase, t.Record.Reason = TDrop, Dropped, why
	return t, []Effect{persist(t.Record)}
}

// becomeDropped says why, so that the source can.
func (t Target) becomeDropped(say Kind, why string) (Target, []Effect) {
	t.mustBe("dropped", TNew, TReserve, TReserved, TCompile, TFilling, TVerify, TWrite, TDrop)
	t.Step, t.Record.Phase, t.Record.Reason = TDropped, Dropped, why
	if say != Refused {
		say = Absent
	}
	return t, []Effect{do(Release), send(say, why)}
}

func (t Target) becomeLosing(why string) (Target, []Effect) {
	t.mustBe("losing", TRecover)
	t.Step, t.Record.Phase, t.Record.Reason = TLose, Lost, why
	return t, []Effect{persist(t.Record)}
}

func (t Target) becomeLost() (Target, []Effect) {
	t.mustBe("lost", TLose)
	t.Step = TLost
	return t, []Effect{do(Release), send(LostAtT, t.Record.Reason)}
}
