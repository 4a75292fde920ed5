package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"sync"

	"sojourn/proxy/api"
	"sojourn/proxy/handover"
)

// plan is the payload of a Plan frame.
type plan struct {
	Migration   string    `json:"migration"`
	Instance    string    `json:"instance"`
	Epoch       uint64    `json:"epoch"`
	Source      string    `json:"source"` // URL, to ask what was decided
	Module      string    `json:"module"`
	ModuleSize  int64     `json:"module_size"`
	MemoryBytes uint64    `json:"memory_bytes"`
	Libraries   []library `json:"libraries,omitempty"`
	Idiomatic   bool      `json:"idiomatic,omitempty"` // the state is a snapshot file, and no memory comes
	Spec        api.Spec  `json:"spec"`
	Storage     []string  `json:"storage,omitempty"` // which each shared folder is on, in order
}

// library is one of several modules.
type library struct {
	api.Library
	Size int64 `json:"size"`
}

// modules returns the digests and sizes of the modules of a plan, that of the guest
// itself first.
func (p *plan) modules() []library {
	return append([]library{{api.Library{Module: p.Module}, p.ModuleSize}}, p.Libraries...)
}

// named returns the libraries as a guest has them.
func (p *plan) named() []api.Library {
	var list []api.Library
	for _, l := range p.Libraries {
		list = append(list, l.Library)
	}
	return list
}

// move is a migration that this node takes part in, as others may see it.
type move struct {
	events chan handover.Event // from peers' requests to the loop that owns the machine

	mu      sync.Mutex
	rec     handover.Record
	phase   string
	changed chan struct{}
}

func newMove() *move {
	return &move{events: make(chan handover.Event, 8), changed: make(chan struct{})}
}

// set publishes what the machine has come to.
func (m *move) set(rec handover.Record, phase string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rec == rec && m.phase == phase {
		return
	}
	m.rec, m.phase = rec, phase
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *move) get() (api.Migration, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return migration(m.rec, m.phase), m.changed
}

func migration(r handover.Record, phase string) api.Migration {
	return api.Migration{ID: r.Migration, Instance: r.Instance, Role: string(r.Role), Phase: phase, Epoch: r.Epoch,
		Source: r.Source, Target: r.Target, Reason: r.Reason}
}

// join registers a migration. It fails if it is here already.
func (n *Node) join(id string, m *move) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.moves[id] != nil {
		return fail(api.CodeConflict, "migration %s is in progress here", id)
	}
	n.moves[id] = m
	return nil
}

func (n *Node) leave(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.moves, id)
}

// migration tells what this node knows of a migration.
func (n *Node) migration(id string) (api.Migration, error) {
	n.mu.Lock()
	m := n.moves[id]
	n.mu.Unlock()
	if m != nil {
		res, _ := m.get()
		return res, nil
	}
	for _, role := range []handover.Role{handover.SourceRole, handover.TargetRole} {
		r, err := n.store.Get(id, role)
		if err == nil {
			return migration(r, string(r.Phase)), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return api.Migration{}, err
		}
	}
	return api.Migration{}, fail(api.CodeNotFound, "no migration %q is known here", id)
}

// message is what a source tells a target that it has no channel to.
type message struct {
	Message string `json:"message"`
}

// told is the target's side of tell.
func (n *Node) told(ctx context.Context, id string, msg message) (api.Migration, error) {
	kind, ok := map[string]handover.Kind{
		handover.Commit.String(): handover.Commit, handover.CancelIt.String(): handover.CancelIt,
		handover.AskTarget.String(): handover.AskTarget,
	}[msg.Message]
	if !ok {
		return api.Migration{}, fail(api.CodeBadRequest, "migration %s: nobody says %q", id, msg.Message)
	}
	n.mu.Lock()
	m := n.moves[id]
	n.mu.Unlock()
	if m == nil {
		return n.migration(id)
	}
	was, changed := m.get()
	if was.Role != string(handover.TargetRole) {
		return api.Migration{}, fail(api.CodeConflict, "migration %s: this node is its source", id)
	}
	select {
	case m.events <- handover.Event{Kind: kind, Migration: id}:
	case <-ctx.Done():
		return api.Migration{}, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, tellLimit/2)
	defer cancel()
	for !decided(was.Phase) && (kind == handover.Commit || was.Phase != string(handover.Ready)) {
		select {
		case <-changed:
		case <-ctx.Done():
			return was, nil
		}
		was, changed = m.get()
	}
	return was, nil
}

// decided says that a target has nothing more to learn.
func decided(phase string) bool {
	switch handover.Phase(phase) {
	case handover.Active, handover.Dropped, handover.Lost:
		return true
	}
	return false
}

// tell gives the target a message outside the channel, and returns what it
// says as an event for the source; none if it cannot be reached or is not
// sure.
func (n *Node) tell(ctx context.Context, r handover.Record, k handover.Kind) (handover.Event, bool) {
	ctx, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	c, err := n.peer(r.Target)
	if err != nil {
		return handover.Event{}, false
	}
	var m api.Migration
	err = c.Call(ctx, http.MethodPost, "/v1/migrations/"+url.PathEscape(r.Migration), message{k.String()}, &m)
	var ae *api.Error
	if errors.As(err, &ae) && ae.Code == api.CodeNotFound && k == handover.AskTarget {
		return handover.Event{Kind: handover.Absent, Migration: r.Migration, Reason: ae.Message}, true
	}
	if err != nil {
		n.cfg.Log.Info("telling the target", "migration", r.Migration, "message", k.String(), "err", err)
		return handover.Event{}, false
	}
	kind, ok := map[string]handover.Kind{string(handover.Ready): handover.ReadyAtT, string(handover.Active): handover.Activated,
		string(handover.Dropped): handover.Absent, string(handover.Lost): handover.LostAtT}[m.Phase]
	return handover.Event{Kind: kind, Migration: r.Migration, Reason: m.Reason}, ok && m.Role == string(handover.TargetRole)
}

// ask asks the source what was decided, for the target.
func (n *Node) ask(ctx context.Context, r handover.Record) (handover.Event, bool) {
	ctx, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	c, err := n.peer(r.Source)
	if err != nil {
		return handover.Event{}, false
	}
	m, err := c.Migration(ctx, r.Migration)
	if err != nil || m.Role != string(handover.SourceRole) {
		n.cfg.Log.Info("asking the source", "migration", r.Migration, "err", err)
		return handover.Event{}, false
	}
	switch handover.Phase(m.Phase) {
	case handover.Committed, handover.Moved:
		return handover.Event{Kind: handover.Commit, Migration: r.Migration}, true
	case handover.Cancelled, handover.Reclaimed:
		return handover.Event{Kind: handover.CancelIt, Migration: r.Migration, Reason: m.Reason}, true
	}
	return handover.Event{}, false
}

func encodePlan(p plan) ([]byte, error) { return json.Marshal(p) }
