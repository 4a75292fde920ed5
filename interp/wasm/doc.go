// Package wasm decodes, validates and encodes modules of WebAssembly 2.0 with extended
// constant expressions, tail calls and exceptions, and gives whoever rewrites them the
// type of every value at every instruction.
//
//	bytes --Decode--> *Module --Validate--> nil or *Error
//	                     |
//	                     +-- Reader: the instructions of a body, one by one
//	                     +-- Machine: the stack and blocks before each of them
//	                     |
//	bytes <--Encode------+     Append...: instructions for a new body
//
// It stands between a node and modules that nobody vouches for. Every count
// and size is held against the bytes that are left and against limits.go
// before anything is allocated for it, so memory stays within a small multiple
// of the input. Whatever passes Decode and Validate is accepted by wazero with
// these features (a fuzz target says so), but for custom sections, which
// wazero reads although they cannot make a module invalid: it refuses
// malformed ones named "name", and one without contents at a module's end.
//
// Refused by name, with their offset: threads and shared memory, exceptions of the
// older proposal, tables of exceptions, multiple memories, memory64, garbage
// collection and typed function references (so a reference to an exception that is
// not null, too), relaxed SIMD and components. Such errors are ErrUnsupported.
//
// Three rules are stricter than wazero's: a constant expression may not read a
// mutable global, as the specification says; and the number behind the 0xFD
// prefix must be in its shortest form, since wazero misreads others;
// select may not choose between references to exceptions, since wazero refuses that.
package wasm
