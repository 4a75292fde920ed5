package proxy

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"sojourn/proxy/api"
	"sojourn/snapshotfmt"
)

// engineWasmer is what a node of sojourn-wasmer says that it runs guests with.
const engineWasmer = "wasmer"

// idiomatic reports whether a guest is to move by its last checkpoint: because that was
// asked for, or because the target can do nothing else.
func (n *Node) idiomatic(ctx context.Context, g *guest, r api.MigrateRequest) bool {
	if r.Idiomatic || !g.mod.Idiomatic() {
		return r.Idiomatic
	}
	c, err := n.peer(r.To)
	if err != nil {
		return false
	}
	there, err := c.Node(ctx)
	return err == nil && there.Engine == engineWasmer
}

// migrateIdiomatic moves a guest by its last checkpoint. The guest is this node's until
// the target says that it has it, and makes no other checkpoint meanwhile. When the
// target's answer is lost nobody knows: the guest then stays held, so that there are never
// two that make checkpoints, until it is stopped. The caller holds the guest's lock.
func (n *Node) migrateIdiomatic(ctx context.Context, g *guest, r api.MigrateRequest) (api.MigrateResult, error) {
	began := time.Now()
	stays := func(err error) (api.MigrateResult, error) {
		return api.MigrateResult{}, fail(api.CodeMigrationFault, "guest %s stays: %v", g.id, err)
	}
	c, err := n.peer(r.To)
	if err != nil {
		return stays(err)
	}
	if err := c.PutModule(ctx, g.mod.Bytes()); err != nil {
		return stays(err)
	}
	asked := time.Now()
	s, decide, err := g.env.Hold(snapshotfmt.Meta{Instance: g.id, Epoch: 1, Engine: g.kind})
	if err != nil {
		return api.MigrateResult{}, fail(api.CodeConflict, "guest %s: %v", g.id, err)
	}
	var file bytes.Buffer
	if err := s.Encode(&file); err != nil {
		decide(false)
		return stays(err)
	}
	size := int64(file.Len())
	spec := g.spec
	spec.Engine = ""
	there, err := c.Restore(context.WithoutCancel(ctx), &file, spec)
	var refused *api.Error
	switch {
	case errors.As(err, &refused):
		decide(false)
		return stays(err)
	case err != nil:
		return api.MigrateResult{}, failHint(api.CodeInDoubt, "look there, and stop it here if it is there", "guest %s may be at %s, and is held here: %v", g.id, r.To, err)
	}
	g.mu.Lock()
	g.movedTo = strings.TrimRight(r.To, "/")
	g.mu.Unlock()
	decide(true)
	return api.MigrateResult{ID: there.ID, From: n.URL(), To: r.To, Epoch: 1, TotalMS: sinceMillis(began), DowntimeMS: sinceMillis(asked),
		BytesSent: size, MemoryBytes: int64(len(s.Last)), StopReason: "idiomatic: the last checkpoint"}, nil
}

func sinceMillis(t time.Time) float64 { return float64(time.Since(t).Microseconds()) / 1000 }
