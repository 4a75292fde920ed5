// Package compat keeps the convention of the thesis that Sojourn grew from, for guests
// that already follow it. Such a guest is called idiomatic: it keeps all that it wants to
// carry to another machine in one vector, imports four functions from module "migration",
//
//	restore(ptr i32, len i32)            once, at its beginning
//	checkpoint(ptr i32, len i32)         after each change of the vector
//	restore_bytes, checkpoint_bytes      the same, with len counted in bytes
//
// and runs on any engine, also on one that cannot be stopped from outside. len counts
// elements of 32 bits, as the thesis has it; vectors of i64, f32, f64 or anything else
// are given to the _bytes functions. Each checkpoint replaces the last; restore writes
// the last one back, when there is one, and must be given its length.
//
// A move asked for at time s meets the checkpoint at time t in one of three ways:
//
//	s < t   the guest starts again elsewhere from the checkpoint before, and repeats
//	        what it did since
//	s = t   the move waits until the checkpoint is complete
//	s > t   the checkpoint at t is what travels
//
// While a move is being decided the guest waits in its next checkpoint, and there it
// ends when it has moved ([Vector.Hold]). So what it does behind the checkpoint that
// travels is repeated, but no checkpoint of the old guest is ever later than that.
//
// The package knows no engine: memory comes as bytes. It refuses pointers and lengths
// outside memory, a vector of another length than the last, an empty one, one of more
// than [MaxVector], and a second restore; the guest ends with the error.
package compat
