package handover

import "testing"

// TestToldOnceWritten checks that no peer hears of a decision before it is on disk: if
// the write fails, the source decides otherwise.
func TestToldOnceWritten(t *testing.T) {
	const id = "m"
	s, _ := Begin(Record{Migration: id, Instance: "i", Epoch: 1})
	next := func(k Kind) { s, _ = s.Next(Event{Kind: k, Migration: id}) }
	for _, k := range []Kind{Persisted, Reserved, Staged, Copied, Frozen, ReadyAtT, Persisted} {
		next(k)
	}
	if s.Record.Phase != Committed || s.Told() == string(Committed) {
		t.Fatalf("while the record of %q is being written, peers are told %q", s.Record.Phase, s.Told())
	}
	failed, _ := s.Next(Event{Kind: PersistFailed, Migration: id})
	if failed.Told() == string(Committed) || failed.Told() == string(Cancelled) {
		t.Errorf("after a failed write peers are told %q", failed.Told())
	}
	next(Persisted)
	if s.Told() != string(Committed) {
		t.Errorf("once it is written they are told %q", s.Told())
	}
}
