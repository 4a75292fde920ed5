package orchestrator

import (
	"time"

	"sojourn/proxy/api"
)

// Codes of errors beside those of package api.
const (
	CodeNodeLost    = "node_lost"   // the node with the guest is not in touch
	CodeUnreachable = "unreachable" // the node's own API does not answer; nothing was started
	CodeNoTarget    = "no_target"   // no node can take the guest: see the decision
)

// NodeState is whether a node can be given guests.
type NodeState string

const (
	NodeReady    NodeState = "ready"
	NodeCordoned NodeState = "cordoned" // drained, or being drained: it gets no guests
	NodeLost     NodeState = "lost"     // unseen for Config.LostAfter; its guests may well run on
)

// Report is what a node says each time, in one WebSocket text message on
// /v1/register. Each is answered by one Answer.
type Report struct {
	Seq  uint64   `json:"seq"` // rises by one within a connection
	Node api.Node `json:"node"`
}

// Answer tells a node that its report was taken, or why not.
type Answer struct {
	Seq             uint64     `json:"seq"`
	HeartbeatMillis int64      `json:"heartbeat_ms,omitempty"` // report again within this
	Error           *api.Error `json:"error,omitempty"`        // the connection ends
}

// NodeStatus is one node as the orchestrator knows it. Its last report may be
// old, as LastSeen tells.
type NodeStatus struct {
	api.Node
	State    NodeState `json:"state"`
	Cordoned bool      `json:"cordoned"`
	LastSeen time.Time `json:"last_seen"`

	// What migrations in progress will bring it. Its own report may count the
	// same memory as reserved already: then it is counted twice, for a while,
	// on the safe side.
	IncomingGuests int    `json:"incoming_guests,omitempty"`
	IncomingBytes  uint64 `json:"incoming_bytes,omitempty"`
}

// GuestStatus is one guest, on the node that last had it at the highest epoch.
type GuestStatus struct {
	api.Guest
	Node      string    `json:"node"`
	NodeURL   string    `json:"node_url"`
	NodeState NodeState `json:"node_state"`
}

// MigrateRequest is the body of /v1/guests/{id}/migrate.
type MigrateRequest struct {
	To             string `json:"to,omitempty"`      // name or URL of a node; empty lets the orchestrator pick
	Engine         string `json:"engine,omitempty"`  // the target must run it; empty is any
	DryRun         bool   `json:"dry_run,omitempty"` // decide and tell, move nothing
	DowntimeMillis int64  `json:"downtime_target_ms,omitempty"`
	MaxRounds      int    `json:"max_rounds,omitempty"`
}

// Moved is a migration that was committed, with why it went there; or only
// the decision, of a dry run.
type Moved struct {
	Decision Decision           `json:"decision"`
	Result   *api.MigrateResult `json:"result,omitempty"`
}

// DrainRequest is the body of /v1/nodes/{name}/drain.
type DrainRequest struct {
	Parallel int `json:"parallel,omitempty"` // migrations at a time; Config.Parallel when 0
}

// DrainResult is where the guests of a drained node went. The node stays
// cordoned, whatever is left on it.
type DrainResult struct {
	Node  string  `json:"node"`
	Moved []Moved `json:"moved"`
	Left  []Left  `json:"left"` // what could not be moved
}

// Left is a guest that a drain could not move, and why.
type Left struct {
	Guest    string     `json:"guest"`
	Error    *api.Error `json:"error"`
	Decision *Decision  `json:"decision,omitempty"` // of the last attempt, when it came to one
}

// Event is one line of a streamed migration or drain. The last line of a
// migration has Result, Error, or of a dry run only the Decision; that of a
// drain has Drain or, without Guest, Error.
type Event struct {
	Guest    string    `json:"guest,omitempty"`
	Decision *Decision `json:"decision,omitempty"`
	api.Event
	Drain *DrainResult `json:"drain,omitempty"`
}

// Refused is an error that came with a decision: why no node could take a
// guest, or which one failed to.
type Refused struct {
	Err      *api.Error
	Decision Decision
}

func (r *Refused) Error() string { return r.Err.Error() }
func (r *Refused) Unwrap() error { return r.Err }
