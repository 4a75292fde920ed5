//go:build amd64 || arm64 || riscv64 || loong64

package linmem

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// scanRegions is how many runs of written pages one ioctl can report.
const scanRegions = 512

// scanTracker has the kernel write-protect the memory and remember which pages were
// written since; a written page costs the guest one fault, which the kernel
// resolves. The whole reservation is registered, so growth needs nothing but to
// protect the new pages at the next Collect, which also reports them.
type scanTracker struct {
	mem     *Memory
	fd      int      // userfaultfd
	pagemap *os.File // /proc/self/pagemap

	mu      sync.Mutex
	armed   uint64 // bytes protected so far: committed, from the start
	regions [scanRegions]pageRegion
	closed  bool
}

// probePagemapScan tries the method once in the life of the process.
var probePagemapScan = sync.OnceValue(tryPagemapScan)

func tryPagemapScan() error {
	m, err := New(wasmPage)
	if err != nil {
		return err
	}
	defer m.Free()
	if m.Reallocate(wasmPage) == nil {
		return errors.New("no memory left")
	}
	t, err := newPagemapScan(m)
	if err != nil {
		return err
	}
	defer t.Close()
	m.Bytes()[wasmPage-1] = 1
	var got Bitmap
	if err := t.Collect(&got); err != nil {
		return err
	}
	if !got.Has(m.Pages() - 1) {
		return errors.New("the kernel did not report a page that was written")
	}
	return nil
}

func newPagemapScan(m *Memory) (Tracker, error) {
	fd, err := openUffd()
	if err != nil {
		return nil, err
	}
	pagemap, err := os.Open("/proc/self/pagemap")
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	t := &scanTracker{mem: m, fd: fd, pagemap: pagemap}
	if err := t.start(); err != nil {
		unix.Close(fd)
		pagemap.Close()
		return nil, err
	}
	return t, nil
}

// start registers the reservation and protects what is committed of it.
func (t *scanTracker) start() error {
	whole := unsafe.Slice((*byte)(t.mem.base), t.mem.reserved)
	// A huge page would be reported whole: 2 MiB to send for each byte written.
	// Kernels without huge pages refuse the advice, and need none.
	_ = unix.Madvise(whole, unix.MADV_NOHUGEPAGE)

	reg := uffdioRegisterArg{uffdioRange: t.span(), mode: uffdRegisterModeWP}
	if err := ioctl(t.fd, uffdioRegister, unsafe.Pointer(&reg)); err != nil {
		return fmt.Errorf("register memory with userfaultfd: %w", err)
	}
	size := committed(t.mem.Size())
	if err := t.protect(0, size); err != nil {
		return err
	}
	t.armed = size
	return nil
}

func (t *scanTracker) span() uffdioRange {
	return uffdioRange{uint64(uintptr(t.mem.base)), t.mem.reserved}
}

func (t *scanTracker) Method() string { return PagemapScan }

func (t *scanTracker) Copy(dst []byte, page int) int { return t.mem.copyPage(dst, page) }

func (t *scanTracker) Collect(dst *Bitmap) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	if err := t.scan(dst, t.armed); err != nil {
		return err
	}
	size := committed(t.mem.Size())
	if size <= t.armed {
		return nil
	}
	if err := t.protect(t.armed, size); err != nil {
		return err
	}
	dst.SetRange(int(t.armed/PageSize), int(size/PageSize))
	t.armed = size
	return nil
}

// protect write-protects pages whether they were written or not, and those that
// were never touched: otherwise the first read of one would count as a write.
func (t *scanTracker) protect(from, to uint64) error {
	if from == to {
		return nil
	}
	base := t.span().start
	arg := pmScanArg{
		size:  uint64(unsafe.Sizeof(pmScanArg{})),
		flags: pmScanWPMatching | pmScanCheckWPAsync,
		start: base + from,
		end:   base + to,
	}
	if err := ioctl(int(t.pagemap.Fd()), pagemapScan, unsafe.Pointer(&arg)); err != nil {
		return fmt.Errorf("protect memory by PAGEMAP_SCAN: %w", err)
	}
	return nil
}

// scan adds to dst the written pages of the first n bytes, and protects them again,
// in one step for each page: no write falls in between.
func (t *scanTracker) scan(dst *Bitmap, n uint64) error {
	base := t.span().start
	arg := pmScanArg{
		flags:        pmScanWPMatching | pmScanCheckWPAsync,
		start:        base,
		end:          base + n,
		categoryMask: pageIsWritten,
		returnMask:   pageIsWritten,
	}
	if err := scanPages(t.pagemap, arg, &t.regions, base, dst); err != nil {
		return fmt.Errorf("find written pages by PAGEMAP_SCAN: %w", err)
	}
	return nil
}

// scanPages adds to dst the pages that arg asks for, counted from base.
func scanPages(pagemap *os.File, arg pmScanArg, regions *[scanRegions]pageRegion, base uint64, dst *Bitmap) error {
	arg.size, arg.vec, arg.vecLen = uint64(unsafe.Sizeof(arg)), uint64(uintptr(unsafe.Pointer(regions))), scanRegions
	for arg.start < arg.end {
		found, err := scanOnce(pagemap, &arg)
		if err != nil {
			return err
		}
		for _, r := range regions[:found] {
			dst.SetRange(int((r.start-base)/PageSize), int((r.end-base)/PageSize))
		}
		if arg.walkEnd <= arg.start {
			return fmt.Errorf("no progress at offset %#x", arg.start-base)
		}
		arg.start = arg.walkEnd
	}
	return nil
}

// scanOnce returns the number of regions that the kernel filled in. It does not
// repeat after EINTR, which the kernel returns to a process that is being killed only.
func scanOnce(pagemap *os.File, arg *pmScanArg) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, pagemap.Fd(), pagemapScan, uintptr(unsafe.Pointer(arg)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func (t *scanTracker) Close() error {
	t.mu.Lock()
	done := t.closed
	if !done {
		t.closed = true
		span := t.span()
		_ = ioctl(t.fd, uffdioUnregister, unsafe.Pointer(&span)) // closing does it too
		unix.Close(t.fd)
		t.pagemap.Close()
	}
	t.mu.Unlock()
	if !done {
		t.mem.untrack()
	}
	return nil
}
