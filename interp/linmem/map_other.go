//go:build !unix && !windows

package linmem

import (
	"errors"
	"unsafe"
)

// heapLimit bounds a memory on systems where nothing can be reserved: the heap has
// to hold the greatest size from the start.
const heapLimit = 1 << 30

func reserve(n uintptr) (unsafe.Pointer, error) {
	if n > heapLimit {
		return nil, errors.New("this system cannot reserve address space, and 1 GiB is the most it allocates: lower the guest's memory limit")
	}
	return unsafe.Pointer(unsafe.SliceData(make([]byte, n))), nil
}

func commit(unsafe.Pointer, uintptr) error { return nil }

func release(unsafe.Pointer, uintptr) {}
