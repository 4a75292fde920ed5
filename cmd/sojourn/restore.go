package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"sojourn/engine"
)

func newRestore() *cobra.Command {
	var g guestFlags
	var from snapshotSource
	var file string
	cmd := &cobra.Command{
		Use:   "restore [flags] FILE",
		Short: "Go on with a program that was frozen into a file",
		Long: "Restore thaws the program in FILE and runs it on, as run does: on this process's\n" +
			"streams, with its exit code. Its module is FILE.wasm, or --module. Arguments and\n" +
			"environment variables are the program's own; what it may do is not in the file,\n" +
			"so folders and limits are given again.",
		Args: exactArgs("the snapshot file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			from.file = args[0]
			spec, err := g.spec(nil, stdStreams())
			if err != nil {
				return err
			}
			defer from.close()
			e, err := from.restore(cmd.Context(), &g, spec)
			if err != nil {
				return err
			}
			return runToEnd(cmd, e, file)
		},
	}
	f := cmd.Flags()
	g.add(f)
	g.addEngine(f)
	g.cache.add(f)
	f.StringVar(&from.module, "module", "", "the program's module; default FILE.wasm")
	f.StringVar(&file, "checkpoint", "", "freeze into `FILE` again on SIGTERM or SIGINT; it may be the same")
	return cmd
}

// snapshotSource is a snapshot file with its module.
type snapshotSource struct {
	file, module string
	opened       *program // by restore
}

// close frees what restore has prepared. The guest is closed.
func (s *snapshotSource) close() {
	if s.opened != nil {
		s.opened.set.Close()
	}
}

// open opens the snapshot.
func (s *snapshotSource) open() (*os.File, error) {
	f, err := os.Open(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint(fmt.Errorf("no snapshot at %q", s.file), "'sojourn run --checkpoint %s app.wasm' makes one on SIGTERM", s.file)
	}
	return f, err
}

// program reads the module.
func (s *snapshotSource) program() (*program, error) {
	if s.module != "" {
		return readProgram(s.module)
	}
	p, err := readProgram(modulePath(s.file))
	if err != nil {
		return nil, hint(err, "a snapshot does not hold its module: give it with --module app.wasm")
	}
	return p, nil
}

// restore reads the guest, frozen.
func (s *snapshotSource) restore(ctx context.Context, g *guestFlags, spec engine.Spec) (*engine.Environment, error) {
	f, err := s.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := s.program()
	if err != nil {
		return nil, err
	}
	if err := p.keep(&g.cache); err != nil {
		return nil, err
	}
	s.opened = p
	m, err := p.prepare(ctx, g.engine)
	if err != nil {
		return nil, err
	}
	e, err := engine.Restore(ctx, m, spec, f)
	if errors.Is(err, engine.ErrModule) {
		return nil, hint(fmt.Errorf("%s: %w", s.file, err), "give the module that was frozen, with --module app.wasm")
	}
	if err != nil {
		return nil, fmt.Errorf("restore %s: %w", s.file, err)
	}
	return e, nil
}
