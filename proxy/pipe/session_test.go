package pipe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"sojourn/engine/wasi"
)

// echo is a guest that answers each byte with itself, until it is stopped. It
// reads only what it can answer at once, so it has no memory that must follow.
func echo(ctx context.Context, p *Pipe) {
	in, out := p.Stdin(), p.Stdout()
	for ctx.Err() == nil {
		p.mu.Lock()
		buf := make([]byte, min(1000, p.out.room()))
		p.mu.Unlock()
		if len(buf) == 0 {
			wait(ctx, out.Writable())
			continue
		}
		n, err := in.Read(buf)
		switch {
		case errors.Is(err, wasi.ErrAgain):
			wait(ctx, in.Readable())
		case err != nil:
			p.End(7)
			return
		default:
			if m, err := out.Write(buf[:n]); m != n || err != nil {
				panic(err)
			}
		}
	}
}

func wait(ctx context.Context, c <-chan struct{}) {
	select {
	case <-c:
	case <-ctx.Done():
	}
}

// cluster moves an echo guest about, and breaks links.
type cluster struct {
	mu    sync.Mutex
	at    int
	nodes map[string]*Pipe
	links []Link
	stop  func()
}

func (c *cluster) run(p *Pipe) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { echo(ctx, p); close(done) }()
	c.stop = func() { cancel(); <-done }
}

func (c *cluster) dial(_ context.Context, at string) (Link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at == "" {
		at = "n0"
	}
	near, far := NewLink()
	c.links = append(c.links, near)
	p := c.nodes[at]
	go func() { _ = p.Serve(context.Background(), far) }()
	return near, nil
}

func (c *cluster) move(t *testing.T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.nodes[fmt.Sprint("n", c.at)]
	old.Seal()
	c.stop()
	p := NewPipe()
	if err := p.Stdin().Load(old.Stdin().Save()); err != nil {
		t.Error(err)
	}
	if err := p.Stdout().Load(old.Stdout().Save()); err != nil {
		t.Error(err)
	}
	c.at++
	url := fmt.Sprint("n", c.at)
	c.nodes[url] = p
	c.run(p)
	old.Moved(url)
}

func (c *cluster) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.links {
		l.Close()
	}
	c.links = nil
}

// client sends a known stream and checks what comes back.
type client struct {
	sent, got int
	total     int
	ended     bool
	closed    chan struct{}
	rnd       *rand.Rand
	bad       error
}

func content(i int) byte { return byte(i*7 ^ i>>8*13 ^ i>>16) }

func (c *client) Read() ([]byte, bool, error) {
	if c.sent == c.total && !c.ended {
		c.ended = true
		return nil, true, nil
	}
	if c.ended {
		<-c.closed
		return nil, false, io.EOF
	}
	b := make([]byte, min(1+c.rnd.IntN(5000), c.total-c.sent))
	for i := range b {
		b[i] = content(c.sent + i)
	}
	c.sent += len(b)
	return b, false, nil
}

func (c *client) Write(b []byte, flush bool) (int, error) {
	n := len(b)
	if !flush && n > 1 {
		n = n - n/3
	}
	for _, x := range b[:n] {
		if x != content(c.got) {
			c.bad = fmt.Errorf("byte %d is %d, want %d", c.got, x, content(c.got))
			return 0, c.bad
		}
		c.got++
	}
	return n, nil
}

// TestExactlyOnce moves the guest and cuts links all the time.
func TestExactlyOnce(t *testing.T) {
	cl := &cluster{nodes: map[string]*Pipe{"n0": NewPipe()}}
	cl.run(cl.nodes["n0"])
	c := &client{total: 6 << 20, closed: make(chan struct{}), rnd: rand.New(rand.NewPCG(1, 2))}
	gw := Gateway{Client: c, Dial: cl.dial, Linger: 10 * time.Second}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	quit, trouble := make(chan struct{}), make(chan struct{})
	moves := 0
	go func() {
		defer close(trouble)
		for {
			select {
			case <-quit:
				return
			case <-time.After(time.Duration(1+moves%5) * time.Millisecond):
			}
			if moves++; moves%3 == 0 {
				cl.cut()
			} else {
				cl.move(t)
			}
		}
	}()
	err := gw.Run(ctx)
	close(c.closed)
	gw.Wait()
	close(quit)
	<-trouble
	cl.stop()
	var end *EndError
	if !errors.As(err, &end) || end.Exit != 7 || c.got != c.total || c.bad != nil {
		t.Fatalf("after %d moves and cuts: %d of %d bytes came back, err %v, %v", moves, c.got, c.total, err, c.bad)
	}
	t.Logf("%d moves and cuts", moves)
	if moves < 6 {
		t.Errorf("only %d moves and cuts: nothing was tested", moves)
	}
}

func TestPipeBounds(t *testing.T) {
	p := NewPipe()
	if n, err := p.Stdout().Write(make([]byte, Buffer+5)); n != Buffer || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	if _, err := p.Stdout().Write([]byte{1}); !errors.Is(err, wasi.ErrAgain) {
		t.Errorf("a full pipe: %v", err)
	}
	if off, err := p.feed(5, []byte("x")); err == nil {
		t.Errorf("a gap is taken: %d", off)
	}
	if off, _ := p.feed(0, []byte("abc")); off != 3 {
		t.Errorf("feed: %d", off)
	}
	if off, _ := p.feed(1, []byte("bcd")); off != 4 {
		t.Errorf("an overlap: %d", off)
	}
	p.Seal()
	if off, _ := p.feed(4, []byte("e")); off != 4 {
		t.Errorf("a sealed pipe takes input: %d", off)
	}
	p.Unseal()
	p.endInput(4)
	got, err := io.ReadAll(io.LimitReader(readerOf(p), 10))
	if string(got) != "abcd" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if err := p.Stdin().Load([]byte{0xff, 1}); err == nil {
		t.Error("garbage is loaded")
	}
}

func readerOf(p *Pipe) io.Reader { return p.Stdin() }

func TestResetOnWrongOffsets(t *testing.T) {
	p := NewPipe()
	near, far := NewLink()
	done := make(chan error, 1)
	go func() { done <- p.Serve(t.Context(), far) }()
	if err := write(near, frame{kind: Open, a: 99}); err != nil {
		t.Fatal(err)
	}
	f, err := read(near)
	if err != nil || f.kind != Reset || !strings.Contains(string(f.data), "99") {
		t.Errorf("got %+v, %v", f, err)
	}
	if err := <-done; err == nil {
		t.Error("the pipe goes on")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(frame{kind: Input, a: 7, data: []byte("abc")}.append(nil))
	f.Add(frame{kind: State, a: 1, b: 2}.append(nil))
	f.Add([]byte{9})
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := parse(b)
		if err != nil {
			return
		}
		if !bytes.Equal(fr.append(nil), b) {
			t.Fatal("a frame has two encodings")
		}
	})
}

func TestMain(m *testing.M) {
	code := m.Run()
	for range 50 {
		if runtime.NumGoroutine() <= 2 || code != 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > 2 && code == 0 {
		fmt.Fprintf(os.Stderr, "%d goroutines are left\n", n)
		code = 1
	}
	os.Exit(code)
}
