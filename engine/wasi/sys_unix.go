//go:build linux || darwin || freebsd || netbsd

package wasi

import (
	"io/fs"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Flags for os.OpenFile: never wait for the other end of a pipe; only a directory.
const (
	openNonblock = unix.O_NONBLOCK
	openOnlyDir  = unix.O_DIRECTORY
)

// syncFlag returns the flags for files whose writes go to disk at once.
func syncFlag(flags uint16) int {
	if flags&(flagSync|flagDsync|flagRsync) != 0 {
		return unix.O_SYNC
	}
	return 0
}

func sysStat(info fs.FileInfo) hostStat {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t := info.ModTime().UnixNano()
		return hostStat{nlink: 1, atim: t, ctim: t}
	}
	atim, ctim := statTimes(st)
	return hostStat{dev: uint64(st.Dev), ino: st.Ino, nlink: uint64(st.Nlink), atim: atim, ctim: ctim}
}

// linkTimes sets the times of a symbolic link itself.
func (p place) linkTimes(atim, mtim time.Time) error {
	dir, err := p.mount.root.Open(path.Dir(p.name))
	if err != nil {
		return err
	}
	defer dir.Close()
	info, err := p.mount.root.Lstat(p.name)
	if err != nil {
		return err
	}
	st := sysStat(info)
	times := []unix.Timespec{timespec(atim, st.atim), timespec(mtim, info.ModTime().UnixNano())}
	return control(dir, func(fd int) error {
		return unix.UtimesNanoAt(fd, path.Base(p.name), times, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// rename renames as POSIX has it. Root.Rename would not replace an empty directory.
// Both names are without symbolic links, but for their last parts.
func (m *mount) rename(old, name string) error {
	from, err := m.root.Open(path.Dir(old))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := m.root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer to.Close()
	return control(from, func(fromFd int) error {
		return control(to, func(toFd int) error {
			return unix.Renameat(fromFd, path.Base(old), toFd, path.Base(name))
		})
	})
}

// timespec is t, or the old time in nanoseconds when t is zero.
func timespec(t time.Time, old int64) unix.Timespec {
	if !t.IsZero() {
		old = t.UnixNano()
	}
	return unix.NsecToTimespec(old)
}
