package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sojourn/orchestrator"
	"sojourn/proxy/api"
)

func newDeploy() *cobra.Command {
	var (
		c       cluster
		s       api.Spec
		session string
		on      string
	)
	cmd := &cobra.Command{
		Use:   "deploy [flags] app.wasm [-- args...]",
		Short: "Start a guest on a node, where it can be reached and moved",
		Long: "Deploy gives a program to a node and starts it there. It prints the guest's id; with\n" +
			"--json, all that the node says of it, as the addresses of its listeners.",
		Args: moduleAndArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch s.Session = api.Sharing(session); s.Session {
			case "", api.One, api.Many:
			default:
				return usagef("--session %s: one or many", session)
			}
			module, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			name := filepath.Base(args[0])
			s.Args = guestArgs(name, args[1:])
			if s.Name == "" {
				s.Name = strings.TrimSuffix(name, ".wasm")
			}
			n, err := c.deployTo(cmd, on)
			if err != nil {
				return err
			}
			defer n.Close()
			g, err := n.Run(cmd.Context(), module, s)
			if err != nil {
				return err
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), g)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), g.ID)
			for _, l := range g.Listening {
				where := n.URL() + "/v1/guests/" + g.ID + "/connect/" + l.Name
				if l.Address != "" {
					where = l.Address
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%s is at %s\n", l.Name, where)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false)
	f.StringVar(&s.Name, "name", "", "what people call the guest; the program's by default")
	f.StringVar(&on, "on", "", "name of the `node` to start it on, with an orchestrator; one that has the most memory free by default")
	f.StringVar(&session, "session", "", "standard input and output are sessions: of `one` client at a time, or of many")
	f.StringArrayVar(&s.Listen, "listen", nil, "give the guest a listening socket, from descriptor 3 on: `NAME=tcp:PORT`, or NAME=ws:/PATH")
	f.StringArrayVar(&s.Dial, "allow-dial", nil, "let the guest connect to `HOST:PORT`; either may be *")
	f.StringArrayVar(&s.Dirs, "dir", nil, "give the guest a folder of the node's: `HOST:GUEST[:KIND]`")
	f.StringArrayVar(&s.Env, "env", nil, "set an environment variable: `NAME=value`")
	f.StringVar(&s.Engine, "engine", "", "auto, compiler, interpreter; the node's own by default")
	c.add(f)
	return cmd
}

// deployTo returns the node that is named, or that the orchestrator knows by that name.
func (c *cluster) deployTo(cmd *cobra.Command, name string) (*api.Client, error) {
	o, err := c.orchestrator()
	if err != nil {
		return nil, err
	}
	if o == nil {
		return c.nodeClient()
	}
	defer o.Close()
	nodes, err := o.Nodes(cmd.Context())
	if err != nil {
		return nil, err
	}
	var best *orchestrator.NodeStatus
	for i := range nodes {
		n := &nodes[i]
		if name != "" && n.Name != name || n.Cordoned {
			continue
		}
		if best == nil || n.FreeMemory > best.FreeMemory {
			best = n
		}
	}
	if best == nil {
		return nil, fmt.Errorf("the orchestrator knows no node %q that takes guests", name)
	}
	opt, err := c.trust.options()
	if err != nil {
		return nil, err
	}
	return api.NewClient(best.URL, opt)
}
