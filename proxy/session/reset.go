package session

import "fmt"

// ResetError says that a session is gone, and why; with the reasons frame.TakenOver and
// frame.Unavailable only this socket of it.
type ResetError struct {
	Reason int
	Text   string
}

func (e *ResetError) Error() string { return fmt.Sprintf("session was reset: %d %s", e.Reason, e.Text) }

func resetf(reason int, format string, args ...any) *ResetError {
	return &ResetError{reason, fmt.Sprintf(format, args...)}
}
