package linmem

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

func reserve(n uintptr) (unsafe.Pointer, error) {
	addr, err := windows.VirtualAlloc(0, n, windows.MEM_RESERVE, windows.PAGE_NOACCESS)
	if err != nil {
		return nil, err
	}
	return *(*unsafe.Pointer)(unsafe.Pointer(&addr)), nil // outside the Go heap
}

func commit(p unsafe.Pointer, n uintptr) error {
	_, err := windows.VirtualAlloc(uintptr(p), n, windows.MEM_COMMIT, windows.PAGE_READWRITE)
	return err
}

func release(p unsafe.Pointer, _ uintptr) {
	_ = windows.VirtualFree(uintptr(p), 0, windows.MEM_RELEASE)
}
