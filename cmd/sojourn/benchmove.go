package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sojourn/bench/page"
)

func newBenchMove() *cobra.Command {
	var (
		m      moving
		sizes  []string
		rates  []string
		doc    string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "move [flags]",
		Short: "Measure how long a move stops a guest, and what it sends",
		Long: "Move starts two nodes on this machine, and moves a guest of each size to and fro while\n" +
			"it changes so much memory a second; then many small guests at once.",
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if m.moves < 1 {
				return usagef("--moves %d: at least 1 is needed", m.moves)
			}
			cases, err := moveCases(sizes, rates)
			if err != nil {
				return err
			}
			r, err := m.run(cmd.Context(), cases, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if doc != "" {
				if err := page.Insert(doc, "sojourn bench move --doc", r.markdown()); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			return r.print(cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&sizes, "memory", []string{"1MiB", "16MiB", "64MiB", "256MiB"}, "memory of the guests")
	f.StringSliceVar(&rates, "writes", []string{"0", "4MiB", "64MiB"}, "memory that they change in a second, by pages of 4 KiB; about")
	f.IntSliceVar(&m.guests, "guests", []int{1, 8, 32}, "small guests to move at once")
	f.IntVar(&m.moves, "moves", 6, "moves of each guest")
	f.StringVar(&doc, "doc", "", "put the tables into `FILE` of Markdown")
	f.BoolVar(&asJSON, "json", false, "as one JSON object")
	return cmd
}

// moveCases returns each size with each rate.
func moveCases(sizes, rates []string) (all []moveCase, err error) {
	for _, s := range sizes {
		size, err := parseSize(s)
		if err != nil || size < 1<<16 || size > 1<<30 {
			return nil, usagef("--memory %q: 64KiB to 1GiB", s)
		}
		for _, r := range rates {
			rate, err := parseSize(r)
			if r == "0" {
				rate, err = 0, nil
			}
			if err != nil || rate > 1<<30 {
				return nil, usagef("--writes %q: 0 to 1GiB", r)
			}
			all = append(all, moveCase{Memory: int64(size) >> 16 << 16, Writes: int64(rate)})
		}
	}
	return all, nil
}

// moveResult is what bench move prints. Times are in milliseconds, and medians but for Worst.
type moveResult struct {
	Cases []moveCase  `json:"cases"`
	Many  []moveScale `json:"many"`
}

// moveCase is a guest of one size.
type moveCase struct {
	Memory int64   `json:"memory_bytes"`
	Writes int64   `json:"writes_per_second"` // bytes of the pages that it changes
	Moves  int     `json:"moves"`
	Rounds float64 `json:"rounds"`
	Total  float64 `json:"total_ms"`
	Stop   float64 `json:"downtime_ms"` // as api.MigrateResult has it
	Worst  float64 `json:"downtime_max_ms"`
	Sent   float64 `json:"bytes_sent"`
}

// moveScale is many guests that are moved at once.
type moveScale struct {
	Guests int     `json:"guests"`
	Total  float64 `json:"total_ms"` // until the last has moved
	Stop   float64 `json:"downtime_ms"`
	Worst  float64 `json:"downtime_max_ms"`
	Sent   float64 `json:"bytes_sent"` // for each
}

func (r *moveResult) tables() (cases, many figures) {
	cases.add("memory|changed|rounds|sent|in all, ms|stopped, ms|at most, ms")
	for _, c := range r.Cases {
		cases.add("%s|%s|%.0f|%s|%.0f|%.1f|%.1f", inMiB(c.Memory), perSecond(c.Writes), c.Rounds, byteSize(int64(c.Sent)), c.Total, c.Stop, c.Worst)
	}
	many.add("guests at once|sent, each|all moved in, ms|stopped, ms|at most, ms")
	for _, s := range r.Many {
		many.add("%d|%s|%.0f|%.1f|%.1f", s.Guests, byteSize(int64(s.Sent)), s.Total, s.Stop, s.Worst)
	}
	return cases, many
}

func perSecond(n int64) string {
	if n == 0 {
		return "nothing"
	}
	return inMiB(n) + "/s"
}

func (r *moveResult) print(w io.Writer) error {
	cases, many := r.tables()
	if err := cases.print(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return many.print(w)
}

func (r *moveResult) markdown() []byte {
	cases, many := r.tables()
	return append(append(cases.markdown(), '\n'), many.markdown()...)
}
