// Package rewrite makes a module stoppable: after it has been decoded and validated,
// and before an engine compiles it. What comes out is plain WebAssembly: 2.0, with
// tail calls and extended constant expressions where the module has them, and without
// exceptions.
//
// # The passes
//
// What [Analyze] does, in order; each pass works on what those before it have found, and
// all of it is in the [Plan] (plan.go, passes.go):
//
//	pass        file           what it finds
//	scan        scan.go        the constructs of each body, and its sites: loops, calls, bulk instructions;
//	            refs.go        where references can come from
//	thunks      thunks.go      a function for each import that a reference can reach
//	call graph  callgraph.go   which functions can be on the stack when the guest stops; which calls count
//	rounds      rounds.go      which branches back to a loop's head count
//	points      points.go      the sites where a frame can stop, numbered, with the types of its value stack,
//	            liveness.go    and which locals it needs
//	layout      layout.go      where globals, tables and helpers of ours go
//
// Then modules are written from it: one at once, the others when they are asked for:
//
//	guard       module.go      [Plan.Guard]: the module with guarded functions, helpers.go for the host, and
//	                           placed.go for the data segments that it copies itself
//	resume      satellite.go   [Plan.Resume]: modules of resume functions, on demand
//	stride      stride.go      [Plan.Stride]: the last few instructions before a stop by count, on demand
//
// A function is copied by emit.go, instruction by instruction, but for these:
//
//	block, loop, if, else, end                  constructs.go; ways.go, in a resume function
//	the check of a loop and behind a call       budget.go, with the frame as transfer.go has it
//	memory.copy, memory.fill                    bulk.go
//	return_call, return_call_indirect           tail.go
//	throw, throw_ref, try_table                 throw.go; what exceptions become: exceptions.go, tags.go
//	each, when instructions are counted         count.go
//
// Of several modules of a guest each goes through all of it by itself: link.go.
//
// # The guarded original
//
// A loop takes one from the budget each time it is gone round, and asks the host when
// none is left. The value stack is in locals of ours by then, so that the cold path can
// hand it over with the live locals, in globals:
//
//	(loop $l                (block $exit
//	  …                =>     (loop $l
//	  (br_if $l (…))            (block $back
//	  …)                          …
//	                              (br_if $back (…))
//	                              … (br $exit))
//	                            (br_if $l (local.tee $clock
//	                              (i32.sub (local.get $clock) (i32.const 1))))
//	                            (global.set $x0 (i64.extend_i32_u (local.get 0)))  ;; live
//	                            (if (call $ask (i32.const 7))
//	                              (then (return (i32.const 0))))   ;; unwinding
//	                            (local.set 0 (i32.wrap_i64 (global.get $x0)))      ;; changed
//	                            (br $l)))
//
// A round in which some counted call has been made counts no more: rounds.go. In loops
// that call nothing which can suspend the budget is in a local, the clock: budget.go
// says why, and why the cold path goes back to the loop's head.
//
// Behind a call that can suspend the budget is only looked at; it is counted where the
// call closes a cycle, or where calls without any loop add up:
//
//	(call $f)            =>     (call $f)
//	                            (block $go
//	                              (br_if $go (i32.ge_s (global.get $budget) (i32.const 0)))
//	                              …)
//
// Below 0 the guest is unwinding: each frame on the way out asks, and is told to hand
// itself over. At 0 the host has said, in a call of an import, that it wants to stop.
//
// A function that cannot suspend is copied as it is. A tail call has no check behind
// it, for its frame is gone: where it closes a cycle it is counted before. Exceptions
// are lowered to a second way to return.
//
// # The resume function
//
// It has the type () -> results, takes its frame from the globals, and goes on from
// one of the points of the original: ways.go says how structured code is entered in
// the middle. Resume functions live in satellite modules, which import the guarded
// module's memory, tables, globals and functions. They are made for the functions
// that a thawed guest has on its stack, when it does: a start does not pay for them,
// and ordinary calls never meet them.
//
// A frame may be at any instruction that can be reached, point or not: such a place is
// made a point on demand, and gets a resume function of its own (adhoc.go).
//
// # What it refuses
//
// Imports of anything but functions from the host. Modules of one guest import
// everything from each other: see [Link].
package rewrite
