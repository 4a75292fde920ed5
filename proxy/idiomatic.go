package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"sojourn/engine"
	"sojourn/proxy/api"
	"sojourn/proxy/wire"
	"sojourn/snapshotfmt"
)

// checkpointMove is of a guest that moves by its last checkpoint: nothing is copied while it runs,
// it is held in its next checkpoint instead of frozen, and its state is a whole snapshot file.
type checkpointMove struct {
	file   []byte
	decide func(moved bool) // nil before it is held, and after
}

// byCheckpoint returns how a guest is to move by its last checkpoint: because that was asked for,
// or because the target can do nothing else. It returns nil for one that is to be frozen.
func (n *Node) byCheckpoint(ctx context.Context, g *guest, r api.MigrateRequest) (*checkpointMove, error) {
	switch {
	case !g.mod.Idiomatic() && r.Idiomatic:
		return nil, fail(api.CodeConflict, "guest %s: %v", g.id, engine.ErrNotIdiomatic)
	case !g.mod.Idiomatic() || !r.Idiomatic && !n.onWasmer(ctx, r.To):
		return nil, nil
	case len(g.libs) > 0:
		return nil, fail(api.CodeConflict, "guest %s is made of %d modules, and moves only by freezing it", g.id, len(g.libs)+1)
	case g.home != nil:
		return nil, failHint(api.CodeConflict, "move it by freezing it, to a node that is not on Wasmer", "guest %s has folders that go with it as they are, and its last checkpoint is older", g.id)
	case len(g.hubs) > 0:
		return nil, failHint(api.CodeConflict, "move it by freezing it, to a node that is not on Wasmer", "guest %s has a session, which does not go with its last checkpoint", g.id)
	}
	return &checkpointMove{}, nil
}

func (n *Node) onWasmer(ctx context.Context, url string) bool {
	c, err := n.peer(url)
	if err != nil {
		return false
	}
	there, err := c.Node(ctx)
	return err == nil && there.Engine == api.EngineWasmer
}

// hold takes the last checkpoint; until settle the guest makes no other.
func (o *outgoing) hold() error {
	s, decide, err := o.g.env.Hold(snapshotfmt.Meta{Instance: o.g.id, Epoch: o.m.Record.Epoch, Engine: o.g.kind})
	if err != nil {
		return err
	}
	o.last.decide = decide
	var file bytes.Buffer
	if err := s.Encode(&file); err != nil {
		return err
	}
	if file.Len() > maxState {
		return fmt.Errorf("the guest's checkpoint is a file of %d bytes, over the limit of %d", file.Len(), maxState)
	}
	o.last.file = file.Bytes()
	o.res.MemoryBytes, o.res.StopReason = int64(len(s.Last)), "idiomatic: the last checkpoint"
	return nil
}

func (m *checkpointMove) settle(moved bool) {
	if m.decide != nil {
		m.decide(moved)
		m.decide = nil
	}
}

func (o *outgoing) sendCheckpoint(ctx context.Context) error {
	if err := o.ch.sendAll(ctx, wire.State, o.last.file); err != nil {
		return err
	}
	sum := sha256.Sum256(o.last.file)
	_, err := o.ch.Send(wire.Final, append(make([]byte, 32), sum[:]...))
	return err
}

// verifyCheckpoint makes the guest of a checkpoint that has arrived whole.
func (in *incoming) verifyCheckpoint() error {
	f := in.fill
	if f == nil || !isClosed(f.done) || len(in.final) != 64 {
		return errors.New("the guest is not complete")
	}
	if f.err != nil {
		return f.err
	}
	if sum := sha256.Sum256(in.state); [32]byte(in.final[32:64]) != sum {
		return fmt.Errorf("the checkpoint's digest is %x here, %x at the source", sum, in.final[32:64])
	}
	dec, err := snapshotfmt.NewDecoder(bytes.NewReader(in.state), in.granted.Limits.Snapshot(1))
	if err != nil {
		return err
	}
	st, err := dec.State()
	if err != nil {
		return err
	}
	if !st.Idiomatic || dec.Manifest().Module != f.mod.Digest() {
		return errors.New("what has arrived is no checkpoint of the module in the plan")
	}
	home, err := in.files.complete(nil)
	if err != nil {
		return err
	}
	env, err := engine.Begin(in.n.ctx, f.mod, in.n.streams(in.g, in.granted), dec, st)
	if err != nil {
		home.leave()
		return err
	}
	in.g.runs(f.mod, env)
	in.g.home = home
	if err := home.own(in.g, in.plan.Epoch+1); err != nil || !in.n.cfg.Durable {
		return err
	}
	return in.n.writeImage(in.plan.Migration, in.plan, func(w *os.File) error {
		_, err := w.Write(in.state)
		return err
	})
}
