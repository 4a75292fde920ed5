package wasi

import (
	"encoding/binary"
	"math"
	"runtime"
)

// fdAdvise checks its arguments and ignores the advice.
func fdAdvise(c *call) error {
	d, err := c.w.table.get(c.u32(0))
	switch {
	case err != nil:
		return err
	case d.kind == kindDir:
		return EBADF
	case d.kind != kindFile:
		return ESPIPE
	case d.base&RightFdAdvise == 0:
		return ENOTCAPABLE
	case c.u32(3) > 5 || c.u64(1) > math.MaxInt64 || c.u64(2) > math.MaxInt64:
		return EINVAL
	}
	return nil
}

// fdAllocate makes sure that a file holds a range, growing it when it must.
func fdAllocate(c *call) error {
	d, err := c.regular(RightFdAllocate)
	if err != nil {
		return err
	}
	offset, n := c.u64(1), c.u64(2)
	if n == 0 || offset > math.MaxInt64 || n > math.MaxInt64 {
		return EINVAL
	}
	if offset+n > math.MaxInt64 {
		return EFBIG
	}
	return allocate(d.file, int64(offset), int64(n))
}

func fdClose(c *call) error {
	d, err := c.w.table.remove(c.u32(0))
	if err != nil {
		return err
	}
	return d.close()
}

func fdDatasync(c *call) error { return syncFile(c, RightFdDatasync) }
func fdSync(c *call) error     { return syncFile(c, RightFdSync) }

// syncFile writes a file's data and metadata to its disk. The host's call for data
// alone is not portable, and only faster.
func syncFile(c *call, need Rights) error {
	d, err := c.w.table.get(c.u32(0))
	switch {
	case err != nil:
		return err
	case d.kind != kindFile && d.kind != kindDir:
		return EINVAL
	case d.base&need != need:
		return ENOTCAPABLE
	case d.file == nil || d.kind == kindDir && runtime.GOOS == "windows":
		return nil
	}
	return d.file.Sync()
}

// fdFdstatGet stores filetype u8, flags u16, rights u64, inheriting rights u64, at
// the offsets 0, 2, 8 and 16.
func fdFdstatGet(c *call) error {
	d, err := c.w.table.get(c.u32(0))
	if err != nil {
		return err
	}
	b, err := c.mem.bytes(c.u32(1), 24)
	if err != nil {
		return err
	}
	clear(b)
	b[0] = d.filetype()
	binary.LittleEndian.PutUint16(b[2:], d.flags)
	binary.LittleEndian.PutUint64(b[8:], uint64(d.base))
	binary.LittleEndian.PutUint64(b[16:], uint64(d.inheriting))
	return nil
}

func fdFdstatSetFlags(c *call) error {
	d, err := c.descriptor(RightFdFdstatSetFlags)
	if err != nil {
		return err
	}
	if c.u32(1)&^allFlags != 0 {
		return EINVAL
	}
	const sync = flagSync | flagDsync | flagRsync
	flags := uint16(c.u32(1))
	if d.kind == kindFile && (flags^d.flags)&sync != 0 {
		return ENOTSUP
	}
	d.flags = flags
	return nil
}

// fdFdstatSetRights takes rights away. It gives none.
func fdFdstatSetRights(c *call) error {
	d, err := c.w.table.get(c.u32(0))
	if err != nil {
		return err
	}
	base, inheriting := Rights(c.u64(1)), Rights(c.u64(2))
	if base&^d.base != 0 || inheriting&^d.inheriting != 0 {
		return ENOTCAPABLE
	}
	d.base, d.inheriting = base, inheriting
	return nil
}

// prestatOther is the tag of what is preopened and no directory: preview 1 has no
// other, and programs that look for folders go on to the next descriptor.
const prestatOther = 1

// fdPrestatGet stores the tag u8 (0: a directory) and the length of its name u32, at
// the offsets 0 and 4.
func fdPrestatGet(c *call) error {
	if d, err := c.w.table.get(c.u32(0)); err == nil && d.kind == kindListener {
		return c.mem.putU64(c.u32(1), prestatOther)
	}
	d, err := c.preopen()
	if err != nil {
		return err
	}
	b, err := c.mem.bytes(c.u32(1), 8)
	if err != nil {
		return err
	}
	clear(b)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(d.mount.guest)))
	return nil
}

func fdPrestatDirName(c *call) error {
	d, err := c.preopen()
	if err != nil {
		return err
	}
	if c.u32(2) < uint32(len(d.mount.guest)) {
		return ENAMETOOLONG
	}
	b, err := c.mem.bytes(c.u32(1), uint32(len(d.mount.guest)))
	if err != nil {
		return err
	}
	copy(b, d.mount.guest)
	return nil
}

// preopen returns the preopened directory that parameter 0 names, or EBADF, at which
// programs stop looking for more.
func (c *call) preopen() (*descriptor, error) {
	d, err := c.w.table.get(c.u32(0))
	if err != nil || !d.preopen {
		return nil, EBADF
	}
	return d, nil
}

// fdRenumber moves a descriptor to a number that is in use, and closes what was there.
func fdRenumber(c *call) error {
	from, to := c.u32(0), c.u32(1)
	if _, err := c.w.table.get(from); err != nil {
		return err
	}
	old, err := c.w.table.get(to)
	if err != nil || from == to {
		return err
	}
	d, _ := c.w.table.remove(from)
	c.w.table.set(to, d)
	return old.close()
}

// Origins of a seek (type whence of preview 1).
const (
	whenceSet = 0
	whenceCur = 1
	whenceEnd = 2
)

func fdSeek(c *call) error {
	delta, whence := int64(c.u64(1)), c.u32(2)
	enough := RightFdSeek
	if delta == 0 && whence == whenceCur {
		enough |= RightFdTell // it only asks
	}
	d, err := c.regular(0)
	if err != nil {
		return err
	}
	if d.base&enough == 0 {
		return ENOTCAPABLE
	}
	var from int64
	switch whence {
	case whenceSet:
	case whenceCur:
		from = d.offset
	case whenceEnd:
		info, err := d.file.Stat()
		if err != nil {
			return err
		}
		from = info.Size()
	default:
		return EINVAL
	}
	to := from + delta
	if to < 0 {
		return EINVAL // below the start, or beyond what 63 bits hold
	}
	if err := c.mem.putU64(c.u32(3), uint64(to)); err != nil {
		return err
	}
	d.offset = to
	return nil
}

func fdTell(c *call) error {
	d, err := c.regular(0)
	if err != nil {
		return err
	}
	if d.base&(RightFdTell|RightFdSeek) == 0 {
		return ENOTCAPABLE
	}
	return c.mem.putU64(c.u32(1), uint64(d.offset))
}
