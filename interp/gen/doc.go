// Package gen makes WebAssembly programs for tests, out of a string of bytes.
//
//	bytes --Make--> *Program: a module that is valid and ends, whatever the bytes are
//
// Each choice that the generator has takes a byte, and 0 where none are left; 0 always
// chooses what is smallest. So random bytes give random programs, a fuzzer can mutate
// them, and a program is made smaller by deleting and clearing bytes: [Shrink] does,
// guided by which bytes each statement was made from.
//
// A program ends because each loop's way back and each call takes from one global, the
// fuel, and is not taken without it; calls also hand down a depth. It shows what it
// computes through host functions, which its importer provides:
//
//	host.log    (i64) -> ()  a value
//	host.end    () -> ()     all has been shown: memory is now final
//	host.exit   (i32) -> ()  ends the guest
//	host.plainN              any other: does not block
//	host.blockN              any other: blocks
//
// Before it ends it logs its globals and the contents of its tables, whose functions it
// calls at depth 0, where each answers with constants of its own. It exports globals as
// g0, g1, …, tables as t0, …, and its memory as memory, for who can look at them
// when it traps.
//
// Exceptions do not leave the program: nobody says alike how they end it. What arithmetic
// leaves open of NaN it does not look at: results of float instructions that may be NaN
// are made one fixed NaN, and other bits of NaN only travel.
package gen
