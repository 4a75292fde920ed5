//go:build !linux || !(amd64 || arm64 || riscv64 || loong64)

package linmem

func (m *Memory) touched(*Bitmap) error { return errNoScan }
