//go:build !linux || !(amd64 || arm64 || riscv64 || loong64)

package linmem

import "errors"

var errNoScan = errors.New("needs Linux 6.7 or later on a 64-bit machine")

func probePagemapScan() error { return errNoScan }

func newPagemapScan(*Memory) (Tracker, error) { return nil, errNoScan }
