package wasi

import (
	"errors"
	"os"
	"syscall"
)

// grow makes f at least size bytes long.
func grow(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil || info.Size() >= size {
		return err
	}
	return f.Truncate(size)
}

// appendSlowly writes p where f ends now. Another program that appends at the same
// moment can be overwritten.
func appendSlowly(f *os.File, p []byte) (n int, end int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	n, err = f.WriteAt(p, info.Size())
	return n, info.Size() + int64(n), err
}

// control runs f on the file's own descriptor, or handle. Unlike [os.File.Fd] it
// leaves the file as it is, so that deadlines go on working.
func control(file *os.File, f func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		for inner = f(int(fd)); errors.Is(inner, syscall.EINTR); {
			inner = f(int(fd))
		}
	})
	return errors.Join(err, inner)
}
