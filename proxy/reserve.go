package proxy

import (
	"fmt"

	"sojourn/proxy/handover"
)

// reserve checks the plan against what this node grants and has.
func (in *incoming) reserve() error {
	p, n := in.plan, in.n
	if p.Instance == "" || len(p.Instance) > 64 || p.Epoch == 0 {
		return fmt.Errorf("the plan names no instance, or no epoch")
	}
	if _, err := n.peer(p.Source); err != nil {
		return fmt.Errorf("the plan's source: %w", err)
	}
	if len(p.Libraries) > maxLibraries {
		return fmt.Errorf("the guest has %d libraries, this node takes %d", len(p.Libraries), maxLibraries)
	}
	for _, m := range p.modules() {
		if m.Size < 0 || m.Size > n.cfg.MaxModule {
			return fmt.Errorf("module %.12s has %d bytes, this node takes %d", m.Module, m.Size, n.cfg.MaxModule)
		}
	}
	spec, err := n.grant(p.Spec, true)
	if err != nil {
		return err
	}
	if err := sameStorage(spec.Mounts, p.Storage); err != nil {
		return err
	}
	if in.files, err = n.newArrivals(p.Migration, spec.Mounts); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if old := n.guests[p.Instance]; old != nil {
		if old.live() {
			return fmt.Errorf("guest %s runs here, or is still leaving", p.Instance)
		}
		if old.at() > p.Epoch {
			return fmt.Errorf("guest %s was here at epoch %d, and the plan is of epoch %d", p.Instance, old.at(), p.Epoch)
		}
	}
	if free := n.freeMemory(); free < p.MemoryBytes {
		return fmt.Errorf("the guest needs %d bytes of memory, %d are free on %s", p.MemoryBytes, free, n.cfg.Name)
	}
	if live := n.countLive(); live >= n.cfg.MaxGuests {
		return fmt.Errorf("node %s has %d guests, its limit", n.cfg.Name, live)
	}
	n.reserved += p.MemoryBytes
	in.reserved, in.granted = p.MemoryBytes, spec
	in.g = newGuest(p.Instance, p.Spec, p.Epoch+1)
	in.g.migration = p.Migration
	return nil
}

// release gives back everything but a guest that was activated.
func (in *incoming) release() {
	in.n.mu.Lock()
	in.n.reserved -= in.reserved
	in.reserved = 0
	in.n.mu.Unlock()
	if in.fill != nil {
		in.fill.close()
	}
	if in.m.Step == handover.TActive {
		return
	}
	in.files.drop()
	if in.g == nil || in.g.env == nil {
		return
	}
	in.g.kill(errMoved)
	if err := in.g.env.Close(); err != nil {
		in.n.cfg.Log.Warn("closing a guest that did not come", "guest", in.g.id, "err", err)
	}
	in.g.env = nil
	in.g.home.leave()
	in.g.home = nil
	if in.m.Over() {
		in.n.dropImage(in.n.imagePath(in.m.Record.Migration))
	}
}

// activate runs the guest: it is this node's own now.
func (in *incoming) activate() {
	in.n.mu.Lock()
	in.n.reserved -= in.reserved
	in.reserved = 0
	in.n.mu.Unlock()
	if in.n.cfg.Durable {
		in.g.image = in.n.imagePath(in.m.Record.Migration)
	}
	_ = in.n.openPorts(in.g, false)
	in.n.own(in.g)
	if err := in.g.env.Thaw(); err != nil {
		in.n.cfg.Log.Error("thawing a guest that arrived", "guest", in.g.id, "err", err)
	}
}

// own makes the node responsible for a guest that it owns by a record: there
// is no refusing it any more.
func (n *Node) own(g *guest) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.remember(g)
	if g.env == nil {
		return
	}
	if n.closed {
		_ = g.env.Close()
		return
	}
	n.wg.Go(func() { n.watch(g) })
}

func (g *guest) at() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.epoch
}

// countLive counts guests whose environment is here. The caller holds n.mu.
func (n *Node) countLive() int {
	live := 0
	for _, g := range n.guests {
		if g.live() {
			live++
		}
	}
	return live
}
