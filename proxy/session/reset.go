package session

import (
	"fmt"

	"sojourn/proxy/session/frame"
)

// ResetError says that a session is gone, or a socket of it, and why.
type ResetError = frame.ResetError

func resetf(reason int, format string, args ...any) *ResetError {
	return &ResetError{Reason: reason, Text: fmt.Sprintf(format, args...)}
}
