package wasi

import (
	"encoding/binary"
	"io"
	"io/fs"
	"math"
	"slices"
)

const direntSize = 24

// fdReaddir stores entries as d_next u64, d_ino u64, d_namlen u32, d_type u8, padded
// to 24 bytes, then the name. The last one is cut off where the buffer ends. A cookie
// is a position in the listing, which is made anew at cookie 0 and stays the same
// until then: ".", "..", and the other names sorted.
func fdReaddir(c *call) error {
	d, err := c.w.table.get(c.u32(0))
	switch {
	case err != nil:
		return err
	case d.kind != kindDir:
		return ENOTDIR
	case d.base&RightFdReaddir == 0:
		return EBADF
	}
	buf, err := c.mem.bytes(c.u32(1), c.u32(2))
	if err != nil {
		return err
	}
	if _, err := c.mem.bytes(c.u32(4), 4); err != nil {
		return err
	}
	cookie := c.u64(3)
	if cookie == 0 || d.listing == nil {
		if d.listing, err = d.list(); err != nil {
			return err
		}
	}
	return c.mem.putU32(c.u32(4), uint32(d.putEntries(buf, cookie)))
}

// putEntries fills buf from the entry at cookie on and returns the bytes used.
func (d *descriptor) putEntries(buf []byte, cookie uint64) int {
	used := 0
	for i := min(cookie, uint64(len(d.listing))); i < uint64(len(d.listing)) && used < len(buf); i++ {
		name := d.listing[i]
		var head [direntSize]byte
		ino, kind := d.entry(name)
		binary.LittleEndian.PutUint64(head[:], i+1)
		binary.LittleEndian.PutUint64(head[8:], ino)
		binary.LittleEndian.PutUint32(head[16:], uint32(len(name)))
		head[20] = kind
		used += copy(buf[used:], head[:])
		used += copy(buf[used:], name)
	}
	return used
}

// list reads the directory anew.
func (d *descriptor) list() ([]string, error) {
	if d.gone {
		return nil, ENOENT
	}
	f, err := d.mount.root.Open(d.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(maxEntries)
	if err != nil && len(names) == 0 && err != io.EOF {
		return nil, err
	}
	if len(names) == maxEntries {
		return nil, EOVERFLOW
	}
	slices.Sort(names)
	return append([]string{".", ".."}, names...), nil
}

// entry returns inode and type of a name in the directory. One that was removed
// since the listing was made is of unknown type.
func (d *descriptor) entry(name string) (ino uint64, kind byte) {
	info, err := d.lstat(name)
	if err != nil {
		if name == ".." {
			return 0, typeDirectory // above the mount
		}
		return math.MaxUint64, typeUnknown
	}
	return sysStat(info).ino, filetypeOf(info.Mode())
}

func (d *descriptor) lstat(name string) (fs.FileInfo, error) {
	if name == "." {
		return d.info()
	}
	if d.gone {
		return nil, ENOENT
	}
	return d.mount.root.Lstat(join(d.path, name))
}
