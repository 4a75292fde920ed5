package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"sojourn/compat"
	"sojourn/proxy/api"
	"sojourn/proxy/handover"
	"sojourn/proxy/wire"
	"sojourn/snapshotfmt"
)

const (
	maxModule   = 256 << 20
	maxSnapshot = compat.MaxVector + 16<<20
	maxModules  = 64
	maxGuests   = 64
	maxOutput   = 64 << 10 // kept of what a guest writes
	maxMemory   = 2 << 30  // of all guests, as the node says; it knows only of what arrived how much it has
	maxJSON     = 1 << 20
)

// node hosts guests, each in a process.
type node struct {
	name, url, token string
	store            *handover.Store
	ctx              context.Context // ends with the node
	cancel           context.CancelFunc
	wg               sync.WaitGroup

	mu       sync.Mutex
	modules  map[string][]byte // by digest
	guests   map[string]*hosted
	arriving map[string]*arrivalOf // by migration
	reserved int                   // guests that are arriving
}

// hosted is one guest of a node.
type hosted struct {
	start start
	proc  *process
	out   *tail
	info  api.Guest // what does not follow from proc; guarded by node.mu
	busy  bool      // being written down or moved; guarded by node.mu
}

// tail keeps the end of what is written.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if over := len(t.b) - maxOutput; over > 0 {
		t.b = slices.Delete(t.b, 0, over)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.b)
}

func fail(code, format string, args ...any) *api.Error {
	return &api.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// newNode returns a node that keeps its records of migrations in the folder dir.
func newNode(name, url, token, dir string) (*node, error) {
	store, err := handover.OpenStore(filepath.Join(dir, "migrations"))
	if err != nil {
		return nil, err
	}
	n := &node{name: name, url: url, token: token, store: store, modules: map[string][]byte{}, guests: map[string]*hosted{},
		arriving: map[string]*arrivalOf{}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n, nil
}

func (n *node) putModule(digest string, r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, maxModule+1))
	if err != nil {
		return err
	}
	if len(b) > maxModule {
		return fail(api.CodeTooLarge, "module %s is larger than %d bytes", digest, maxModule)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != digest {
		return fail(api.CodeBadModule, "the module's SHA-256 is %x, not %s", sum, digest)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.modules[digest] == nil && len(n.modules) >= maxModules {
		return fail(api.CodeNoCapacity, "the node keeps %d modules, its limit", maxModules)
	}
	n.modules[digest] = b
	return nil
}

func (n *node) module(digest string) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if b := n.modules[digest]; b != nil {
		return b, nil
	}
	return nil, fail(api.CodeModuleUnknown, "module %s is not here: PUT /v1/modules/%[1]s", digest)
}

// allowed refuses rights that this node cannot give.
func allowed(s api.Spec) error {
	switch {
	case len(s.Dirs) > 0:
		return fail(api.CodeNotAllowed, "a Wasmer node gives no folders")
	case s.Session != "":
		return fail(api.CodeNotAllowed, "a Wasmer node has no sessions: a guest's streams do not move with its checkpoint")
	case len(s.Listen)+len(s.Dial) > 0:
		return fail(api.CodeNotAllowed, "a Wasmer node has no sockets for guests")
	case s.Limits != api.Limits{}:
		return fail(api.CodeNotAllowed, "a Wasmer node cannot limit a guest's memory, table, calls or time")
	}
	return nil
}

// run hosts a guest.
func (n *node) run(s start, spec api.Spec) (api.Guest, error) {
	if err := allowed(spec); err != nil {
		return api.Guest{}, err
	}
	h := &hosted{start: s, out: new(tail)}
	h.info = api.Guest{ID: newID(), Name: spec.Name, Module: fmt.Sprintf("%x", sha256.Sum256(s.Module)),
		Epoch: 1, Engine: api.EngineWasmer, Args: s.Args, Idiomatic: true, Started: time.Now()}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.room(); err != nil {
		return api.Guest{}, err
	}
	p, err := launch(s, nil, h.out, h.out)
	if err != nil {
		return api.Guest{}, fail(api.CodeInternal, "%v", err)
	}
	h.proc = p
	n.guests[h.info.ID] = h
	return h.show(), nil
}

// room makes room for one more guest. The caller holds mu.
func (n *node) room() error {
	live := n.reserved
	for _, o := range n.guests {
		if o.live() {
			live++
		}
	}
	if live >= maxGuests {
		return fail(api.CodeNoCapacity, "the node has %d guests, its limit", maxGuests)
	}
	n.forget()
	return nil
}

// forget drops the oldest guest that has ended when there are many. The caller holds mu.
func (n *node) forget() {
	if len(n.guests) < 4*maxGuests {
		return
	}
	var oldest *hosted
	for _, h := range n.guests {
		if !h.live() && (oldest == nil || h.info.Started.Before(oldest.info.Started)) {
			oldest = h
		}
	}
	delete(n.guests, oldest.info.ID)
}

func (h *hosted) live() bool {
	select {
	case <-h.proc.done:
		return false
	default:
		return true
	}
}

// show tells of a guest. The caller holds the node's mu.
func (h *hosted) show() api.Guest {
	g := h.info
	switch {
	case g.MovedTo != "":
		g.State = api.StateMoved
	case h.live():
		g.State = api.StateRunning
	default:
		g.State = api.StateExited
		exit := h.proc.result.Exit
		g.ExitCode, g.Error = &exit, h.proc.result.Err
	}
	return g
}

func (n *node) guest(id string) (*hosted, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h := n.guests[id]; h != nil {
		return h, nil
	}
	return nil, fail(api.CodeNotFound, "no guest %q is known here", id)
}

func (n *node) show(h *hosted) api.Guest {
	n.mu.Lock()
	defer n.mu.Unlock()
	return h.show()
}

func (n *node) list() []api.Guest {
	n.mu.Lock()
	defer n.mu.Unlock()
	gs := []api.Guest{}
	for _, h := range n.guests {
		gs = append(gs, h.show())
	}
	slices.SortFunc(gs, func(a, b api.Guest) int { return a.Started.Compare(b.Started) })
	return gs
}

func (n *node) info() api.Node {
	i := api.Node{Name: n.name, URL: n.url, Version: "wasmer-go 1.0.4", Protocol: wire.Version, ISA: runtime.GOARCH, OS: runtime.GOOS,
		Engine: api.EngineWasmer, Engines: []string{api.EngineWasmer}, CPUs: runtime.NumCPU(), TotalMemory: maxMemory, FreeMemory: maxMemory,
		MaxGuests: maxGuests, Guests: n.list()}
	for _, g := range i.Guests {
		if g.State == api.StateRunning {
			i.FreeMemory -= min(i.FreeMemory, g.MemoryBytes)
		}
	}
	return i
}

// take makes the caller the only one that asks a live guest's process, until done.
func (n *node) take(id string) (h *hosted, done func(), err error) {
	if h, err = n.guest(id); err != nil {
		return nil, nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case h.info.MovedTo != "":
		return nil, nil, &api.Error{Code: api.CodeMoved, Message: "guest " + id + " has moved", Location: h.info.MovedTo}
	case !h.live():
		return nil, nil, fail(api.CodeConflict, "guest %s has ended", id)
	case h.busy:
		return nil, nil, fail(api.CodeConflict, "guest %s is being moved or written down", id)
	}
	h.busy = true
	return h, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		h.busy = false
	}, nil
}

func (n *node) snapshot(id string, w io.Writer) error {
	h, done, err := n.take(id)
	if err != nil {
		return err
	}
	epoch := n.show(h).Epoch
	last, err := h.proc.hold()
	if err == nil {
		h.proc.stay()
	}
	done()
	if err != nil {
		return fail(api.CodeConflict, "guest %s: %v", id, err)
	}
	return h.start.snapshot(last, snapshotfmt.Meta{Instance: id, Epoch: epoch}).Encode(w)
}

func (n *node) restore(r io.Reader, spec api.Spec) (api.Guest, error) {
	s, err := compat.Decode(io.LimitReader(r, maxSnapshot))
	if err != nil {
		return api.Guest{}, fail(api.CodeBadSnapshot, "%v", err)
	}
	module, err := n.module(fmt.Sprintf("%x", s.Module))
	if err != nil {
		return api.Guest{}, err
	}
	st, err := begin(s, module)
	if err != nil {
		return api.Guest{}, err
	}
	return n.run(st, spec)
}

func (n *node) stop(id string) (api.Guest, error) {
	h, err := n.guest(id)
	if err != nil {
		return api.Guest{}, err
	}
	h.proc.endAs("stopped on request")
	return n.show(h), nil
}

// close ends all guests, and the loops of migrations.
func (n *node) close() {
	n.mu.Lock()
	n.cancel()
	for _, h := range n.guests {
		h.proc.endAs("the node has ended")
	}
	n.mu.Unlock()
	n.wg.Wait()
}

// do runs f, which close waits for; it returns false when the node has ended.
func (n *node) do(f func()) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() != nil {
		return false
	}
	n.wg.Go(f)
	return true
}

func exposed(listen, token string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("address to listen on: %w", err)
	}
	if ip := net.ParseIP(host); token == "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("listening on %s without a token lets anybody run programs here: give --token", listen)
	}
	return nil
}
