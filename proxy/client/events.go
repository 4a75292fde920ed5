package client

import "time"

// EventKind is what happened to a session.
type EventKind uint8

// The events of a session. None of them has to be acted upon.
const (
	Held    EventKind = iota + 1 // the guest is about to move, in For
	Going                        // it did not: it runs where it was
	Moved                        // it runs at URLs
	Cut                          // the link broke, by Err
	Resumed                      // the session goes on
	Rewound                      // the guest came back from a checkpoint: what it said from To+1 to From counts no more, and it will say it again or something else
)

func (k EventKind) String() string {
	return [...]string{"none", "held", "going", "moved", "cut", "resumed", "rewound"}[k]
}

// Event is one of them.
type Event struct {
	Kind     EventKind
	URLs     []string
	For      time.Duration
	Err      error
	From, To uint64 // numbers of messages of the guest's
}
