package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"sojourn/proxy/api"
	"sojourn/proxy/client"
	"sojourn/proxy/session"
)

// portRange is what guests may listen on: one address of this machine, ports from
// lowest to highest. 0 to 0 is any port that is free.
type portRange struct {
	host            string
	lowest, highest int
}

// parsePorts reads HOST:PORT or HOST:LOWEST-HIGHEST.
func parsePorts(s string) (portRange, error) {
	bad := fmt.Errorf("ports that guests may use: %q: want HOST:PORT or HOST:LOWEST-HIGHEST; port 0 is any that is free", s)
	host, ports, err := net.SplitHostPort(s)
	if err != nil {
		return portRange{}, bad
	}
	low, high, ranged := strings.Cut(ports, "-")
	if !ranged {
		high = low
	}
	l, err1 := strconv.ParseUint(low, 10, 16)
	h, err2 := strconv.ParseUint(high, 10, 16)
	if err1 != nil || err2 != nil || l > h || l == 0 && h != 0 {
		return portRange{}, bad
	}
	return portRange{host, int(l), int(h)}, nil
}

// listen opens a port that guests may use; 0 is any of those. The error says what is
// missing.
func (n *Node) listen(port int) (net.Listener, error) {
	allowed := false
	var taken error
	for _, r := range n.ports {
		from, to := port, port
		switch {
		case port == 0:
			from, to = r.lowest, r.highest
		case r.lowest == 0 || port < r.lowest || port > r.highest:
			continue
		}
		allowed = true
		for p := from; p <= to; p++ {
			ln, err := net.Listen("tcp", net.JoinHostPort(r.host, strconv.Itoa(p)))
			if err == nil {
				return ln, nil
			}
			taken = err
		}
	}
	if allowed {
		return nil, fail(api.CodeConflict, "port %d is not free on node %s: %v", port, n.cfg.Name, taken)
	}
	return nil, failHint(api.CodeNotAllowed, "start the node with --allow-listen for it", "port %d is not allowed on node %s", port, n.cfg.Name)
}

// ports are those of one guest on this node. They stay open when it moves on, for this
// node carries its clients then, and close with the guest, or the node.
type ports struct {
	mu   sync.Mutex
	open map[string]net.Listener // by name of the door
	note map[string]string       // why it is not open
}

const maxPortConns = 1024 // clients of one port

// openPorts opens the ports of a guest. When they must be, one that cannot be is an
// error, and none is open then.
func (n *Node) openPorts(g *guest, must bool) error {
	n.mu.Lock()
	p := n.portsOf[g.id]
	if p == nil {
		p = &ports{open: map[string]net.Listener{}, note: map[string]string{}}
		n.portsOf[g.id] = p
	}
	n.mu.Unlock()
	for _, d := range g.doors {
		if d.kind != session.TCP || p.has(d.name) {
			continue
		}
		ln, err := n.listen(d.port)
		switch {
		case err == nil:
			p.put(d.name, ln, "")
			n.start(func() { n.servePort(g.id, d.name, ln) })
		case must:
			n.closePorts(g.id)
			return err
		default:
			p.put(d.name, nil, err.Error())
			n.cfg.Log.Warn("a guest's port is not open here; its clients are carried by the nodes it came from", "guest", g.id, "listener", d.name, "err", err)
		}
	}
	return nil
}

func (p *ports) has(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open[name] != nil
}

func (p *ports) put(name string, ln net.Listener, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ln != nil {
		p.open[name] = ln
	}
	p.note[name] = note
}

// closePorts is when the guest has ended.
func (n *Node) closePorts(id string) {
	n.mu.Lock()
	p := n.portsOf[id]
	delete(n.portsOf, id)
	n.mu.Unlock()
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ln := range p.open {
		_ = ln.Close()
	}
}

// describe is what is known of a guest, its ports included.
func (n *Node) describe(g *guest) api.Guest {
	i := g.info()
	n.mu.Lock()
	p := n.portsOf[g.id]
	n.mu.Unlock()
	if p == nil {
		return i
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := range i.Listening {
		l := &i.Listening[k]
		l.Note = p.note[l.Name]
		if ln := p.open[l.Name]; ln != nil {
			l.Address = ln.Addr().String()
		}
	}
	return i
}

// servePort carries the clients of a port until it is closed.
func (n *Node) servePort(id, name string, ln net.Listener) {
	defer context.AfterFunc(n.ctx, func() { _ = ln.Close() })()
	turns := turnstile{most: maxPortConns}
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		c, err := ln.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(10 * time.Millisecond) // out of descriptors, perhaps
			continue
		case !turns.enter():
			_ = c.Close()
			continue
		}
		left := turns.once()
		wg.Go(func() {
			defer left()
			if err := n.carry(id, name, c.(*net.TCPConn)); err != nil {
				n.cfg.Log.Debug("a client of a port", "guest", id, "listener", name, "err", err)
			}
		})
	}
}

// carry joins a client's connection to the guest's, wherever that goes.
func (n *Node) carry(id, name string, c *net.TCPConn) error {
	defer c.Close()
	s, err := n.session(n.ctx, id, name, client.Raw)
	if err != nil {
		_ = c.SetLinger(0)
		var re *client.ResetError
		if errors.As(err, &re) && (re.Reason == client.NotFound || re.Reason == client.Expired) {
			n.closePorts(id)
		}
		return err
	}
	return splice(n.ctx, client.NewConn(s), c)
}

// splice copies both ways until both have ended. A connection that breaks breaks the
// other.
func splice(ctx context.Context, s *client.Conn, c *net.TCPConn) error {
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	up := make(chan error, 1)
	go func() {
		_, err := io.Copy(s, c)
		if err == nil {
			err = s.CloseWrite()
		} else if !errors.Is(err, syscall.EPIPE) {
			s.Abort()
		}
		up <- err
	}()
	_, err := io.Copy(c, s)
	if err == nil {
		_ = c.CloseWrite()
		err = <-up
		_ = s.Close()
		return err
	}
	_ = c.SetLinger(0)
	_ = c.Close()
	s.Abort()
	<-up
	return err
}
