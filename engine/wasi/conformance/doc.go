// Package conformance has no code: its tests run programs that check every call of WASI
// preview 1, and write down in docs/CONFORMANCE.md how many checks pass.
//
// The programs of testdata, in C and in Go, print a line for each check: the call, what is
// checked, and, when that is wrong, what came. Each program runs as it is on plain wazero
// with the functions of engine/wasi; made stoppable and left alone; and frozen at its
// points, each time through the bytes of a snapshot into a fresh environment of the other
// engine. All must say the same. The programs that wazero's own tests use are in its
// module, and are run in the same ways.
//
//	go test ./engine/wasi/conformance            # all programs, and the table is as it was
//	go test ./engine/wasi/conformance -update    # writes the table
//
// Those of the official test suite are too large to keep here:
//
//	git clone -b prod/testsuite-base https://github.com/WebAssembly/wasi-testsuite
//	WASI_TESTSUITE=$PWD/wasi-testsuite go test -tags wasisuite ./engine/wasi/conformance [-update]
package conformance
