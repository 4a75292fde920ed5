package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"sojourn/proxy/api"
	"sojourn/proxy/handover"
)

// resume goes on with what the records left: migrations that are undecided,
// and guests that this node owns and may have an image of. Of several records
// of one instance the one of the highest epoch counts, and older ones that
// are decided say nothing any more.
func (n *Node) resume() error {
	recs, err := n.store.All()
	if err != nil {
		return err
	}
	if err := n.findHomes(recs); err != nil {
		return err
	}
	n.lost(recs)
	newest := map[string]handover.Record{}
	for _, r := range recs {
		if old, ok := newest[r.Instance]; !ok || later(r, old) {
			newest[r.Instance] = r
		}
	}
	for _, r := range recs {
		if newest[r.Instance] != r && settled(r) {
			continue
		}
		if r.Role == handover.SourceRole {
			n.start(func() { n.resumeSource(r) })
		} else {
			n.start(func() { n.resumeTarget(r) })
		}
	}
	return nil
}

func later(a, b handover.Record) bool {
	if a.Epoch != b.Epoch {
		return a.Epoch > b.Epoch
	}
	ea, _ := a.Owner()
	eb, _ := b.Owner()
	return ea > eb || !settled(a) && settled(b)
}

// settled says that a record is at an end.
func settled(r handover.Record) bool {
	switch r.Phase {
	case handover.Moving, handover.Ready, handover.Committed:
		return false
	}
	return true
}

func (n *Node) resumeSource(r handover.Record) {
	o := &outgoing{n: n, mv: newMove(), req: api.MigrateRequest{To: r.Target}}
	if n.join(r.Migration, o.mv) != nil {
		return
	}
	defer n.leave(r.Migration)
	if r.Phase == handover.Moved {
		n.own(n.departed(r))
		return
	}
	m, effects := handover.RestartSource(r)
	o.m = m
	if err := o.drive(n.ctx, effects); err != nil {
		n.cfg.Log.Warn("a migration stays undecided", "migration", r.Migration, "err", err)
		return
	}
	if o.m.Record.Phase == handover.Moved {
		n.own(n.departed(o.m.Record))
	}
}

// departed is a guest that is remembered so that clients can be sent on.
func (n *Node) departed(r handover.Record) *guest {
	n.dropHomes(r.Instance)
	g := newGuest(r.Instance, api.Spec{}, r.Epoch+1)
	g.movedTo, g.migration = r.Target, r.Migration
	return g
}

// recover runs the guest that this source owns, if it has an image of it.
func (o *outgoing) recover() {
	r := o.m.Record
	epoch, _ := r.Owner()
	g, err := o.n.readImage(r, epoch)
	if err != nil {
		g = o.n.lostWith(r.Instance, epoch, err)
	}
	g.migration = r.Migration
	o.g = g
	_ = o.n.openPorts(g, false)
	o.n.own(g)
	if g.env != nil {
		if err := g.env.Thaw(); err != nil {
			o.n.cfg.Log.Error("thawing a guest from its image", "guest", g.id, "err", err)
		}
	}
}

func (n *Node) resumeTarget(r handover.Record) {
	in := &incoming{n: n, mv: newMove()}
	if n.join(r.Migration, in.mv) != nil {
		return
	}
	defer n.leave(r.Migration)
	defer in.release()
	m, effects := handover.RestartTarget(r)
	in.m = m
	in.apply(effects)
	in.loop(n.ctx, nil)
}

// recover holds, or runs, the guest that this target has an image of.
func (in *incoming) recover() (handover.Event, bool) {
	g, err := in.n.readImage(in.m.Record, in.m.Record.Epoch+1)
	if in.m.Step == handover.TActive {
		if err != nil {
			g = in.n.lostWith(in.m.Record.Instance, in.m.Record.Epoch+1, err)
		}
		in.g = g
		_ = in.n.openPorts(g, false)
		in.n.own(g)
		if g.env != nil {
			if err := g.env.Thaw(); err != nil {
				in.n.cfg.Log.Error("thawing a guest from its image", "guest", g.id, "err", err)
			}
		}
		return handover.Event{}, false
	}
	if err != nil {
		return handover.Event{Kind: handover.RecoverFailed, Reason: err.Error()}, true
	}
	in.g = g
	return happened(handover.Recovered)
}

// readImage reads the image that was kept for a migration; its guest is
// Frozen.
func (n *Node) readImage(r handover.Record, epoch uint64) (*guest, error) {
	if !n.cfg.Durable {
		return nil, errors.New("the node keeps no images")
	}
	path := n.imagePath(r.Migration)
	b, err := os.ReadFile(path + ".plan")
	if err != nil {
		return nil, err
	}
	var p plan
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	g := newGuest(r.Instance, p.Spec, epoch)
	g.image, g.migration = path, r.Migration
	if err := n.thaw(context.WithoutCancel(n.ctx), g, f, true); err != nil {
		return nil, err
	}
	if err := g.home.own(g, epoch); err != nil {
		err = errors.Join(err, g.env.Close())
		g.home.leave()
		return nil, err
	}
	n.dropHomes(r.Instance) // the image has the folders as they belong to its memory
	return g, nil
}

// lostWith is a guest whose memory is gone. The folders that it carried may be here.
func (n *Node) lostWith(instance string, epoch uint64, why error) *guest {
	g := newGuest(instance, api.Spec{}, epoch)
	g.err = fmt.Errorf("its process died, and no image of it can be run: %w", why)
	g.home = n.takeHome(instance)
	return g
}
