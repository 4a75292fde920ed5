// Package orchestrator knows the nodes, decides where guests shall run, and
// has nodes move them.
//
//	o, err := orchestrator.New(orchestrator.Config{Dir: "state"})
//	ln, err := o.Listen()
//	go o.Serve(ln)
//	defer o.Close()
//
// Nodes dial in (Agent) and report; the orchestrator never starts or freezes a
// guest itself, and no byte of a guest passes through it:
//
//	          report (WebSocket)                 report
//	source ----------------------> orchestrator <------- target
//	  ^  |                              |
//	  |  |    migrate {to: target}      |   a) the source runs the guest
//	  |  +<-----------------------------+   b) a request or a drain starts a migration
//	  |                                     c) Place picks the target
//	  +---- guest, node to node ------> target
//	                                        d) source and target hand it over
//	                                        e) the target runs it, the source wiped it
//
// Who owns a guest is settled between the nodes (package handover). What the
// orchestrator believes may be old: it asks, and follows the answer. When it
// dies, guests run on and migrations in progress are finished or cancelled by
// their two nodes.
//
// It keeps in its Registry what must outlive it: which nodes there were, what
// they last said, and which are cordoned.
package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Orchestrator serves nodes and operators. All methods may be called from any
// goroutine.
type Orchestrator struct {
	cfg    Config
	reg    Registry
	own    func() error // closes a registry that New opened
	nodes  *roster
	drains drains

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu     sync.Mutex
	closed bool
	server *http.Server
	calls  sync.WaitGroup // requests in progress
}

// New reads the registry. Nodes found in it are lost until they dial in.
func New(cfg Config) (*Orchestrator, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	o := &Orchestrator{cfg: cfg, reg: cfg.Registry, nodes: newRoster(cfg.LostAfter)}
	if o.reg == nil {
		files, err := OpenFiles(cfg.Dir)
		if err != nil {
			return nil, err
		}
		o.reg, o.own = files, files.Close
	}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	if err := o.load(); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// Listen opens the configured address.
func (o *Orchestrator) Listen() (net.Listener, error) { return net.Listen("tcp", o.cfg.Listen) }

// Serve answers on ln until Close; then it returns nil.
func (o *Orchestrator) Serve(ln net.Listener) error {
	srv := &http.Server{
		Handler:           o.Handler(),
		TLSConfig:         o.cfg.TLS,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	if !o.setServer(srv) {
		return ln.Close()
	}
	serve := srv.Serve
	if o.cfg.TLS != nil {
		serve = func(ln net.Listener) error { return srv.ServeTLS(ln, "", "") }
	}
	if err := serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("orchestrator: %w", err)
	}
	return nil
}

func (o *Orchestrator) setServer(srv *http.Server) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.server = srv
	return true
}

// Close ends connections and waits for the calls in progress. A migration
// that it was following is finished or cancelled by its nodes.
func (o *Orchestrator) Close() error {
	o.mu.Lock()
	was, srv := o.closed, o.server
	o.closed = true
	o.mu.Unlock()
	if was {
		return nil
	}
	o.cancel()
	var err error
	if srv != nil {
		err = srv.Close()
	}
	o.calls.Wait()
	if o.own != nil {
		err = errors.Join(err, o.own())
	}
	return err
}

// enter counts a call in, unless the orchestrator is closed.
func (o *Orchestrator) enter() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.calls.Add(1)
	return true
}
