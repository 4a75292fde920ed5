package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"sojourn/proxy/api"
	"sojourn/proxy/handover"
	"sojourn/proxy/wire"
)

const (
	channelProtocol = "sojourn.handover.v1"

	dialLimit    = 10 * time.Second
	replyLimit   = 30 * time.Second // for an answer on the channel; also how long a guest is held
	compileLimit = 10 * time.Minute
	tellLimit    = 5 * time.Second // one question to another node
	cancelLimit  = time.Second     // for a migration that is not committed to end when its caller has gone
	askEvery     = 500 * time.Millisecond
	reserveLimit = time.Minute // without a word of the source
)

// plan is what of a plan's fields this node reads and writes; docs/PROTOCOL.md has them all.
type plan struct {
	Migration   string `json:"migration"`
	Instance    string `json:"instance"`
	Epoch       uint64 `json:"epoch"`
	Source      string `json:"source"`
	Module      string `json:"module"`
	ModuleSize  int64  `json:"module_size"`
	MemoryBytes uint64 `json:"memory_bytes"`
	Idiomatic   bool   `json:"idiomatic"`

	Libraries []json.RawMessage `json:"libraries,omitempty"`
	Spec      api.Spec          `json:"spec"`
}

// arrivalOf is a migration to this node, for questions from outside its loop.
type arrivalOf struct {
	asked chan question
	gone  chan struct{} // closed when the loop has ended

	state api.Migration // guarded by node.mu
}

// question is a message that came outside the channel; answered is closed when the machine has taken it.
type question struct {
	kind     handover.Kind
	answered chan struct{}
}

func newID() string {
	var id [8]byte
	_, _ = rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// join registers an arrival.
func (n *node) join(id string, a *arrivalOf) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.arriving[id] != nil {
		return fail(api.CodeConflict, "migration %s is in progress here", id)
	}
	n.arriving[id] = a
	return nil
}

func (n *node) leave(id string, a *arrivalOf) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.arriving, id)
	close(a.gone)
}

// migration tells what this node knows of a migration: of those to it, where they are; of those
// from it, and of old ones, what is on disk.
func (n *node) migration(id string) (api.Migration, error) {
	n.mu.Lock()
	a := n.arriving[id]
	n.mu.Unlock()
	if a != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		return a.state, nil
	}
	for _, role := range []handover.Role{handover.SourceRole, handover.TargetRole} {
		r, err := n.store.Get(id, role)
		if err == nil {
			return told(r, string(r.Phase)), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return api.Migration{}, err
		}
	}
	return api.Migration{}, fail(api.CodeNotFound, "no migration %q is known here", id)
}

func told(r handover.Record, phase string) api.Migration {
	return api.Migration{ID: r.Migration, Instance: r.Instance, Role: string(r.Role), Phase: phase, Epoch: r.Epoch,
		Source: r.Source, Target: r.Target, Reason: r.Reason}
}

// message is what a source tells a target that it has no channel to.
type message struct {
	Message string `json:"message"`
}

// serveTold takes such a message, and answers with what has come of it.
func (n *node) serveTold(r *http.Request, id string) (any, error) {
	var msg message
	if err := readJSON(r, &msg); err != nil {
		return nil, err
	}
	kind, ok := map[string]handover.Kind{handover.Commit.String(): handover.Commit, handover.CancelIt.String(): handover.CancelIt,
		handover.AskTarget.String(): handover.AskTarget}[msg.Message]
	if !ok {
		return nil, fail(api.CodeBadRequest, "migration %s: nobody says %q", id, msg.Message)
	}
	n.mu.Lock()
	a := n.arriving[id]
	n.mu.Unlock()
	if a == nil {
		return n.migration(id)
	}
	q := question{kind, make(chan struct{})}
	select {
	case a.asked <- q:
		select {
		case <-q.answered:
		case <-a.gone:
		}
	case <-a.gone:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return n.migration(id)
}

// tell gives the target a message outside the channel, and returns what it says as an event for
// the source; none if it cannot be reached or is not sure.
func (n *node) tell(ctx context.Context, r handover.Record, k handover.Kind) (handover.Event, bool) {
	ctx, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	c, err := api.NewClient(r.Target, api.Options{Token: n.token})
	if err != nil {
		return handover.Event{}, false
	}
	defer c.Close()
	var m api.Migration
	err = c.Call(ctx, http.MethodPost, "/v1/migrations/"+url.PathEscape(r.Migration), message{k.String()}, &m)
	if e, ok := errors.AsType[*api.Error](err); ok && e.Code == api.CodeNotFound && k == handover.AskTarget {
		return handover.Event{Kind: handover.Absent, Reason: e.Message}, true
	}
	if err != nil || m.Role != string(handover.TargetRole) {
		return handover.Event{}, false
	}
	kind, ok := map[handover.Phase]handover.Kind{handover.Ready: handover.ReadyAtT, handover.Active: handover.Activated,
		handover.Dropped: handover.Absent, handover.Lost: handover.LostAtT}[handover.Phase(m.Phase)]
	return handover.Event{Kind: kind, Reason: m.Reason}, ok
}

// ask asks the source what was decided.
func (n *node) ask(ctx context.Context, r handover.Record) (handover.Event, bool) {
	ctx, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	c, err := api.NewClient(r.Source, api.Options{Token: n.token})
	if err != nil {
		return handover.Event{}, false
	}
	defer c.Close()
	m, err := c.Migration(ctx, r.Migration)
	if err != nil || m.Role != string(handover.SourceRole) {
		return handover.Event{}, false
	}
	switch handover.Phase(m.Phase) {
	case handover.Committed, handover.Moved:
		return handover.Event{Kind: handover.Commit}, true
	case handover.Cancelled, handover.Reclaimed:
		return handover.Event{Kind: handover.CancelIt, Reason: m.Reason}, true
	}
	return handover.Event{}, false
}

// resume goes on with migrations that were undecided when the node's process ended. Guests end
// with it, so that none is here: a target says that it lost its guest, and a source only sees to
// it that the guest runs where it may have arrived.
func (n *node) resume() error {
	all, err := n.store.All()
	if err != nil {
		return err
	}
	for _, r := range all {
		switch {
		case r.Role == handover.SourceRole && (r.Phase == handover.Moving || r.Phase == handover.Ready || r.Phase == handover.Committed):
			n.do(func() {
				m, effects := handover.RestartSource(r)
				_ = (&departure{n: n, m: m}).drive(n.ctx, effects)
			})
		case r.Role == handover.TargetRole && r.Phase == handover.Ready:
			n.do(func() {
				a := &arrival{n: n, public: newArrivalOf()}
				if n.join(r.Migration, a.public) != nil {
					return
				}
				defer n.leave(r.Migration, a.public)
				m, effects := handover.RestartTarget(r)
				a.m = m
				a.apply(effects)
				a.loop(nil)
			})
		}
	}
	return nil
}

func newArrivalOf() *arrivalOf {
	return &arrivalOf{asked: make(chan question), gone: make(chan struct{})}
}

func happened(k handover.Kind) (handover.Event, bool) { return handover.Event{Kind: k}, true }

// outcome is ok, or Failed with the error.
func outcome(ok handover.Kind, err error) (handover.Event, bool) {
	if err != nil {
		return handover.Event{Kind: handover.Failed, Reason: err.Error()}, true
	}
	return happened(ok)
}

// put writes a record down.
func (n *node) put(r handover.Record) (handover.Event, bool) {
	if err := n.store.Put(r); err != nil {
		return handover.Event{Kind: handover.PersistFailed, Reason: err.Error()}, true
	}
	return happened(handover.Persisted)
}

func clip(s string) []byte { return []byte(s[:min(len(s), 8<<10)]) }

// badFrame says that a frame came that is not due.
func badFrame(got, due wire.Kind) error {
	return fmt.Errorf("%w: kind %d, %d is due", wire.ErrFrame, got, due)
}
