package wasi

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Config says what a guest's world is made of. The zero value is a world without
// arguments, files or input, whose output is thrown away.
type Config struct {
	Args []string // the first is the program's name
	Env  []string // "NAME=value"

	Listeners []Listener // listening sockets, descriptors 3, 4, ...
	Mounts    []Mount    // preopened directories, from the next descriptor on
	Dialer    Dialer     // for outward connections; nil allows none

	Stdin, Stdout, Stderr Stream // nil is [Discard]

	// MaxDescriptors bounds the open descriptors; 0 is [DefaultDescriptors].
	MaxDescriptors int

	// Generation, if not 0, makes a world that is loaded say so in the environment
	// variable SOJOURN_GENERATION: there were others that were loaded from the same.
	Generation uint64

	Rand io.Reader        // nil is crypto/rand
	Now  func() time.Time // the real-time clock; nil is time.Now

	// Mono is a clock in nanoseconds that never goes back; nil is the host's.
	Mono func() int64

	// Extra is what host functions beside those of this package keep for the guest, and
	// is saved and loaded with the world; nil is nothing.
	Extra Extra
}

// Extra is something that follows a guest. What Save returns is a function of what the
// guest has done; nothing for one that has not used it.
type Extra interface {
	Save() []byte
	Load([]byte) error
}

// Mount is a directory of the host that the guest sees.
type Mount struct {
	Host     string // directory on this node
	Guest    string // the name the guest knows it by, as "/" or "/data"
	ReadOnly bool   // writes fail with EROFS

	// What becomes of the folder when the guest moves is package engine's business.
	Carried bool   // its contents go with the guest
	Digest  string // in hexadecimal, of a folder that never changes: see engine/carry
}

// World is all the WASI state of one guest.
type World struct {
	args, env []string
	listeners []Listener
	used      map[string]bool // listeners that the guest has waited on, by name
	mounts    []*mount
	dialer    Dialer
	streams   [3]Stream
	table     table
	clock     clock
	rand      io.Reader
	waiting   *waiting // a poll_oneoff to be issued again, or nil
	extra     Extra
}

// Started returns the arguments and the environment of the guest.
func (w *World) Started() (args, env []string) { return w.args, w.env }

// Extra returns what the world was given as [Config.Extra].
func (w *World) Extra() Extra { return w.extra }

// New makes the world of a guest that has not started: descriptors 0 to 2 are the
// streams, and 3 onward the listeners and then the mounts, in order. The streams,
// listeners and the dialer stay the caller's, who closes them after the World.
func New(cfg Config) (*World, error) {
	w, err := assemble(cfg)
	if err != nil {
		return nil, err
	}
	for i := range w.streams {
		w.table.set(uint32(i), w.newStream(i))
	}
	for _, l := range w.listeners {
		w.table.set(uint32(w.table.free()), newListening(l))
	}
	for _, m := range w.mounts {
		w.table.set(uint32(w.table.free()), newPreopen(m))
	}
	w.env = withListeners(w.env, w.listeners)
	return w, nil
}

// assemble makes a world that has no descriptors yet.
func assemble(cfg Config) (*World, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	w := &World{
		args:      cfg.Args,
		env:       cfg.Env,
		streams:   [3]Stream{cfg.Stdin, cfg.Stdout, cfg.Stderr},
		table:     table{max: cfg.MaxDescriptors},
		clock:     newClock(cfg.Now, cfg.Mono),
		rand:      cfg.Rand,
		extra:     cfg.Extra,
		listeners: cfg.Listeners,
		used:      map[string]bool{},
		dialer:    cfg.Dialer,
	}
	for _, mt := range cfg.Mounts {
		m, err := openMount(mt)
		if err != nil {
			return nil, errors.Join(err, w.Close())
		}
		w.mounts = append(w.mounts, m)
	}
	return w, nil
}

// validate checks a configuration and fills in its defaults.
func (c *Config) validate() error {
	if err := checkStrings("argument", c.Args); err != nil {
		return err
	}
	if err := checkStrings("environment variable", c.Env); err != nil {
		return err
	}
	if c.MaxDescriptors == 0 {
		c.MaxDescriptors = DefaultDescriptors
	}
	if least := 3 + len(c.Listeners) + len(c.Mounts); c.MaxDescriptors < least {
		return fmt.Errorf("wasi: %d descriptors allowed, but the streams, listeners and mounts need %d", c.MaxDescriptors, least)
	}
	if err := checkListeners(c.Listeners); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, m := range c.Mounts {
		if m.Guest == "" || strings.ContainsRune(m.Guest, 0) {
			return fmt.Errorf("wasi: mount of %q needs the name that the guest sees", m.Host)
		}
		if seen[m.Guest] {
			return fmt.Errorf("wasi: two mounts are called %q", m.Guest)
		}
		seen[m.Guest] = true
	}
	for _, s := range []*Stream{&c.Stdin, &c.Stdout, &c.Stderr} {
		if *s == nil {
			*s = Discard()
		}
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	return nil
}

// checkStrings refuses what cannot be handed over as NUL-terminated strings.
func checkStrings(what string, list []string) error {
	size := 0
	for _, s := range list {
		if strings.ContainsRune(s, 0) {
			return fmt.Errorf("wasi: %s %q contains a NUL byte", what, s)
		}
		size += len(s) + 1
	}
	if len(list) > maxStrings || size > maxStringBytes {
		return fmt.Errorf("wasi: %d %ss of %d bytes are too many, at most %d of %d bytes",
			len(list), what, size, maxStrings, maxStringBytes)
	}
	return nil
}

// Close closes every file, but no stream, listener or connection. The guest must not run any more.
func (w *World) Close() error {
	err := w.table.closeFiles()
	for _, m := range w.mounts {
		err = errors.Join(err, m.root.Close())
	}
	w.mounts = nil
	return err
}
