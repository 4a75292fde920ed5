package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"sojourn/engine"
	"sojourn/engine/hostsock"
	"sojourn/engine/wasi"
)

// socketFlags are a guest's sockets, on those of this machine.
type socketFlags struct {
	listen []string
	allow  []string

	open []*hostsock.Listener
	dial *hostsock.Dialer
}

func (s *socketFlags) add(f *pflag.FlagSet) {
	f.StringArrayVar(&s.listen, "listen", nil, "give the guest a listening socket, from descriptor 3 on: `NAME=tcp:[HOST:]PORT`; on the loopback address without HOST")
	f.StringArrayVar(&s.allow, "allow-dial", nil, "let the guest connect to `HOST:PORT`; either may be *, which as HOST is each public address")
}

// give opens the sockets and gives them to the guest. It says on w where those are whose
// port is 0.
func (s *socketFlags) give(spec *engine.Spec, w io.Writer) error {
	for _, at := range s.listen {
		l, err := hostsock.Listen(at)
		if errors.Is(err, hostsock.ErrNeedsNode) {
			return hint(fmt.Errorf("--listen %w", err), "give it to a guest of a node: 'sojourn node', and 'sojourn deploy --listen'; or use tcp:PORT here")
		}
		if err != nil {
			return usagef("--listen %w", err)
		}
		if strings.HasSuffix(at, ":0") {
			fmt.Fprintf(w, "sojourn: listener %q is at %v\n", l.Name(), l.Addr())
		}
		s.open = append(s.open, l)
		spec.Listeners = append(spec.Listeners, l)
	}
	if len(s.allow) == 0 {
		return nil
	}
	allow, err := hostsock.ParseAllow(s.allow)
	if err != nil {
		return usagef("--allow-dial %w", err)
	}
	s.dial = hostsock.NewDialer(allow)
	spec.Dialer = s.dial
	return nil
}

// close closes the sockets, after the guest.
func (s *socketFlags) close() {
	for _, l := range s.open {
		l.Close()
	}
	if s.dial != nil {
		s.dial.Close()
	}
}

// unusedListener says why a guest may have failed that was given a listener and never
// waited on it: Go's net.Listen makes one that only the guest itself can reach.
func unusedListener(code int, name string) error {
	return hint(fmt.Errorf("the guest ended with %d, and never waited on its listener %q", code, name),
		"it is descriptor 3 or one of the next: in Go net.FileListener(os.NewFile(3, \"\")) after syscall.SetNonblock(3, true), not net.Listen; accept(3, ...) in C")
}

// socketHint adds to an error of loading a guest which flag is missing.
func socketHint(err error) error {
	var l *wasi.MissingListener
	switch {
	case errors.As(err, &l):
		return hint(err, "give it again, with --listen %s=tcp:PORT", l.Name)
	case errors.Is(err, wasi.ErrNoDialer):
		return hint(err, "allow them again, with --allow-dial HOST:PORT; those that were open are reset")
	}
	return err
}
