package proxy

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"sojourn/engine"
	"sojourn/engine/carry"
	"sojourn/engine/wasi"
	"sojourn/proxy/api"
)

// folder checks one folder that a guest asks for. The Host of one that is carried or has a
// digest is a folder to begin with: of a guest that was deployed elsewhere there is none.
func (n *Node) folder(s string, deployed bool) (wasi.Mount, error) {
	f, err := engine.ParseFolder(s)
	if err != nil {
		return wasi.Mount{}, err
	}
	m := wasi.Mount{Host: f.Host, Guest: f.Guest, ReadOnly: f.ReadOnly, Carried: f.Sharing == engine.Carried, Digest: f.Digest}
	if f.Host == "" {
		return m, nil
	}
	if deployed && f.Sharing != engine.Shared {
		return m, fmt.Errorf("folder %q: its contents come with the guest: leave out where they were", s)
	}
	m.Host, err = n.allowed(f.Host)
	return m, err
}

// allowed returns a host folder's real path, if guests may be given it.
func (n *Node) allowed(host string) (string, error) {
	real, err := filepath.Abs(host)
	if err == nil {
		real, err = filepath.EvalSymlinks(real)
	}
	if err != nil {
		return "", fmt.Errorf("folder %q is not on node %s", host, n.cfg.Name)
	}
	for _, a := range n.cfg.AllowDirs {
		if rel, err := filepath.Rel(a, real); err == nil && filepath.IsLocal(rel) {
			return real, nil
		}
	}
	return "", fmt.Errorf("folder %q is not allowed on node %s", host, n.cfg.Name)
}

// settle gives a guest that is deployed here its folders: copies of those that are to be
// carried and of those that never change. Its specification no longer says where they
// were, and is what travels. The home is nil when it has no such folders.
func (n *Node) settle(id string, spec *api.Spec, granted *engine.Spec) (_ *home, err error) {
	from := make([]string, len(spec.Dirs))
	dirs := make([]string, len(spec.Dirs))
	for i, s := range spec.Dirs {
		f, err := engine.ParseFolder(s)
		if err != nil {
			return nil, err
		}
		if m := &granted.Mounts[i]; f.Sharing != engine.Shared {
			from[i], f.Host = m.Host, ""
			if f.Sharing == engine.Fixed && f.Digest == "" {
				if f.Digest, err = n.keepFixed(m.Host); err != nil {
					return nil, fail(api.CodeBadRequest, "folder %q: %v", m.Host, err)
				}
				m.Digest = f.Digest
			}
		}
		dirs[i] = f.String()
	}
	if kept := n.countKept(); kept > maxKept {
		return nil, failHint(api.CodeNoCapacity, "forget them with DELETE /v1/guests/{id}", "the folders of %d guests that have ended are here still", kept)
	}
	h, err := n.newHome(id, granted.Mounts)
	if h == nil || err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			h.leave()
		}
	}()
	left := n.cfg.MaxFiles
	for i, m := range granted.Mounts {
		if !m.Carried {
			continue
		}
		if left, err = n.copyFolder(filepath.Dir(m.Host), filepath.Base(m.Host), from[i], left); err != nil {
			return nil, fail(api.CodeBadRequest, "folder %q: %v", from[i], err)
		}
	}
	spec.Dirs = dirs
	return h, h.hold(granted.Mounts)
}

// countKept counts the guests whose folders are kept for whoever asks for them.
func (n *Node) countKept() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	kept := 0
	for _, g := range n.guests {
		if !g.live() && g.keeps() {
			kept++
		}
	}
	return kept
}

// copyFolder makes a folder of a name in home that holds what from does; nothing when from
// is empty. It returns how many of the left bytes are left.
func (n *Node) copyFolder(home, name, from string, left int64) (int64, error) {
	if from == "" {
		return left, os.Mkdir(filepath.Join(home, name), 0o700)
	}
	root, err := os.OpenRoot(home)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	f, err := carry.Open(from)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	site, err := carry.NewSite(root, name, name+".unnamed")
	if err != nil {
		return 0, err
	}
	defer site.Close()
	if err := site.Copy(f, left, n.folders); err != nil {
		return 0, err
	}
	return left - site.Tree().Bytes(), nil
}

// keepFixed takes a copy of a folder into the store, and returns its digest.
func (n *Node) keepFixed(from string) (string, error) {
	dir, err := os.MkdirTemp(filepath.Join(n.cfg.Dir, "carried"), "copy-")
	if err != nil {
		return "", err
	}
	if _, err := n.copyFolder(dir, "copy", from, n.cfg.MaxFiles); err != nil {
		return "", errors.Join(err, carry.RemoveAll(dir))
	}
	digest, err := n.fix(filepath.Join(dir, "copy"), dir)
	return digest, errors.Join(err, carry.RemoveAll(dir))
}

// fix makes the folder copy, below dir, one that never changes, and moves it into the store.
func (n *Node) fix(copied, dir string) (string, error) {
	f, err := carry.Open(copied)
	if err != nil {
		return "", err
	}
	defer f.Close()
	t, err := f.Scan(n.cfg.MaxFiles)
	if err != nil {
		return "", err
	}
	fixed := t.Fixed()
	sum, err := fixed.Digest()
	if err != nil {
		return "", err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	site, err := carry.NewSite(root, carry.FilesName, carry.ParkName)
	if err != nil {
		return "", err
	}
	if err := site.Fill(f, fixed, n.cfg.MaxFiles, n.folders); err != nil {
		return "", err
	}
	if err := carry.RemoveAll(copied); err != nil {
		return "", err
	}
	digest := hex.EncodeToString(sum[:])
	return digest, n.folders.Keep(digest, dir, fixed)
}

// storages says which storage each shared folder of a guest is on, in order.
func storages(mounts []wasi.Mount) ([]string, error) {
	var list []string
	for _, m := range mounts {
		if m.Carried || m.Digest != "" {
			continue
		}
		s, err := storage(m.Host)
		if err != nil {
			return nil, fmt.Errorf("folder %q: %w", m.Host, err)
		}
		list = append(list, s)
	}
	return list, nil
}

// sameStorage refuses a shared folder that is not the source's.
func sameStorage(mounts []wasi.Mount, theirs []string) error {
	ours, err := storages(mounts)
	if err != nil {
		return err
	}
	if len(ours) != len(theirs) {
		return fmt.Errorf("the source says of %s of the guest's %d shared folders on which storage it is", strconv.Itoa(len(theirs)), len(ours))
	}
	i := 0
	for _, m := range mounts {
		if m.Carried || m.Digest != "" {
			continue
		}
		if ours[i] != theirs[i] {
			return fmt.Errorf("the folder %q is shared, and %s here is not the storage that the guest has at the source (%s here, %s there): put it on storage that both see, or deploy it with :carried or :digest", m.Guest, m.Host, ours[i], theirs[i])
		}
		i++
	}
	return nil
}
