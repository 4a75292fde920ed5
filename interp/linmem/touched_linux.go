//go:build amd64 || arm64 || riscv64 || loong64

package linmem

import (
	"os"
	"sync"
)

// ownPagemap is open for the life of the process: opening it costs more than a scan.
var ownPagemap = sync.OnceValues(func() (*os.File, error) { return os.Open("/proc/self/pagemap") })

// scanBuffers hold what one ioctl reports.
var scanBuffers = sync.Pool{New: func() any { return new([scanRegions]pageRegion) }}

// touched asks for the pages that are there, in memory or swapped out, but for the
// shared page of zeros, which is what a page that was only read is. Kernels before
// Linux 6.7 refuse.
func (m *Memory) touched(dst *Bitmap) error {
	pagemap, err := ownPagemap()
	if err != nil {
		return err
	}
	regions := scanBuffers.Get().(*[scanRegions]pageRegion)
	defer scanBuffers.Put(regions)
	base := uint64(uintptr(m.base))
	arg := pmScanArg{
		start:             base,
		end:               base + committed(m.Size()),
		categoryInverted:  pageIsZero,
		categoryMask:      pageIsZero,
		categoryAnyOfMask: pageIsPresent | pageIsSwapped,
		returnMask:        pageIsPresent,
	}
	return scanPages(pagemap, arg, regions, base, dst)
}
