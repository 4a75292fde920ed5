//go:build !(cgo && ((linux && amd64) || darwin))

package main

import (
	"io"
	"os"

	"sojourn/compat"
)

const available = false

func runGuest(start, *compat.Vector, func(error)) (uint32, error) { return 0, errUnavailable }

func dupStdout() (*os.File, error) { return nil, errUnavailable }

func bench(io.Writer, start, int, string) error { return errUnavailable }
