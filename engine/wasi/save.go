package wasi

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/fxamacker/cbor/v2"
)

// savedVersion is the version of the form below. Others are refused.
const savedVersion = 1

// saved is a world written down.
type saved struct {
	Version uint8             `cbor:"1,keyasint"`
	Args    []string          `cbor:"2,keyasint"`
	Env     []string          `cbor:"3,keyasint"`
	Mono    int64             `cbor:"4,keyasint"` // guest's monotonic clock, nanoseconds
	Waiting *savedWaiting     `cbor:"5,keyasint,omitempty"`
	Streams [3][]byte         `cbor:"6,keyasint"`
	Mounts  []string          `cbor:"7,keyasint"` // guest names
	Open    []savedDescriptor `cbor:"8,keyasint"` // ascending by number
	Carried [][]byte          `cbor:"9,keyasint,omitempty"`
	Extra   []byte            `cbor:"10,keyasint,omitempty"`

	Listeners []savedListener `cbor:"11,keyasint,omitempty"`
	Dialer    []byte          `cbor:"12,keyasint,omitempty"`
}

// savedWaiting is an interrupted poll_oneoff.
type savedWaiting struct {
	Key     []byte `cbor:"1,keyasint"`
	Elapsed int64  `cbor:"2,keyasint"` // nanoseconds that it had waited
}

// savedDescriptor is one descriptor; the fields are as in descriptor.
type savedDescriptor struct {
	Number     uint32   `cbor:"1,keyasint"`
	Kind       kind     `cbor:"2,keyasint"`
	Flags      uint16   `cbor:"3,keyasint,omitempty"`
	Base       Rights   `cbor:"4,keyasint,omitempty"`
	Inheriting Rights   `cbor:"5,keyasint,omitempty"`
	Stream     int      `cbor:"6,keyasint,omitempty"`
	Mount      string   `cbor:"7,keyasint,omitempty"`
	Path       string   `cbor:"8,keyasint,omitempty"`
	Offset     int64    `cbor:"9,keyasint,omitempty"`
	Preopen    bool     `cbor:"10,keyasint,omitempty"`
	Listing    []string `cbor:"11,keyasint,omitempty"`
	Carried    int      `cbor:"12,keyasint,omitempty"` // 1 + index in saved.Carried; 0: at Path
	Gone       bool     `cbor:"15,keyasint,omitempty"` // of a directory: it was removed

	Listener string       `cbor:"13,keyasint,omitempty"` // of a listener: its name
	Socket   *savedSocket `cbor:"14,keyasint,omitempty"`
}

var (
	encoding = must(cbor.CoreDetEncOptions().EncMode())
	decoding = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   8,
		MaxArrayElements:  maxEntries + 2,
		MaxMapPairs:       24,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		UTF8:              cbor.UTF8DecodeInvalid,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Save writes the world down. It changes nothing; the guest must be frozen. Equal
// worlds give equal bytes.
func (w *World) Save() ([]byte, error) {
	w.clock.mono()
	return w.SaveExact()
}

// SaveExact is Save with the monotonic clock where the guest has last seen it, and goes
// on from there: what is saved depends on nothing but what the guest has done and seen.
func (w *World) SaveExact() ([]byte, error) {
	s := saved{Version: savedVersion, Args: w.args, Env: w.env, Mono: w.clock.last, Waiting: w.saveWaiting()}
	for i, st := range w.streams {
		s.Streams[i] = st.Save()
	}
	for _, m := range w.mounts {
		s.Mounts = append(s.Mounts, m.guest)
	}
	var carried carrier
	for fd, d := range w.table.list {
		if d == nil {
			continue
		}
		e, err := d.save(&carried)
		if err != nil {
			return nil, fmt.Errorf("wasi: descriptor %d, %s: %w", fd, d.name(), err)
		}
		e.Number = uint32(fd)
		s.Open = append(s.Open, e)
	}
	s.Carried = carried.contents
	s.Listeners = w.saveListeners()
	if w.dialer != nil {
		s.Dialer = w.dialer.Save()
	}
	if w.extra != nil {
		s.Extra = w.extra.Save()
	}
	b, err := encoding.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("wasi: encode world: %w", err)
	}
	if len(b) > MaxSaved {
		return nil, fmt.Errorf("wasi: world takes %d bytes, more than %d: close directories, unlinked files or connections, or keep a smaller vector", len(b), MaxSaved)
	}
	return b, nil
}

func (w *World) saveWaiting() *savedWaiting {
	if w.waiting == nil {
		return nil
	}
	return &savedWaiting{Key: w.waiting.key[:], Elapsed: w.clock.last - w.waiting.start}
}

func (d *descriptor) save(c *carrier) (savedDescriptor, error) {
	e := savedDescriptor{Kind: d.kind, Flags: d.flags, Base: d.base, Inheriting: d.inheriting,
		Offset: d.offset, Preopen: d.preopen, Listing: d.listing}
	switch d.kind {
	case kindStream:
		e.Stream = d.number
		return e, nil
	case kindListener:
		e.Listener = d.stream.(listening).Name()
		return e, nil
	case kindSocket:
		e.Socket = d.stream.(*socket).save()
		return e, nil
	}
	e.Mount, e.Path = d.mount.guest, d.path
	err := d.reachable()
	if err == nil {
		return e, nil
	}
	if d.kind == kindDir {
		e.Gone = true
		return e, d.saveGone(err)
	}
	e.Carried, err = c.carry(d.file, err)
	return e, err
}

// errUnreachable is the error for a path at which the open file is not any more.
var errUnreachable = errors.New("open, but no longer at its path")

// reachable reports whether the descriptor's path still leads to its open file.
func (d *descriptor) reachable() error {
	if d.file == nil {
		return nil
	}
	if d.gone {
		return errUnreachable
	}
	open, err := d.file.Stat()
	if err != nil {
		return err
	}
	there, err := d.mount.root.Stat(d.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(open, there) {
		return errUnreachable
	}
	return err
}

// saveGone returns nil for a directory that is not at its path, for the reason why,
// because it was removed.
func (d *descriptor) saveGone(why error) error {
	if d.gone {
		return nil
	}
	info, err := d.file.Stat()
	if err != nil {
		return err
	}
	return unlinked(info, why)
}

// unlinked returns nil when an open file is not at its path, for the reason why, because
// it has no name any more.
func unlinked(info fs.FileInfo, why error) error {
	if !errors.Is(why, errUnreachable) {
		return why
	}
	if sysStat(info).nlink != 0 {
		return fmt.Errorf("%w: another program renamed or replaced it; close it, or put it back", why)
	}
	return nil
}

// carrier collects the contents of files that were unlinked while open, each once,
// however many descriptors it has.
type carrier struct {
	files    []fs.FileInfo
	contents [][]byte
}

// carry returns 1 + the index of f's contents. why is the reason for carrying it.
func (c *carrier) carry(f *os.File, why error) (int, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if err := unlinked(info, why); err != nil {
		return 0, err
	}
	for i, known := range c.files {
		if os.SameFile(known, info) {
			return i + 1, nil
		}
	}
	if info.Size() > MaxCarried {
		return 0, fmt.Errorf("open but unlinked, and its %d bytes are more than the %d that can follow a guest; close it",
			info.Size(), MaxCarried)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, MaxCarried))
	if err != nil {
		return 0, err
	}
	c.files = append(c.files, info)
	c.contents = append(c.contents, b)
	return len(c.contents), nil
}

// validate checks what the decoder cannot.
func (s *saved) validate() error {
	if s.Version != savedVersion {
		return fmt.Errorf("version %d, this program knows %d", s.Version, savedVersion)
	}
	if s.Mono < 0 || s.Mono > math.MaxInt64/2 {
		return fmt.Errorf("monotonic clock at %d", s.Mono)
	}
	if w := s.Waiting; w != nil && (len(w.Key) != sha256.Size || w.Elapsed < 0 || w.Elapsed > s.Mono) {
		return errors.New("interrupted poll is malformed")
	}
	last := int64(-1)
	for _, e := range s.Open {
		if int64(e.Number) <= last {
			return fmt.Errorf("descriptor %d is out of order", e.Number)
		}
		last = int64(e.Number)
	}
	return errors.Join(checkStrings("argument", s.Args), checkStrings("environment variable", s.Env))
}
