package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"sojourn/proxy/api"
)

// moving moves guests between two nodes in processes of their own.
type moving struct {
	moves  int
	guests []int

	children
	nodes [2]*api.Client
}

// stay is how long a guest runs between two moves.
const stay = 200 * time.Millisecond

func (m *moving) run(ctx context.Context, cases []moveCase, progress io.Writer) (*moveResult, error) {
	dir, err := os.MkdirTemp("", "sojourn-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	defer m.stop()
	for i := range m.nodes {
		a, err := m.start(dir, "node", "--listen", "127.0.0.1:0", "--quiet", "--name", fmt.Sprint("node-", i), "--cache", "off")
		if err != nil {
			return nil, err
		}
		if m.nodes[i], err = api.NewClient(a.URL, api.Options{}); err != nil {
			return nil, err
		}
		defer m.nodes[i].Close()
	}
	r := &moveResult{}
	for _, c := range cases {
		fmt.Fprintf(progress, "%s, %s\n", inMiB(c.Memory), perSecond(c.Writes))
		if err := m.one(ctx, &c); err != nil {
			return nil, fmt.Errorf("%s, %s: %w", inMiB(c.Memory), perSecond(c.Writes), err)
		}
		r.Cases = append(r.Cases, c)
	}
	for _, n := range m.guests {
		fmt.Fprintf(progress, "%d guests\n", n)
		s, err := m.many(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("%d guests: %w", n, err)
		}
		r.Many = append(r.Many, *s)
	}
	return r, nil
}

// one moves one guest to and fro.
func (m *moving) one(ctx context.Context, c *moveCase) error {
	module := writerModule(uint32(c.Memory>>16), uint32(c.Writes/1000/4096))
	g, err := m.nodes[0].Run(ctx, module, api.Spec{Name: "writer", Args: []string{"writer"}})
	if err != nil {
		return err
	}
	time.Sleep(stay + time.Duration(c.Memory>>20)*2*time.Millisecond) // it fills its memory
	var got moves
	for i := range m.moves {
		r, err := m.nodes[i%2].Migrate(ctx, g.ID, api.MigrateRequest{To: m.nodes[(i+1)%2].URL()}, nil)
		if err != nil {
			return err
		}
		got.add(&r)
		time.Sleep(stay)
	}
	c.Moves, c.Rounds, c.Total, c.Sent = m.moves, middle(got.rounds), middle(got.total), middle(got.sent)
	c.Stop, c.Worst = middle(got.stop), slices.Max(got.stop)
	_, err = m.nodes[m.moves%2].Stop(ctx, g.ID)
	return err
}

// many moves n guests of 1 MiB at once, as often as one.
func (m *moving) many(ctx context.Context, n int) (*moveScale, error) {
	module := writerModule(16, 1)
	var ids []string
	for range n {
		g, err := m.nodes[0].Run(ctx, module, api.Spec{Name: "writer", Args: []string{"writer"}})
		if err != nil {
			return nil, err
		}
		ids = append(ids, g.ID)
	}
	time.Sleep(stay)
	var got moves
	var total []float64
	for i := range m.moves {
		results := make([]api.MigrateResult, n)
		began := time.Now()
		var all errgroup.Group
		for k, id := range ids {
			all.Go(func() (err error) {
				results[k], err = m.nodes[i%2].Migrate(ctx, id, api.MigrateRequest{To: m.nodes[(i+1)%2].URL()}, nil)
				return err
			})
		}
		if err := all.Wait(); err != nil {
			return nil, err
		}
		total = append(total, ms(time.Since(began)))
		for k := range results {
			got.add(&results[k])
		}
		time.Sleep(stay)
	}
	for _, id := range ids {
		if _, err := m.nodes[m.moves%2].Stop(ctx, id); err != nil {
			return nil, err
		}
	}
	return &moveScale{Guests: n, Total: middle(total), Stop: middle(got.stop), Worst: slices.Max(got.stop), Sent: middle(got.sent)}, nil
}

// moves are the figures of many moves.
type moves struct{ rounds, total, stop, sent []float64 }

func (m *moves) add(r *api.MigrateResult) {
	m.rounds = append(m.rounds, float64(len(r.Rounds)))
	m.total, m.stop = append(m.total, r.TotalMS), append(m.stop, r.DowntimeMS)
	m.sent = append(m.sent, float64(r.BytesSent))
}
