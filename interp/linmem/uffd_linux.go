//go:build amd64 || arm64 || riscv64 || loong64

package linmem

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The part of linux/userfaultfd.h that is used here. All structures hold 64-bit
// fields only, so they have the same layout on every 64-bit machine.
const (
	uffdAPI          = 0xaa
	uffdUserModeOnly = 1 // UFFD_USER_MODE_ONLY: what a process may have without privileges

	// UFFD_FEATURE_WP_UNPOPULATED: pages that were never touched can be protected.
	uffdFeatureWPUnpopulated = 1 << 13
	// UFFD_FEATURE_WP_ASYNC: the kernel resolves write faults itself and just
	// remembers them, so nobody has to read the descriptor. Linux 6.7.
	uffdFeatureWPAsync = 1 << 15

	uffdRegisterModeWP = 1 << 1 // UFFDIO_REGISTER_MODE_WP

	uffdioAPI        = 3<<30 | 24<<16 | uffdAPI<<8 | 0x3f // _IOWR(0xAA, 0x3F, struct uffdio_api)
	uffdioRegister   = 3<<30 | 32<<16 | uffdAPI<<8        // _IOWR(0xAA, 0x00, struct uffdio_register)
	uffdioUnregister = 2<<30 | 16<<16 | uffdAPI<<8 | 0x01 // _IOR(0xAA, 0x01, struct uffdio_range)
)

// uffdioAPIArg is struct uffdio_api.
type uffdioAPIArg struct{ api, features, ioctls uint64 }

// uffdioRange is struct uffdio_range.
type uffdioRange struct{ start, len uint64 }

// uffdioRegisterArg is struct uffdio_register.
type uffdioRegisterArg struct {
	uffdioRange
	mode, ioctls uint64
}

// The part of linux/fs.h that is used here (Linux 6.7).
const (
	pagemapScan        = 3<<30 | 96<<16 | 'f'<<8 | 16 // PAGEMAP_SCAN: _IOWR('f', 16, struct pm_scan_arg)
	pmScanWPMatching   = 1 << 0                       // PM_SCAN_WP_MATCHING: protect the pages that match
	pmScanCheckWPAsync = 1 << 1                       // PM_SCAN_CHECK_WPASYNC: fail where that would not be tracked
	pageIsWritten      = 1 << 1                       // PAGE_IS_WRITTEN
	pageIsPresent      = 1 << 3                       // PAGE_IS_PRESENT
	pageIsSwapped      = 1 << 4                       // PAGE_IS_SWAPPED
	pageIsZero         = 1 << 5                       // PAGE_IS_PFNZERO: the page that all untouched memory reads from
)

// pmScanArg is struct pm_scan_arg.
type pmScanArg struct {
	size, flags, start, end, walkEnd, vec, vecLen, maxPages       uint64
	categoryInverted, categoryMask, categoryAnyOfMask, returnMask uint64
}

// pageRegion is struct page_region: addresses, the end not included.
type pageRegion struct {
	start, end uint64
	_          uint64 // categories
}

// openUffd returns a userfaultfd in asynchronous write-protect mode.
func openUffd() (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK|uffdUserModeOnly, 0, 0)
	if errno != 0 {
		return -1, fmt.Errorf("userfaultfd: %w", errno)
	}
	arg := uffdioAPIArg{api: uffdAPI, features: uffdFeatureWPAsync | uffdFeatureWPUnpopulated}
	if err := ioctl(int(fd), uffdioAPI, unsafe.Pointer(&arg)); err != nil {
		unix.Close(int(fd))
		return -1, fmt.Errorf("userfaultfd without asynchronous write protection (needs Linux 6.7): %w", err)
	}
	return int(fd), nil
}

// ioctl calls with a pointer argument and repeats when a signal interrupts it.
func ioctl(fd int, req uintptr, arg unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), req, uintptr(arg))
		runtime.KeepAlive(arg)
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
			continue
		}
		return errno
	}
}
