package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"sojourn/compat"
	"sojourn/proxy/api"
	"sojourn/snapshotfmt"
)

const (
	maxModule   = 256 << 20
	maxSnapshot = compat.MaxVector + 16<<20
	maxModules  = 64
	maxGuests   = 64
	maxOutput   = 64 << 10 // kept of what a guest writes
	maxJSON     = 1 << 20
)

// node hosts guests, each in a process.
type node struct {
	url, token string

	mu      sync.Mutex
	modules map[string][]byte // by digest
	guests  map[string]*hosted
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

func newNode(url, token string) *node {
	return &node{url: url, token: token, modules: map[string][]byte{}, guests: map[string]*hosted{}}
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
	case s.Session:
		return fail(api.CodeNotAllowed, "a Wasmer node has no sessions: a guest's streams do not move with its checkpoint")
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
	var id [8]byte
	_, _ = rand.Read(id[:])
	h := &hosted{start: s, out: new(tail)}
	h.info = api.Guest{ID: hex.EncodeToString(id[:]), Name: spec.Name, Module: fmt.Sprintf("%x", sha256.Sum256(s.Module)),
		Epoch: 1, Engine: "wasmer", Args: s.Args, Started: time.Now()}
	n.mu.Lock()
	defer n.mu.Unlock()
	live := 0
	for _, o := range n.guests {
		if o.live() {
			live++
		}
	}
	if live >= maxGuests {
		return api.Guest{}, fail(api.CodeNoCapacity, "the node has %d guests, its limit", maxGuests)
	}
	n.forget()
	p, err := launch(s, nil, h.out, h.out)
	if err != nil {
		return api.Guest{}, fail(api.CodeInternal, "%v", err)
	}
	h.proc = p
	n.guests[h.info.ID] = h
	return h.show(), nil
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

func (n *node) tell() api.Node {
	return api.Node{Name: "wasmer", URL: n.url, Version: "wasmer-go 1.0.4", ISA: runtime.GOARCH, OS: runtime.GOOS, Engine: "wasmer",
		Engines: []string{"wasmer"}, CPUs: runtime.NumCPU(), MaxGuests: maxGuests, Guests: n.list()}
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
	last, err := h.proc.hold()
	if err == nil {
		h.proc.stay()
	}
	done()
	if err != nil {
		return fail(api.CodeConflict, "guest %s: %v", id, err)
	}
	return h.start.snapshot(last, snapshotfmt.Meta{Instance: id, Epoch: 1}).Encode(w)
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

// migrate moves a guest by its last checkpoint. The guest is this node's until the target
// says that it has it, and makes no checkpoint from the hold on. When the target's answer
// is lost nobody knows: the guest then stays held, so that there are never two, until it
// is stopped here.
func (n *node) migrate(ctx context.Context, id, to string) (api.MigrateResult, error) {
	began := time.Now()
	c, err := api.NewClient(to, api.Options{Token: n.token})
	if err != nil {
		return api.MigrateResult{}, fail(api.CodeBadRequest, "%v", err)
	}
	defer c.Close()
	h, done, err := n.take(id)
	if err != nil {
		return api.MigrateResult{}, err
	}
	if err := c.PutModule(ctx, h.start.Module); err != nil {
		done()
		return api.MigrateResult{}, fail(api.CodeMigrationFault, "guest %s stays: %v", id, err)
	}
	asked := time.Now()
	last, err := h.proc.hold()
	if err != nil {
		done()
		return api.MigrateResult{}, fail(api.CodeConflict, "guest %s: %v", id, err)
	}
	var file bytes.Buffer
	err = h.start.snapshot(last, snapshotfmt.Meta{Instance: id, Epoch: 1}).Encode(&file)
	size := int64(file.Len())
	var there api.Guest
	if err == nil {
		there, err = c.Restore(context.WithoutCancel(ctx), &file, api.Spec{Name: h.info.Name, Args: h.start.Args, Env: h.start.Env})
	}
	var refused *api.Error
	switch {
	case errors.As(err, &refused) || err != nil && size == 0:
		h.proc.stay()
		done()
		return api.MigrateResult{}, fail(api.CodeMigrationFault, "guest %s stays: %v", id, err)
	case err != nil:
		return api.MigrateResult{}, fail(api.CodeInDoubt, "guest %s may be at %s: %v; it is held here: look there, and stop it here if it is", id, to, err)
	}
	n.mu.Lock()
	h.info.MovedTo = strings.TrimRight(to, "/")
	n.mu.Unlock()
	h.proc.end()
	return api.MigrateResult{ID: there.ID, From: n.url, To: to, Epoch: 1, TotalMS: millisSince(began), DowntimeMS: millisSince(asked),
		BytesSent: size, MemoryBytes: int64(len(last)), StopReason: "idiomatic: the last checkpoint"}, nil
}

func millisSince(t time.Time) float64 { return float64(time.Since(t).Microseconds()) / 1000 }

func (n *node) stop(id string) (api.Guest, error) {
	h, err := n.guest(id)
	if err != nil {
		return api.Guest{}, err
	}
	h.proc.endAs("stopped on request")
	return n.show(h), nil
}

// close ends all guests.
func (n *node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range n.guests {
		h.proc.endAs("the node has ended")
	}
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
