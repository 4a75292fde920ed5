package linmem

// Touched adds to dst each page that may hold anything but zeros: where the kernel
// tells, those that were ever written to; elsewhere all there are. It is for a memory
// that nobody writes to.
func (m *Memory) Touched(dst *Bitmap) {
	if m.touched(dst) != nil {
		dst.SetRange(0, m.Pages())
	}
}
