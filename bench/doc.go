// Command bench measures what it costs a program that it can move: the suite of programs, each on
// plain wazero, made movable, and moved once, in turn in one process.
//
//	go run ./bench                                 the whole suite, some 10 minutes of CPU time
//	go run ./bench -only nbody,sieve -runs 3       a part of it
//	go run ./bench -only own                       what needs nothing to be fetched
//	go run ./bench -doc docs/BENCHMARKS.md         and put the tables into that file
//	go run ./bench -json > now.json                figures for a program
//
// The programs of examples/guests are in the binary; CPython, SQLite, goja and the larger Go
// programs are obtained at first use, see internal/corpus.
//
// # What the figures are
//
// A ratio is of the CPU time of the movable guest to that of the same guest on plain wazero, each
// the least of -runs runs. Disturbance by other work only ever adds, so the least is the run that
// had least of it; the median of the ratios of the single pairs is shown beside it, and says how
// far the first can be trusted.
//
// "after" is a whole run that was frozen once, at the point -at of all that it passes (a tenth),
// and went on in a fresh instance: nine tenths of it are spent as after a migration. Compiling what
// re-enters its frames happens once, in the first run, and so is not in the least.
//
// "code" is the machine code of the module, without what is compiled for frames that were moved.
// "compile" is the CPU time of preparing the module, decoding and rewriting included.
package main
