// Package measure compares a guest that can move with the same guest on plain wazero.
//
//	g := measure.Guest{Plain: plain, Module: module, Spec: spec}
//	samples, err := measure.InTurn(ctx, 5, g.OnPlain(), g.Movable(), g.Moved(k))
//	... measure.Pairs(samples[0], samples[1], measure.CPU) ...
//
// All sides run in one process, on the same engine, with the same host functions, one run of each
// after the other, so that what else the machine does falls on all of them alike. A run is from
// instantiation to the end. Its processor time is the process's, and while it runs nothing else in
// the process should: garbage is collected between runs and not in them.
package measure
