//go:build !(cgo && ((linux && amd64) || darwin))

package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestUnavailable: built without Wasmer, each command says why it cannot be had.
func TestUnavailable(t *testing.T) {
	module := filepath.Join(t.TempDir(), "app.wasm")
	if err := os.WriteFile(module, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run", module}, {"restore", module}, {"bench", module}, {"node"}} {
		if err := command(args); !errors.Is(err, errUnavailable) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
