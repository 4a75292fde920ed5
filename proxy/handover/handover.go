// Package handover decides who runs a guest while it moves from one node to
// another, when no third party keeps the record. It moves no bytes and starts
// nothing: Source and Target are pure state machines,
//
//	Step(state, event) -> (state, effects)
//
// and a loop around each performs the effects in order and feeds back what
// came of them.
//
//	source                          target
//	  | write moving                  |
//	  |-------- Plan ---------------->| reserve
//	  |<------- Reserved -------------|
//	  |-------- Stage --------------->| module, compile
//	  |<------- Staged ---------------|
//	  | CopyMemory (rounds)           |
//	  | Freeze                        |
//	  |-------- Final --------------->| verify; write ready
//	  |<------- Ready ----------------|
//	  | write ready                   |
//	  | write committed  <- the commit point: the target owns the guest
//	  |-------- Commit -------------->| write active; Activate
//	  |<------- Activated ------------|
//	  | write moved; Discard          |
//
// The source alone decides. Its durable record goes from moving either to
// cancelled or to committed, and never from one of these to the other. The
// source runs the guest again only after cancelled is on disk; the target
// runs it only after it was told Commit and active is on disk; the source
// tells Commit only after committed is on disk. So never two run, whatever
// is killed, cut, delayed, repeated or reordered. Both sides ask on until
// they know, and no timer decides for them, so one runs as soon as they can
// talk, if a copy of it survived.
//
// A source that was killed while undecided lost its guest with its memory. It
// asks the target: if that holds the guest verified, it commits, for that copy
// is exact; if not, it cancels and recovers what it has on disk. A target that
// lost a verified guest before it was told to run it says Lost, and the source
// takes its own frozen image back, two epochs on.
package handover

import "fmt"

// Phase is what a record says on disk.
type Phase string

const (
	Moving    Phase = "moving"    // source: begun, undecided
	Ready     Phase = "ready"     // both: the target holds the guest verified, undecided
	Cancelled Phase = "cancelled" // source: it owns the guest, this migration never commits
	Committed Phase = "committed" // source: the target owns the guest
	Moved     Phase = "moved"     // source: and has said so
	Reclaimed Phase = "reclaimed" // source: the target lost it before running it; owned again at Epoch+2
	Active    Phase = "active"    // target: it owns the guest at Epoch+1
	Dropped   Phase = "dropped"   // target: it holds nothing
	Lost      Phase = "lost"      // target: it was ready and its process died with the guest
)

// Role is which side of a migration a record is of.
type Role string

const (
	SourceRole Role = "source"
	TargetRole Role = "target"
)

// Record is one side's durable word on a migration. The source's decides.
type Record struct {
	Migration string `json:"migration"`
	Instance  string `json:"instance"`
	Role      Role   `json:"role"`
	Phase     Phase  `json:"phase"`
	Epoch     uint64 `json:"epoch"` // at which the source owned the guest when it began
	Source    string `json:"source"`
	Target    string `json:"target"`
	Reason    string `json:"reason,omitempty"`
}

// Owner says whether the side that holds this record owns the guest by it,
// and at which epoch. Moving and Ready are undecided: then nobody may thaw.
func (r Record) Owner() (epoch uint64, owns bool) {
	switch r.Phase {
	case Cancelled:
		return r.Epoch, true
	case Reclaimed:
		return r.Epoch + 2, true
	case Active:
		return r.Epoch + 1, true
	}
	return 0, false
}

// Kind is a message between the two sides, or something local that happened.
type Kind uint8

const (
	_ Kind = iota

	// From the source.
	Plan       // what is coming: may it?
	Stage      // take the module and compile it
	Final      // the last pages and the state
	Commit     // the guest is yours
	CancelIt   // it never will be
	AskTarget  // what do you hold? (a source that was restarted)
	FromSource // not a kind: the end of the source's messages

	// From the target.
	Reserved   // capacity is held
	Refused    // it is not, with reasons
	Staged     // compiled
	ReadyAtT   // verified, written down, frozen
	Activated  // it runs
	Absent     // nothing is held, or not any more
	LostAtT    // it was ready, was never run, and is gone
	AskSource  // what was decided?
	FromTarget // not a kind: the end of the target's messages

	// Local.
	Copied        // what is left fits the downtime, or the rounds are over
	Frozen        // the guest stands
	Failed        // the step in progress failed, or somebody cancelled, or its time limit passed
	LinkLost      // the channel broke
	Granted       // the target can take it
	Compiled      // the target's module is compiled
	Verified      // the target's copy is whole
	Persisted     // the record of the last effect is on disk
	PersistFailed // it may be on disk or not
	Recovered     // a durable image was read back
	RecoverFailed // there is none, or it is damaged
	Tick          // time has passed; decides nothing
)

// Event is one input of a machine.
type Event struct {
	Kind      Kind
	Migration string // events of another migration are ignored
	Reason    string // of Refused and Failed
}

// Action is what a machine wants done.
type Action uint8

const (
	_          Action = iota
	Send              // Effect.Message to the other side; may fail, be late, come twice
	Persist           // Effect.Record, durably; feed Persisted or PersistFailed before anything else
	CopyMemory        // source: rounds until Copied or Failed
	Freeze            // source: Frozen or Failed
	Thaw              // source: the guest goes on, from wherever Freeze came to
	Discard           // source: destroy the guest and its images
	Recover           // run (source, active target) or hold (ready target) the durable image
	Reserve           // target: check and hold capacity; Granted or Refused
	Compile           // target: Compiled or Failed
	Verify            // target: complete and check the guest; Verified or Failed
	Activate          // target: thaw
	Release           // target: destroy what is held
)

// Effect is one output of a machine. Effects are performed in order.
type Effect struct {
	Do      Action
	Message Kind   // of Send
	Record  Record // of Persist
	Reason  string
}

func send(k Kind, reason string) Effect { return Effect{Do: Send, Message: k, Reason: reason} }
func persist(r Record) Effect           { return Effect{Do: Persist, Record: r} }
func do(a Action) Effect                { return Effect{Do: a} }

var kindNames = map[Kind]string{
	Plan: "plan", Stage: "stage", Final: "final", Commit: "commit", CancelIt: "cancel", AskTarget: "ask target",
	Reserved: "reserved", Refused: "refused", Staged: "staged", ReadyAtT: "ready", Activated: "activated",
	Absent: "absent", LostAtT: "lost", AskSource: "ask source",
	Copied: "copied", Frozen: "frozen", Failed: "failed", LinkLost: "link lost", Granted: "granted", Compiled: "compiled",
	Verified: "verified", Persisted: "persisted", PersistFailed: "persist failed",
	Recovered: "recovered", RecoverFailed: "recover failed", Tick: "tick",
}

func (k Kind) String() string {
	if s, ok := kindNames[k]; ok {
		return s
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// illegal is a transition that the machines never make: our own bug.
func illegal(what, from string) {
	panic(fmt.Sprintf("handover: %s from %s", what, from))
}
