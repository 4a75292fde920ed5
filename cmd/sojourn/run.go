package main

import (
	"os"

	"github.com/spf13/cobra"

	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/interp"
)

func newRun() *cobra.Command {
	var g guestFlags
	var sock socketFlags
	var into freezing
	var after uint64
	cmd := &cobra.Command{
		Use:   "run [flags] app.wasm [args...]",
		Short: "Run a program as if it were the command itself",
		Long: "Run runs a WASI program on this process's streams and ends with its exit code:\n" +
			"134 when it traps, 137 when it takes more than it may. Flags come before the\n" +
			"module; what follows is the program's.\n\n" +
			"With --listen the program has a listening socket, as its descriptor 3, whose name is\n" +
			"in LISTEN_FDNAMES: accept(3) in C, net.FileListener(os.NewFile(3, \"\")) in Go.\n\n" +
			"With --checkpoint FILE, SIGTERM and SIGINT freeze the program into FILE, with its\n" +
			"module beside it in FILE.wasm, and sojourn ends with 0. 'sojourn restore FILE'\n" +
			"goes on. With --stop-after N as well it is frozen after exactly N instructions.",
		Args: moduleAndArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := readProgram(args[0])
			if err != nil {
				return err
			}
			if err := p.link(g.libs); err != nil {
				return err
			}
			spec, err := g.spec(guestArgs(p.name(), args[1:]), stdStreams())
			if err != nil {
				return err
			}
			defer sock.close()
			if err := sock.give(&spec, cmd.ErrOrStderr()); err != nil {
				return err
			}
			if err := p.keep(&g.cache); err != nil {
				return err
			}
			defer p.set.Close()
			exact := cmd.Flags().Changed("stop-after")
			if exact {
				if into.file == "" || into.idiomatic {
					return usagef("--stop-after %d: --checkpoint says where the program goes then, and not with --idiomatic", after)
				}
				p.precision = interp.EveryInstruction
			}
			m, err := p.prepare(cmd.Context(), g.engine)
			if err != nil {
				return err
			}
			if err := into.check(m); err != nil {
				return err
			}
			e, err := engine.New(cmd.Context(), m, spec)
			if err != nil {
				return err
			}
			if exact {
				return runToCount(cmd, e, into.file, after)
			}
			return runToEnd(cmd, e, into)
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false)
	g.add(f)
	g.addEnv(f)
	g.addLibraries(f)
	g.addEngine(f)
	sock.add(f)
	g.cache.add(f)
	into.add(f, "freeze into `FILE` on SIGTERM or SIGINT")
	f.Uint64Var(&after, "stop-after", 0, "freeze after exactly `N` instructions")
	return cmd
}

// streams are a guest's standard input, output and error.
type streams struct{ in, out, err wasi.Stream }

// stdStreams returns this process's streams, as a guest is given them.
func stdStreams() streams {
	return streams{wasi.FromFile(os.Stdin), wasi.FromFile(os.Stdout), &netWatch{Stream: wasi.FromFile(os.Stderr)}}
}

// runToEnd runs a guest that is prepared or frozen until it ends, or is frozen into
// a file by a signal, and closes it.
func runToEnd(cmd *cobra.Command, e *engine.Environment, into freezing) error {
	defer e.Close()
	start := e.Start
	if e.State() == engine.Frozen {
		start = e.Thaw
	}
	stop := watchSignals(into.file != "")
	defer stop.forget()
	if err := start(); err != nil {
		return err
	}
	select {
	case <-e.Done():
		return finish(e)
	case <-stop.first():
		return stop.freeze(cmd, e, into)
	}
}
