package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"sojourn/engine"
	"sojourn/engine/carry"
	"sojourn/engine/wasi"
	"sojourn/proxy/api"
	"sojourn/proxy/handover"
)

// home is where this node has the folders of one guest that go with it.
//
//	carried/ID/files/0, 1, ...   the carried folders, in the order of the guest's Dirs
//	carried/ID/owner.json        whose they are, from when this node may own the guest
//
// A home without owner.json is one that was never complete.
type home struct {
	n       *Node
	dir     string
	carried []string // the folders' names in the guest, in order
	fixed   []string // digests held in the store
	tree    *carry.Tree
}

// owner is what owner.json holds.
type owner struct {
	Instance string   `json:"instance"`
	Epoch    uint64   `json:"epoch"`
	Module   string   `json:"module"`
	Spec     api.Spec `json:"spec"`
}

const ownerName = "owner.json"

// newHome makes a home, empty, and has the mounts of a granted specification lie in it. It
// returns nil when the guest has no folder of this kind.
func (n *Node) newHome(id string, mounts []wasi.Mount) (*home, error) {
	h := &home{n: n, dir: filepath.Join(n.cfg.Dir, "carried", id)}
	some := false
	for i := range mounts {
		m := &mounts[i]
		switch {
		case m.Carried:
			m.Host = h.folder(len(h.carried))
			h.carried = append(h.carried, m.Guest)
		case m.Digest != "":
			m.Host = n.folders.Path(m.Digest)
		}
		some = some || m.Carried || m.Digest != ""
	}
	if !some {
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Join(h.dir, carry.FilesName), 0o700); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *home) folder(i int) string {
	return filepath.Join(h.dir, carry.FilesName, strconv.Itoa(i))
}

// hold keeps the folders that never change from leaving the store while the guest is here.
func (h *home) hold(mounts []wasi.Mount) error {
	if h == nil {
		return nil
	}
	for _, m := range mounts {
		if m.Digest == "" {
			continue
		}
		if !h.n.folders.Hold(m.Digest) {
			return failHint(api.CodeNotFound, "deploy a guest with the folder itself here, or let it arrive with a guest", "the folder %q, sha256-%s, is not on node %s", m.Guest, m.Digest, h.n.cfg.Name)
		}
		h.fixed = append(h.fixed, m.Digest)
	}
	return nil
}

// own writes down whose home it is: from now on it is not swept.
func (h *home) own(g *guest, epoch uint64) error {
	if h == nil {
		return nil
	}
	b, err := json.Marshal(owner{g.id, epoch, g.module, g.spec})
	if err != nil {
		return err
	}
	return handover.WriteFile(filepath.Join(h.dir, ownerName), b)
}

// leave gives up a home whose guest is not here any more: what is in it serves those that
// come. Nothing may be writing there.
func (h *home) leave() {
	if h == nil {
		return
	}
	for _, d := range h.fixed {
		h.n.folders.Release(d)
	}
	h.fixed = nil
	var err error
	if h.tree != nil && h.tree.Bytes() > 0 && h.n.folders.Room(h.tree) {
		_ = os.Remove(filepath.Join(h.dir, ownerName))
		err = h.n.folders.Keep("left-"+newID(), h.dir, h.tree)
	} else {
		err = carry.RemoveAll(h.dir)
	}
	if err != nil {
		h.n.cfg.Log.Warn("clearing a guest's folders away", "dir", h.dir, "err", err)
	}
}

// release is of a guest that has ended: its carried folders stay until somebody forgets it.
func (h *home) release() {
	if h == nil {
		return
	}
	for _, d := range h.fixed {
		h.n.folders.Release(d)
	}
	h.fixed = nil
	if len(h.carried) == 0 {
		h.leave()
	}
}

// leftHome is a home that an earlier process left.
type leftHome struct {
	owner
	home *home
}

// findHomes looks at what an earlier process left, and removes what nobody owns: homes
// that were never complete, and those of guests that moved or never came.
func (n *Node) findHomes(recs []handover.Record) error {
	list, err := os.ReadDir(filepath.Join(n.cfg.Dir, "carried"))
	if err != nil {
		return fmt.Errorf("node: state folder: %w", err)
	}
	for _, d := range list {
		dir := filepath.Join(n.cfg.Dir, "carried", d.Name())
		o, err := readOwner(filepath.Join(dir, ownerName))
		if err != nil || o.gone(recs) {
			if err := carry.RemoveAll(dir); err != nil {
				return err
			}
			continue
		}
		h := &home{n: n, dir: dir}
		for _, s := range o.Spec.Dirs {
			if f, err := engine.ParseFolder(s); err == nil && f.Sharing == engine.Carried {
				h.carried = append(h.carried, f.Guest)
			}
		}
		n.left = append(n.left, leftHome{o, h})
	}
	return nil
}

func readOwner(path string) (o owner, err error) {
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &o)
	}
	if err == nil && o.Instance == "" {
		err = errors.New("no instance")
	}
	return o, err
}

// gone says that a home's guest went on elsewhere by the records.
func (o *owner) gone(recs []handover.Record) bool {
	for _, r := range recs {
		if r.Instance != o.Instance {
			continue
		}
		switch r.Phase {
		case handover.Moved:
			if r.Epoch >= o.Epoch {
				return true
			}
		case handover.Dropped, handover.Lost:
			if r.Epoch+1 == o.Epoch {
				return true
			}
		}
	}
	return false
}

// lost makes a guest of each home that an earlier process left and that no record speaks
// of: its memory died with the process, its files did not.
func (n *Node) lost(recs []handover.Record) {
	known := map[string]bool{}
	for _, r := range recs {
		known[r.Instance] = true
	}
	for _, l := range n.left {
		if !known[l.Instance] {
			g := newGuest(l.Instance, l.Spec, l.Epoch)
			g.module, g.home = l.Module, l.home
			g.err = errors.New("its process died; the folders that it carried are here still")
			n.own(g)
		}
	}
}

// takeHome returns the newest home that an earlier process left of an instance, nil when
// there is none, and removes the others.
func (n *Node) takeHome(instance string) *home {
	n.mu.Lock()
	var mine []leftHome
	rest := n.left[:0]
	for _, l := range n.left {
		if l.Instance == instance {
			mine = append(mine, l)
		} else {
			rest = append(rest, l)
		}
	}
	n.left = rest
	n.mu.Unlock()
	var newest *leftHome
	for i := range mine {
		if newest == nil || mine[i].Epoch > newest.Epoch {
			newest = &mine[i]
		}
	}
	for i := range mine {
		if &mine[i] != newest {
			mine[i].home.leave()
		}
	}
	if newest == nil {
		return nil
	}
	return newest.home
}

// dropHomes removes what an earlier process left of an instance that is elsewhere, or runs
// on here from an image.
func (n *Node) dropHomes(instance string) { n.takeHome(instance).leave() }
