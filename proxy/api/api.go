// Package api is what a node says and hears over HTTP: the JSON types of its
// control API, version 1, and a client of it.
//
//	PUT  /v1/modules/{digest}         a module, by the SHA-256 of its bytes
//	POST /v1/guests                   RunRequest          -> Guest
//	GET  /v1/guests                                       -> []Guest
//	GET  /v1/guests/{id}                                  -> Guest
//	POST /v1/guests/{id}/snapshot                         -> snapshot file
//	POST /v1/guests/{id}/migrate      MigrateRequest      -> MigrateResult, or Events by the line
//	POST /v1/guests/{id}/stop                             -> Guest
//	GET  /v1/guests/{id}/output                           -> the tail of its standard output
//	GET  /v1/guests/{id}/files?dir=                       -> what a folder that it carried holds in the end, as tar
//	DELETE /v1/guests/{id}                                forgets one that has ended, with its folders
//	GET  /v1/guests/{id}/session      WebSocket to its standard streams
//	POST /v1/restore                  snapshot file       -> Guest
//	GET  /v1/node                                         -> Node
//	GET  /v1/migrations/{id}                              -> Migration
//
// An answer that is not 2xx carries {"error": Error}. The package holds no
// state and decides nothing; what the calls do is proxy's business.
package api

import (
	"fmt"
	"time"
)

// Version is the version of the control API, the first element of each path.
const Version = "v1"

// Codes of errors that callers branch on.
const (
	CodeBadRequest     = "bad_request"      // the request itself is malformed
	CodeUnauthorized   = "unauthorized"     // no token, or not the node's
	CodeNotFound       = "not_found"        // no such guest or migration
	CodeModuleUnknown  = "module_unknown"   // upload the module first
	CodeBadModule      = "bad_module"       // the module was refused, with its construct and offset
	CodeBadSnapshot    = "bad_snapshot"     // the snapshot was refused
	CodeNotAllowed     = "not_allowed"      // the node does not grant a right that was asked for
	CodeNoCapacity     = "no_capacity"      // memory or number of guests
	CodeConflict       = "conflict"         // the guest is not in a state for this
	CodeMoved          = "moved"            // the guest is elsewhere: Error.Location
	CodeTooLarge       = "too_large"        // a body over the node's limit
	CodeMigrationFault = "migration_failed" // cancelled before commit: the guest runs at the source
	CodeInDoubt        = "in_doubt"         // after ready: the guest is frozen until both sides agree
	CodeInternal       = "internal"         // the node's own failure
)

// Error is what went wrong, to what, and what to do next.
type Error struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Location string `json:"location,omitempty"` // base URL of the node that has the guest, with CodeMoved
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Hint)
}

// Limits bound one guest. Zero means the node's default.
type Limits struct {
	MemoryPages   uint32 `json:"memory_pages,omitempty"` // of 64 KiB
	TableElements uint32 `json:"table_elements,omitempty"`
	CallDepth     int    `json:"call_depth,omitempty"`
	RunTimeMillis int64  `json:"run_time_ms,omitempty"`
}

// Spec is what whoever deploys a guest asks for it. It goes with the guest
// to each node, and each node grants it anew or refuses.
type Spec struct {
	Name    string   `json:"name,omitempty"`   // for people; the id is the node's to give
	Args    []string `json:"args"`             // Args[0] is the program's name
	Env     []string `json:"env,omitempty"`    // KEY=value
	Dirs    []string `json:"dirs,omitempty"`   // host:guest[:ro|:carried|:digest], within the node's --allow-dir: see engine.ParseFolder
	Engine  string   `json:"engine,omitempty"` // auto, compiler, interpreter; empty is the node's own
	Limits  Limits   `json:"limits,omitzero"`
	Session Sharing  `json:"session,omitempty"` // standard input and output are sessions; empty: they are not
	Listen  []string `json:"listen,omitempty"`  // listeners, from descriptor 3 on: NAME=tcp:PORT, NAME=ws:/PATH
	Dial    []string `json:"dial,omitempty"`    // HOST:PORT that it may connect to, within the node's --allow-dial
}

// Library is a module that others of a guest import from, by its name.
type Library struct {
	Name   string `json:"name"`
	Module string `json:"module"` // SHA-256 in hexadecimal
}

// Sharing says who a guest's standard streams are for.
type Sharing string

const (
	One  Sharing = "one"  // one client at a time, the newest; what nobody took waits
	Many Sharing = "many" // output goes to every client, and input is merged by the line
)

// UnmarshalJSON also takes true, which is One.
func (s *Sharing) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case `true`, `"one"`:
		*s = One
	case `"many"`:
		*s = Many
	case `false`, `null`, `""`:
		*s = ""
	default:
		return fmt.Errorf("session %s: want \"one\" or \"many\"", b)
	}
	return nil
}

// Listening is a listener of a guest's, as this node knows it.
type Listening struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`              // tcp, ws
	Path    string `json:"path,omitempty"`    // of ws
	Address string `json:"address,omitempty"` // of tcp: where clients reach it on this node
	Note    string `json:"note,omitempty"`    // why it has no address here
}

// RunRequest starts the module with this digest, which the node must have:
// by PUT /v1/modules/{digest}, or from an earlier guest. So must it have the
// libraries, which are instantiated before it, in their order.
type RunRequest struct {
	Module    string    `json:"module"` // SHA-256 in hexadecimal
	Libraries []Library `json:"libraries,omitempty"`
	Spec
}

// States of a guest, as Guest.State spells them.
const (
	StatePrepared = "prepared"
	StateRunning  = "running"
	StateFreezing = "freezing"
	StateFrozen   = "frozen"
	StateExited   = "exited" // it ended by itself, or was stopped
	StateMoved    = "moved"  // it is on Guest.MovedTo
	StateLost     = "lost"   // its process died and no durable copy was kept
)

// EngineWasmer is the engine of a node of sojourn-wasmer, which runs idiomatic guests only.
const EngineWasmer = "wasmer"

// Guest is one instance as this node knows it.
type Guest struct {
	ID          string      `json:"id"`
	Name        string      `json:"name,omitempty"`
	Module      string      `json:"module"`
	Libraries   []Library   `json:"libraries,omitempty"`
	State       string      `json:"state"`
	Epoch       uint64      `json:"epoch"`
	Engine      string      `json:"engine"`
	Args        []string    `json:"args"`
	Session     Sharing     `json:"session,omitempty"`
	Listening   []Listening `json:"listening,omitempty"`
	Idiomatic   bool        `json:"idiomatic,omitempty"` // it makes checkpoints by itself, and can move by the last of them
	Dirs        []string    `json:"dirs,omitempty"`      // as they travel: a carried folder is without a host's
	MemoryBytes uint64      `json:"memory_bytes"`
	Started     time.Time   `json:"started"` // when it began on this node
	ExitCode    *uint32     `json:"exit_code,omitempty"`
	Error       string      `json:"error,omitempty"` // why it ended, a trap's stack trace included
	MovedTo     string      `json:"moved_to,omitempty"`
	Migration   string      `json:"migration,omitempty"` // the one in progress, or the last
}

// Node is what a node says of itself.
type Node struct {
	Name        string   `json:"name"`
	URL         string   `json:"url"`
	Version     string   `json:"version"`
	Protocol    int      `json:"protocol"` // newest migration protocol it speaks
	ISA         string   `json:"isa"`
	OS          string   `json:"os"`
	Engine      string   `json:"engine"`  // what auto means here
	Engines     []string `json:"engines"` // what it can run
	CPUs        int      `json:"cpus"`
	TotalMemory uint64   `json:"total_memory"` // bytes that guests may use
	FreeMemory  uint64   `json:"free_memory"`  // of these, not used or reserved
	MaxGuests   int      `json:"max_guests"`
	Guests      []Guest  `json:"guests"`
	Dirs        []string `json:"dirs,omitempty"` // host folders that guests may be given
}

// MigrateRequest says where a guest shall go.
type MigrateRequest struct {
	To             string `json:"to"`                           // base URL of the target
	DowntimeMillis int64  `json:"downtime_target_ms,omitempty"` // pre-copy aims at this
	MaxRounds      int    `json:"max_rounds,omitempty"`

	// Idiomatic moves the guest by the last checkpoint that it has made by itself: what it
	// did since is done again. It is so in any case when the target is a node on Wasmer.
	Idiomatic bool `json:"idiomatic,omitempty"`
}

// Round is one pass over memory.
type Round struct {
	Pages  int     `json:"pages"` // of 4 KiB, sent
	Bytes  int64   `json:"bytes"` // on the wire
	Millis float64 `json:"ms"`
}

// Progress is a migration seen from its source.
type Progress struct {
	Migration     string  `json:"migration"`
	Step          string  `json:"step"`  // plan, reserve, stage, pre-copy, freeze, final, ready, commit, activate, clean up
	Round         int     `json:"round"` // the number of rounds begun
	BytesSent     int64   `json:"bytes_sent"`
	BytesLeft     int64   `json:"bytes_left"`             // in this round, before compression
	Bandwidth     float64 `json:"bandwidth,omitempty"`    // bytes of memory a second
	DirtyRate     float64 `json:"dirty_rate,omitempty"`   // bytes of memory a second
	PredictedStop float64 `json:"predicted_ms,omitempty"` // downtime if it stopped now
}

// MigrateResult is a migration that was committed and activated.
type MigrateResult struct {
	ID          string  `json:"id"`
	Migration   string  `json:"migration"`
	From        string  `json:"from"`
	To          string  `json:"to"`
	Epoch       uint64  `json:"epoch"`
	Rounds      []Round `json:"rounds"`
	DowntimeMS  float64 `json:"downtime_ms"` // freeze asked for at the source until the target's thaw was acknowledged
	TotalMS     float64 `json:"total_ms"`
	BytesSent   int64   `json:"bytes_sent"`
	MemoryBytes int64   `json:"memory_bytes"`
	StopReason  string  `json:"stop_reason"` // why pre-copy ended
}

// Event is one line of a streamed migration: progress until the last, which
// is the result or the error.
type Event struct {
	Progress *Progress      `json:"progress,omitempty"`
	Result   *MigrateResult `json:"result,omitempty"`
	Error    *Error         `json:"error,omitempty"`
}

// Migration is one node's record of a migration.
type Migration struct {
	ID       string `json:"id"`
	Instance string `json:"instance"`
	Role     string `json:"role"`  // source or target
	Phase    string `json:"phase"` // of the record: see handover.Phase
	Epoch    uint64 `json:"epoch"`
	Source   string `json:"source"`
	Target   string `json:"target"`
	Reason   string `json:"reason,omitempty"` // why it was cancelled
}
