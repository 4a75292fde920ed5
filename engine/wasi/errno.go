package wasi

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Errno is an error number of preview 1, as the guest sees it.
type Errno uint16

// The error numbers that this package returns (type errno of preview 1).
const (
	OK              Errno = 0
	E2BIG           Errno = 1
	EACCES          Errno = 2
	EADDRINUSE      Errno = 3
	EADDRNOTAVAIL   Errno = 4
	EAFNOSUPPORT    Errno = 5
	EAGAIN          Errno = 6
	EALREADY        Errno = 7
	EBADF           Errno = 8
	EBUSY           Errno = 10
	ECONNABORTED    Errno = 13
	ECONNREFUSED    Errno = 14
	ECONNRESET      Errno = 15
	EDESTADDRREQ    Errno = 17
	EDQUOT          Errno = 19
	EEXIST          Errno = 20
	EFAULT          Errno = 21
	EFBIG           Errno = 22
	EHOSTUNREACH    Errno = 23
	EILSEQ          Errno = 25
	EINPROGRESS     Errno = 26
	EINTR           Errno = 27
	EINVAL          Errno = 28
	EIO             Errno = 29
	EISCONN         Errno = 30
	EISDIR          Errno = 31
	ELOOP           Errno = 32
	EMFILE          Errno = 33
	EMLINK          Errno = 34
	ENAMETOOLONG    Errno = 37
	ENETUNREACH     Errno = 40
	ENFILE          Errno = 41
	ENOBUFS         Errno = 42
	ENODEV          Errno = 43
	ENOENT          Errno = 44
	ENOMEM          Errno = 48
	ENOPROTOOPT     Errno = 50
	ENOSPC          Errno = 51
	ENOSYS          Errno = 52
	ENOTCONN        Errno = 53
	ENOTDIR         Errno = 54
	ENOTEMPTY       Errno = 55
	ENOTSOCK        Errno = 57
	ENOTSUP         Errno = 58
	ENXIO           Errno = 60
	EOVERFLOW       Errno = 61
	EPERM           Errno = 63
	EPIPE           Errno = 64
	EPROTONOSUPPORT Errno = 66
	ERANGE          Errno = 68
	EROFS           Errno = 69
	ESPIPE          Errno = 70
	ESTALE          Errno = 72
	ETIMEDOUT       Errno = 73
	ETXTBSY         Errno = 74
	EXDEV           Errno = 75
	ENOTCAPABLE     Errno = 76
)

func (e Errno) Error() string { return fmt.Sprintf("wasi errno %d", uint16(e)) }

// hostErrnos gives the preview 1 number of each host error that is told apart.
var hostErrnos = map[syscall.Errno]Errno{
	syscall.E2BIG: E2BIG, syscall.EACCES: EACCES, syscall.EAGAIN: EAGAIN,
	syscall.EBADF: EBADF, syscall.EBUSY: EBUSY, syscall.EDQUOT: EDQUOT,
	syscall.EEXIST: EEXIST, syscall.EFAULT: EFAULT, syscall.EFBIG: EFBIG,
	syscall.EILSEQ: EILSEQ, syscall.EINTR: EINTR, syscall.EINVAL: EINVAL,
	syscall.EIO: EIO, syscall.EISDIR: EISDIR, syscall.ELOOP: ELOOP,
	syscall.EMFILE: EMFILE, syscall.EMLINK: EMLINK, syscall.ENAMETOOLONG: ENAMETOOLONG,
	syscall.ENFILE: ENFILE, syscall.ENODEV: ENODEV, syscall.ENOENT: ENOENT,
	syscall.ENOMEM: ENOMEM, syscall.ENOSPC: ENOSPC, syscall.ENOSYS: ENOSYS,
	syscall.ENOTDIR: ENOTDIR, syscall.ENOTEMPTY: ENOTEMPTY, syscall.ENOTSUP: ENOTSUP,
	syscall.ENXIO: ENXIO, syscall.EOVERFLOW: EOVERFLOW, syscall.EPERM: EPERM,
	syscall.EPIPE: EPIPE, syscall.ERANGE: ERANGE, syscall.EROFS: EROFS,
	syscall.ESPIPE: ESPIPE, syscall.ESTALE: ESTALE, syscall.ETXTBSY: ETXTBSY,
	syscall.EXDEV:      EXDEV,
	syscall.EADDRINUSE: EADDRINUSE, syscall.EADDRNOTAVAIL: EADDRNOTAVAIL,
	syscall.EAFNOSUPPORT: EAFNOSUPPORT, syscall.ECONNABORTED: ECONNABORTED,
	syscall.ECONNREFUSED: ECONNREFUSED, syscall.ECONNRESET: ECONNRESET,
	syscall.EHOSTUNREACH: EHOSTUNREACH, syscall.ENETUNREACH: ENETUNREACH,
	syscall.ENOBUFS: ENOBUFS, syscall.ENOTCONN: ENOTCONN,
	syscall.ETIMEDOUT: ETIMEDOUT,
}

// errnoOf translates any error of this package or of the host. What it does not
// know is EIO.
func errnoOf(err error) Errno {
	var own Errno
	var sys syscall.Errno
	switch {
	case err == nil:
		return OK
	case errors.As(err, &own):
		return own
	case errors.Is(err, errEscapes):
		return ENOTCAPABLE
	case errors.As(err, &sys):
		if n, ok := hostErrnos[sys]; ok {
			return n
		}
	}
	return errnoOfKind(err)
}

// errnoOfKind covers errors without a number, and numbers of other systems.
func errnoOfKind(err error) Errno {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ENOENT
	case errors.Is(err, fs.ErrExist):
		return EEXIST
	case errors.Is(err, fs.ErrPermission):
		return EACCES
	case errors.Is(err, fs.ErrInvalid):
		return EINVAL
	case errors.Is(err, fs.ErrClosed), errors.Is(err, os.ErrClosed):
		return EBADF
	case errors.Is(err, io.ErrShortWrite):
		return ENOSPC
	case errors.Is(err, io.ErrClosedPipe):
		return EPIPE
	}
	return EIO
}
