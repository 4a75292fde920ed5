package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/examples/guests"
	"sojourn/proxy/api"
	"sojourn/proxy/client"
)

// limits are how many bytes of a connection pass, to the node and from it; below 0 for all.
type limits struct{ up, down int }

var all = limits{-1, -1}

// knife is a proxy before a node that cuts connections after a number of bytes.
type knife struct {
	ln   net.Listener
	to   string
	wg   sync.WaitGroup
	mu   sync.Mutex
	next func() limits // of the next connection
	live map[net.Conn]bool
	cuts int
}

func newKnife(t *testing.T, to string) *knife {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &knife{ln: ln, to: to, live: map[net.Conn]bool{}}
	k.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			k.wg.Go(func() { k.serve(c) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		k.cut()
		k.wg.Wait()
	})
	return k
}

func (k *knife) url() string { return "http://" + k.ln.Addr().String() }

// set says what the connections to come may pass; the last of list stays.
func (k *knife) set(list ...limits) {
	k.by(func() limits {
		l := list[0]
		if len(list) > 1 {
			list = list[1:]
		}
		return l
	})
}

func (k *knife) by(next func() limits) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next = next
}

// cut cuts what there is.
func (k *knife) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for c := range k.live {
		_ = c.Close()
	}
}

func (k *knife) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cuts
}

func (k *knife) serve(c net.Conn) {
	defer c.Close()
	k.mu.Lock()
	l := k.next()
	k.mu.Unlock()
	far, err := net.Dial("tcp", k.to)
	if err != nil {
		return
	}
	defer far.Close()
	k.mu.Lock()
	k.live[c], k.live[far] = true, true
	k.mu.Unlock()
	pass := func(to, from net.Conn, n int) {
		defer func() { _, _ = to.Close(), from.Close() }()
		if n < 0 {
			_, _ = io.Copy(to, from)
			return
		}
		if _, err := io.CopyN(to, from, int64(n)); err == nil {
			k.mu.Lock()
			k.cuts++
			k.mu.Unlock()
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { pass(far, c, l.up) })
	pass(c, far, l.down)
	wg.Wait()
	k.mu.Lock()
	delete(k.live, c)
	delete(k.live, far)
	k.mu.Unlock()
}

// tale is a conversation with examples/cserver that does not wait for answers: numbers are
// said all the time, and what comes back shows what was lost, repeated or out of order.
type tale struct {
	conn net.Conn
	said chan int // to be answered
	stop chan struct{}
	done chan error

	lines int // that were answered
}

func newTale(c net.Conn) *tale {
	s := &tale{conn: c, said: make(chan int, 1000), stop: make(chan struct{}), done: make(chan error, 1)}
	go s.tell()
	go func() { s.done <- s.listen() }()
	return s
}

func (s *tale) tell() {
	defer close(s.said)
	for n := 1; ; n++ {
		if _, err := fmt.Fprintf(s.conn, "%d\n", n); err != nil {
			return
		}
		select {
		case s.said <- n:
		case <-s.stop:
			return
		}
		select {
		case <-s.stop:
			return
		case <-time.After(200 * time.Microsecond):
		}
	}
}

func (s *tale) listen() error {
	r := bufio.NewReader(s.conn)
	for n := range s.said {
		_ = s.conn.SetReadDeadline(time.Now().Add(time.Minute))
		got, err := r.ReadString('\n')
		if want := fmt.Sprintf("%d of %d\n", n*(n+1)/2, n); err != nil || got != want {
			return fmt.Errorf("answer %q, want %q; %w", got, want, err)
		}
		s.lines++
	}
	return nil
}

// end is when all that was said was answered.
func (s *tale) end() error {
	close(s.stop)
	err := <-s.done
	_ = s.conn.Close()
	return err
}

// dialFrom reaches a node from another address of this machine.
func dialFrom(ctx context.Context, local string, o client.Options, node string) (client.Link, error) {
	d := websocket.Dialer{Subprotocols: []string{client.Protocol},
		NetDialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}}).DialContext}
	ws, _, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(node, "http")+client.Endpoint(o.Guest, o.Listener), nil)
	if err != nil {
		return nil, err
	}
	return client.NewSocket(ws), nil
}

// asking is a conversation with echo-kv, of one client after the other.
type asking struct {
	ledger *guests.Ledger
	n      int
	last   string
}

// ask asks one question. A client that is fresh may hear the last answer first, when the
// one before it was cut before it had acknowledged that.
func (a *asking) ask(ctx context.Context, s *client.Session, fresh bool) error {
	a.n++
	req := fmt.Sprintf("%d set k%d v%d", a.n, a.n%50, a.n)
	if err := s.Send(ctx, client.Message{Kind: client.Text, Data: []byte(req)}); err != nil {
		return err
	}
	got, err := s.Receive(ctx)
	if fresh && err == nil && string(got.Data) == a.last {
		got, err = s.Receive(ctx)
	}
	if a.last = a.ledger.Answer(req); err == nil && string(got.Data) != a.last {
		err = fmt.Errorf("answer to %q is %q", req, got.Data)
	}
	return err
}

// A link is cut after each byte that either side says until a question is answered: in a
// first handshake, and in one that resumes. Sometimes the answer to a resume, which holds a
// new token, is lost three times.
func TestCutAtEachByte(t *testing.T) {
	node := newProcess(t, false, "")
	for name, c := range map[string]struct {
		resume bool
		limits func(n int) limits
	}{
		"hello":   {false, func(n int) limits { return limits{n, -1} }},
		"welcome": {false, func(n int) limits { return limits{-1, n} }},
		"resume":  {true, func(n int) limits { return limits{n, -1} }},
		"resumed": {true, func(n int) limits { return limits{-1, n} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			g, err := node.Run(ctx, module(t, "echo-kv"), api.Spec{Args: []string{"echo-kv", "3"}, Session: api.One})
			if err != nil {
				t.Fatal(err)
			}
			k := newKnife(t, node.listen)
			opt := client.Options{URLs: []string{k.url()}, Guest: g.ID, Listener: client.Stdio}
			opt.Dial = func(ctx context.Context, _ string) (client.Link, error) { return client.DialSocket(ctx, opt, k.url()) }
			a := &asking{ledger: guests.NewLedgerDepth(3)}
			k.set(all)
			s, err := client.Dial(ctx, opt)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { s.Close() }()
			n := 0
			for was := -1; was != k.count(); n++ {
				was = k.count()
				l := c.limits(n)
				if n%10 == 0 {
					k.set(l, l, l, all)
				} else {
					k.set(l, all)
				}
				if c.resume {
					k.cut()
				} else {
					s.Close()
					if s, err = client.Dial(ctx, opt); err != nil {
						t.Fatalf("cut after %d bytes: %v", n, err)
					}
				}
				if err := a.ask(ctx, s, !c.resume); err != nil {
					t.Fatalf("cut after %d bytes: %v", n, err)
				}
			}
			t.Logf("cut after each of %d bytes", n)
			if n < 200 {
				t.Error("a handshake is longer")
			}
		})
	}
}

// Clients lose nothing, and hear nothing twice, while their guests move: one whose links
// are cut at random, one that comes from another address and through another node again and
// again, and one that reaches only a node that is killed and started again.
func TestStorm(t *testing.T) {
	ctx := testContext(t)
	gate, b, c := newProcess(t, false, ""), newProcess(t, false, ""), newProcess(t, false, "")
	nodes := []string{gate.URL(), b.URL(), c.URL()}
	k := newKnife(t, gate.listen)
	k.by(func() limits { return limits{rand.IntN(5000), rand.IntN(5000)} })
	type dial = func(context.Context, client.Options, string) (client.Link, error)
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for name, dial := range map[string]dial{
		"cut at random": func(ctx context.Context, o client.Options, _ string) (client.Link, error) {
			return client.DialSocket(ctx, o, k.url())
		},
		"on the road": func(ctx context.Context, o client.Options, _ string) (client.Link, error) {
			l, err := dialFrom(ctx, fmt.Sprintf("127.0.0.%d", 2+rand.IntN(200)), o, nodes[rand.IntN(len(nodes))])
			if err == nil {
				time.AfterFunc(time.Duration(20+rand.IntN(80))*time.Millisecond, func() { _ = l.Close() })
			}
			return l, err
		},
		"through a gateway": func(ctx context.Context, o client.Options, _ string) (client.Link, error) {
			return client.DialSocket(ctx, o, gate.URL())
		},
	} {
		g := deploySums(t, gate.Client)
		if err := tour(ctx, g.ID, 3, gate.Client, b.Client, c.Client); err != nil { // now each has seen it
			t.Fatal(err)
		}
		if _, err := gate.Migrate(ctx, g.ID, api.MigrateRequest{To: b.URL()}, nil); err != nil {
			t.Fatal(err)
		}
		opt := client.Options{URLs: []string{gate.URL()}, Guest: g.ID, Listener: "sum"}
		o := opt
		opt.Dial = func(ctx context.Context, node string) (client.Link, error) { return dial(ctx, o, node) }
		conn, err := client.DialConn(ctx, opt)
		if err != nil {
			t.Fatal(err)
		}
		s := newTale(conn)
		wg.Go(func() {
			moves := 0
			for err == nil && ctx.Err() == nil {
				err = tour(t.Context(), g.ID, 2, b.Client, c.Client)
				moves += 2
			}
			if err := errors.Join(err, s.end()); err != nil {
				t.Errorf("%s: after %d moves: %v", name, moves, err)
			}
			t.Logf("%s: %d moves, %d lines", name, moves, s.lines)
		})
	}
	for range 4 {
		time.Sleep(500 * time.Millisecond)
		gate.kill()
		gate.start(t)
	}
	stop()
	wg.Wait()
	if k.count() < 10 {
		t.Errorf("%d links were cut", k.count())
	}
}
