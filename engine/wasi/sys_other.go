//go:build !linux

package wasi

import "os"

// allocate grows the file: there is no portable way to reserve disk space.
func allocate(f *os.File, offset, n int64) error { return grow(f, offset+n) }

func appendFile(f *os.File, p []byte) (n int, end int64, err error) { return appendSlowly(f, p) }
