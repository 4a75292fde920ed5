// Package thesis does the three experiments of the thesis again, for three idiomatic
// guests on Wasmer and on our engine, and for the same programs unmodified on our engine:
//
//  1. the size of the module, before and after
//  2. the time to instantiate and to execute it, with and without migration
//  3. the time of one checkpoint and one restore, as the vector grows
//
// and counts what each does twice when it moves. It writes tables and plots.
package thesis
