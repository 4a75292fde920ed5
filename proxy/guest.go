package proxy

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"sojourn/engine"
	"sojourn/proxy/api"
	"sojourn/proxy/session"
)

// guest is one instance as this node has it, or had it.
type guest struct {
	id      string
	spec    api.Spec
	module  string // digest
	libs    []api.Library
	kind    string // how it is run
	mod     *engine.Module
	env     *engine.Environment
	hubs    map[string]*session.Hub // by listener; its standard streams too
	doors   []door
	out     *ring
	home    *home // nil without folders that go with it
	started time.Time
	busy    chan struct{} // held by a migration, a snapshot, and whoever closes env

	reading   sync.RWMutex // of home by those that ask for its files; and then
	forgotten bool         // its folders are gone

	mu        sync.Mutex
	epoch     uint64
	movedTo   string
	seenAt    string // where it is, if it has moved on from there
	migration string
	image     string // path of the durable image to be removed when the guest ends
	ended     bool
	closed    bool // env is closed: nobody has the folders open
	exit      uint32
	err       error
}

// newGuest makes a guest's streams; its environment comes next.
func newGuest(id string, spec api.Spec, epoch uint64) *guest {
	g := &guest{id: id, spec: spec, epoch: epoch, out: &ring{}, started: time.Now(), busy: make(chan struct{}, 1)}
	g.open()
	return g
}

func (g *guest) runs(m *engine.Module, env *engine.Environment) {
	g.mod, g.env, g.kind = m, env, m.Kind().String()
	ids := m.Program().IDs()
	g.module, g.libs = hexDigest(ids[len(ids)-1].Digest), nil
	for _, id := range ids[:len(ids)-1] {
		g.libs = append(g.libs, api.Library{Name: id.Name, Module: hexDigest(id.Digest)})
	}
}

func (g *guest) tryLock() bool {
	select {
	case g.busy <- struct{}{}:
		return true
	default:
		return false
	}
}

func (g *guest) unlock() { <-g.busy }

func (g *guest) kill(why error) {
	if g.env != nil {
		g.env.Kill(why)
	}
}

// Run starts a guest of a module that the node has.
func (n *Node) Run(ctx context.Context, r api.RunRequest) (api.Guest, error) {
	spec, err := n.grant(r.Spec, false)
	if err != nil {
		return api.Guest{}, err
	}
	mod, err := n.module(ctx, r.Libraries, strings.ToLower(r.Module), n.engineFor(r.Engine, false))
	if err != nil {
		return api.Guest{}, err
	}
	id := newID()
	home, err := n.settle(id, &r.Spec, &spec)
	if err != nil {
		return api.Guest{}, err
	}
	g := newGuest(id, r.Spec, 1)
	env, err := engine.New(ctx, mod, n.streams(g, spec))
	if err != nil {
		home.leave()
		return api.Guest{}, fail(api.CodeBadRequest, "%v", err)
	}
	g.runs(mod, env)
	g.home = home
	if err = n.openPorts(g, true); err == nil {
		if err = n.adopt(g); err != nil {
			n.closePorts(g.id)
		}
	}
	if err != nil {
		err = errors.Join(err, env.Close())
		home.leave()
		return api.Guest{}, err
	}
	if err := env.Start(); err != nil && !errors.Is(err, engine.ErrGone) {
		return api.Guest{}, err
	}
	return n.describe(g), nil
}

// adopt makes the node responsible for a guest.
func (n *Node) adopt(g *guest) error {
	if err := g.home.own(g, g.epoch); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return errClosed
	}
	if old := n.guests[g.id]; old != nil && old.live() {
		return fail(api.CodeConflict, "guest %s runs here already", g.id)
	}
	if live := n.countLive(); live >= n.cfg.MaxGuests {
		return failHint(api.CodeNoCapacity, "stop one, or raise the limit", "the node has %d guests, its limit", live)
	}
	if free := n.freeMemory(); free < g.memory() {
		return fail(api.CodeNoCapacity, "the guest needs %d bytes of memory, %d are free", g.memory(), free)
	}
	n.remember(g)
	n.wg.Go(func() { n.watch(g) })
	return nil
}

// remember registers a guest, and forgets the oldest of those that are not
// here any more when there are too many. The caller holds n.mu.
func (n *Node) remember(g *guest) {
	n.guests[g.id] = g
	if len(n.guests) <= maxKnown {
		return
	}
	var oldest *guest
	for _, o := range n.guests {
		if o != g && !o.live() && !o.keeps() && (oldest == nil || o.started.Before(oldest.started)) {
			oldest = o
		}
	}
	if oldest != nil {
		delete(n.guests, oldest.id)
	}
}

// keeps says that the guest's folders are to be had here only.
func (g *guest) keeps() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.movedTo == "" && g.home != nil && len(g.home.carried) > 0
}

// watch waits for the guest to end, and frees what it had.
func (n *Node) watch(g *guest) {
	<-g.env.Done()
	exit, err := g.env.Result()
	g.mu.Lock()
	g.ended, g.exit, g.err = true, exit, err
	moved, image := g.movedTo, g.image
	g.mu.Unlock()
	if moved == "" {
		g.everyHub(func(h *session.Hub) { h.End(exit) })
		n.closePorts(g.id)
	}
	g.busy <- struct{}{} // a migration may be reading its memory; never released
	if err := g.env.Close(); err != nil {
		n.cfg.Log.Warn("closing a guest", "guest", g.id, "err", err)
	}
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	if moved != "" {
		g.home.leave()
	} else {
		g.home.release()
	}
	if image != "" && moved == "" && !errors.Is(err, errClosed) {
		_ = os.Remove(image)
		_ = os.Remove(image + ".plan")
	}
}

// live says that the guest's environment is here.
func (g *guest) live() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.env != nil && !g.ended && g.movedTo == ""
}

// memory is the size of the guest's memory, in bytes.
func (g *guest) memory() uint64 {
	if g.env == nil {
		return 0
	}
	total := uint64(0)
	for _, m := range g.env.Memories() {
		total += m.Size()
	}
	return total
}

// freeMemory is in bytes. The caller holds n.mu.
func (n *Node) freeMemory() uint64 {
	used := n.reserved
	for _, g := range n.guests {
		if g.live() {
			used += g.memory()
		}
	}
	return n.cfg.MaxMemory - min(used, n.cfg.MaxMemory)
}

func (g *guest) info() api.Guest {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := api.Guest{ID: g.id, Name: g.spec.Name, Module: g.module, Libraries: g.libs, Epoch: g.epoch, Engine: g.kind, Args: g.spec.Args,
		Session: g.spec.Session, Idiomatic: g.mod != nil && g.mod.Idiomatic(), Dirs: g.spec.Dirs, Listening: g.listening(), Started: g.started, MovedTo: g.movedTo, Migration: g.migration}
	switch {
	case g.movedTo != "":
		i.State = api.StateMoved
	case g.ended:
		i.State = api.StateExited
		exit := g.exit
		i.ExitCode = &exit
	case g.env == nil:
		i.State = api.StateLost
	default:
		i.State, i.MemoryBytes = g.env.State().String(), g.memory()
		if g.env.State() == engine.Gone {
			i.State = api.StateExited
		}
	}
	if g.err != nil {
		i.Error = g.err.Error()
	}
	return i
}

// Guests tells of every guest that the node knows, the oldest first.
func (n *Node) Guests() []api.Guest {
	n.mu.Lock()
	known := slices.Collect(maps.Values(n.guests))
	n.mu.Unlock()
	gs := make([]api.Guest, 0, len(known))
	for _, g := range known {
		gs = append(gs, n.describe(g))
	}
	slices.SortFunc(gs, func(a, b api.Guest) int {
		if c := a.Started.Compare(b.Started); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return gs
}

// Stop ends a guest and returns when it has.
func (n *Node) Stop(ctx context.Context, id string) (api.Guest, error) {
	g, err := n.guest(id)
	if err != nil {
		return api.Guest{}, err
	}
	if err := g.here(); err != nil {
		return api.Guest{}, err
	}
	g.kill(errStopped)
	select {
	case <-g.env.Done():
		return g.info(), nil
	case <-ctx.Done():
		return api.Guest{}, ctx.Err()
	}
}

var errStopped = errors.New("stopped on request")

// here returns nil for a guest whose environment is on this node.
func (g *guest) here() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.movedTo != "":
		e := failHint(api.CodeMoved, "ask there", "guest %s has moved to %s", g.id, g.movedTo)
		e.Location = g.movedTo
		return e
	case g.env == nil:
		return fail(api.CodeConflict, "guest %s was lost with the process that ran it", g.id)
	}
	return nil
}
