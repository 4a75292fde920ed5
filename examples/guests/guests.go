// Package guests holds Sojourn's own guest programs: ordinary WASI programs in C, Go and
// WebAssembly text that know nothing of migration. The sources are beside this file (c, go, wat),
// the Makefile builds them, and the small binaries are in bin, so that they run on a machine that
// has no compiler.
//
// Every guest's output is a function of its arguments and its input alone. All lists those that
// end by themselves, with arguments for a short and for a long run; Spin never ends, and Trap traps.
package guests

import (
	"embed"
	"fmt"
)

// EchoKV is the module of the server that the demo moves: see c/echo-kv.c for its protocol and
// [Ledger] for an independent model of it.
//
//go:embed bin/echo-kv.wasm
var EchoKV []byte

// JobsSource is the source of the larger Go guest, a program of one file that needs only the
// standard library. Its module is too large to be kept here.
//
//go:embed go/jobs/main.go
var JobsSource string

// OrdersSource is the source of a Go server of JSON requests, like JobsSource; see [Orders].
//
//go:embed go/orders/main.go
var OrdersSource string

//go:embed bin
var bin embed.FS

// Guests that All leaves out.
const (
	Spin = "spin" // prints a line and loops for ever
	Trap = "trap" // prints a line and traps in $innermost, called by $middle, called by $outermost
)

// A Guest is one program and how to run it.
type Guest struct {
	Name  string   // its module is bin/Name.wasm
	Short []string // arguments, without the program's name, for thousands to millions of instructions
	Long  []string // arguments for some tenths of a second on wazero's compiler: what bench measures
	Stdin string
	Dir   bool   // needs an empty writable folder preopened as "/"
	Exit  uint32 // its exit code
}

// All returns the guests that end by themselves, in a fixed order.
func All() []Guest {
	return []Guest{
		{Name: "echo-kv", Short: []string{"4"}, Long: []string{"12"}, Stdin: kvScript(40)},
		{Name: "fib", Short: []string{"14"}, Long: []string{"38"}},
		{Name: "gemm", Short: []string{"12"}, Long: []string{"500"}},
		{Name: "sieve", Short: []string{"2000"}, Long: []string{"20000000"}},
		{Name: "crc32", Short: []string{"1"}, Long: []string{"30000"}},
		{Name: "qsort", Short: []string{"200"}, Long: []string{"500000"}},
		{Name: "trees", Short: []string{"5"}, Long: []string{"18"}},
		{Name: "nqueens", Short: []string{"5"}, Long: []string{"14"}},
		{Name: "mandelbrot", Short: []string{"12"}, Long: []string{"1200"}},
		{Name: "simd", Short: []string{"2"}, Long: []string{"30000"}},
		{Name: "fileio", Short: []string{"2"}, Long: []string{"200"}, Dir: true},
		{Name: "sleep", Short: []string{"3", "5"}, Long: []string{"20", "50"}, Stdin: kvScript(4)},
		{Name: "nbody", Short: []string{"50"}, Long: []string{"3000000"}},
		{Name: "fannkuch", Short: []string{"6"}, Long: []string{"10"}},
		{Name: "spectral", Short: []string{"20"}, Long: []string{"2000"}},
		{Name: "lu", Short: []string{"16"}, Long: []string{"800"}},
		{Name: "linpack", Short: []string{"16"}, Long: []string{"800"}},
		{Name: "pagerank", Short: []string{"60"}, Long: []string{"200000"}},
		{Name: "components", Short: []string{"200"}, Long: []string{"500000"}},
		{Name: "bfs", Short: []string{"100"}, Long: []string{"300000"}},
		{Name: "integers", Short: []string{"2"}, Long: []string{"10000"}},
		{Name: "vm", Short: []string{"100"}, Long: []string{"5000000"}},
		{Name: "memgrow", Short: []string{"2"}, Long: []string{"64"}},
		{Name: "deep", Short: []string{"50"}},
		{Name: "tables"},
		{Name: "segments"},
		{Name: "multivalue"},
		{Name: "vectors"},
		{Name: "bulk"},
		{Name: "start"},
		{Name: "control"},
		{Name: "select"},
		{Name: "floats"},
		{Name: "hostcalls"},
		{Name: "exit", Exit: 7},
		{Name: "tail"},
		{Name: "jump", Short: []string{"40"}},
		{Name: "go-lines", Stdin: kvScript(20)},
	}
}

// Idiomatic lists the guests that keep their state by themselves (package compat). Module has
// "idiomatic/NAME", and "idiomatic/NAME-twin", the same program as one would write it.
func Idiomatic() []Guest {
	return []Guest{
		{Name: "fib", Short: []string{"400"}, Long: []string{"400000"}},
		{Name: "kmeans", Short: []string{"6"}, Long: []string{"100"}},
		{Name: "matmul", Short: []string{"1"}, Long: []string{"10"}},
	}
}

// Module returns the WebAssembly module of the guest called name.
func Module(name string) ([]byte, error) {
	b, err := bin.ReadFile("bin/" + name + ".wasm")
	if err != nil {
		return nil, fmt.Errorf("no guest is called %q: its module would be examples/guests/bin/%[1]s.wasm", name)
	}
	return b, nil
}

// kvScript returns n requests to echo-kv, numbered from 1.
func kvScript(n int) string {
	var b []byte
	for i := 1; i <= n; i++ {
		b = append(b, Request(uint64(i))...)
		b = append(b, '\n')
	}
	return string(b)
}
