//go:build !(cgo && peers && unix)

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "built without wasmtime: build with cgo and the tag peers (go build -tags peers ./bench/peers/wasmtime)")
	os.Exit(1)
}
