// Package proxy is a node's face to the world: the control API, the migration
// channel and the sessions of the guests that run on it.
//
//	n, err := proxy.New(proxy.Config{Dir: "state"})
//	ln, err := n.Listen()
//	go n.Serve(ln)
//	defer n.Close()
//
// A node owns the guests it runs, under the records of package handover. It
// refuses what its own configuration does not grant, whoever asks: a guest
// that arrives brings its state, never its rights. Nothing that a peer, a
// client or a guest sends ends the node.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sojourn/engine"
	"sojourn/engine/carry"
	"sojourn/engine/hostsock"
	"sojourn/proxy/api"
	"sojourn/proxy/handover"
)

// Node runs guests and speaks for them. All methods may be called from any
// goroutine.
type Node struct {
	cfg     Config
	ctx     context.Context // until Close
	cancel  context.CancelFunc
	wg      sync.WaitGroup // everything the node has started
	mods    engine.Modules
	store   *handover.Store
	folders *carry.Store // that never change, and that guests left
	begin   sync.Once    // of what the records left undecided

	mu       sync.Mutex
	closed   bool
	url      string
	srv      *http.Server
	hall     *hall
	guests   map[string]*guest
	moves    map[string]*move // by migration
	reserved uint64           // bytes held for guests on their way
	left     []leftHome       // of an earlier process, and nobody's yet
	peers    map[string]*api.Client
	portsOf  map[string]*ports // by guest

	dials    *hostsock.Allow
	ports    []portRange // that guests may use
	halfOpen turnstile   // handshakes of sessions
}

// New prepares a node and reads its records; nothing runs or listens yet.
func New(cfg Config) (*Node, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	for _, d := range []string{"modules", "images", "carried"} {
		if err := os.MkdirAll(filepath.Join(cfg.Dir, d), 0o700); err != nil {
			return nil, fmt.Errorf("node: state folder: %w", err)
		}
	}
	store, err := handover.OpenStore(filepath.Join(cfg.Dir, "migrations"))
	if err != nil {
		return nil, err
	}
	folders, err := carry.OpenStore(filepath.Join(cfg.Dir, "folders"), cfg.MaxFiles)
	if err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, url: cfg.URL, store: store, folders: folders, guests: map[string]*guest{},
		moves: map[string]*move{}, peers: map[string]*api.Client{}, mods: engine.Modules{Cache: cfg.Code}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.portsOf, n.halfOpen.most = map[string]*ports{}, maxHalfOpen
	for _, s := range cfg.AllowListen {
		r, err := parsePorts(s)
		if err != nil {
			return nil, err
		}
		n.ports = append(n.ports, r)
	}
	if n.dials, err = hostsock.ParseAllow(cfg.AllowDial); err != nil {
		return nil, fmt.Errorf("node: outward connections: %w", err)
	}
	n.srv = &http.Server{ConnContext: visiting, Handler: n.Handler(), TLSConfig: cfg.TLS, ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute, ConnState: idles,
		BaseContext: func(net.Listener) context.Context { return n.ctx }}
	return n, nil
}

// Listen opens the configured address, and learns the node's URL from it
// unless it was configured.
func (n *Node) Listen() (net.Listener, error) {
	ln, err := net.Listen("tcp", n.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.url == "" {
		n.url = n.cfg.advertise(ln.Addr())
	}
	n.hall = &hall{Listener: ln, turns: turnstile{most: maxUnread}}
	return n.hall, nil
}

// URL is where peers reach the node; known after Listen at the latest.
func (n *Node) URL() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.url
}

// Serve answers on ln until Close; then it returns nil. It first goes on with
// the migrations that the records say are undecided.
func (n *Node) Serve(ln net.Listener) error {
	var err error
	n.begin.Do(func() { err = n.resume() })
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	if n.cfg.TLS != nil {
		err = n.srv.ServeTLS(ln, "", "")
	} else {
		err = n.srv.Serve(ln)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// start runs f until it returns, unless the node is closed; Close waits for it.
func (n *Node) start(f func()) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.wg.Go(f)
	return true
}

// Close ends every guest and connection and waits for what they started.
func (n *Node) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	guests := make([]*guest, 0, len(n.guests))
	for _, g := range n.guests {
		guests = append(guests, g)
	}
	peers := n.peers
	n.mu.Unlock()

	n.cancel()
	err := n.srv.Close()
	for _, g := range guests {
		g.kill(errClosed)
	}
	n.wg.Wait()
	for _, p := range peers {
		p.Close()
	}
	return errors.Join(err, n.mods.Close())
}

var errClosed = errors.New("the node was closed")

// peer returns the client of another node.
func (n *Node) peer(url string) (*api.Client, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.peers[url]; c != nil {
		return c, nil
	}
	c, err := api.NewClient(url, api.Options{Token: n.cfg.Token, TLS: n.cfg.PeerTLS})
	if err == nil && len(n.peers) < maxPeers {
		n.peers[url] = c
	}
	return c, err
}

// guest returns a guest by its id.
func (n *Node) guest(id string) (*guest, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if g := n.guests[id]; g != nil {
		return g, nil
	}
	return nil, fail(api.CodeNotFound, "no guest %q is known here", id)
}

func fail(code, format string, args ...any) *api.Error {
	return &api.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func failHint(code, hint, format string, args ...any) *api.Error {
	e := fail(code, format, args...)
	e.Hint = hint
	return e
}
