package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sojourn/engine"
	"sojourn/engine/carry"
	"sojourn/engine/wasi"
	"sojourn/interp"
	"sojourn/snapshotfmt"
)

func newRestore() *cobra.Command {
	var g guestFlags
	var sock socketFlags
	var from snapshotSource
	var into freezing
	var fork bool
	cmd := &cobra.Command{
		Use:   "restore [flags] FILE",
		Short: "Go on with a program that was frozen into a file",
		Long: "Restore thaws the program in FILE and runs it on, as run does: on this process's\n" +
			"streams, with its exit code. Its modules are FILE.wasm and, for libraries,\n" +
			"FILE.0.wasm and so on, or --module. Arguments and environment variables are the\n" +
			"program's own; what it may do is not in the file, so folders, sockets and limits are\n" +
			"given again. Connections that the program had are reset. A snapshot runs once:\n" +
			"FILE.ran notes it.",
		Args: exactArgs("the snapshot file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			from.file = args[0]
			spec, err := g.spec(nil, stdStreams())
			if err != nil {
				return err
			}
			defer sock.close()
			if err := sock.give(&spec, cmd.ErrOrStderr()); err != nil {
				return err
			}
			defer from.close()
			ran, err := from.ran(fork)
			if err != nil {
				return err
			}
			spec.Generation = ran
			e, err := from.restore(cmd.Context(), &g, spec)
			if err != nil {
				return err
			}
			if err := into.check(e.Module()); err != nil {
				return errors.Join(err, e.Close())
			}
			if err := noteRun(from.file, from.manifest, ran+1); err != nil {
				return errors.Join(err, e.Close())
			}
			return runToEnd(cmd, e, into)
		},
	}
	f := cmd.Flags()
	g.add(f)
	g.addEngine(f)
	sock.add(f)
	g.cache.add(f)
	from.add(f)
	f.BoolVar(&fork, "fork", false, "run a snapshot that has run already; the program finds how often in SOJOURN_GENERATION")
	into.add(f, "freeze into `FILE` again on SIGTERM or SIGINT; it may be the same")
	return cmd
}

// snapshotSource is a snapshot file with its modules.
type snapshotSource struct {
	file    string
	modules []string // the program's path, and name=path of libraries
	opened  *program // by restore

	manifest *snapshotfmt.Manifest // by ran

	precision interp.Precision // with which restore prepares it
}

func (s *snapshotSource) add(f *pflag.FlagSet) {
	f.StringArrayVar(&s.modules, "module", nil, "the program's `app.wasm`, or name=lib.wasm of a library; default FILE.wasm, and FILE.0.wasm and so on")
}

// module returns the program's path, empty when it is not given.
func (s *snapshotSource) module() string {
	for _, m := range s.modules {
		if !strings.Contains(m, "=") {
			return m
		}
	}
	return ""
}

// library returns the path of a library.
func (s *snapshotSource) library(i int, name string) string {
	for _, m := range s.modules {
		if path, ok := strings.CutPrefix(m, name+"="); ok {
			return path
		}
	}
	return libraryPath(s.file, i)
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

// ran returns how often the snapshot has run, which must be never if it is no fork.
func (s *snapshotSource) ran(fork bool) (uint64, error) {
	f, err := s.open()
	if err != nil {
		return 0, err
	}
	defer f.Close()
	dec, err := snapshotfmt.NewDecoder(f, snapshotfmt.Limits{})
	if err != nil {
		return 0, fmt.Errorf("restore %s: %w", s.file, err)
	}
	s.manifest = dec.Manifest()
	n, err := runs(s.file, s.manifest)
	if err == nil && n > 0 && !fork {
		err = errRan(s.file, n)
	}
	return n, err
}

// program reads the modules that the snapshot in f needs, and leaves f at its start.
func (s *snapshotSource) program(f *os.File) (*program, error) {
	dec, err := snapshotfmt.NewDecoder(f, snapshotfmt.Limits{})
	if err != nil {
		return nil, fmt.Errorf("restore %s: %w", s.file, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	path := s.module()
	if path == "" {
		path = modulePath(s.file)
	}
	p, err := readProgram(path)
	for i, l := range dec.Manifest().Libraries {
		if err == nil {
			err = p.link([]string{l.Name + "=" + s.library(i, l.Name)})
		}
	}
	if err != nil {
		return nil, hint(err, "a snapshot does not hold its modules: give them with --module app.wasm, and --module name=lib.wasm for each library")
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
	p, err := s.program(f)
	if err != nil {
		return nil, err
	}
	if err := p.keep(&g.cache); err != nil {
		return nil, err
	}
	s.opened, p.precision = p, s.precision
	m, err := p.prepare(ctx, g.engine)
	if err != nil {
		return nil, err
	}
	e, err := engine.Restore(ctx, m, spec, f)
	if errors.Is(err, engine.ErrModule) {
		return nil, hint(fmt.Errorf("%s: %w", s.file, err), "give the module that was frozen, with --module app.wasm")
	}
	var folder *wasi.MissingMount
	if errors.As(err, &folder) {
		return nil, hint(fmt.Errorf("restore %s: %w", s.file, err), "give it again, with --dir HOST:%s", folder.Guest)
	}
	var carried *carry.MissingFolder
	if errors.As(err, &carried) {
		kind := "carried"
		if carried.Digest != (carry.Sum{}) {
			kind = "digest"
		}
		return nil, hint(fmt.Errorf("restore %s: %w", s.file, err), "give it, with --dir HOST:%s:%s", carried.Name, kind)
	}
	if err != nil {
		return nil, socketHint(fmt.Errorf("restore %s: %w", s.file, err))
	}
	return e, nil
}
