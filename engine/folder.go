package engine

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"sojourn/engine/carry"
	"sojourn/engine/wasi"
)

// Sharing is what becomes of a folder when its guest moves.
type Sharing int

// The kinds of folders.
const (
	Shared  Sharing = iota // both machines see the same storage
	Carried                // its contents go with the guest
	Fixed                  // it never changes: a copy of the same digest will do
)

// Folder is a folder as a guest's deployer asks for it.
type Folder struct {
	Host     string // empty: a carried folder that begins empty, or a Fixed one that Digest names
	Guest    string
	Sharing  Sharing
	ReadOnly bool
	Digest   string // of a Fixed one, in hexadecimal; empty when Host is to be looked at
}

const digestPrefix = "sha256-"

// ParseFolder reads HOST:GUEST with :ro, :carried or :digest behind it. HOST alone has the
// same name inside. HOST may be empty with :carried, and sha256-HEX with :digest.
func ParseFolder(s string) (Folder, error) {
	bad := func(why string) (Folder, error) {
		return Folder{}, fmt.Errorf("folder %q: %s", s, why)
	}
	var f Folder
	rest := s
	for suffix, set := range map[string]func(){
		":ro":      func() { f.ReadOnly = true },
		":carried": func() { f.Sharing = Carried },
		":digest":  func() { f.Sharing, f.ReadOnly = Fixed, true },
	} {
		if cut, ok := strings.CutSuffix(s, suffix); ok {
			set()
			rest = cut
		}
	}
	f.Host, f.Guest = rest, rest
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !(runtime.GOOS == "windows" && i == 1) {
		f.Host, f.Guest = rest[:i], rest[i+1:]
	}
	if f.Guest == "" || f.Host == "" && f.Sharing != Carried {
		return bad("host:guest is needed, perhaps with :ro, :carried or :digest behind it")
	}
	if name, ok := strings.CutPrefix(f.Host, digestPrefix); ok && f.Sharing == Fixed {
		if b, err := hex.DecodeString(name); err != nil || len(b) != len(carry.Sum{}) || strings.ToLower(name) != name {
			return bad("a digest is sha256- and 64 hexadecimal digits in lower case")
		}
		f.Host, f.Digest = "", name
	}
	return f, nil
}

// String is what ParseFolder reads.
func (f Folder) String() string {
	s := f.Host + ":" + f.Guest
	switch {
	case f.Digest != "":
		return digestPrefix + f.Digest + ":" + f.Guest + ":digest"
	case f.Sharing == Carried:
		return s + ":carried"
	case f.Sharing == Fixed:
		return s + ":digest"
	case f.ReadOnly:
		return s + ":ro"
	}
	return s
}

// Mount returns the folder as a guest is given it on this machine, its host folder used
// in place. One that never changes is read through for its digest.
func (f Folder) Mount() (wasi.Mount, error) {
	m := wasi.Mount{Host: f.Host, Guest: f.Guest, ReadOnly: f.ReadOnly, Carried: f.Sharing == Carried, Digest: f.Digest}
	switch {
	case f.Host == "":
		return m, fmt.Errorf("folder %q: which folder of this machine is it?", f)
	case f.Sharing != Fixed:
		return m, nil
	}
	sum, err := fixedDigest(f.Host)
	m.Digest = hex.EncodeToString(sum[:])
	return m, err
}

func fixedDigest(dir string) (sum carry.Sum, err error) {
	d, err := carry.Open(dir)
	if err != nil {
		return sum, err
	}
	defer d.Close()
	t, err := d.Scan(carry.MaxChunks * carry.ChunkSize)
	if err != nil {
		return sum, fmt.Errorf("folder %q: %w", dir, err)
	}
	return t.Fixed().Digest()
}

// packed returns the mounts that a snapshot holds or names.
func (s *Spec) packed() ([]carry.Packed, error) {
	var list []carry.Packed
	for _, m := range s.Mounts {
		if !m.Carried && m.Digest == "" {
			continue
		}
		p := carry.Packed{Name: m.Guest, Dir: m.Host}
		if m.Digest != "" {
			b, err := hex.DecodeString(m.Digest)
			if err != nil || len(b) != len(p.Digest) {
				return nil, fmt.Errorf("folder %q: %q is no digest", m.Guest, m.Digest)
			}
			copy(p.Digest[:], b)
		}
		list = append(list, p)
	}
	return list, nil
}

// files returns what writes the folders of a guest into a snapshot, nil when it has none
// that it carries or has by digest.
func (s *Spec) files() (func(io.Writer) error, error) {
	list, err := s.packed()
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return func(w io.Writer) error { return carry.Pack(w, list) }, nil
}

// leaves refuses to move a guest without its folders.
func (s *Spec) leaves() error {
	list, err := s.packed()
	if err == nil && len(list) > 0 {
		err = fmt.Errorf("the guest carries the folder %q, and its last checkpoint does not go with the files as they are now: move it by freezing it", list[0].Name)
	}
	return err
}

// maxFolders bounds the bytes of all carried folders of a guest.
const maxFolders = carry.MaxChunks * carry.ChunkSize

// unpack builds the folders of a guest from what pages, which reads a snapshot file to its
// end, writes. When the rest of the file turns out to be wrong they are empty again.
func (s *Spec) unpack(pages func(files io.Writer) error) error {
	list, err := s.packed()
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	done := make(chan error, 1)
	var undo func()
	go func() {
		var err error
		undo, err = carry.Unpack(r, list, maxFolders)
		_ = r.CloseWithError(err)
		done <- err
	}()
	perr := pages(w)
	_ = w.CloseWithError(perr) // nil is the end of the stream
	ferr := <-done
	if ferr == nil && perr != nil {
		undo()
	}
	if ferr != nil && !errors.Is(perr, ferr) {
		return errors.Join(perr, ferr)
	}
	return perr
}
