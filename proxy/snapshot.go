package proxy

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"sojourn/engine"
	"sojourn/proxy/api"
	"sojourn/snapshotfmt"
)

// Snapshot writes a guest's snapshot file; the guest stands only until the
// file is on this node's disk, however slow w is.
func (n *Node) Snapshot(ctx context.Context, id string, w io.Writer) error {
	g, err := n.guest(id)
	if err != nil {
		return err
	}
	if err := g.here(); err != nil {
		return err
	}
	if !g.tryLock() {
		return failHint(api.CodeConflict, "try again when it is over", "guest %s is being moved or written down", id)
	}
	f, err := os.CreateTemp(filepath.Join(n.cfg.Dir, "images"), ".tmp-*")
	if err != nil {
		g.unlock()
		return err
	}
	defer func() { _, _ = f.Close(), os.Remove(f.Name()) }()
	err = n.checkpoint(ctx, g, f)
	g.unlock()
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

// checkpoint freezes the guest, writes it down and lets it go on. The caller
// holds the guest's lock.
func (n *Node) checkpoint(ctx context.Context, g *guest, w io.Writer) error {
	fctx, cancel := context.WithTimeout(ctx, n.cfg.FreezeLimit)
	defer cancel()
	if err := g.env.Freeze(fctx); err != nil {
		n.thawSoon(g)
		return fail(api.CodeConflict, "guest %s: %v", g.id, err)
	}
	return errors.Join(n.writeDown(g, w), g.env.Thaw())
}

// thawSoon undoes a freeze that took too long, as soon as it has succeeded.
func (n *Node) thawSoon(g *guest) {
	n.start(func() {
		if g.env.Freeze(n.ctx) == nil {
			_ = g.env.Thaw()
		}
	})
}

// writeDown writes a frozen guest's snapshot.
func (n *Node) writeDown(g *guest, w io.Writer) error {
	g.mu.Lock()
	epoch := g.epoch
	g.mu.Unlock()
	return g.env.Snapshot(w, snapshotfmt.Meta{Instance: g.id, Epoch: epoch, Engine: g.kind})
}

// Restore runs the guest in a snapshot file, under the rights in spec, as a
// new instance.
func (n *Node) Restore(ctx context.Context, r io.Reader, spec api.Spec) (api.Guest, error) {
	g := newGuest(newID(), spec, 1)
	if err := n.thaw(ctx, g, r, false); err != nil {
		return api.Guest{}, err
	}
	err := n.openPorts(g, true)
	if err == nil {
		if err = n.adopt(g); err != nil {
			n.closePorts(g.id)
		}
	}
	if err != nil {
		err = errors.Join(err, g.env.Close())
		g.home.leave()
		return api.Guest{}, err
	}
	if err := g.env.Thaw(); err != nil {
		return api.Guest{}, err
	}
	return n.describe(g), nil
}

// thaw reads a snapshot into g's environment, which is Frozen then.
func (n *Node) thaw(ctx context.Context, g *guest, r io.Reader, arrived bool) error {
	granted, err := n.grant(g.spec, true)
	if err != nil {
		return err
	}
	granted = n.streams(g, granted)
	dec, err := snapshotfmt.NewDecoder(r, granted.Limits.Snapshot(maxLibraries+1))
	if err != nil {
		return fail(api.CodeBadSnapshot, "%v", err)
	}
	var libraries []api.Library
	for _, l := range dec.Manifest().Libraries {
		libraries = append(libraries, api.Library{Name: l.Name, Module: hexDigest(l.Module)})
	}
	mod, err := n.module(ctx, libraries, hexDigest(dec.Manifest().Module), n.engineFor(g.spec.Engine, arrived))
	if err != nil {
		return err
	}
	home, err := n.newHome(newID(), granted.Mounts)
	if err != nil {
		return err
	}
	if err := home.hold(granted.Mounts); err != nil {
		home.leave()
		return err
	}
	env, err := engine.Thawed(ctx, mod, granted, dec)
	if err != nil {
		home.leave()
		return fail(api.CodeBadSnapshot, "%v", err)
	}
	g.home = home
	g.runs(mod, env)
	return nil
}
