// Command wasmtime runs a WASI program once on wasmtime, for package peers:
//
//	go build -tags peers -o wasmtime ./bench/peers/wasmtime
//	wasmtime MODULE OUTPUT ARGS...
//
// The program's output goes into the file OUTPUT; what the run took, compiling left out, is printed
// as JSON. The binding needs cgo and is 205 MB once unpacked, so it is built only with the tag
// peers: who builds or vets ./... does not fetch it.
package main
