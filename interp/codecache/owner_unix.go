//go:build unix

package codecache

import (
	"io/fs"
	"os"
	"syscall"
)

// foreign reports whether somebody else can put files into a folder.
func foreign(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return info.Mode().Perm()&0o022 != 0 || ok && int(st.Uid) != os.Geteuid() && st.Uid != 0
}
