package session_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"sojourn/engine/wasi"
	"sojourn/proxy/client"
	"sojourn/proxy/session"
)

// place is where a guest's sessions are, as its clients find them.
type place struct {
	mu    sync.Mutex
	hub   *session.Hub
	epoch uint64
	links []session.Link
}

func (p *place) dial(ctx context.Context, _ string) (client.Link, error) {
	near, far := session.NewLink()
	p.mu.Lock()
	defer p.mu.Unlock()
	h, epoch := p.hub, p.epoch
	p.links = append(p.links, far)
	go func() {
		_ = h.Serve(context.WithoutCancel(ctx), far, session.Remote{URLs: []string{"here"}, Epoch: epoch})
	}()
	return near, nil
}

// cut breaks all links.
func (p *place) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		_ = l.Close()
	}
	p.links = nil
}

func (p *place) options(m client.Mode) client.Options {
	return client.Options{URLs: []string{"here"}, Guest: "g", Listener: "l", Mode: m, Dial: p.dial}
}

// guest echoes every byte of every connection. It stops when stop is closed, between two
// calls, and what it held is in its connections again: nothing.
type guest struct {
	hub   *session.Hub
	conns []wasi.Conn
	held  map[uint64][]byte // read, not written
}

func (g *guest) run(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if c, err := g.hub.Accept(); err == nil {
			g.conns = append(g.conns, c)
			continue
		}
		busy := false
		for _, c := range g.conns {
			busy = g.echo(c) || busy
		}
		if !busy {
			time.Sleep(200 * time.Microsecond)
		}
	}
}

func (g *guest) echo(c wasi.Conn) bool {
	id := c.ID()
	if len(g.held[id]) == 0 {
		b := make([]byte, 10_000)
		n, err := c.Read(b)
		if err == io.EOF {
			_ = c.CloseWrite()
		}
		g.held[id] = b[:n]
	}
	n, _ := c.Write(g.held[id])
	g.held[id] = g.held[id][n:]
	return n > 0
}

// move takes the guest elsewhere, its sessions as bytes.
func (p *place) move(t *testing.T, g *guest, kind session.Kind) *guest {
	t.Helper()
	was := p.hub
	was.Seal()
	epoch := p.epoch + 1
	h := session.NewHub(session.Config{Name: "l", Kind: kind, Path: "/chat", Epoch: epoch})
	if err := h.Load(was.Save()); err != nil {
		t.Fatal(err)
	}
	to := &guest{hub: h, held: g.held}
	for _, c := range g.conns {
		n, err := h.Restore(c.ID(), c.Save())
		if err != nil {
			t.Fatal(err)
		}
		to.conns = append(to.conns, n)
	}
	p.mu.Lock()
	p.hub, p.epoch = h, epoch
	p.mu.Unlock()
	was.Moved("here")
	return to
}

// TestConnectionsMove has clients say numbered lines to a guest that echoes them, while
// it moves and links are cut.
func TestConnectionsMove(t *testing.T) {
	p := &place{epoch: 1, hub: session.NewHub(session.Config{Name: "l", Kind: session.TCP, Epoch: 1})}
	g := &guest{hub: p.hub, held: map[uint64][]byte{}}
	const clients, rounds = 8, 400
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			if err := converse(t.Context(), p.options(client.Raw), i, rounds); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	over := make(chan struct{})
	go func() { wg.Wait(); close(over) }()
	for moves := 0; ; moves++ {
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() { defer close(stopped); g.run(stop) }()
		select {
		case <-over:
			close(stop)
			<-stopped
			if moves < 3 {
				t.Errorf("only %d moves", moves)
			}
			return
		case <-time.After(20 * time.Millisecond):
		}
		close(stop)
		<-stopped
		if moves%3 == 0 {
			p.cut()
		}
		g = p.move(t, g, session.TCP)
	}
}

// converse says lines and expects them back, several on their way at a time.
func converse(ctx context.Context, opt client.Options, who, rounds int) error {
	c, err := client.DialConn(ctx, opt)
	if err != nil {
		return err
	}
	defer c.Close()
	line := func(i int) []byte {
		return fmt.Appendf(nil, "%d %d %s\n", who, i, bytes.Repeat([]byte{'a' + byte(i%26)}, i*37%3000))
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for i := range rounds {
			if _, err := c.Write(line(i)); err != nil {
				return
			}
			time.Sleep(time.Duration(i%5) * 100 * time.Microsecond)
		}
		_ = c.CloseWrite()
	})
	r := bufio.NewReader(c)
	for i := range rounds {
		got, err := r.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("line %d: %w", i, err)
		}
		if want := line(i); !bytes.Equal(got, want) {
			return fmt.Errorf("line %d is %.40q, want %.40q", i, got, want)
		}
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("behind the last line: %v", err)
	}
	return nil
}

// astray is a link whose first frame arrives late, when its client has given it up.
type astray struct{ frame chan []byte }

func (a *astray) Read() ([]byte, error) { return nil, io.EOF }
func (a *astray) Write(b []byte) error  { a.frame <- bytes.Clone(b); return nil }
func (a *astray) Close() error          { return nil }

// TestLateResume has a resume of the client's own arrive after it has attached by another:
// the session goes on, and is not taken for one that somebody else took over.
func TestLateResume(t *testing.T) {
	p := &place{epoch: 1, hub: session.NewHub(session.Config{Name: "l", Kind: session.TCP, Epoch: 1})}
	opt := p.options(client.Raw)
	lost := &astray{frame: make(chan []byte, 1)}
	dials := 0
	opt.Dial = func(ctx context.Context, node string) (client.Link, error) {
		if dials++; dials == 2 {
			return lost, nil
		}
		return p.dial(ctx, node)
	}
	c, err := client.DialConn(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Abort()
	g := &guest{hub: p.hub, held: map[uint64][]byte{}}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { defer close(stopped); g.run(stop) }()
	defer func() { close(stop); <-stopped }()
	say := func(what string) {
		t.Helper()
		got := make([]byte, len(what))
		if _, err := io.WriteString(c, what); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != what {
			t.Fatalf("said %q, heard %q, %v", what, got, err)
		}
	}
	say("one")
	p.cut()
	for e := range c.Session().Events() {
		if e.Kind == client.Resumed { // by the third link
			break
		}
	}
	late, err := p.dial(t.Context(), "here")
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if err := late.Write(<-lost.frame); err != nil {
		t.Fatal(err)
	}
	if _, err := late.Read(); err != nil { // it is resumed, and nobody there
		t.Fatal(err)
	}
	say("two")
	if dials < 4 {
		t.Errorf("%d links: the late resume took nothing over", dials)
	}
}
