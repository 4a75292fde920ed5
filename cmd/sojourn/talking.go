package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/proxy/api"
	"sojourn/proxy/client"
)

// talking is the load of bench sessions.
type talking struct {
	clients              int
	length, every, think time.Duration
}

// exchange is one message and its answer.
type exchange struct{ from, to time.Time }

// talker is one client.
type talker struct {
	plain bool
	rng   *rand.Rand
	talkCounts
	all []exchange
	err error
}

// socket is what a client talks over: a WebSocket, or a session.
type socket interface {
	send(ctx context.Context, m client.Message) error
	receive(ctx context.Context) (client.Message, error)
	close()
}

func (b *talking) run(ctx context.Context, module []byte, log io.Writer) (*talkResult, error) {
	ctx, cancel := context.WithTimeout(ctx, b.length+10*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "sojourn-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var d demo
	defer d.stop()
	var nodes []*api.Client
	for i := range 3 {
		a, err := d.start(dir, "node", "--name", fmt.Sprintf("node-%d", i+1))
		if err != nil {
			return nil, err
		}
		c, err := api.NewClient(a.URL, api.Options{})
		if err != nil {
			return nil, err
		}
		defer c.Close()
		nodes = append(nodes, c)
	}
	g, err := nodes[0].Run(ctx, module, api.Spec{Name: "talk", Args: []string{"talk"}, Listen: []string{"talk=ws:/talk"}})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(log, "guest %s runs on %s\n", g.ID, nodes[0].URL())
	return b.talk(ctx, nodes, g.ID, log)
}

// talk has the clients talk, and moves the guest meanwhile.
func (b *talking) talk(ctx context.Context, nodes []*api.Client, id string, log io.Writer) (*talkResult, error) {
	var all []*talker
	var wg sync.WaitGroup
	quit := make(chan struct{})
	for i := range b.clients {
		t := &talker{plain: i%2 == 0, rng: rand.New(rand.NewPCG(uint64(i), 5))}
		all = append(all, t)
		s, err := t.connect(ctx, nodes, id)
		if err != nil {
			close(quit)
			wg.Wait()
			return nil, fmt.Errorf("client %d: %w", i, err)
		}
		wg.Go(func() {
			defer s.close()
			t.err = t.talk(ctx, s, quit, b.think)
		})
	}
	began := time.Now()
	moves, stopped, err := b.move(ctx, nodes, id, began, log)
	close(quit)
	wg.Wait()
	if err != nil {
		return nil, err
	}
	return b.sum(all, moves, stopped, began), nil
}

// move moves the guest from node to node, and returns when each move was.
func (b *talking) move(ctx context.Context, nodes []*api.Client, id string, began time.Time, log io.Writer) (moves []exchange, stopped []float64, err error) {
	due := time.NewTicker(b.every)
	defer due.Stop()
	for at := 0; time.Since(began) < b.length; at = (at + 1) % len(nodes) {
		select {
		case <-due.C:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
		to := nodes[(at+1)%len(nodes)]
		from := time.Now()
		res, err := nodes[at].Migrate(ctx, id, api.MigrateRequest{To: to.URL()}, nil)
		if err != nil {
			return nil, nil, fmt.Errorf("move %d: %w", len(moves)+1, err)
		}
		moves = append(moves, exchange{from, time.Now()})
		stopped = append(stopped, res.DowntimeMS)
		fmt.Fprintf(log, "move %d: %.0f ms, stopped for %.0f ms\n", len(moves), res.TotalMS, res.DowntimeMS)
	}
	return moves, stopped, nil
}

func (t *talker) connect(ctx context.Context, nodes []*api.Client, id string) (socket, error) {
	if t.plain {
		ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws"+strings.TrimPrefix(nodes[0].URL(), "http")+client.Endpoint(id, "talk"), nil)
		return &plainSocket{ws}, err
	}
	var urls []string
	for _, n := range nodes {
		urls = append(urls, n.URL())
	}
	s, err := client.Dial(ctx, client.Options{URLs: urls, Guest: id, Listener: "talk"})
	return &resumable{s}, err
}

type plainSocket struct{ ws *websocket.Conn }

func (p *plainSocket) send(_ context.Context, m client.Message) error {
	return p.ws.WriteMessage(int(m.Kind), m.Data)
}

func (p *plainSocket) receive(context.Context) (client.Message, error) {
	_ = p.ws.SetReadDeadline(time.Now().Add(time.Minute))
	kind, b, err := p.ws.ReadMessage()
	return client.Message{Kind: client.Kind(kind), Data: b}, err
}

func (p *plainSocket) close() { _ = p.ws.Close() }

type resumable struct{ s *client.Session }

func (r *resumable) send(ctx context.Context, m client.Message) error { return r.s.Send(ctx, m) }

func (r *resumable) receive(ctx context.Context) (client.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return r.s.Receive(ctx)
}

func (r *resumable) close() { r.s.Abort() }

// talk sends numbered messages and checks each answer until quit.
func (t *talker) talk(ctx context.Context, s socket, quit <-chan struct{}, think time.Duration) error {
	for n := 1; ; n++ {
		select {
		case <-quit:
			return nil
		case <-time.After(think/2 + time.Duration(t.rng.Int64N(int64(think)+1))):
		}
		body := t.body()
		m := client.Message{Kind: client.Kind(1 + n%2), Data: append(fmt.Appendf(nil, "%d %08x ", n, crc32.ChecksumIEEE(body)), body...)}
		from := time.Now()
		if err := s.send(ctx, m); err != nil {
			t.Disconnects++
			return fmt.Errorf("message %d: %w", n, err)
		}
		got, err := s.receive(ctx)
		if err != nil {
			if t.Disconnects++; errors.Is(err, context.DeadlineExceeded) {
				t.Lost++
			}
			return fmt.Errorf("answer %d: %w", n, err)
		}
		t.all = append(t.all, exchange{from, time.Now()})
		if err := t.check(n, m, got); err != nil {
			return err
		}
		t.Messages++
		t.Bytes += int64(len(m.Data))
	}
}

// check counts an answer that is not the one that is due.
func (t *talker) check(n int, m, got client.Message) error {
	if got.Kind == m.Kind && bytes.Equal(got.Data, m.Data) {
		return nil
	}
	number, _, _ := strings.Cut(string(got.Data[:min(len(got.Data), 20)]), " ")
	switch k, err := strconv.Atoi(number); {
	case err != nil || k == n:
		t.Wrong++
	case k < n:
		t.Repeated++
	default:
		t.Reordered++
	}
	return fmt.Errorf("answer %d is %.100q", n, got.Data)
}

// body is 1 byte to almost 1 MiB of text, most of them short.
func (t *talker) body() []byte {
	most := []int{100, 100, 1000, 10_000}[t.rng.IntN(4)]
	if t.rng.IntN(50) == 0 {
		most = 1<<20 - 64
	}
	b := make([]byte, 1+t.rng.IntN(most))
	for i := range b {
		b[i] = 'a' + byte((i*7+len(b))%26)
	}
	return b
}

// sum is what all clients saw.
func (b *talking) sum(all []*talker, moves []exchange, stopped []float64, began time.Time) *talkResult {
	r := &talkResult{Clients: len(all), Seconds: time.Since(began).Seconds(), Moves: len(moves), Stopped: demoQuantilesOf(stopped), began: began, OK: len(moves) > 0}
	quiet := map[*talkCounts][]float64{}
	for i, t := range all {
		c := &r.Resumable
		if t.plain {
			c = &r.Plain
		}
		c.Clients++
		c.Messages += t.Messages
		c.Bytes += t.Bytes
		c.Lost, c.Repeated, c.Reordered = c.Lost+t.Lost, c.Repeated+t.Repeated, c.Reordered+t.Reordered
		c.Wrong, c.Disconnects = c.Wrong+t.Wrong, c.Disconnects+t.Disconnects
		if t.err != nil {
			r.OK = false
			r.Errors = append(r.Errors, fmt.Sprintf("client %d: %v", i, t.err))
		}
		quiet[c] = append(quiet[c], c.pausesOf(t, moves, began)...)
	}
	for _, c := range []*talkCounts{&r.Plain, &r.Resumable} {
		c.Pause, c.Quiet = demoQuantilesOf(slices.Clone(c.pauses)), demoQuantilesOf(quiet[c])
	}
	return r
}

// pausesOf adds a client's longest wait in each move, and returns its other waits.
func (c *talkCounts) pausesOf(t *talker, moves []exchange, began time.Time) (quiet []float64) {
	longest := make([]float64, len(moves))
	for _, e := range t.all {
		during := false
		for k, m := range moves {
			if e.from.Before(m.to) && e.to.After(m.from) {
				during = true
				longest[k] = max(longest[k], ms(e.to.Sub(e.from)))
			}
		}
		if !during {
			quiet = append(quiet, ms(e.to.Sub(e.from)))
		}
	}
	for k, p := range longest {
		if p > 0 {
			c.at, c.pauses = append(c.at, moves[k].from.Sub(began).Seconds()), append(c.pauses, p)
		}
	}
	return quiet
}

// demoQuantilesOf sorts v.
func demoQuantilesOf(v []float64) demoQuantiles {
	if len(v) == 0 {
		return demoQuantiles{}
	}
	slices.Sort(v)
	at := func(q float64) float64 { return v[min(len(v)-1, int(q*float64(len(v))))] }
	return demoQuantiles{at(0.5), at(0.99), at(1)}
}
