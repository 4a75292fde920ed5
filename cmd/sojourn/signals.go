package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sojourn/engine"
	"sojourn/snapshotfmt"
)

// freezing is what a signal does to a guest.
type freezing struct {
	file      string // to freeze it into; empty does not catch the signal
	idiomatic bool   // with its last checkpoint, not where it is
}

func (f *freezing) add(fs *pflag.FlagSet, usage string) {
	fs.StringVar(&f.file, "checkpoint", "", usage)
	fs.BoolVar(&f.idiomatic, "idiomatic", false, "with --checkpoint: write the last checkpoint that the program has made by itself, which sojourn-wasmer continues too")
}

// check refuses a program that makes none, before it runs.
func (f *freezing) check(m *engine.Module) error {
	if f.idiomatic && !m.Idiomatic() {
		return hint(engine.ErrNotIdiomatic, "leave --idiomatic out")
	}
	return nil
}

// signals are SIGTERM and SIGINT while a guest runs that is to be frozen by them.
type signals struct{ ch chan os.Signal }

// watchSignals starts to catch the signals, if wanted.
func watchSignals(wanted bool) *signals {
	s := &signals{make(chan os.Signal, 2)}
	if wanted {
		signal.Notify(s.ch, syscall.SIGTERM, os.Interrupt)
	}
	return s
}

// first receives a signal; never, when none are watched.
func (s *signals) first() <-chan os.Signal { return s.ch }

// forget gives the signals their usual meaning again.
func (s *signals) forget() { signal.Stop(s.ch) }

// freeze freezes a guest into a file. When the guest ends first, that is how the
// process ends; a second signal ends both, and then there is no file.
func (s *signals) freeze(cmd *cobra.Command, e *engine.Environment, into freezing) error {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	go func() {
		select {
		case <-s.ch:
			cancel()
		case <-ctx.Done():
		}
	}()
	switch err := e.Freeze(ctx); {
	case errors.Is(err, engine.ErrGone):
		return finish(e)
	case ctx.Err() != nil:
		return &exitError{exitSignaled, errors.New("ended by a second signal: the guest is lost")}
	case err != nil:
		return err
	}
	snapshot := e.Snapshot
	if into.idiomatic {
		snapshot = e.SnapshotIdiomatic
	}
	size, err := checkpoint(e, into.file, func(w io.Writer) error { return snapshot(w, snapshotfmt.Meta{}) })
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "sojourn: guest frozen into %s (%d bytes); 'sojourn restore %[1]s' goes on\n", into.file, size)
	return nil
}

// checkpoint writes a frozen guest to file and its modules beside it, and returns the
// size of the snapshot. On error no file has changed, or only those of modules.
func checkpoint(e *engine.Environment, file string, snapshot func(io.Writer) error) (int64, error) {
	write := func(path string, module []byte) error {
		return writeFile(path, func(f *os.File) error {
			_, err := f.Write(module)
			return err
		})
	}
	err := write(modulePath(file), e.Module().Bytes())
	for i, l := range e.Module().Libraries() {
		err = errors.Join(err, write(libraryPath(file, i), l.Bytes))
	}
	if err != nil {
		return 0, fmt.Errorf("write the module: %w", err)
	}
	var size int64
	err = writeFile(file, func(f *os.File) error {
		if err := snapshot(f); err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil {
			size = info.Size()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("write the snapshot: %w", err)
	}
	return size, nil
}

// modulePath is where the module of a snapshot file is, unless the person says otherwise.
func modulePath(file string) string { return file + ".wasm" }

// libraryPath is where the i-th of its libraries is, likewise.
func libraryPath(file string, i int) string { return fmt.Sprintf("%s.%d.wasm", file, i) }
