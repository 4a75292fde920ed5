package session

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"sojourn/engine/wasi"
	"sojourn/proxy/session/frame"
)

var seed = flag.Uint64("seed", 20261125, "of the random schedules")

// client is a small model of the other end.
type client struct {
	id            [16]byte
	token         [32]byte
	known         bool
	epoch         uint64
	sent          uint64 // messages made
	acked         uint64
	flight        uint64
	received      uint64
	end           *frame.Close
	port          *attachment
	inbox, outbox [][]byte // frames on their way
}

// guest is a program that reads and writes numbered lines; it moves with its streams.
type guest struct {
	read, written uint64
	part          string
}

type world struct {
	t      *testing.T
	r      *rand.Rand
	total  uint64
	client client
	guest  guest
	hub    *Hub
	epoch  uint64
	image  *image // that a crash goes back to
	moves  int
	crash  int
}

type image struct {
	guest   guest
	in, out []byte
}

func (w *world) newHub() *Hub { return NewHub(Config{Name: "stdio", Kind: Stdio, Epoch: w.epoch}) }

func numbered(who string, n uint64) string {
	return fmt.Sprintf("%s%d %s", who, n, strings.Repeat("x", int(n*7919%300)))
}

// connect dials, and may lose the answer.
func (w *world) connect() {
	c := &w.client
	var f frame.Frame = &frame.Hello{Oldest: 1, Newest: 1}
	if c.known {
		f = &frame.Resume{Oldest: 1, Newest: 1, Session: c.id, Token: c.token, Epoch: c.epoch, Received: c.received, Sent: c.sent}
	}
	s, gen, answer, err := w.hub.open(f, Remote{Epoch: w.epoch})
	if err != nil {
		w.t.Fatalf("attach of %+v: %v", f, err)
	}
	c.port, c.inbox, c.outbox = &attachment{h: w.hub, s: s, gen: gen}, nil, nil
	if c.known && w.r.IntN(3) == 0 {
		w.cut()
		return
	}
	switch a := answer.(type) {
	case *frame.Welcome:
		c.known, c.id, c.token, c.epoch = true, a.Session, a.Token, a.Epoch
	case *frame.Resumed:
		if a.Received > c.sent || a.Epoch == c.epoch && (a.Sent < c.received || a.Received < c.acked) {
			w.t.Fatalf("resumed %+v does not meet %+v", a, c)
		}
		if a.Sent < c.received {
			c.received, c.end = a.Sent, nil
		}
		c.token, c.epoch, c.acked, c.flight = a.Token, a.Epoch, a.Received, a.Received
	}
}

// cut loses what is on its way; some of it may have arrived before.
func (w *world) cut() {
	c := &w.client
	for n := w.r.IntN(len(c.outbox) + 1); n > 0; n-- {
		w.deliver()
	}
	if c.port != nil && w.r.IntN(2) == 0 { // otherwise the hub does not notice
		w.hub.leave(c.port.s, c.port.gen)
	}
	c.port, c.inbox, c.outbox = nil, nil, nil
}

func (w *world) post(f frame.Frame) {
	c := &w.client
	c.outbox = append(c.outbox, frame.Append(nil, f))
	if w.r.IntN(5) == 0 {
		c.outbox = append(c.outbox, frame.Append(nil, f)) // twice
	}
}

// deliver brings one frame to the hub.
func (w *world) deliver() {
	c := &w.client
	if c.port == nil || len(c.outbox) == 0 {
		return
	}
	f, err := frame.Parse(c.outbox[0])
	c.outbox = c.outbox[1:]
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	if err == nil && c.port.s.gen == c.port.gen {
		err = c.port.taken(f)
	}
	if err != nil {
		w.t.Fatalf("%+v: %v", f, err)
	}
}

// answer has the hub write one frame, if it has one.
func (w *world) answer() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	if p := w.client.port; p.s.gen == p.gen {
		if f := p.s.next(); f != nil {
			w.client.inbox = append(w.client.inbox, frame.Append(nil, f))
		}
	}
}

// hear takes one frame of the hub's.
func (w *world) hear() {
	c := &w.client
	if c.port == nil || len(c.inbox) == 0 {
		return
	}
	f, err := frame.Parse(c.inbox[0])
	c.inbox = c.inbox[1:]
	if err != nil {
		w.t.Fatal(err)
	}
	switch f := f.(type) {
	case *frame.Data:
		if f.Number > c.received+1 || string(f.Payload) != numbered("g", f.Number) {
			w.t.Fatalf("message %d after %d: %q", f.Number, c.received, f.Payload)
		}
		c.received = max(c.received, f.Number)
	case *frame.Ack:
		c.acked = max(c.acked, f.Received)
	case *frame.Close:
		if f.Last != c.received {
			w.t.Fatalf("closed at %d after %d", f.Last, c.received)
		}
		c.end = f
	}
}

// step is one thing that happens.
func (w *world) step() {
	c := &w.client
	switch k := w.r.IntN(100); {
	case c.port == nil:
		w.connect()
	case k < 20:
		w.answer()
	case k < 35:
		w.hear()
	case k < 50:
		w.deliver()
	case k < 60:
		if c.flight < c.sent || c.sent < w.total {
			c.flight++
			c.sent = max(c.sent, c.flight)
			w.post(&frame.Data{Number: c.flight, Type: frame.Text, Payload: []byte(numbered("c", c.flight))})
		}
	case k < 65:
		w.post(&frame.Ack{Received: c.received, Durable: c.received})
	case k < 75:
		w.reads()
	case k < 85:
		w.writes()
	case k < 88:
		w.cut()
	case k < 91:
		w.checkpoint()
	case k < 93:
		w.move(w.save(), false)
	case k < 95 && w.image != nil && w.crash < 5:
		w.move(*w.image, true)
	case k < 97:
		w.hub.Seal()
		w.hub.Unseal()
	}
}

func (w *world) reads() {
	buf := make([]byte, 1+w.r.IntN(500))
	n, err := w.hub.Stdin().Read(buf)
	if err != nil && !errors.Is(err, wasi.ErrAgain) {
		w.t.Fatal(err)
	}
	g := &w.guest
	g.part += string(buf[:n])
	for {
		l, rest, ok := strings.Cut(g.part, "\n")
		if !ok {
			return
		}
		if g.read++; l != numbered("c", g.read) {
			w.t.Fatalf("the guest's line %d is %q", g.read, l)
		}
		g.part = rest
	}
}

func (w *world) writes() {
	if g := &w.guest; g.written < w.total {
		l := numbered("g", g.written+1) + "\n"
		if n, err := w.hub.Stdout().Write([]byte(l)); err == nil && n == len(l) {
			g.written++
		} else if !errors.Is(err, wasi.ErrAgain) {
			w.t.Fatal(n, err)
		}
	}
}

func (w *world) save() image { return image{w.guest, w.hub.Stdin().Save(), w.hub.Stdout().Save()} }

func (w *world) checkpoint() {
	i := w.save()
	w.image = &i
}

// move makes the guest again elsewhere, of its present state or of an older one.
func (w *world) move(i image, crash bool) {
	if crash {
		w.crash++
	} else {
		w.moves++
		w.image = &i // the node that takes a guest keeps it
	}
	w.hub.Moved("http://elsewhere")
	w.epoch++
	w.hub = w.newHub()
	w.guest = i.guest
	if err := errors.Join(w.hub.Stdin().Load(i.in), w.hub.Stdout().Load(i.out)); err != nil {
		w.t.Fatal(err)
	}
	w.client.port = nil
}

// TestSchedules runs random schedules of both ends, with cuts, duplicates, lost answers,
// moves and crashes: each message arrives, in order and whole.
func TestSchedules(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 60
	}
	t.Logf("repeat with -seed %d", *seed)
	moves, crashes := 0, 0
	for k := range n {
		var s [32]byte
		binary.LittleEndian.PutUint64(s[:], *seed+uint64(k))
		w := &world{t: t, r: rand.New(rand.NewChaCha8(s)), total: 40, epoch: 1}
		w.hub = w.newHub()
		for i := 0; w.guest.read < w.total || w.client.received < w.total || w.client.acked < w.total; i++ {
			if i > 200000 {
				t.Fatalf("schedule %d does not end: %+v %+v", k, w.guest, w.client)
			}
			w.step()
		}
		moves, crashes = moves+w.moves, crashes+w.crash
		_ = w.hub.Close()
	}
	t.Logf("%d schedules, %d moves, %d crashes", n, moves, crashes)
}
