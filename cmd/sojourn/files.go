package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func newFiles() *cobra.Command {
	var (
		c      cluster
		dir    string
		forget bool
	)
	cmd := &cobra.Command{
		Use:   "files [flags] ID FILE",
		Short: "Take what a guest's carried folder holds, when the guest has ended",
		Long: "Files writes a folder that a guest carried into FILE, as a tar archive: all of it, or\n" +
			"nothing. The guest must have ended. Its node keeps the folders until it is told to\n" +
			"forget the guest.",
		Args: exactArgs("ID of a guest", "the archive to write"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := c.nodeOf(cmd, args[0])
			if err != nil {
				return err
			}
			defer n.Close()
			if err := writeFile(args[1], func(f *os.File) error { return n.Files(cmd.Context(), args[0], dir, f) }); err != nil {
				return err
			}
			if forget {
				if err := n.Forget(cmd.Context(), args[0]); err != nil {
					return err
				}
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), filesResult{args[0], args[1], forget})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "the files of %s are in %s\n", args[0], args[1])
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "which folder, as the guest knows it; not needed when it carried one")
	f.BoolVar(&forget, "forget", false, "then have the node forget the guest, with all its folders")
	c.add(f)
	return cmd
}

// filesResult is the JSON object of files.
type filesResult struct {
	ID        string `json:"id"`
	File      string `json:"file"`
	Forgotten bool   `json:"forgotten"`
}
