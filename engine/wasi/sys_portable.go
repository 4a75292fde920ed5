//go:build !(linux || darwin || freebsd || netbsd)

package wasi

import (
	"io/fs"
	"os"
	"time"
)

// Flags for os.OpenFile that this system has no need of, or has not.
const (
	openNonblock = 0
	openOnlyDir  = 0
)

// syncFlag returns the flags for files whose writes go to disk at once.
func syncFlag(flags uint16) int {
	if flags&(flagSync|flagDsync|flagRsync) != 0 {
		return os.O_SYNC
	}
	return 0
}

// sysStat knows no inodes here: every one is 0, which programs take for unknown.
func sysStat(info fs.FileInfo) hostStat {
	t := info.ModTime().UnixNano()
	return hostStat{nlink: 1, atim: t, ctim: t}
}

// linkTimes cannot set the times of a symbolic link here.
func (p place) linkTimes(time.Time, time.Time) error { return ENOTSUP }

func (m *mount) rename(old, name string) error { return m.root.Rename(old, name) }
