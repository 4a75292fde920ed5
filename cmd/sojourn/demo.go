package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sojourn/examples/guests"
	"sojourn/interp"
	"sojourn/orchestrator"
	"sojourn/proxy/api"
)

func newDemo() *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Watch a server being moved under its client",
		Long: "Demo starts an orchestrator and two nodes on this machine, one that compiles and one\n" +
			"that interprets, runs an ordinary key-value server on the first, and moves it to and\n" +
			"fro while a client talks to it all the time and checks every answer.",
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if d.moves < 1 {
				return usagef("--moves %d: at least one, to see anything", d.moves)
			}
			res, err := d.run(cmd)
			if err != nil {
				return err
			}
			if err := d.print(cmd.OutOrStdout(), res); err != nil {
				return err
			}
			if !res.OK {
				return &exitError{exitFailure, fmt.Errorf("the client saw it: %d lost, %d repeated, %d out of order, %d wrong",
					res.Client.Lost, res.Client.Repeated, res.Client.Reordered, res.Client.Wrong)}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&d.moves, "moves", 6, "how often to move the server")
	f.DurationVar(&d.stay, "stay", 700*time.Millisecond, "how long it stays in between")
	f.BoolVar(&d.json, "json", false, "print one JSON object at the end, and no table")
	return cmd
}

type demo struct {
	moves int
	stay  time.Duration
	json  bool

	children
}

// demoResult is what demo --json prints. The field names are a contract.
type demoResult struct {
	Moves      int           `json:"moves"`
	DowntimeMS demoQuantiles `json:"downtime_ms"` // the longest silence that the client met in each move
	Client     clientCounts  `json:"client"`
	Bytes      demoBytes     `json:"bytes"`
	OK         bool          `json:"ok"`

	each []demoMove
}

type demoQuantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

type demoBytes struct {
	Memory int64 `json:"memory"` // of the guest, at the last move
	Sent   int64 `json:"sent"`   // in all moves
}

type demoMove struct {
	to      string
	result  api.MigrateResult
	silence time.Duration
}

// run does it all, and leaves no process behind.
func (d *demo) run(cmd *cobra.Command) (res demoResult, err error) {
	ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "sojourn-demo-")
	if err != nil {
		return res, err
	}
	defer os.RemoveAll(dir)
	defer d.stop()
	say := func(format string, args ...any) { fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...) }

	orch, err := d.start(dir, "orchestrator", "--listen", "127.0.0.1:0")
	if err != nil {
		return res, err
	}
	say("orchestrator at %s", orch.URL)
	var nodes []announcement
	for i, engine := range demoEngines() {
		n, err := d.start(dir, "node", "--name", fmt.Sprintf("node-%d", i+1), "--engine", engine, "--orchestrator", orch.URL)
		if err != nil {
			return res, err
		}
		say("%s at %s: %s", n.Name, n.URL, engine)
		nodes = append(nodes, n)
	}
	o, err := orchestrator.NewClient(orch.URL, api.Options{})
	if err != nil {
		return res, err
	}
	defer o.Close()
	if err := awaitNodes(ctx, o, len(nodes)); err != nil {
		return res, err
	}
	first, err := api.NewClient(nodes[0].URL, api.Options{})
	if err != nil {
		return res, err
	}
	defer first.Close()
	g, err := first.Run(ctx, guests.EchoKV, api.Spec{Name: "echo-kv", Args: []string{"echo-kv"}, Session: api.One})
	if err != nil {
		return res, fmt.Errorf("start the server: %w", err)
	}
	sess, err := first.Session(ctx, g.ID, api.Lines)
	if err != nil {
		return res, err
	}
	defer sess.Close()
	say("guest %s runs on %s; the client talks to it through %s", g.ID, nodes[0].Name, nodes[0].Name)
	if err := awaitGuest(ctx, o, g.ID); err != nil {
		return res, err
	}
	client := startClient(sess)
	moveErr := d.moveAll(ctx, o, client, g.ID, nodes, &res, say)
	res.Client, err = client.stop(ctx)
	if moveErr != nil {
		return res, moveErr
	}
	if err != nil {
		return res, err
	}
	d.summarize(&res)
	return res, nil
}

func demoEngines() []string {
	if interp.HasCompiler() {
		return []string{"compiler", "interpreter"}
	}
	return []string{"interpreter", "interpreter"}
}

func (d *demo) moveAll(ctx context.Context, o *orchestrator.Client, client *demoClient, id string, nodes []announcement, res *demoResult, say func(string, ...any)) error {
	at := 0
	for i := range d.moves {
		select {
		case <-time.After(d.stay):
		case <-client.done:
			return client.err
		case <-ctx.Done():
			return ctx.Err()
		}
		at = (at + 1) % len(nodes)
		client.mark()
		m, err := o.Migrate(ctx, id, nodes[at].Name, nil)
		if err != nil {
			return fmt.Errorf("move %d, to %s: %w", i+1, nodes[at].Name, err)
		}
		if err := client.answered(ctx); err != nil {
			return err
		}
		mv := demoMove{to: nodes[at].Name, result: *m.Result, silence: client.silence()}
		res.each = append(res.each, mv)
		say("move %d: to %s in %.0f ms, %d rounds; the client waited %.1f ms", i+1, mv.to, mv.result.TotalMS, len(mv.result.Rounds), ms(mv.silence))
	}
	return nil
}

func (d *demo) summarize(res *demoResult) {
	res.Moves = len(res.each)
	var silences []float64
	for _, m := range res.each {
		silences = append(silences, ms(m.silence))
		res.Bytes.Sent += m.result.BytesSent
		res.Bytes.Memory = m.result.MemoryBytes
	}
	slices.Sort(silences)
	at := func(q float64) float64 { return silences[min(len(silences)-1, int(q*float64(len(silences))))] }
	res.DowntimeMS = demoQuantiles{at(0.5), at(0.99), at(1)}
	c := res.Client
	res.OK = res.Moves == d.moves && c.Messages > 0 && c.Lost+c.Repeated+c.Reordered+c.Wrong == 0
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (d *demo) print(w io.Writer, res demoResult) error {
	if d.json {
		return printJSON(w, res)
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "move\tto\trounds\tsent\ttotal ms\tstopped ms\tclient waited ms\t")
	for i, m := range res.each {
		fmt.Fprintf(t, "%d\t%s\t%d\t%s\t%.0f\t%.1f\t%.1f\t\n", i+1, m.to, len(m.result.Rounds), byteSize(m.result.BytesSent),
			m.result.TotalMS, m.result.DowntimeMS, ms(m.silence))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d moves of a guest with %s of memory, %s sent\nclient waited: p50 %.1f ms, p99 %.1f ms, at most %.1f ms\n"+
		"%d messages, every answer checked: %d lost, %d repeated, %d out of order, %d wrong\n",
		res.Moves, byteSize(res.Bytes.Memory), byteSize(res.Bytes.Sent), res.DowntimeMS.P50, res.DowntimeMS.P99, res.DowntimeMS.Max,
		res.Client.Messages, res.Client.Lost, res.Client.Repeated, res.Client.Reordered, res.Client.Wrong)
	return err
}

// awaitNodes waits until n nodes have reported to the orchestrator.
func awaitNodes(ctx context.Context, o *orchestrator.Client, n int) error {
	return await(ctx, fmt.Sprintf("%d nodes to report to the orchestrator", n), func() (bool, error) {
		nodes, err := o.Nodes(ctx)
		return len(nodes) == n, err
	})
}

// awaitGuest waits until the orchestrator has heard of a guest.
func awaitGuest(ctx context.Context, o *orchestrator.Client, id string) error {
	return await(ctx, "the orchestrator to hear of the guest", func() (bool, error) {
		gs, err := o.Guests(ctx)
		return slices.ContainsFunc(gs, func(g orchestrator.GuestStatus) bool { return g.ID == id }), err
	})
}

func await(ctx context.Context, what string, there func() (bool, error)) error {
	for {
		ok, err := there()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
