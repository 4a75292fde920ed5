//go:build unix

package linmem

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// reserve maps n bytes without access. Such a mapping costs no memory and, unlike
// a writable one with MAP_NORESERVE, is not charged where overcommit is off.
func reserve(n uintptr) (unsafe.Pointer, error) {
	return unix.MmapPtr(-1, 0, nil, n, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
}

// commit makes n bytes from p readable and writable; they are zero.
func commit(p unsafe.Pointer, n uintptr) error {
	return unix.Mprotect(unsafe.Slice((*byte)(p), n), unix.PROT_READ|unix.PROT_WRITE)
}

func release(p unsafe.Pointer, n uintptr) { _ = unix.MunmapPtr(p, n) }
