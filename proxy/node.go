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
	"net"
	"net/http"

	"sojourn/proxy/api"
)

// Node runs guests and speaks for them. All methods may be called from any
// goroutine.
type Node struct {
	cfg Config
}

// New prepares a node and reads its records; nothing runs or listens yet.
func New(cfg Config) (*Node, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Node{cfg: cfg}, nil
}

// Listen opens the configured address, and learns the node's URL from it
// unless it was configured.
func (n *Node) Listen() (net.Listener, error) {
	ln, err := net.Listen("tcp", n.cfg.Listen)
	if err == nil && n.cfg.URL == "" {
		n.cfg.URL = n.cfg.advertise(ln.Addr())
	}
	return ln, err
}

// URL is where peers reach the node.
func (n *Node) URL() string { return n.cfg.URL }

// Serve answers on ln until Close; then it returns nil.
func (n *Node) Serve(ln net.Listener) error { return http.Serve(ln, n.Handler()) }

// Handler serves the control API, sessions and the migration channel.
func (n *Node) Handler() http.Handler { return http.NotFoundHandler() }

// Close ends every guest and connection and waits for what they started.
func (n *Node) Close() error { return nil }

// Info tells of the node and its guests.
func (n *Node) Info() api.Node { return api.Node{} }

// Run starts a guest of a module that the node has.
func (n *Node) Run(ctx context.Context, r api.RunRequest) (api.Guest, error) {
	return api.Guest{}, nil
}

// Migrate moves a guest to r.To. See api.Client.Migrate for who owns it
// afterwards.
func (n *Node) Migrate(ctx context.Context, id string, r api.MigrateRequest, progress func(api.Progress)) (api.MigrateResult, error) {
	return api.MigrateResult{}, nil
}
