package wasi

import (
	"errors"
	"fmt"
	"os"
)

// Flags of a descriptor (type fdflags of preview 1).
const (
	flagAppend   = 1 << 0
	flagDsync    = 1 << 1
	flagNonblock = 1 << 2
	flagRsync    = 1 << 3
	flagSync     = 1 << 4
	allFlags     = flagAppend | flagDsync | flagNonblock | flagRsync | flagSync
)

// kind is what a descriptor stands for.
type kind uint8

const (
	kindStream kind = iota // the guest's standard input, output or error
	kindFile
	kindDir
	kindListener
	kindSocket // a connection, or what sock_connect makes one
)

func (k kind) String() string {
	return [...]string{"stream", "file", "directory", "listener", "connection"}[k]
}

// descriptor is one open descriptor of a guest.
type descriptor struct {
	kind       kind
	flags      uint16
	base       Rights // what may be done with the descriptor
	inheriting Rights // what descriptors opened through it may have

	stream Stream // of a stream, listener or socket
	number int    // of a stream: its place in World.streams

	mount *mount   // of a file or directory,
	path  string   // below the mount's root, "." for the root itself
	plain bool     // path has no symbolic link in it
	file  *os.File // nil for a preopened directory

	offset int64 // of a file

	preopen bool     // of a directory
	gone    bool     // a directory that was removed: its path leads to it no more
	listing []string // what fd_readdir shows, from "." on; nil before the first read
}

func (w *World) newStream(number int) *descriptor {
	return &descriptor{kind: kindStream, stream: w.streams[number], number: number, base: streamRights}
}

func newPreopen(m *mount) *descriptor {
	return &descriptor{kind: kindDir, mount: m, path: ".", plain: true, preopen: true,
		base: dirRights, inheriting: allRights}
}

// name says what the descriptor is, in words for errors.
func (d *descriptor) name() string {
	switch d.kind {
	case kindStream:
		return [...]string{"standard input", "standard output", "standard error"}[d.number]
	case kindListener:
		return fmt.Sprintf("listener %q", d.stream.(listening).Name())
	case kindSocket:
		return d.stream.(*socket).name()
	}
	return fmt.Sprintf("%q in mount %q", d.path, d.mount.guest)
}

// close is what the guest's fd_close does. Standard streams stay open.
func (d *descriptor) close() error {
	switch {
	case d.kind == kindListener || d.kind == kindSocket:
		return d.stream.Close()
	case d.file == nil:
		return nil
	}
	return d.file.Close()
}

// table is the guest's descriptors by number.
type table struct {
	list []*descriptor // nil where the number is free
	max  int
}

// get returns descriptor fd, or EBADF.
func (t *table) get(fd uint32) (*descriptor, error) {
	if uint64(fd) >= uint64(len(t.list)) || t.list[fd] == nil {
		return nil, EBADF
	}
	return t.list[fd], nil
}

// full returns EMFILE when nothing more can be opened.
func (t *table) full() error {
	if t.free() >= t.max {
		return EMFILE
	}
	return nil
}

// free returns the lowest number not in use.
func (t *table) free() int {
	for i, d := range t.list {
		if d == nil {
			return i
		}
	}
	return len(t.list)
}

// add gives d the lowest free number, or returns EMFILE.
func (t *table) add(d *descriptor) (uint32, error) {
	fd := t.free()
	if fd >= t.max {
		return 0, EMFILE
	}
	t.set(uint32(fd), d)
	return uint32(fd), nil
}

// set puts d at fd, which must be free and below max.
func (t *table) set(fd uint32, d *descriptor) {
	for len(t.list) <= int(fd) {
		t.list = append(t.list, nil)
	}
	t.list[fd] = d
}

// remove frees fd and returns what was there.
func (t *table) remove(fd uint32) (*descriptor, error) {
	d, err := t.get(fd)
	if err == nil {
		t.list[fd] = nil
	}
	return d, err
}

// closeFiles closes all files. Listeners and connections stay as they are.
func (t *table) closeFiles() error {
	var err error
	for fd, d := range t.list {
		if d != nil && d.file != nil {
			err = errors.Join(err, d.file.Close())
		}
		t.list[fd] = nil
	}
	return err
}

// Descriptor is one open descriptor, for people to read.
type Descriptor struct {
	Number     uint32
	Kind       string // "stream", "file", "directory", "listener" or "connection"
	Mount      string // the mount's guest name; "" for what is in none
	Path       string // below the mount; of what is in none, what it is
	Offset     int64
	Flags      uint16
	Base       Rights
	Inheriting Rights
}

// Describe lists the open descriptors by number.
func (w *World) Describe() []Descriptor {
	var out []Descriptor
	for fd, d := range w.table.list {
		if d == nil {
			continue
		}
		e := Descriptor{Number: uint32(fd), Kind: d.kind.String(), Path: d.path, Offset: d.offset,
			Flags: d.flags, Base: d.base, Inheriting: d.inheriting}
		if d.mount != nil {
			e.Mount = d.mount.guest
		} else {
			e.Path = d.name()
		}
		out = append(out, e)
	}
	return out
}

// descriptor returns the descriptor that parameter 0 names. It must have the rights
// need: ENOTCAPABLE otherwise.
func (c *call) descriptor(need Rights) (*descriptor, error) {
	d, err := c.w.table.get(c.u32(0))
	if err != nil {
		return nil, err
	}
	if d.base&need != need {
		return nil, ENOTCAPABLE
	}
	return d, nil
}

// regular returns the regular file that parameter 0 names: EISDIR for a directory,
// ESPIPE for a stream or socket.
func (c *call) regular(need Rights) (*descriptor, error) {
	d, err := c.w.table.get(c.u32(0))
	switch {
	case err != nil:
		return nil, err
	case d.kind == kindDir:
		return nil, EISDIR
	case d.kind != kindFile:
		return nil, ESPIPE
	case d.base&need != need:
		return nil, ENOTCAPABLE
	}
	return d, nil
}
