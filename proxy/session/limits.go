package session

import (
	"time"

	"sojourn/proxy/session/frame"
)

// Every limit on what a client, a guest or a saved world may make this package hold,
// beside those of package frame.
const (
	// Window is how many bytes of messages may be sent and not acknowledged, in each
	// direction; a message is always sent when none is on its way.
	Window = 1 << 20

	// MaxSessions is how many sessions a listener has, those not accepted included.
	MaxSessions = 1024

	// MaxHeld is how many bytes all sessions of a listener hold together, beyond which
	// none takes more.
	MaxHeld = 64 << 20

	// HandshakeLimit is how long a client has for its Hello or Resume.
	HandshakeLimit = 10 * time.Second

	// Linger is how long a session outlives the last socket of its client.
	Linger = 120 * time.Second

	farewell   = 10 * time.Second              // and one that has said and heard all
	maxBacklog = 256                           // sessions that the guest has not accepted
	maxPiece   = 64 << 10                      // bytes of a message made of a stream, and of a line
	maxBytes   = 2*Window + 2*frame.MaxMessage // of input that the guest has not read
	maxWaiting = 2048                          // messages that the guest, or the client, has not taken
	maxHeader  = 64 << 10                      // bytes of the guest's answer to an upgrade
	maxLoads   = 64                            // moves without a client
)
