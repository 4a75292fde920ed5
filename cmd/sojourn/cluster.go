package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sojourn/orchestrator"
	"sojourn/proxy/api"
)

// cluster is whom a command asks: an orchestrator, or one node.
type cluster struct {
	orch, node string
	json       bool
	trust      trust
}

func (c *cluster) add(f *pflag.FlagSet) {
	f.StringVar(&c.orch, "orchestrator", os.Getenv("SOJOURN_ORCHESTRATOR"), "`URL` of the orchestrator, or $SOJOURN_ORCHESTRATOR")
	f.StringVar(&c.node, "node", os.Getenv("SOJOURN_NODE"), "`URL` of a node, or $SOJOURN_NODE, where there is no orchestrator")
	f.BoolVar(&c.json, "json", false, "print JSON")
	c.trust.add(f)
}

// orchestrator returns the orchestrator's client, nil when only a node is named.
func (c *cluster) orchestrator() (*orchestrator.Client, error) {
	if c.orch == "" {
		if c.node == "" {
			return nil, hint(usagef("whom to ask?"), "name an orchestrator with --orchestrator URL, or a node with --node URL")
		}
		return nil, nil
	}
	opt, err := c.trust.options()
	if err != nil {
		return nil, err
	}
	return orchestrator.NewClient(c.orch, opt)
}

func (c *cluster) nodeClient() (*api.Client, error) {
	opt, err := c.trust.options()
	if err != nil {
		return nil, err
	}
	return api.NewClient(c.node, opt)
}

func printJSON(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

func newPs() *cobra.Command {
	var c cluster
	cmd := &cobra.Command{
		Use:   "ps [flags]",
		Short: "List guests, and where they are",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			guests, err := c.guests(cmd)
			if err != nil {
				return err
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), guests)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tSTATE\tNODE\tENGINE\tMEMORY\tEPOCH")
			for _, g := range guests {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", g.ID, g.Name, g.State, g.Node, g.Engine, byteSize(int64(g.MemoryBytes)), g.Epoch)
			}
			return w.Flush()
		},
	}
	c.add(cmd.Flags())
	return cmd
}

func (c *cluster) guests(cmd *cobra.Command) ([]orchestrator.GuestStatus, error) {
	o, err := c.orchestrator()
	if err != nil {
		return nil, err
	}
	if o != nil {
		return o.Guests(cmd.Context())
	}
	n, err := c.nodeClient()
	if err != nil {
		return nil, err
	}
	info, err := n.Node(cmd.Context())
	var out []orchestrator.GuestStatus
	for _, g := range info.Guests {
		out = append(out, orchestrator.GuestStatus{Guest: g, Node: info.Name, NodeURL: info.URL})
	}
	return out, err
}

func newMigrate() *cobra.Command {
	var (
		c cluster
		r orchestrator.MigrateRequest
	)
	cmd := &cobra.Command{
		Use:   "migrate [flags] ID",
		Short: "Move a guest to another node while it runs",
		Long: "Migrate moves a guest. Without --to the orchestrator picks the node, and says why.\n" +
			"Without an orchestrator --to is the URL of a node.",
		Args: exactArgs("ID of a guest"),
		RunE: func(cmd *cobra.Command, args []string) error {
			res, err := c.migrate(cmd, args[0], r)
			if err != nil {
				return err
			}
			switch {
			case c.json && res.Result != nil:
				return printJSON(cmd.OutOrStdout(), res.Result)
			case c.json:
				return printJSON(cmd.OutOrStdout(), res.Decision)
			case res.Result == nil:
				return nil // a dry run: the decision has been told
			}
			m := res.Result
			fmt.Fprintf(cmd.OutOrStdout(), "%s moved to %s in %.0f ms: %d rounds, %s sent, stopped for %.1f ms\n",
				m.ID, m.To, m.TotalMS, len(m.Rounds), byteSize(m.BytesSent), m.DowntimeMS)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.To, "to", "", "name or URL of the `node` to move to")
	f.StringVar(&r.Engine, "engine", "", "only to a node that runs this engine")
	f.BoolVar(&r.DryRun, "dry-run", false, "say where it would go and why, and move nothing")
	c.add(f)
	return cmd
}

func (c *cluster) migrate(cmd *cobra.Command, id string, r orchestrator.MigrateRequest) (orchestrator.Moved, error) {
	p := newProgress(cmd.ErrOrStderr())
	defer p.close()
	o, err := c.orchestrator()
	if err != nil {
		return orchestrator.Moved{}, err
	}
	if o != nil {
		return o.MigrateWith(cmd.Context(), id, r, p.event)
	}
	if r.To == "" {
		return orchestrator.Moved{}, hint(usagef("where to?"), "without an orchestrator, name the target with --to URL")
	}
	n, err := c.nodeClient()
	if err != nil {
		return orchestrator.Moved{}, err
	}
	res, err := n.Migrate(cmd.Context(), id, api.MigrateRequest{To: r.To}, p.progress)
	return orchestrator.Moved{Result: &res}, err
}

func newDrain() *cobra.Command {
	var (
		c    cluster
		r    orchestrator.DrainRequest
		undo bool
	)
	cmd := &cobra.Command{
		Use:   "drain [flags] NODE",
		Short: "Move every guest off a node, and give it no more",
		Args:  exactArgs("name of a node"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := c.orchestrator()
			if err != nil {
				return err
			}
			if o == nil {
				return hint(usagef("only an orchestrator can drain a node"), "name one with --orchestrator URL")
			}
			if undo {
				st, err := o.Uncordon(cmd.Context(), args[0])
				if err == nil && c.json {
					return printJSON(cmd.OutOrStdout(), st)
				}
				return err
			}
			p := newProgress(cmd.ErrOrStderr())
			res, err := o.DrainWith(cmd.Context(), args[0], r, p.event)
			p.close()
			if err != nil {
				return err
			}
			return c.drained(cmd.OutOrStdout(), res)
		},
	}
	f := cmd.Flags()
	f.IntVar(&r.Parallel, "parallel", 0, "migrations at a time; the orchestrator's default is 2")
	f.BoolVar(&undo, "undo", false, "give the node guests again")
	c.add(f)
	return cmd
}

func (c *cluster) drained(w io.Writer, res orchestrator.DrainResult) error {
	if c.json {
		if err := printJSON(w, res); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(w, "%s is drained: %d guests moved, %d left\n", res.Node, len(res.Moved), len(res.Left))
		for _, l := range res.Left {
			fmt.Fprintf(w, "  %s is left: %v\n", l.Guest, l.Error)
		}
	}
	if len(res.Left) > 0 {
		return exitWith(exitFailure)
	}
	return nil
}

// byteSize writes a number of bytes for people.
func byteSize(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%.0f GiB", float64(n)/(1<<30))
	case n >= 10<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	case n >= 10<<10:
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
