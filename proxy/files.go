package proxy

import (
	"net/http"
	"slices"
	"strings"

	"sojourn/engine/carry"
	"sojourn/proxy/api"
)

// serveFiles answers with what a carried folder of a guest that has ended holds.
func (n *Node) serveFiles(w http.ResponseWriter, r *http.Request) {
	dir, release, err := n.filesOf(r.PathValue("id"), r.URL.Query().Get("dir"))
	if err != nil {
		writeError(w, err)
		return
	}
	defer release()
	w.Header().Set("Trailer", api.SnapshotTrailer)
	w.Header().Set("Content-Type", "application/x-tar")
	if err := carry.WriteTar(w, dir); err != nil {
		w.Header().Set(api.SnapshotTrailer, strings.ReplaceAll(err.Error(), "\n", " "))
	}
}

// filesOf returns where a carried folder is, which stays until release.
func (n *Node) filesOf(id, name string) (dir string, release func(), err error) {
	g, err := n.guest(id)
	if err != nil {
		return "", nil, err
	}
	if err := g.over(); err != nil {
		return "", nil, err
	}
	if g.home == nil || len(g.home.carried) == 0 {
		return "", nil, fail(api.CodeNotFound, "guest %s carries no folder", id)
	}
	i := slices.Index(g.home.carried, name)
	if name == "" && len(g.home.carried) == 1 {
		i = 0
	}
	if i < 0 {
		return "", nil, failHint(api.CodeNotFound, "name one of them with ?dir=", "guest %s carries the folders %q, not %q", id, g.home.carried, name)
	}
	g.reading.RLock()
	if g.forgotten {
		g.reading.RUnlock()
		return "", nil, fail(api.CodeNotFound, "no guest %q is known here", id)
	}
	return g.home.folder(i), g.reading.RUnlock, nil
}

// over returns nil for a guest that has ended here, or that was lost.
func (g *guest) over() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.movedTo != "":
		e := failHint(api.CodeMoved, "ask there", "guest %s has moved to %s", g.id, g.movedTo)
		e.Location = g.movedTo
		return e
	case g.env != nil && !g.closed:
		return failHint(api.CodeConflict, "stop it, or take a snapshot, which holds its folders", "guest %s has not ended", g.id)
	}
	return nil
}

// Forget removes a guest that has ended, and the folders that it carried.
func (n *Node) Forget(id string) error {
	g, err := n.guest(id)
	if err != nil {
		return err
	}
	if err := g.over(); err != nil {
		return err
	}
	n.mu.Lock()
	if n.guests[id] == g {
		delete(n.guests, id)
	}
	n.mu.Unlock()
	n.discard(g)
	return nil
}

// discard removes the folders of a guest that nobody will ask for any more.
func (n *Node) discard(g *guest) {
	g.reading.Lock()
	defer g.reading.Unlock()
	if g.forgotten || g.home == nil {
		return
	}
	g.forgotten = true
	g.home.tree = nil
	g.home.leave()
}
