package frame

import "fmt"

// ResetError says that a session is gone, and why; with TakenOver and Unavailable only
// this socket of it.
type ResetError struct {
	Reason int
	Text   string
}

func (e *ResetError) Error() string { return fmt.Sprintf("session was reset: %d %s", e.Reason, e.Text) }

// Frame is what tells the peer.
func (e *ResetError) Frame() *Reset { return &Reset{Reason: uint16(e.Reason), Text: e.Text} }
