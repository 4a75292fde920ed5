package wasi

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Load makes the world that Save wrote down. Arguments and environment are the
// saved ones; streams, listeners, mounts and limits are those of cfg. Mounts are matched
// by their guest names, listeners by theirs. Each file is opened again where it was: it is neither created
// nor truncated, and its absence is an error.
//
// Load trusts nothing in b. On an error the streams, listeners and the dialer may have
// taken up what was saved.
func Load(cfg Config, b []byte) (*World, error) {
	if len(b) > MaxSaved {
		return nil, fmt.Errorf("wasi: saved world of %d bytes, at most %d are allowed", len(b), MaxSaved)
	}
	var s saved
	if err := decoding.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("wasi: saved world: %w", err)
	}
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("wasi: saved world: %w", err)
	}
	cfg.Args, cfg.Env = s.Args, cfg.generation(s.Env)
	w, err := assemble(cfg)
	if err != nil {
		return nil, err
	}
	if err := w.restore(&s); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// generation returns an environment with the generation in it.
func (c *Config) generation(env []string) []string {
	if c.Generation == 0 {
		return env
	}
	const name = "SOJOURN_GENERATION="
	env = slices.DeleteFunc(slices.Clone(env), func(v string) bool { return strings.HasPrefix(v, name) })
	return append(env, name+strconv.FormatUint(c.Generation, 10))
}

// MissingMount is returned for a saved world that has a folder which whoever loads it
// does not give: rights come from outside, not from what was saved.
type MissingMount struct{ Guest string }

func (e *MissingMount) Error() string {
	return fmt.Sprintf("wasi: the guest needs the folder %q, which is not given", e.Guest)
}

func (w *World) restore(s *saved) error {
	w.clock.set(max(s.Mono, firstMono))
	if err := w.loadExtra(s.Extra); err != nil {
		return err
	}
	if s.Waiting != nil {
		w.waiting = &waiting{key: [32]byte(s.Waiting.Key), start: w.clock.last - s.Waiting.Elapsed}
	}
	for _, name := range s.Mounts {
		if w.mountNamed(name) == nil {
			return &MissingMount{name}
		}
	}
	if err := errors.Join(w.loadListeners(s.Listeners), w.loadDialer(s.Dialer)); err != nil {
		return err
	}
	carried := make([]carriedFile, len(s.Carried))
	for i, b := range s.Carried {
		if len(b) > MaxCarried {
			return fmt.Errorf("wasi: carried file of %d bytes, at most %d are allowed", len(b), MaxCarried)
		}
		carried[i].contents = b
	}
	defer closeCarried(carried)
	for _, e := range s.Open {
		if uint64(e.Number) >= uint64(w.table.max) {
			return fmt.Errorf("wasi: descriptor %d, but only %d are allowed", e.Number, w.table.max)
		}
		d, err := w.reopen(e, carried)
		if err != nil {
			return fmt.Errorf("wasi: descriptor %d, %s: %w", e.Number, e.name(), err)
		}
		w.table.set(e.Number, d)
	}
	w.refuse()
	for i, st := range w.streams {
		if err := st.Load(s.Streams[i]); err != nil {
			return fmt.Errorf("wasi: stream %d: %w", i, err)
		}
	}
	return nil
}

func (w *World) loadExtra(b []byte) error {
	if w.extra == nil && len(b) > 0 {
		return fmt.Errorf("wasi: %d bytes of host functions that are not offered here", len(b))
	}
	if w.extra == nil {
		return nil
	}
	if err := w.extra.Load(b); err != nil {
		return fmt.Errorf("wasi: saved world: %w", err)
	}
	return nil
}

func (w *World) mountNamed(guest string) *mount {
	for _, m := range w.mounts {
		if m.guest == guest {
			return m
		}
	}
	return nil
}

// reopen opens one descriptor again.
func (w *World) reopen(e savedDescriptor, carried []carriedFile) (*descriptor, error) {
	if e.Flags&^allFlags != 0 || e.Inheriting&^allRights != 0 || e.Offset < 0 {
		return nil, errors.New("flags, rights or offset are malformed")
	}
	switch e.Kind {
	case kindStream:
		return w.reopenStream(e)
	case kindListener:
		return w.reopenListener(e)
	case kindSocket:
		return w.reopenSocket(e)
	}
	m := w.mountNamed(e.Mount)
	if m == nil {
		return nil, errors.New("the mount is not given")
	}
	d := &descriptor{kind: e.Kind, mount: m, path: e.Path, flags: e.Flags,
		base: e.Base, inheriting: e.Inheriting, offset: e.Offset, preopen: e.Preopen}
	switch e.Kind {
	case kindDir:
		return d, d.reopenDir(e)
	case kindFile:
		return d, d.reopenFile(e, carried)
	}
	return nil, fmt.Errorf("unknown kind %d", e.Kind)
}

// name says what the descriptor was, in words for errors.
func (e *savedDescriptor) name() string {
	switch {
	case e.Kind == kindStream:
		return "a standard stream"
	case e.Kind == kindListener:
		return fmt.Sprintf("listener %q", e.Listener)
	case e.Kind == kindSocket:
		return "a connection"
	}
	return fmt.Sprintf("%q in mount %q", e.Path, e.Mount)
}

func (w *World) reopenStream(e savedDescriptor) (*descriptor, error) {
	if e.Stream < 0 || e.Stream >= len(w.streams) || e.Base&^streamRights != 0 {
		return nil, errors.New("stream or rights are malformed")
	}
	d := w.newStream(e.Stream)
	d.flags, d.base, d.inheriting = e.Flags, e.Base, e.Inheriting
	return d, nil
}

func (d *descriptor) reopenDir(e savedDescriptor) error {
	if e.Base&^dirRights != 0 || e.Preopen && (e.Path != "." || e.Gone) {
		return errors.New("rights or path are malformed")
	}
	for _, name := range e.Listing {
		if name == "" || strings.ContainsAny(name, "/\x00") {
			return fmt.Errorf("listing has the name %q", name)
		}
	}
	d.listing = e.Listing
	switch {
	case e.Preopen:
		return nil
	case e.Gone:
		d.gone = true
		var err error
		d.file, err = removedDir()
		return err
	}
	return d.openAgain(os.O_RDONLY|openOnlyDir, os.FileInfo.IsDir)
}

func (d *descriptor) reopenFile(e savedDescriptor, carried []carriedFile) error {
	if e.Base&^fileRights != 0 || e.Preopen || e.Gone || e.Listing != nil {
		return errors.New("rights or kind are malformed")
	}
	flags := os.O_RDONLY | syncFlag(d.flags)
	if d.base&writeRights != 0 {
		flags = os.O_RDWR | syncFlag(d.flags)
		if d.mount.readOnly {
			return errors.New("the guest has it open for writing, but the mount is read-only here")
		}
	}
	if e.Carried != 0 {
		if e.Carried < 0 || e.Carried > len(carried) {
			return errors.New("its contents are missing")
		}
		var err error
		d.file, err = carried[e.Carried-1].open(flags)
		return err
	}
	return d.openAgain(flags, isFile)
}

// removedDir returns a directory that is open and has no name.
func removedDir() (*os.File, error) {
	name, err := os.MkdirTemp("", "sojourn-removed-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(name)
	return os.Open(name)
}

// openAgain opens the descriptor's path, which must be of the kind that is says.
func (d *descriptor) openAgain(flags int, is func(os.FileInfo) bool) error {
	if err := checkPath(d.path); err != nil {
		return fmt.Errorf("malformed path: %w", err)
	}
	f, err := d.mount.root.OpenFile(d.path, flags|openNonblock, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !is(info) {
		err = fmt.Errorf("is not a %s here", d.kind)
	}
	if err == nil {
		d.file = f
		err = d.shorten()
	}
	if err != nil {
		d.file = nil
		err = errors.Join(err, f.Close())
	}
	return err
}

// carriedFile is a file that exists only through the descriptors that are open on it.
type carriedFile struct {
	contents []byte
	name     string // of a temporary file, "" before the first open
}

// open opens the file, once more if need be, with an offset and flags of its own.
func (c *carriedFile) open(flags int) (*os.File, error) {
	if c.name == "" {
		f, err := os.CreateTemp("", "sojourn-unlinked-")
		if err != nil {
			return nil, err
		}
		c.name = f.Name()
		_, err = f.Write(c.contents)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(c.name, flags, 0)
}

// closeCarried unlinks the temporary files, which the open descriptors keep.
func closeCarried(list []carriedFile) {
	for _, c := range list {
		if c.name != "" {
			os.Remove(c.name)
		}
	}
}
