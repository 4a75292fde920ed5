package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sojourn/bench/page"
	"sojourn/bench/thesis"
)

func newBenchSessions() *cobra.Command {
	var (
		b         talking
		doc, plot string
		asJSON    bool
	)
	cmd := &cobra.Command{
		Use:   "sessions [flags] talk.wasm",
		Short: "Measure what clients notice while their server moves",
		Long: "Sessions starts three nodes on this machine and a WebSocket server on the first, and\n" +
			"moves it from node to node while clients hold numbered and checksummed conversations\n" +
			"with it: half of them plain WebSockets through the first node, half resumable ones;\n" +
			"text and binary, 1 byte to 1 MiB. The server is examples/talk:\n\n" +
			"    GOOS=wasip1 GOARCH=wasm go build -o talk.wasm ./examples/talk",
		Args: exactArgs("the server, as talk.wasm"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if b.clients < 2 || b.every <= 0 {
				return usagef("--clients %d --every %v: at least 2 clients, and some time between moves", b.clients, b.every)
			}
			module, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			r, err := b.run(cmd.Context(), module, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if plot != "" {
				if err := os.WriteFile(plot, []byte(r.plot()), 0o666); err != nil {
					return err
				}
			}
			if doc != "" {
				if err := page.Insert(doc, "sojourn bench sessions --doc", r.markdown()); err != nil {
					return err
				}
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), r)
			} else {
				err = r.print(cmd.OutOrStdout())
			}
			if err == nil && !r.OK {
				err = exitWith(exitFailure)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.IntVar(&b.clients, "clients", 20, "how many")
	f.DurationVar(&b.length, "for", 20*time.Second, "how long they talk")
	f.DurationVar(&b.every, "every", 2*time.Second, "time between two moves")
	f.DurationVar(&b.think, "think", 20*time.Millisecond, "time between an answer and the next message")
	f.StringVar(&doc, "doc", "", "put the table into `FILE` of Markdown")
	f.StringVar(&plot, "plot", "", "write the plot to `FILE`, as SVG")
	f.BoolVar(&asJSON, "json", false, "as one JSON object")
	return cmd
}

// talkResult is what bench sessions finds.
type talkResult struct {
	Clients   int           `json:"clients"`
	Seconds   float64       `json:"seconds"`
	Moves     int           `json:"moves"`
	Plain     talkCounts    `json:"plain"`
	Resumable talkCounts    `json:"resumable"`
	Stopped   demoQuantiles `json:"stopped_ms"` // by the source's word
	OK        bool          `json:"ok"`
	Errors    []string      `json:"errors,omitempty"`

	began time.Time
}

// talkCounts is what one kind of clients saw. Pause is, for each client and move, the
// longest that an answer took that was due during the move; Quiet of all other answers.
type talkCounts struct {
	Clients     int           `json:"clients"`
	Messages    int           `json:"messages"`
	Bytes       int64         `json:"bytes"`
	Lost        int           `json:"lost"`
	Repeated    int           `json:"repeated"`
	Reordered   int           `json:"reordered"`
	Wrong       int           `json:"wrong"`
	Disconnects int           `json:"disconnects"`
	Pause       demoQuantiles `json:"pause_ms"`
	Quiet       demoQuantiles `json:"quiet_ms"`

	at, pauses []float64 // seconds since the beginning, and milliseconds
}

func (r *talkResult) rows() [][]string {
	rows := [][]string{{"clients", "messages", "sent and got", "lost", "repeated", "reordered", "wrong", "disconnects", "pause p50", "p99", "max", "otherwise p50", "p99"}}
	for _, k := range []struct {
		name string
		c    *talkCounts
	}{{"plain", &r.Plain}, {"resumable", &r.Resumable}} {
		c := k.c
		rows = append(rows, []string{fmt.Sprintf("%d %s", c.Clients, k.name), fmt.Sprint(c.Messages), byteSize(2 * c.Bytes), fmt.Sprint(c.Lost), fmt.Sprint(c.Repeated),
			fmt.Sprint(c.Reordered), fmt.Sprint(c.Wrong), fmt.Sprint(c.Disconnects), fmt.Sprintf("%.0f ms", c.Pause.P50), fmt.Sprintf("%.0f ms", c.Pause.P99),
			fmt.Sprintf("%.0f ms", c.Pause.Max), fmt.Sprintf("%.0f ms", c.Quiet.P50), fmt.Sprintf("%.0f ms", c.Quiet.P99)})
	}
	return rows
}

func (r *talkResult) said() string {
	return fmt.Sprintf("%d clients, %.0f s, %d moves among three nodes; stopped for p50 %.0f ms, p99 %.0f ms, at most %.0f ms",
		r.Clients, r.Seconds, r.Moves, r.Stopped.P50, r.Stopped.P99, r.Stopped.Max)
}

func (r *talkResult) print(w io.Writer) error {
	fmt.Fprintf(w, "%s\n\n", r.said())
	rows := r.rows()
	for i := range rows[0] {
		fmt.Fprintf(w, "%-15s%14s%14s\n", rows[0][i], rows[1][i], rows[2][i])
	}
	for _, e := range r.Errors {
		fmt.Fprintln(w, e)
	}
	return nil
}

func (r *talkResult) markdown() []byte {
	b := []byte(r.said() + ".\n\n")
	for i, row := range r.rows() {
		for _, cell := range row {
			b = append(b, "| "+cell+" "...)
		}
		b = append(b, "|\n"...)
		if i == 0 {
			for range row {
				b = append(b, "|---"...)
			}
			b = append(b, "|\n"...)
		}
	}
	return b
}

func (r *talkResult) plot() string {
	return thesis.Plot("The longest wait of each client in each move", "seconds", "ms", true,
		thesis.Points{Name: "plain", Colour: "#c0392b", X: r.Plain.at, Y: r.Plain.pauses},
		thesis.Points{Name: "resumable", Colour: "#2471a3", X: r.Resumable.at, Y: r.Resumable.pauses})
}
