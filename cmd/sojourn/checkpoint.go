package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"sojourn/proxy/api"
)

// checkpointResult is the JSON object of checkpoint.
type checkpointResult struct {
	ID     string `json:"id"`
	Module string `json:"module"` // SHA-256
	File   string `json:"file"`
	Bytes  int64  `json:"bytes"`
}

func newCheckpoint() *cobra.Command {
	var c cluster
	cmd := &cobra.Command{
		Use:   "checkpoint [flags] ID FILE",
		Short: "Write a guest of a node down, and let it run on",
		Long: "Checkpoint writes a snapshot of a guest into FILE: all of it, or nothing. The guest\n" +
			"is frozen for that moment only. 'sojourn restore --module app.wasm FILE' continues\n" +
			"it from there, as a second guest.",
		Args: exactArgs("ID of a guest", "the file to write"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := c.checkpoint(cmd, args[0], args[1])
			if err != nil {
				return err
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), r)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s written to %s (%s); its module is %s\n", r.ID, r.File, byteSize(r.Bytes), r.Module)
			return nil
		},
	}
	c.add(cmd.Flags())
	return cmd
}

func (c *cluster) checkpoint(cmd *cobra.Command, id, file string) (r checkpointResult, err error) {
	n, err := c.nodeOf(cmd, id)
	if err != nil {
		return r, err
	}
	defer n.Close()
	g, err := n.Show(cmd.Context(), id)
	if err != nil {
		return r, err
	}
	r = checkpointResult{ID: g.ID, Module: g.Module, File: file}
	err = writeFile(file, func(f *os.File) error {
		if err := n.Snapshot(cmd.Context(), id, f); err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil {
			r.Bytes = info.Size()
		}
		return err
	})
	return r, err
}

// nodeOf returns a client of the node that a guest is on.
func (c *cluster) nodeOf(cmd *cobra.Command, id string) (*api.Client, error) {
	if c.orch == "" {
		if c.node == "" {
			_, err := c.orchestrator() // whom to ask?
			return nil, err
		}
		return c.nodeClient()
	}
	guests, err := c.guests(cmd)
	if err != nil {
		return nil, err
	}
	opt, err := c.trust.options()
	if err != nil {
		return nil, err
	}
	for _, g := range guests {
		if g.ID == id && g.State != api.StateMoved {
			return api.NewClient(g.NodeURL, opt)
		}
	}
	return nil, hint(errors.New("no node has a guest "+id), "'sojourn ps' lists those that there are")
}
