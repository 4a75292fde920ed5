package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"sojourn/proxy/api"
)

// drains are those in progress, by node.
type drains struct {
	mu sync.Mutex
	by map[string]context.CancelFunc
}

// begin is refused while the node is being drained. The context ends with
// the drain or by cancel.
func (d *drains) begin(ctx context.Context, name string) (context.Context, func(), error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.by[name] != nil {
		return nil, nil, &api.Error{Code: api.CodeConflict, Message: fmt.Sprintf("node %s is being drained already", name), Hint: "uncordon it to end that"}
	}
	if d.by == nil {
		d.by = make(map[string]context.CancelFunc)
	}
	ctx, cancel := context.WithCancel(ctx)
	d.by[name] = cancel
	return ctx, func() {
		cancel()
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.by, name)
	}, nil
}

func (d *drains) cancel(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if cancel := d.by[name]; cancel != nil {
		cancel()
	}
}

// drain is one in progress.
type drain struct {
	o     *Orchestrator
	node  string
	queue context.Context // ended by uncordon: what has not begun is dropped
	tell  func(Event)

	mu  sync.Mutex
	res DrainResult
}

// drainNode cordons a node and moves its guests off, those included that come
// up meanwhile. An error means that it did not begin; what could not be moved
// is in the result. If the orchestrator dies, the node stays cordoned and the
// next one has to be asked to drain it again.
func (o *Orchestrator) drainNode(ctx context.Context, name string, parallel int, tell func(Event)) (DrainResult, error) {
	n, err := o.nodes.get(name)
	if err != nil {
		return DrainResult{}, err
	}
	queue, done, err := o.drains.begin(ctx, n.Name)
	if err != nil {
		return DrainResult{}, err
	}
	defer done()
	if err := o.setCordon(ctx, n, true, queue.Err); err != nil {
		return DrainResult{}, fmt.Errorf("cordon of node %s: %w", n.Name, err)
	}
	d := &drain{
		o: o, node: n.Name, queue: queue, tell: tell,
		res: DrainResult{Node: n.Name, Moved: []Moved{}, Left: []Left{}},
	}
	if parallel <= 0 {
		parallel = o.cfg.Parallel
	}
	d.run(ctx, parallel)
	return d.res, nil
}

// run makes passes until one finds no guest that was not tried.
func (d *drain) run(ctx context.Context, parallel int) {
	tried := make(map[string]bool)
	for {
		ids := d.guests(ctx, tried)
		if len(ids) == 0 {
			return
		}
		var g errgroup.Group
		g.SetLimit(parallel)
		for _, id := range ids {
			tried[id] = true
			g.Go(func() error { d.off(ctx, id); return nil })
		}
		_ = g.Wait() // off keeps the errors
	}
}

// guests are those on the node that were not tried yet. A node that does not
// answer is taken at its last report.
func (d *drain) guests(ctx context.Context, tried map[string]bool) []string {
	if err := d.o.refresh(ctx, d.node); err != nil {
		d.o.cfg.Log.Warn("drain goes by the node's last report", "err", err)
	}
	var ids []string
	for _, g := range d.o.nodes.guests() {
		if g.Node == d.node && live(g.State) && !tried[g.ID] {
			ids = append(ids, g.ID)
		}
	}
	return ids
}

// off moves one guest, or writes down why not.
func (d *drain) off(ctx context.Context, id string) {
	var m Moved
	err := d.stopped()
	if err == nil {
		m, err = d.o.move(ctx, id, MigrateRequest{}, d.tell)
	}
	if err == nil {
		d.tell(Event{Guest: id, Event: api.Event{Result: m.Result}})
		d.mu.Lock()
		defer d.mu.Unlock()
		d.res.Moved = append(d.res.Moved, m)
		return
	}
	if d.gone(ctx, id) {
		return
	}
	left := Left{Guest: id, Error: asError(err)}
	var refused *Refused
	if errors.As(err, &refused) {
		left.Decision = &refused.Decision
	}
	d.tell(Event{Guest: id, Event: api.Event{Error: left.Error}})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.res.Left = append(d.res.Left, left)
}

// gone says that the node itself has the guest no more: it ended, or somebody
// else moved it.
func (d *drain) gone(ctx context.Context, id string) bool {
	if d.o.refresh(ctx, d.node) != nil {
		return false
	}
	g, err := d.o.nodes.find(id)
	return err == nil && (g.Node != d.node || !live(g.State))
}

func (d *drain) stopped() error {
	if d.queue.Err() == nil {
		return nil
	}
	return &api.Error{Code: api.CodeConflict, Message: fmt.Sprintf("node %s was uncordoned before this guest's turn", d.node)}
}

// uncordon lets a node have guests again and ends its drain.
func (o *Orchestrator) uncordon(ctx context.Context, name string) (NodeStatus, error) {
	n, err := o.nodes.get(name)
	if err != nil {
		return n, err
	}
	// First the drain: one that is about to cordon must see that it was ended.
	o.drains.cancel(n.Name)
	if err := o.setCordon(ctx, n, false, func() error { return nil }); err != nil {
		return n, fmt.Errorf("uncordon of node %s: %w", n.Name, err)
	}
	return o.nodes.get(n.Name)
}
