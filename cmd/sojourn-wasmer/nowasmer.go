//go:build !(cgo && ((linux && amd64) || darwin))

package main

import (
	"io"
	"os"
)

const available = false

func load(start) (runner, error) { return nil, errUnavailable }

func dupStdout() (*os.File, error) { return nil, errUnavailable }

func bench(io.Writer, start, int, string) error { return errUnavailable }
