package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"sojourn/bench/thesis"
)

func newBenchThesis() *cobra.Command {
	var c thesis.Config
	var doc string
	cmd := &cobra.Command{
		Use:   "thesis [flags]",
		Short: "Do the three experiments of the thesis again",
		Long: "Thesis measures the size of a module, its instantiation and execution, and one\n" +
			"checkpoint and restore, for guests that make checkpoints by themselves and for the\n" +
			"same programs unmodified, on our engine and, if sojourn-wasmer is found, on Wasmer.\n" +
			"It prints docs/EXPERIMENTS.md; with --doc it writes that and its plots into a folder.",
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Runs < 2 {
				return usagef("--runs %d: at least 2 are needed", c.Runs)
			}
			if c.Wasmer == "" {
				c.Wasmer, _ = exec.LookPath("sojourn-wasmer")
			}
			r, err := thesis.Run(cmd.Context(), c)
			if err != nil {
				return err
			}
			page, plots := r.Page(fmt.Sprintf("sojourn bench thesis --runs %d", c.Runs))
			if doc == "" {
				_, err := fmt.Fprint(cmd.OutOrStdout(), page)
				return err
			}
			plots["EXPERIMENTS.md"] = page
			for path, text := range plots {
				file := filepath.Join(doc, path)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					return err
				}
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.Runs, "runs", 1000, "repetitions of each measurement")
	f.StringVar(&c.Wasmer, "wasmer", "", "`path` of sojourn-wasmer; default: the one in $PATH, and without Wasmer if there is none")
	f.StringVar(&doc, "doc", "", "write the page and its plots into a `folder`")
	return cmd
}
