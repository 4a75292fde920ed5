// Command peers runs programs of the suite on other engines and natively, in turn with our own, and
// makes the tables that set us beside them.
//
//	go run ./bench/peers                            some 4 minutes; prints Markdown
//	go run ./bench/peers -only fib,vm -runs 3       a part of it
//	go run ./bench/peers -doc docs/BENCHMARKS.md    and puts the tables into that file
//
// It is run from the top of the source tree, and needs gcc, node and wasm-opt (Debian's gcc, nodejs,
// binaryen), cgo, and for wasmtime 55 MB from the Go module proxy at first use.
//
// # What the figures are
//
// A time is of the processor, of one run from instantiation to the end, without compiling: the least
// of -runs runs. The sides take turns, and each must print the same. Wasmtime, Wasmer and node run
// in processes of their own, which measure themselves: wasmtime and Wasmer both define the functions
// of WebAssembly's C API, so that no process can hold the two, and both want the signals that Go
// uses. node's figure is of the second run in a process, when V8 has optimised what is hot. A native
// program's time is all of its process.
//
// wazero's interpreter gets less to do, and so its figure is a ratio to the compiler's time for that.
//
// Binaryen's Asyncify is applied to the same modules and the result is run on plain wazero. As it
// comes it can stop a program only where it calls the host: loops that call nothing cannot be left.
// Its code is therefore measured once more with a call of the host at each function's beginning and
// in each loop (wasm-opt --log-execution), about where ours can stop.
package main
