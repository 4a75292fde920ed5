package wasi

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// mount is a directory of the host that is open for a guest.
type mount struct {
	root     *os.Root
	guest    string
	readOnly bool
}

func openMount(mt Mount) (*mount, error) {
	root, err := os.OpenRoot(mt.Host)
	if err != nil {
		return nil, fmt.Errorf("wasi: mount %q: %w", mt.Guest, err)
	}
	return &mount{root: root, guest: mt.Guest, readOnly: mt.ReadOnly}, nil
}

// errEscapes is what os.Root returns for a path that leaves it. The os package has
// no name for it, so it is learned from a path that does.
var errEscapes = func() error {
	root, err := os.OpenRoot(os.TempDir())
	if err != nil {
		return errors.New("path escapes")
	}
	defer root.Close()
	_, err = root.Lstat("..")
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}()

// place is a path argument: a name below a mount, and what the guest may do there.
type place struct {
	mount *mount
	dir   *descriptor // the directory that the path is relative to
	name  string
}

// place returns the path of parameters ptr and ptr+1, relative to the directory
// descriptor of parameter fd, which must have the rights need. The path must not
// climb above that directory: the descriptor is all that the guest may have been
// left with.
func (c *call) place(fd, ptr int, need Rights) (place, error) {
	p, name, err := c.anyPlace(fd, ptr, need)
	if err == nil && climbs(name) {
		err = ENOTCAPABLE
	}
	return p, err
}

// climbs reports whether the text of a path leads above where it starts.
func climbs(name string) bool {
	depth := 0
	for _, part := range split(name) {
		if part != ".." {
			depth++
		} else if depth--; depth < 0 {
			return true
		}
	}
	return false
}

// anyPlace is place for paths that may climb as far as the mount's root. It returns
// the guest's own text of the path, too.
func (c *call) anyPlace(fd, ptr int, need Rights) (place, string, error) {
	d, err := c.w.table.get(c.u32(fd))
	switch {
	case err != nil:
		return place{}, "", err
	case d.kind != kindDir:
		return place{}, "", ENOTDIR
	case d.base&need != need:
		return place{}, "", ENOTCAPABLE
	case d.gone:
		return place{}, "", ENOENT
	}
	raw, err := c.mem.bytes(c.u32(ptr), c.u32(ptr+1))
	if err != nil {
		return place{}, "", err
	}
	name := string(raw)
	if err := checkPath(name); err != nil {
		return place{}, "", err
	}
	return place{mount: d.mount, dir: d, name: join(d.path, name)}, name, nil
}

// checkPath refuses what cannot be a relative path.
func checkPath(name string) error {
	switch {
	case name == "":
		return ENOENT
	case len(name) > maxPath:
		return ENAMETOOLONG
	case strings.ContainsRune(name, 0):
		return EINVAL
	case name[0] == '/':
		return ENOTCAPABLE
	case runtime.GOOS == "windows" && strings.ContainsAny(name, `\:`):
		return EINVAL
	}
	return nil
}

// join appends a relative path to a directory's. It does not shorten "..", which
// means something else behind a symbolic link.
func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

// writable returns EROFS for a mount that is not.
func (p place) writable() error {
	if p.mount.readOnly {
		return EROFS
	}
	return nil
}

// resolve returns name with every symbolic link in it followed, below the mount. The
// result has neither "." nor ".." unless it is the root. name must exist.
func (m *mount) resolve(name string) (string, error) {
	todo := split(name)
	var done []string
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		if part == ".." {
			if len(done) == 0 {
				return "", ENOTCAPABLE
			}
			done = done[:len(done)-1]
			continue
		}
		at := strings.Join(append(done, part), "/")
		info, err := m.root.Lstat(at)
		if err != nil {
			return "", err
		}
		if info.Mode()&os.ModeSymlink == 0 {
			done = append(done, part)
			continue
		}
		if links++; links > maxLinks {
			return "", ELOOP
		}
		target, err := m.root.Readlink(at)
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			return "", ENOTCAPABLE
		}
		todo = append(split(filepath.ToSlash(target)), todo...)
	}
	if len(done) == 0 {
		return ".", nil
	}
	return strings.Join(done, "/"), nil
}

// split returns the components of name that matter.
func split(name string) []string {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	return parts
}

// settle gives every open descriptor of m a path without symbolic links. It is called
// before a change that could make a path mean another file; descriptors whose path
// does not resolve any more keep it, and Save tells.
func (w *World) settle(m *mount) {
	for _, d := range w.table.list {
		if d == nil || d.mount != m || d.plain || d.gone {
			continue
		}
		if path, err := m.resolve(d.path); err == nil {
			d.path, d.plain = path, true
		}
	}
}

// moved follows a rename of old to name, both without symbolic links: descriptors
// that are old, or lie below it, have a new path.
func (w *World) moved(m *mount, old, name string) {
	for _, d := range w.table.list {
		if d == nil || d.mount != m || !d.plain || d.gone {
			continue
		}
		if rest, ok := strings.CutPrefix(d.path, old); ok && (rest == "" || rest[0] == '/') {
			d.path = name + rest
		}
	}
}

// removed follows the removal of a directory, whose path is without symbolic links:
// what comes to be there later is another one.
func (w *World) removed(m *mount, path string) {
	for _, d := range w.table.list {
		if d != nil && d.mount == m && d.kind == kindDir && d.plain && d.path == path {
			d.gone = true
		}
	}
}
