// Command mutants breaks the rewriter and its host on purpose, one fault at a time, and
// reports which test notices, and when.
//
//	go run ./internal/mutants              # all of them; writes docs/MUTANTS.md
//	go run ./internal/mutants -run slot    # those whose names match; prints only
//
// A mutant is a few lines of a source file in place of others. The file is not
// changed: the tests are built with an overlay. A mutant whose lines are not in the
// file exactly once is an error that names it, so that the list keeps up with the code.
//
// The tests are those that hold stopped guests to undisturbed ones: the generated
// programs of a fixed seed, those that once differed, and the torture tests.
package main
