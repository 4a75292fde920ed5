package wasi

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func statTimes(st *syscall.Stat_t) (atim, ctim int64) {
	return st.Atim.Nano(), st.Ctim.Nano()
}

// allocate reserves disk space for n bytes at offset; a file system that cannot only
// grows the file.
func allocate(f *os.File, offset, n int64) error {
	err := control(f, func(fd int) error { return unix.Fallocate(fd, 0, offset, n) })
	if errnoOf(err) == ENOTSUP {
		return grow(f, offset+n)
	}
	return err
}

// appendFile writes p at the end of f in one step, whoever else appends, and returns
// where the end is then.
func appendFile(f *os.File, p []byte) (n int, end int64, err error) {
	err = control(f, func(fd int) error {
		n, err = unix.Pwritev2(fd, [][]byte{p}, 0, unix.RWF_APPEND)
		return err
	})
	if e := errnoOf(err); e == ENOTSUP || e == ENOSYS {
		return appendSlowly(f, p)
	}
	if err != nil {
		return 0, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return n, 0, err
	}
	return n, info.Size(), nil
}
