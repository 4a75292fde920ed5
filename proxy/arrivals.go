package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sojourn/engine/carry"
	"sojourn/engine/wasi"
	"sojourn/proxy/wire"
)

// arrivals are a guest's folders as they come to a target.
type arrivals struct {
	n      *Node
	mounts []wasi.Mount
	home   *home
	root   *os.Root
	site   *carry.Site // of the carried folders
	sum    [32]byte    // of the tree that it has, or is to have

	tree  []byte   // as far as it has arrived
	fixed *fixing  // a folder that never changes, on its way
	now   building // what chunks are for
}

// building is a folder, or all carried ones, and which chunks are to come.
type building struct {
	site *carry.Site
	want []carry.Sum
}

// fixing is a folder that goes into the store once it is whole.
type fixing struct {
	dir    string
	root   *os.Root
	digest string
	tree   *carry.Tree
}

// newArrivals prepares a home for a guest that is coming; nil when it needs none.
func (n *Node) newArrivals(migration string, mounts []wasi.Mount) (*arrivals, error) {
	h, err := n.newHome(migration, mounts)
	if h == nil || err != nil {
		return nil, err
	}
	a := &arrivals{n: n, mounts: mounts, home: h}
	if a.root, err = os.OpenRoot(h.dir); err == nil {
		a.site, err = carry.NewSite(a.root, carry.FilesName, carry.ParkName)
	}
	if err != nil {
		a.drop()
		return nil, err
	}
	return a, nil
}

// lacks says for each folder that never changes whether it has to be sent.
func (a *arrivals) lacks() []byte {
	if a == nil {
		return nil
	}
	var list []byte
	for _, m := range a.mounts {
		if m.Digest != "" {
			list = append(list, boolByte(a.n.folders.Tree(m.Digest) == nil))
		}
	}
	return list
}

// takeTree takes a piece of a tree. With the last it returns which chunks are wanted.
func (a *arrivals) takeTree(b []byte) (answer []byte, err error) {
	if a == nil || len(b) < 2 || b[1] > 1 || len(a.now.want) > 0 {
		return nil, fmt.Errorf("%w: a tree that is not due", wire.ErrFrame)
	}
	if len(a.tree)+len(b) > carry.MaxTree {
		return nil, carry.ErrTooLarge
	}
	a.tree = append(a.tree, b[2:]...)
	if b[1] == 0 {
		return nil, nil
	}
	tree := a.tree
	a.tree = nil
	t, err := carry.Decode(tree)
	if err != nil {
		return nil, err
	}
	a.sum, a.now.site = sha256.Sum256(tree), a.site
	if b[0] > 0 {
		if err := a.beginFixed(int(b[0])-1, t, a.sum); err != nil {
			return nil, err
		}
	} else if err := a.check(t); err != nil {
		return nil, err
	}
	if a.now.want, err = a.now.site.Expect(t, a.n.cfg.MaxFiles, a.n.folders); err != nil {
		return nil, err
	}
	answer = carry.AppendWant(nil, t, a.now.want)
	if len(a.now.want) == 0 {
		err = a.built()
	}
	return answer, err
}

// check refuses a tree that is not of the guest's carried folders.
func (a *arrivals) check(t *carry.Tree) error {
	names := map[string]bool{}
	for i := range a.home.carried {
		names[filepath.Base(a.home.folder(i))] = true
	}
	for _, e := range t.Top() {
		if !names[e.Path] || e.Kind != carry.Dir {
			return fmt.Errorf("%q is none of the guest's folders", e.Path)
		}
		delete(names, e.Path)
	}
	if len(names) > 0 {
		return fmt.Errorf("%d of the guest's %d folders are missing", len(names), len(a.home.carried))
	}
	return nil
}

// beginFixed prepares to take the i-th folder that never changes.
func (a *arrivals) beginFixed(i int, t *carry.Tree, sum [32]byte) error {
	for _, m := range a.mounts {
		if m.Digest == "" {
			continue
		}
		if i--; i >= 0 {
			continue
		}
		if m.Digest != hex.EncodeToString(sum[:]) {
			return fmt.Errorf("folder %q is to have the digest %s, and comes with %x", m.Guest, m.Digest, sum)
		}
		dir, err := os.MkdirTemp(filepath.Join(a.n.cfg.Dir, "carried"), "copy-")
		if err != nil {
			return err
		}
		a.fixed = &fixing{dir: dir, digest: m.Digest, tree: t}
		if a.fixed.root, err = os.OpenRoot(dir); err != nil {
			return err
		}
		a.now.site, err = carry.NewSite(a.fixed.root, carry.FilesName, carry.ParkName)
		return err
	}
	return errors.New("a folder that the guest does not have")
}

// takeChunks takes a batch of the chunks that are wanted.
func (a *arrivals) takeChunks(b []byte) (err error) {
	if a == nil || len(a.now.want) == 0 {
		return fmt.Errorf("%w: chunks that are not due", wire.ErrFrame)
	}
	if a.now.want, err = a.now.site.Take(b, a.now.want); err != nil || len(a.now.want) > 0 {
		return err
	}
	return a.built()
}

// built is when all chunks that were to come have come, or were left out.
func (a *arrivals) built() error {
	if err := a.now.site.Lay(); err != nil {
		return err
	}
	f := a.fixed
	if f == nil {
		return nil
	}
	a.fixed = nil
	if !a.now.site.Whole() {
		return errors.Join(fmt.Errorf("folder sha256-%s did not come whole", f.digest), f.drop())
	}
	return errors.Join(f.root.Close(), a.n.folders.Keep(f.digest, f.dir, f.tree))
}

func (f *fixing) drop() error { return errors.Join(f.root.Close(), carry.RemoveAll(f.dir)) }

// complete checks that the folders are as the source says that they are in the end, and
// returns the guest's home. The arrivals are used up.
func (a *arrivals) complete(sum []byte) (*home, error) {
	if a == nil {
		if len(sum) > 0 {
			return nil, errors.New("the source says that there are folders, and the guest has none")
		}
		return nil, nil
	}
	switch {
	case len(a.home.carried) > 0 && (!a.site.Whole() || len(a.now.want) > 0 || a.tree != nil):
		return nil, errors.New("the guest's folders are not complete")
	case len(a.home.carried) > 0 && string(sum) != string(a.sum[:]):
		return nil, fmt.Errorf("the digest of the guest's folders is %x here, %x at the source", a.sum, sum)
	}
	if err := a.home.hold(a.mounts); err != nil {
		return nil, err
	}
	a.home.tree = a.site.Tree()
	err := errors.Join(a.site.Close(), a.root.Close())
	h := a.home
	a.home = nil
	return h, err
}

// drop gives up what has come; it spares the next attempt the sending.
func (a *arrivals) drop() {
	if a == nil || a.home == nil {
		return
	}
	if a.fixed != nil {
		_ = a.fixed.drop()
	}
	if a.site != nil {
		_ = a.site.Close()
		a.home.tree = a.site.Tree()
	}
	if a.root != nil {
		_ = a.root.Close()
	}
	a.home.leave()
	a.home = nil
}
