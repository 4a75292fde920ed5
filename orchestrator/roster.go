package orchestrator

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"sojourn/proxy/api"
)

// nodeRecord is what the registry keeps of a node.
type nodeRecord struct {
	Node     api.Node  `json:"node"` // its report when it last differed in what matters
	Cordoned bool      `json:"cordoned"`
	Seen     time.Time `json:"seen"` // when that was
}

// roster is what is believed of all nodes right now.
type roster struct {
	lostAfter time.Duration
	now       func() time.Time // carries a monotonic clock

	mu     sync.Mutex
	nodes  map[string]*member
	moving map[string]bool // guests with a migration in progress
}

type member struct {
	rec    nodeRecord
	rev    uint64    // of rec in the registry
	node   api.Node  // never changed in place: copies are out
	seen   time.Time // zero: not since this process began
	link   *link     // nil: not connected
	guests int       // to come
	bytes  uint64    // to come
}

func newRoster(lostAfter time.Duration) *roster {
	return &roster{
		lostAfter: lostAfter,
		now:       time.Now,
		nodes:     make(map[string]*member),
		moving:    make(map[string]bool),
	}
}

// stored takes over a record as the registry has it, unless a later one was
// taken over already.
func (r *roster) stored(name string, rec nodeRecord, rev uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.nodes[name]
	if m == nil {
		m = &member{node: rec.Node}
		r.nodes[name] = m
	}
	if rev > m.rev {
		m.rec, m.rev = rec, rev
	}
}

// join gives a node's name to a connection. While the name's holder is alive,
// only a node at the same URL may take it over.
func (r *roster) join(l *link, n api.Node) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.nodes[n.Name]
	if m == nil {
		m = &member{}
		r.nodes[n.Name] = m
	}
	if m.node.URL != n.URL && r.alive(m) {
		return &api.Error{
			Code:    api.CodeConflict,
			Message: fmt.Sprintf("node %s is at %s already, and alive", n.Name, m.node.URL),
			Hint:    "give each node a name of its own",
		}
	}
	if m.link != nil {
		m.link.close()
	}
	m.link, m.node, m.seen = l, n, r.now()
	return nil
}

// report takes what a node says. false: another connection has its name.
func (r *roster) report(l *link, n api.Node) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.nodes[n.Name]
	if m == nil || m.link != l {
		return false
	}
	m.node, m.seen = n, r.now()
	return true
}

// leave ends a connection's hold on a name. The node is lost in due time.
func (r *roster) leave(l *link, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.nodes[name]; m != nil && m.link == l {
		m.link = nil
	}
}

// refresh takes what a node answered when it was asked.
func (r *roster) refresh(n api.Node) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.nodes[n.Name]; m != nil && m.node.URL == n.URL {
		m.node = n
	}
}

func (r *roster) alive(m *member) bool {
	return !m.seen.IsZero() && r.now().Sub(m.seen) < r.lostAfter
}

func (r *roster) status(m *member) NodeStatus {
	s := NodeStatus{
		Node: m.node, State: NodeReady, Cordoned: m.rec.Cordoned, LastSeen: m.seen,
		IncomingGuests: m.guests, IncomingBytes: m.bytes,
	}
	if m.seen.IsZero() {
		s.LastSeen = m.rec.Seen
	}
	switch {
	case !r.alive(m):
		s.State = NodeLost
	case m.rec.Cordoned:
		s.State = NodeCordoned
	}
	return s
}

// list is every node, by name.
func (r *roster) list() []NodeStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.listLocked()
}

func (r *roster) listLocked() []NodeStatus {
	out := make([]NodeStatus, 0, len(r.nodes))
	for _, name := range slices.Sorted(maps.Keys(r.nodes)) {
		out = append(out, r.status(r.nodes[name]))
	}
	return out
}

// get is the node of this name or URL.
func (r *roster) get(nameOrURL string) (NodeStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.nodes[nameOrURL]; m != nil {
		return r.status(m), nil
	}
	if m := r.at(nameOrURL); m != nil {
		return r.status(m), nil
	}
	return NodeStatus{}, &api.Error{
		Code:    api.CodeNotFound,
		Message: fmt.Sprintf("no node %q has registered here", nameOrURL),
		Hint:    "name one that GET /v1/nodes lists",
	}
}

// at is the node at a URL, the one last seen if there are several names.
func (r *roster) at(url string) *member {
	var best *member
	url = strings.TrimRight(url, "/")
	for _, m := range r.nodes {
		if m.node.URL == url && (best == nil || m.seen.After(best.seen)) {
			best = m
		}
	}
	return best
}

// guests is every guest once, by id: where its epoch is highest.
func (r *roster) guests() []GuestStatus {
	best := make(map[string]GuestStatus)
	for _, n := range r.list() {
		for _, g := range n.Guests {
			was, ok := best[g.ID]
			if !ok || later(g, was.Guest) {
				best[g.ID] = GuestStatus{Guest: g, Node: n.Name, NodeURL: n.URL, NodeState: n.State}
			}
		}
	}
	return slices.SortedFunc(maps.Values(best), func(a, b GuestStatus) int { return cmp.Compare(a.ID, b.ID) })
}

// later says that a tells more recent news of a guest than b.
func later(a, b api.Guest) bool {
	if a.Epoch != b.Epoch {
		return a.Epoch > b.Epoch
	}
	return live(a.State) && !live(b.State)
}

// find is one guest. When the last news is that it moved, it is taken to be
// where it went.
func (r *roster) find(id string) (GuestStatus, error) {
	for _, g := range r.guests() {
		if g.ID != id {
			continue
		}
		if g.State == api.StateMoved {
			if n, err := r.get(g.MovedTo); err == nil {
				g.State, g.MovedTo, g.Node, g.NodeURL, g.NodeState = api.StateRunning, "", n.Name, n.URL, n.State
			}
		}
		return g, nil
	}
	return GuestStatus{}, &api.Error{
		Code:    api.CodeNotFound,
		Message: fmt.Sprintf("no node speaks of a guest %q", id),
		Hint:    "GET /v1/guests lists those that are known; a node tells of a new one with its next report",
	}
}

// begin lets one migration of a guest at a time go ahead.
func (r *roster) begin(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.moving[id] {
		return &api.Error{Code: api.CodeConflict, Message: fmt.Sprintf("guest %s is being migrated already", id), Hint: "wait for that to end"}
	}
	r.moving[id] = true
	return nil
}

func (r *roster) end(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.moving, id)
}

// place decides, and counts the guest as coming to its target until undo.
func (r *roster) place(need Need) (d Decision, target NodeStatus, undo func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d = Place(need, r.listLocked())
	m := r.nodes[d.Target]
	if m == nil {
		return d, NodeStatus{}, func() {}
	}
	target = r.status(m)
	m.guests, m.bytes = m.guests+1, m.bytes+need.Memory
	return d, target, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		m.guests, m.bytes = m.guests-1, m.bytes-need.Memory
	}
}

// departed notes that a guest left a node for the one at url, until the node
// reports it itself.
func (r *roster) departed(id, from, url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.nodes[from]
	if m == nil {
		return
	}
	guests := slices.Clone(m.node.Guests)
	for i := range guests {
		if guests[i].ID == id {
			guests[i].State, guests[i].MovedTo = api.StateMoved, url
		}
	}
	m.node.Guests = guests
}

// arrived notes that a guest runs on the node at url, and takes its memory
// there, likewise.
func (r *roster) arrived(g api.Guest, url string, epoch uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.at(url)
	if m == nil {
		return
	}
	g.Epoch, g.Started, g.MovedTo = epoch, r.now(), ""
	counted := false
	others := slices.DeleteFunc(slices.Clone(m.node.Guests), func(o api.Guest) bool {
		counted = counted || o.ID == g.ID && live(o.State)
		return o.ID == g.ID
	})
	m.node.Guests = append(others, g)
	if !counted {
		m.node.FreeMemory -= min(m.node.FreeMemory, g.MemoryBytes)
	}
}
