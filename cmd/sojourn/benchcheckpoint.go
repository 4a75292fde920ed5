package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sojourn/bench/page"
	"sojourn/examples/guests"
)

func newBenchCheckpoint() *cobra.Command {
	var c checkpoints
	var sizes []string
	var doc string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "checkpoint [flags]",
		Short: "Measure how long a checkpoint stops a guest, and how soon it goes on elsewhere",
		Long: "Checkpoint freezes running guests, writes them down and lets them go on: a small C\n" +
			"program, and programs that have written to so much memory. Each snapshot goes on in a\n" +
			"target that holds an empty guest of the module already, and in one that holds the\n" +
			"compiled module only. The same memory is compressed by 'zstd -1' into a file beside it,\n" +
			"in the same run. All times are medians.",
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.runs < 1 {
				return usagef("--runs %d: at least 1 is needed", c.runs)
			}
			small, err := guests.Module("fib")
			if err != nil {
				return err
			}
			list := []checkpointGuest{{name: "small", module: small, args: []string{"fib", "60"}}}
			for _, s := range sizes {
				n, err := parseSize(s)
				if err != nil || n > 2<<30 {
					return usagef("--touched %q: 64KiB to 2GiB", s)
				}
				pages := uint32(n >> 16)
				list = append(list, checkpointGuest{name: inMiB(int64(pages) << 16), module: touchModule(pages), full: true})
			}
			var all []checkpointRow
			for _, g := range list {
				row, err := c.measure(cmd.Context(), &g)
				if err != nil {
					return fmt.Errorf("%s: %w", g.name, err)
				}
				all = append(all, *row)
			}
			f := checkpointFigures(all)
			if doc != "" {
				if err := page.Insert(doc, "sojourn bench checkpoint --doc", f.markdown()); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), all)
			}
			return f.print(cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&sizes, "touched", []string{"1MiB", "16MiB", "64MiB", "256MiB"}, "memory that the larger programs have written to")
	f.IntVar(&c.runs, "runs", 20, "checkpoints of each program; ten times as many of the small one")
	f.StringVar(&c.dir, "dir", "", "`folder` for files; default: one that is removed at the end")
	f.StringVar(&doc, "doc", "", "put the table into `FILE` of Markdown")
	f.BoolVar(&asJSON, "json", false, "as one JSON array")
	return cmd
}

// checkpointRow is what bench checkpoint finds of one guest. Times are medians, in
// milliseconds.
type checkpointRow struct {
	Guest         string  `json:"guest"`
	Engine        string  `json:"engine"`
	Runs          int     `json:"runs"`
	TouchedBytes  int64   `json:"touched_bytes"`    // of memory that was ever written to
	SnapshotBytes int64   `json:"snapshot_bytes"`   //
	Memory        float64 `json:"to_memory_ms"`     // from asking a running guest to freeze until the snapshot is in memory
	File          float64 `json:"to_file_ms"`       // the same, until it is on disk under its name
	Prepared      float64 `json:"thaw_prepared_ms"` // from bytes until the guest has run to its next point, in an empty guest that waits
	Cold          float64 `json:"thaw_cold_ms"`     // the same, with the module compiled only
	Zstd          float64 `json:"zstd_ms"`          // 'zstd -1' of the touched bytes into a synced file
	ZstdBytes     int64   `json:"zstd_bytes"`       //
	ZstdBy        string  `json:"zstd_by"`          // the program, or the library where it is not installed
	Ratio         float64 `json:"file_to_zstd"`     // median over the pairs
	FileCPU       float64 `json:"to_file_cpu_ms"`   // processor time of all threads; 0 where the system does not tell
	ZstdCPU       float64 `json:"zstd_cpu_ms"`      // with the program's
	CPURatio      float64 `json:"file_to_zstd_cpu"` // median over the pairs
}

func checkpointFigures(rows []checkpointRow) (f figures) {
	f.add("touched|snapshot|to memory, ms|to file, ms|zstd -1, ms|file / zstd|of CPU|thaw, prepared, ms|thaw, cold, ms")
	for _, r := range rows {
		f.add("%s|%s|%.3f|%.3f|%.3f|%.2f|%.2f|%.3f|%.3f", r.label(), byteSize(r.SnapshotBytes),
			r.Memory, r.File, r.Zstd, r.Ratio, r.CPURatio, r.Prepared, r.Cold)
	}
	return f
}

func (r *checkpointRow) label() string {
	if r.Guest == "small" {
		return "small: " + byteSize(r.TouchedBytes)
	}
	return r.Guest
}

// middle returns the median.
func middle(v []float64) float64 {
	slices.Sort(v)
	return v[(len(v)-1)/2]
}

// medianMillis returns the median of times, in milliseconds to the microsecond.
func medianMillis(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[(len(times)-1)/2].Microseconds()) / 1000
}
