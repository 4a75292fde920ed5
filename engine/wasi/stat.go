package wasi

import (
	"encoding/binary"
	"io/fs"
	"math"
	"time"
)

// Kinds of file (type filetype of preview 1).
const (
	typeUnknown   = 0
	typeBlock     = 1
	typeCharacter = 2
	typeDirectory = 3
	typeRegular   = 4
	typeSocket    = 6 // of a stream of bytes
	typeSymlink   = 7
)

func filetypeOf(m fs.FileMode) byte {
	switch {
	case m.IsRegular():
		return typeRegular
	case m.IsDir():
		return typeDirectory
	case m&fs.ModeSymlink != 0:
		return typeSymlink
	case m&fs.ModeCharDevice != 0:
		return typeCharacter
	case m&fs.ModeDevice != 0:
		return typeBlock
	case m&fs.ModeSocket != 0:
		return typeSocket
	}
	return typeUnknown
}

// filetype returns what kind of file the descriptor is. A stream is a character device if it is a terminal, else unknown, for
// preview 1 has no name for a pipe.
func (d *descriptor) filetype() byte {
	switch d.kind {
	case kindFile:
		if info, err := d.info(); err == nil {
			return filetypeOf(info.Mode())
		}
		return typeUnknown
	case kindDir:
		return typeDirectory
	case kindListener, kindSocket:
		return typeSocket
	}
	if t, ok := d.stream.(Terminal); ok && t.IsTerminal() {
		return typeCharacter
	}
	return typeUnknown
}

// info returns what the host says of a file or directory.
func (d *descriptor) info() (fs.FileInfo, error) {
	if d.file == nil {
		return d.mount.root.Stat(".")
	}
	return d.file.Stat()
}

// putStat stores dev, ino, filetype, nlink, size, atim, mtim and ctim, each in 8 bytes.
func (m memory) putStat(ptr uint32, info fs.FileInfo) error {
	b, err := m.bytes(ptr, 64)
	if err != nil {
		return err
	}
	st := sysStat(info)
	clear(b)
	put := binary.LittleEndian.PutUint64
	put(b, st.dev)
	put(b[8:], st.ino)
	b[16] = filetypeOf(info.Mode())
	put(b[24:], st.nlink)
	put(b[32:], uint64(info.Size()))
	put(b[40:], uint64(st.atim))
	put(b[48:], uint64(info.ModTime().UnixNano()))
	put(b[56:], uint64(st.ctim))
	return nil
}

// hostStat is what [fs.FileInfo] has no method for. Times are in nanoseconds.
type hostStat struct {
	dev, ino, nlink uint64
	atim, ctim      int64
}

func fdFilestatGet(c *call) error {
	d, err := c.descriptor(RightFdFilestatGet)
	if err != nil {
		return err
	}
	if d.kind != kindFile && d.kind != kindDir {
		b, err := c.mem.bytes(c.u32(1), 64)
		if err != nil {
			return err
		}
		clear(b)
		b[16] = d.filetype()
		return nil
	}
	info, err := d.info()
	if err != nil {
		return err
	}
	return c.mem.putStat(c.u32(1), info)
}

func fdFilestatSetSize(c *call) error {
	d, err := c.regular(RightFdFilestatSetSize)
	if err != nil {
		return err
	}
	if c.u64(1) > math.MaxInt64 {
		return EINVAL
	}
	return d.file.Truncate(int64(c.u64(1)))
}

// Which times to set (type fstflags of preview 1).
const (
	setAtim    = 1 << 0
	setAtimNow = 1 << 1
	setMtim    = 1 << 2
	setMtimNow = 1 << 3
	allSetTime = setAtim | setAtimNow | setMtim | setMtimNow
)

// times returns the times that the parameters from i on ask for: atim u64, mtim u64,
// fstflags. The zero Time stands for a time to leave alone.
func (c *call) times(i int) (atim, mtim time.Time, err error) {
	flags := c.u32(i + 2)
	const bothA, bothM = setAtim | setAtimNow, setMtim | setMtimNow
	if flags&^allSetTime != 0 || flags&bothA == bothA || flags&bothM == bothM {
		return atim, mtim, EINVAL
	}
	now := c.w.clock.now()
	choose := func(set, setNow uint32, ns uint64) time.Time {
		switch {
		case flags&setNow != 0:
			return now
		case flags&set != 0:
			return time.Unix(0, int64(ns))
		}
		return time.Time{}
	}
	return choose(setAtim, setAtimNow, c.u64(i)), choose(setMtim, setMtimNow, c.u64(i+1)), nil
}

// fdFilestatSetTimes works through the descriptor's path, for there is no portable
// way through the open file; so not on a file that was unlinked.
func fdFilestatSetTimes(c *call) error {
	d, err := c.descriptor(RightFdFilestatSetTimes)
	if err != nil {
		return err
	}
	atim, mtim, err := c.times(1)
	if err != nil {
		return err
	}
	if d.mount.readOnly {
		return EROFS
	}
	if err := d.reachable(); err != nil {
		return ENOTSUP
	}
	return d.mount.root.Chtimes(d.path, atim, mtim)
}

// pathFilestatGet may climb above its directory, within the mount: C programs ask for
// ".." while they list a directory.
func pathFilestatGet(c *call) error {
	p, _, err := c.anyPlace(0, 2, RightPathFilestatGet)
	if err != nil {
		return err
	}
	stat := p.mount.root.Lstat
	if c.u32(1)&followLinks != 0 {
		stat = p.mount.root.Stat
	}
	info, err := stat(p.name)
	if err != nil {
		return err
	}
	return c.mem.putStat(c.u32(4), info)
}

func pathFilestatSetTimes(c *call) error {
	p, err := c.place(0, 2, RightPathFilestatSetTimes)
	if err != nil {
		return err
	}
	atim, mtim, err := c.times(4)
	if err != nil {
		return err
	}
	if err := p.writable(); err != nil {
		return err
	}
	if c.u32(1)&followLinks == 0 {
		info, err := p.mount.root.Lstat(p.name)
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return p.linkTimes(atim, mtim)
		}
	}
	return p.mount.root.Chtimes(p.name, atim, mtim)
}
