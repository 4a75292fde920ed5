package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"sojourn/proxy/api"
)

const (
	maxTries  = 5               // targets tried, and nodes asked for a guest that moved
	askWithin = 5 * time.Second // for a node to tell of itself
)

// move picks a target and has the source migrate the guest to it. It tells of
// each decision and each step. Where the orchestrator picks, a target that the
// migration failed with before commit is followed by the next best.
func (o *Orchestrator) move(ctx context.Context, id string, r MigrateRequest, tell func(Event)) (Moved, error) {
	if err := o.nodes.begin(id); err != nil {
		return Moved{}, err
	}
	defer o.nodes.end(id)
	ctx, cancel := context.WithTimeout(ctx, o.cfg.MigrateLimit)
	defer cancel()
	if r.To != "" {
		if _, err := o.nodes.get(r.To); err != nil {
			return Moved{}, err
		}
	}
	refused := make(map[string]string)
	for try := 1; ; try++ {
		m, err := o.try(ctx, id, r, refused, tell)
		if err == nil || try == maxTries || !o.again(id, r, m, err, refused) {
			return m, err
		}
	}
}

// try makes one decision and one migration.
func (o *Orchestrator) try(ctx context.Context, id string, r MigrateRequest, refused map[string]string, tell func(Event)) (Moved, error) {
	g, err := o.source(id)
	if err != nil {
		return Moved{}, err
	}
	src, err := o.nodes.get(g.Node)
	if err != nil {
		return Moved{}, err
	}
	d, target, undo := o.nodes.place(Need{
		Guest: id, Source: g.Node, Memory: g.MemoryBytes, Protocol: src.Protocol,
		Engine: r.Engine, To: r.To, Refused: refused, ByItself: g.Idiomatic && g.Session == "" && len(g.Dirs) == 0,
	})
	defer undo()
	m := Moved{Decision: d}
	if r.DryRun && d.Target != "" {
		return m, nil
	}
	tell(Event{Guest: id, Decision: &d})
	if d.Target == "" {
		return m, &Refused{Decision: d, Err: noTarget(id, r.To)}
	}
	res, err := o.ask(ctx, src, target, id, r, tell)
	if err != nil {
		return m, &Refused{Decision: d, Err: asError(err)}
	}
	o.nodes.departed(id, src.Name, target.URL)
	o.nodes.arrived(g.Guest, target.URL, res.Epoch)
	m.Result = &res
	return m, nil
}

// again says whether a failed try is worth another, and prepares it.
func (o *Orchestrator) again(id string, r MigrateRequest, m Moved, err error, refused map[string]string) bool {
	if m.Decision.Target == "" {
		return false
	}
	switch e := asError(err); e.Code {
	case api.CodeMoved:
		if _, err := o.nodes.get(e.Location); err != nil {
			return false
		}
		o.nodes.departed(id, m.Decision.Source, e.Location)
		return true
	case api.CodeMigrationFault, api.CodeNoCapacity, api.CodeNotAllowed:
		refused[m.Decision.Target] = e.Message
		return r.To == ""
	}
	return false
}

// source is the guest, on a node that can be asked to migrate it.
func (o *Orchestrator) source(id string) (GuestStatus, error) {
	g, err := o.nodes.find(id)
	switch {
	case err != nil:
		return g, err
	case !live(g.State):
		return g, &api.Error{Code: api.CodeConflict, Message: fmt.Sprintf("guest %s is not running: %s on node %s", id, g.State, g.Node)}
	case g.NodeState == NodeLost:
		return g, &api.Error{
			Code:    CodeNodeLost,
			Message: fmt.Sprintf("guest %s is on node %s, which is lost", id, g.Node),
			Hint:    "it may well be running there; see that the node runs and can reach the orchestrator",
		}
	}
	return g, nil
}

func noTarget(id, to string) *api.Error {
	if to != "" {
		return &api.Error{Code: CodeNoTarget, Message: fmt.Sprintf("node %s cannot take guest %s", to, id), Hint: "the decision says why"}
	}
	return &api.Error{Code: CodeNoTarget, Message: fmt.Sprintf("no node can take guest %s", id), Hint: "the decision says why for each"}
}

// ask has the source migrate the guest straight to the target, and follows it.
func (o *Orchestrator) ask(ctx context.Context, src, target NodeStatus, id string, r MigrateRequest, tell func(Event)) (api.MigrateResult, error) {
	c, err := o.client(src.URL)
	if err != nil {
		return api.MigrateResult{}, err
	}
	defer c.Close()
	req := api.MigrateRequest{To: target.URL, DowntimeMillis: r.DowntimeMillis, MaxRounds: r.MaxRounds}
	res, err := c.Migrate(ctx, id, req, func(p api.Progress) {
		tell(Event{Guest: id, Event: api.Event{Progress: &p}})
	})
	if err == nil {
		return res, nil
	}
	var stated *api.Error
	var dial *net.OpError
	switch {
	case errors.As(err, &stated):
		return res, stated
	case errors.As(err, &dial) && dial.Op == "dial":
		return res, &api.Error{
			Code:    CodeUnreachable,
			Message: fmt.Sprintf("node %s, which has guest %s, does not answer: %v", src.Name, id, err),
			Hint:    "nothing was started; see that the orchestrator can reach " + src.URL,
		}
	}
	return res, &api.Error{
		Code:    api.CodeInDoubt,
		Message: fmt.Sprintf("lost touch with node %s: %v", src.Name, err),
		Hint:    fmt.Sprintf("%s and %s settle it between themselves; their next reports tell who has the guest", src.Name, target.Name),
	}
}

// refresh asks a node how it is, rather than wait for its next report.
func (o *Orchestrator) refresh(ctx context.Context, name string) error {
	n, err := o.nodes.get(name)
	if err != nil {
		return err
	}
	c, err := o.client(n.URL)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	now, err := c.Node(ctx)
	if err != nil {
		return fmt.Errorf("node %s at %s: %w", name, n.URL, err)
	}
	if now.Name != name {
		return fmt.Errorf("node %s at %s says that it is %q", name, n.URL, now.Name)
	}
	o.nodes.refresh(now)
	return nil
}

func (o *Orchestrator) client(url string) (*api.Client, error) {
	return api.NewClient(url, api.Options{Token: o.cfg.NodeToken, TLS: o.cfg.NodeTLS})
}

// asError is err as callers see it.
func asError(err error) *api.Error {
	var e *api.Error
	if errors.As(err, &e) {
		return e
	}
	return &api.Error{Code: api.CodeInternal, Message: err.Error()}
}
