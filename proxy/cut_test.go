package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"sojourn/proxy/api"
)

// cutter is a proxy before a node that breaks migration channels off after a
// number of frames, counted in both directions; other connections pass.
type cutter struct {
	ln   net.Listener
	to   string
	mu   sync.Mutex
	left int // frames to let through; below 0 for all
	cut  bool
	do   func() // instead of nothing but the cut
	wg   sync.WaitGroup
	live map[net.Conn]bool
}

func newCutter(t *testing.T, to string) *cutter {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{ln: ln, to: to, live: map[net.Conn]bool{}}
	c.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			c.wg.Go(func() { c.serve(conn) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		c.mu.Lock()
		for conn := range c.live {
			conn.Close()
		}
		c.mu.Unlock()
		c.wg.Wait()
	})
	return c
}

func (c *cutter) url() string { return "http://" + c.ln.Addr().String() }

// after arms the cutter.
func (c *cutter) after(frames int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.cut = frames, false
}

func (c *cutter) wasCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

// pass says whether one more frame may go through.
func (c *cutter) pass() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		if !c.cut && c.do != nil {
			c.do()
		}
		c.cut = true
		return false
	}
	c.left--
	return true
}

func (c *cutter) track(conn net.Conn, live bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if live {
		c.live[conn] = true
	} else {
		delete(c.live, conn)
	}
}

func (c *cutter) serve(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer far.Close()
	for _, conn := range []net.Conn{near, far} {
		c.track(conn, true)
		defer c.track(conn, false)
	}
	nr, fr := bufio.NewReader(near), bufio.NewReader(far)
	head, channel := httpHead(nr)
	if _, err := far.Write(head); err != nil {
		return
	}
	var wg sync.WaitGroup
	end := func() { near.Close(); far.Close() }
	if !channel {
		wg.Go(func() { io.Copy(near, fr); end() })
		io.Copy(far, nr)
	} else {
		wg.Go(func() {
			answer, _ := httpHead(fr)
			if _, err := near.Write(answer); err == nil {
				c.frames(near, fr)
			}
			end()
		})
		c.frames(far, nr)
	}
	end()
	wg.Wait()
}

// httpHead reads up to the empty line, and says whether it opens a channel.
func httpHead(r *bufio.Reader) ([]byte, bool) {
	var head []byte
	for {
		line, err := r.ReadBytes('\n')
		head = append(head, line...)
		if err != nil || len(bytes.TrimSpace(line)) == 0 {
			return head, bytes.Contains(head, []byte("GET /v1/handover "))
		}
	}
}

// frames passes WebSocket frames on, and counts those with data.
func (c *cutter) frames(dst io.Writer, src *bufio.Reader) {
	for {
		head := make([]byte, 2, 14)
		if _, err := io.ReadFull(src, head); err != nil {
			return
		}
		n, more := uint64(head[1]&0x7f), 0
		switch n {
		case 126:
			more = 2
		case 127:
			more = 8
		}
		mask := 0
		if head[1]&0x80 != 0 {
			mask = 4
		}
		head = head[:2+more+mask]
		if _, err := io.ReadFull(src, head[2:]); err != nil {
			return
		}
		switch more {
		case 2:
			n = uint64(binary.BigEndian.Uint16(head[2:]))
		case 8:
			n = binary.BigEndian.Uint64(head[2:])
		}
		if op := head[0] & 0xf; op <= 2 && !c.pass() {
			return
		}
		if _, err := dst.Write(head); err != nil {
			return
		}
		if _, err := io.CopyN(dst, src, int64(n)); err != nil {
			return
		}
	}
}

// census counts the nodes on which the guest runs now.
func census(ctx context.Context, t *testing.T, id string, cs ...*api.Client) (running, frozen int, at *api.Client) {
	t.Helper()
	for _, c := range cs {
		g, err := c.Show(ctx, id)
		var ae *api.Error
		if errors.As(err, &ae) && ae.Code == api.CodeNotFound {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		switch g.State {
		case api.StateRunning:
			running++
			at = c
		case api.StateFrozen, api.StateFreezing:
			frozen++
		}
	}
	return running, frozen, at
}

// TestCutAtEachFrame breaks the channel off after each number of frames, before
// the commit and after it: then exactly one node runs the guest, and it still
// answers as if nothing had been.
func TestCutAtEachFrame(t *testing.T) {
	ctx := testContext(t)
	a, ca := startNode(t, Config{Name: "a"})
	b, cb := startNode(t, Config{Name: "b"})
	cut := newCutter(t, b.URL()[len("http://"):])
	g, err := ca.Run(ctx, module(t, "sleep"), api.Spec{Args: []string{"sleep", "1000000", "5"}})
	if err != nil {
		t.Fatal(err)
	}
	moved, kept := 0, 0
	for frames := 0; moved < 3; frames++ {
		if frames > 200 {
			t.Fatal("the migration never gets through")
		}
		cut.after(frames)
		_, err := ca.Migrate(ctx, g.ID, api.MigrateRequest{To: cut.url()}, nil)
		at := settleOn(ctx, t, g.ID, ca, cb)
		if err != nil {
			kept++
			wantCode(t, err, api.CodeMigrationFault)
			if at != ca {
				t.Fatalf("cut after %d frames: the source says it failed (%v), but the guest is at the target", frames, err)
			}
			continue
		}
		moved++
		if at != cb {
			t.Fatalf("cut after %d frames: the source says it moved, but it is there", frames)
		}
		t.Logf("moved with a cut after %d frames (reached: %v)", frames, cut.wasCut())
		if _, err := cb.Migrate(ctx, g.ID, api.MigrateRequest{To: a.URL()}, nil); err != nil {
			t.Fatal(err)
		}
		settleOn(ctx, t, g.ID, ca, cb)
	}
	t.Logf("%d cuts before the commit, %d migrations that got through", kept, moved)
	if kept < 8 {
		t.Errorf("only %d cuts came before the commit: the channel has more frames than that", kept)
	}
}

// settleOn waits until one node runs the guest and none holds it otherwise.
func settleOn(ctx context.Context, t *testing.T, id string, cs ...*api.Client) *api.Client {
	t.Helper()
	for {
		running, frozen, at := census(ctx, t, id, cs...)
		if running > 1 {
			t.Fatal("two run")
		}
		if running == 1 && frozen == 0 {
			return at
		}
		if ctx.Err() != nil {
			t.Fatalf("%d run, %d stand", running, frozen)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
