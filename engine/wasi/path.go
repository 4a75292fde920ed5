package wasi

import (
	"io/fs"
	"os"
	"strings"
)

// followLinks is the lookup flag that makes the last symbolic link be followed.
const followLinks = 1 << 0

// What path_open may do besides (type oflags of preview 1).
const (
	openCreate    = 1 << 0
	openDirectory = 1 << 1
	openExclusive = 1 << 2
	openTruncate  = 1 << 3
	allOpen       = openCreate | openDirectory | openExclusive | openTruncate
)

// opening is a path_open whose arguments are sound.
type opening struct {
	place
	follow           bool
	oflags           uint32
	flags            uint16
	base, inheriting Rights
}

func pathOpen(c *call) error {
	o, err := c.opening()
	if err != nil {
		return err
	}
	if _, err := c.mem.bytes(c.u32(8), 4); err != nil {
		return err
	}
	if err := c.w.table.full(); err != nil {
		return err
	}
	d, err := o.open()
	if err != nil {
		return err
	}
	fd, err := c.w.table.add(d)
	if err != nil {
		d.close()
		return err
	}
	return c.mem.putU32(c.u32(8), fd)
}

// opening checks the arguments of path_open: fd, lookup flags, path, length, oflags,
// rights, inheriting rights, fdflags, result.
func (c *call) opening() (opening, error) {
	need := RightPathOpen
	if c.u32(4)&openCreate != 0 {
		need |= RightPathCreateFile
	}
	p, err := c.place(0, 2, need)
	if err != nil {
		return opening{}, err
	}
	if c.u32(4)&^allOpen != 0 || c.u32(7)&^allFlags != 0 {
		return opening{}, EINVAL
	}
	o := opening{place: p, follow: c.u32(1)&followLinks != 0, oflags: c.u32(4), flags: uint16(c.u32(7)),
		base: Rights(c.u64(5)) & p.dir.inheriting, inheriting: Rights(c.u64(6)) & p.dir.inheriting}
	const both = openDirectory | openCreate
	if o.oflags&both == both {
		return opening{}, EINVAL
	}
	if o.oflags&openDirectory != 0 && o.base&RightFdRead != 0 && o.base&RightFdWrite != 0 {
		return opening{}, EISDIR
	}
	return o, nil
}

// open opens the file or directory, and nothing else that may lie at the path.
func (o opening) open() (*descriptor, error) {
	if !o.follow {
		info, err := o.mount.root.Lstat(strings.TrimRight(o.name, "/"))
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return nil, o.refuseLink()
		}
	}
	hostFlags, err := o.hostFlags()
	if err != nil {
		return nil, err
	}
	f, err := o.mount.root.OpenFile(o.name, hostFlags, 0o666)
	if err != nil {
		return nil, err
	}
	d, err := o.descriptor(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return d, nil
}

// refuseLink is the error for a symbolic link that must not be followed.
func (o opening) refuseLink() error {
	if o.oflags&(openCreate|openExclusive) == openCreate|openExclusive {
		return EEXIST
	}
	return ELOOP
}

// hostFlags returns the flags of os.OpenFile. Appending is done by fd_write, for it
// can be turned off; openNonblock keeps the open of a pipe from waiting.
func (o opening) hostFlags() (int, error) {
	flags := os.O_RDONLY | openNonblock
	asFile := o.oflags&openDirectory == 0 // what a right to write means for a folder is its own
	if asFile && o.base&writeRights != 0 || o.oflags&openTruncate != 0 {
		flags = os.O_RDWR | openNonblock
	}
	if flags&os.O_RDWR != 0 || o.oflags&openCreate != 0 {
		if err := o.writable(); err != nil {
			return 0, err
		}
	}
	if o.oflags&openCreate != 0 {
		flags |= os.O_CREATE
	}
	if o.oflags&openExclusive != 0 {
		flags |= os.O_EXCL
	}
	if o.oflags&openTruncate != 0 {
		flags |= os.O_TRUNC
	}
	if o.oflags&openDirectory != 0 {
		flags |= openOnlyDir
	}
	return flags | syncFlag(o.flags), nil
}

// descriptor makes a descriptor of the open host file.
func (o opening) descriptor(f *os.File) (*descriptor, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	d := &descriptor{file: f, mount: o.mount, path: o.name, flags: o.flags, inheriting: o.inheriting}
	switch {
	case info.IsDir():
		d.kind, d.base = kindDir, o.base&dirRights
	case o.oflags&openDirectory != 0:
		return nil, ENOTDIR
	case isFile(info):
		d.kind, d.base = kindFile, o.base&fileRights
	default:
		return nil, ENOTSUP
	}
	return d, d.shorten()
}

// isFile reports whether a guest may open what info describes as a file: it neither
// waits nor depends on the node. So may the null device, which programs expect.
func isFile(info fs.FileInfo) bool {
	if info.Mode().IsRegular() {
		return true
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(info, null)
}

// shorten resolves a path that has ".." or needless parts, so that paths relative to
// the descriptor do not grow for ever.
func (d *descriptor) shorten() error {
	parts := split(d.path)
	for _, part := range parts {
		if part == ".." {
			path, err := d.mount.resolve(d.path)
			d.path, d.plain = path, err == nil
			return err
		}
	}
	d.path = strings.Join(parts, "/")
	if len(parts) == 0 {
		d.path, d.plain = ".", true
	}
	return nil
}

func pathCreateDirectory(c *call) error {
	p, err := c.change(0, 1, RightPathCreateDirectory)
	if err != nil {
		return err
	}
	return p.mount.root.Mkdir(p.name, 0o777)
}

// change returns a path argument for a call that changes the mount.
func (c *call) change(fd, ptr int, need Rights) (place, error) {
	p, err := c.place(fd, ptr, need)
	if err != nil {
		return p, err
	}
	return p, p.writable()
}

func pathReadlink(c *call) error {
	p, err := c.place(0, 1, RightPathReadlink)
	if err != nil {
		return err
	}
	buf, err := c.mem.bytes(c.u32(3), c.u32(4))
	if err != nil {
		return err
	}
	target, err := p.mount.root.Readlink(p.name)
	if err != nil {
		return err
	}
	return c.mem.putU32(c.u32(5), uint32(copy(buf, target)))
}

func pathRemoveDirectory(c *call) error {
	p, err := c.change(0, 1, RightPathRemoveDirectory)
	if err != nil {
		return err
	}
	info, err := p.mount.root.Lstat(strings.TrimRight(p.name, "/"))
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return ENOTDIR
	}
	c.w.settle(p.mount)
	path, err := p.mount.resolve(p.name)
	if err != nil {
		return err
	}
	if err := p.mount.root.Remove(p.name); err != nil {
		return err
	}
	c.w.removed(p.mount, path)
	return nil
}

func pathUnlinkFile(c *call) error {
	p, err := c.change(0, 1, RightPathUnlinkFile)
	if err != nil {
		return err
	}
	info, err := p.mount.root.Lstat(strings.TrimRight(p.name, "/"))
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return EISDIR
	case strings.HasSuffix(p.name, "/"):
		return ENOTDIR
	case info.Mode()&fs.ModeSymlink != 0:
		c.w.settle(p.mount)
	}
	return p.mount.root.Remove(p.name)
}

// pathSymlink refuses absolute targets: they could only lead out of the mount.
func pathSymlink(c *call) error {
	target, err := c.mem.bytes(c.u32(0), c.u32(1))
	if err != nil {
		return err
	}
	if err := checkPath(string(target)); err != nil {
		return err
	}
	p, err := c.change(2, 3, RightPathSymlink)
	if err != nil {
		return err
	}
	if strings.HasSuffix(p.name, "/") {
		return slashAtNew(p)
	}
	return p.mount.root.Symlink(string(target), p.name)
}

// slashAtNew is the error for making something other than a directory at a path that
// ends in a slash.
func slashAtNew(p place) error {
	info, err := p.mount.root.Lstat(strings.TrimRight(p.name, "/"))
	switch {
	case err != nil:
		return ENOENT
	case info.IsDir():
		return EEXIST
	}
	return ENOTDIR
}

// pathLink makes a hard link. With followLinks, to what a symbolic link leads to.
func pathLink(c *call) error {
	from, err := c.place(0, 2, RightPathLinkSource)
	if err != nil {
		return err
	}
	to, err := c.change(4, 5, RightPathLinkTarget)
	switch {
	case err != nil:
		return err
	case from.mount != to.mount:
		return EXDEV
	case strings.HasSuffix(to.name, "/"):
		return slashAtNew(to)
	}
	if c.u32(1)&followLinks != 0 {
		return EINVAL // as no host does it without leaving the mount open to races
	}
	return from.mount.root.Link(from.name, to.name)
}

// pathRename also tells open descriptors their new path.
func pathRename(c *call) error {
	from, err := c.change(0, 1, RightPathRenameSource)
	if err != nil {
		return err
	}
	to, err := c.change(3, 4, RightPathRenameTarget)
	switch {
	case err != nil:
		return err
	case from.mount != to.mount:
		return EXDEV
	}
	m := from.mount
	c.w.settle(m)
	info, err := m.root.Lstat(strings.TrimRight(from.name, "/"))
	if err != nil {
		return err
	}
	if !info.IsDir() && (strings.HasSuffix(from.name, "/") || strings.HasSuffix(to.name, "/")) {
		return ENOTDIR
	}
	old, err := m.resolveParent(from.name)
	if err != nil {
		return err
	}
	target, err := m.resolveParent(to.name)
	if err != nil {
		return err
	}
	if old == "." || target == "." {
		return EBUSY
	}
	same := m.same(old, target)
	if err := m.rename(old, target); err != nil {
		return err
	}
	if !same {
		c.w.removed(m, target)
		c.w.moved(m, old, target)
	}
	return nil
}

// same reports whether both names are the same file, which rename leaves alone.
func (m *mount) same(a, b string) bool {
	ai, err := m.root.Lstat(a)
	if err != nil {
		return false
	}
	bi, err := m.root.Lstat(b)
	return err == nil && os.SameFile(ai, bi)
}

// resolveParent is resolve for a name whose last part may be missing or a link, and
// is kept as it is.
func (m *mount) resolveParent(name string) (string, error) {
	parts := split(name)
	if len(parts) == 0 {
		return ".", nil
	}
	last := parts[len(parts)-1]
	if last == ".." {
		return m.resolve(name)
	}
	dir, err := m.resolve(strings.Join(parts[:len(parts)-1], "/"))
	return join(dir, last), err
}
