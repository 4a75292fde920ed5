package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"sojourn/examples/guests"
	"sojourn/proxy/api"
)

// inFlight is how many requests the demo's client has under way: the server is asked
// without a pause, wherever it is.
const inFlight = 4

// clientCounts is what the client saw.
type clientCounts struct {
	Messages  uint64 `json:"messages"` // answers that were right
	Lost      uint64 `json:"lost"`
	Repeated  uint64 `json:"repeated"`
	Reordered uint64 `json:"reordered"`
	Wrong     uint64 `json:"wrong"`
}

// demoClient sends numbered requests all the time and holds each answer against a
// model of the server.
type demoClient struct {
	sess   *api.Session
	ledger *guests.Ledger
	slots  chan struct{} // one for each request that may still be sent
	quit   chan struct{} // closed to send no more
	done   chan struct{} // closed when nothing more will be received; err says why
	err    error
	wg     sync.WaitGroup

	mu      sync.Mutex
	sent    uint64
	seen    map[uint64]bool
	next    uint64 // number expected
	counts  clientCounts
	last    time.Time     // of the last answer
	longest time.Duration // between two answers, since the mark
}

func startClient(s *api.Session) *demoClient {
	c := &demoClient{sess: s, ledger: guests.NewLedger(), slots: make(chan struct{}, inFlight), quit: make(chan struct{}),
		done: make(chan struct{}), seen: map[uint64]bool{}, next: 1, last: time.Now()}
	for range inFlight {
		c.slots <- struct{}{}
	}
	c.wg.Go(c.send)
	c.wg.Go(c.receive)
	return c
}

func (c *demoClient) send() {
	for {
		select {
		case <-c.quit:
			return
		case <-c.slots:
		}
		c.mu.Lock()
		c.sent++
		n := c.sent
		c.mu.Unlock()
		if err := c.sess.Send([]byte(guests.Request(n))); err != nil {
			return // receive meets it too
		}
	}
}

func (c *demoClient) receive() {
	defer close(c.done)
	for {
		msg, err := c.sess.Receive()
		if err != nil {
			c.err = fmt.Errorf("the client lost its session: %w", err)
			return
		}
		c.answer(string(msg))
		select {
		case c.slots <- struct{}{}:
		default: // an answer too many
		}
	}
}

// due returns how many requests have no answer yet.
func (c *demoClient) due() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent - (c.next - 1 + uint64(len(c.seen)))
}

func (c *demoClient) answer(msg string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.longest = max(c.longest, now.Sub(c.last))
	c.last = now
	field, _, _ := strings.Cut(msg, " ")
	n, err := strconv.ParseUint(field, 10, 64)
	switch {
	case err != nil || n == 0 || n > c.sent:
		c.counts.Wrong++
		return
	case n < c.next, c.seen[n]:
		c.counts.Repeated++
		return
	case n != c.next:
		c.counts.Reordered++
	case msg != c.ledger.Answer(guests.Request(n)):
		c.counts.Wrong++
	default:
		c.counts.Messages++
	}
	c.seen[n] = true
	for c.seen[c.next] {
		delete(c.seen, c.next)
		c.next++
	}
}

// mark begins a new measurement of silence.
func (c *demoClient) mark() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest = 0
}

// silence returns the longest time between two answers since the mark.
func (c *demoClient) silence() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.longest
}

// answered waits for the next answer.
func (c *demoClient) answered(ctx context.Context) error {
	c.mu.Lock()
	was := c.last
	c.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", ctx.Err())
		case <-c.done:
			return c.err
		case <-time.After(time.Millisecond):
		}
		c.mu.Lock()
		now := c.last
		c.mu.Unlock()
		if now != was {
			return nil
		}
	}
}

// stop sends no more, waits for the answers that are due, and says what was seen.
// Requests without an answer are lost.
func (c *demoClient) stop(ctx context.Context) (clientCounts, error) {
	close(c.quit)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	broken := false
	for c.due() > 0 && ctx.Err() == nil && !broken {
		select {
		case <-c.done:
			broken = true
		case <-time.After(5 * time.Millisecond):
		}
	}
	_ = c.sess.Close()
	c.wg.Wait()
	c.counts.Lost = c.due()
	if broken {
		return c.counts, c.err
	}
	return c.counts, nil
}
