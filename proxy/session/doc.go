// Package session is the guest's end of sojourn.v1, the protocol of sessions: each
// client's ordered messages to and from a guest, which outlive sockets and nodes and
// move with the guest. docs/SESSIONS.md has the frames, the rules, and what is promised.
//
//	client ==Link== Hub == guest's standard streams, or connections that it accepts
//
// A [Hub] is the sessions of one listener. It is a wasi.Listener to the guest's world,
// which saves and restores it, and serves a client on each [Link]. The state machine
// of one session is pure (machine.go), and modes are codecs between its messages and
// the guest's bytes (codec.go, wsguest.go).
package session
