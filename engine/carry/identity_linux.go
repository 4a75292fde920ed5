package carry

import (
	"io/fs"
	"syscall"
)

const openNonblock = syscall.O_NONBLOCK

// identity is which file a name is of, and when it was last changed in any way: a time
// that no program can set. ctime is 0 where there is none.
type identity struct {
	dev, file uint64
	ctime     int64
}

func identify(_ string, info fs.FileInfo) identity {
	st := info.Sys().(*syscall.Stat_t)
	return identity{dev: uint64(st.Dev), file: st.Ino, ctime: st.Ctim.Nano()}
}

func slashed(target string) string { return target }
