// Package interp stops, captures and continues the execution of one guest.
//
// A [Program] is a module made stoppable (package rewrite) and compiled by wazero,
// by its compiler or its interpreter. An [Instance] is one run of it. [Instance.Run]
// runs until the guest ends or is frozen; a frozen guest's frames, globals and tables
// are a [snapshotfmt.State], from which any other Program of the same module goes on:
//
//	prog, err := interp.Prepare(ctx, module, interp.Options{Host: hostFuncs})
//	in, err := prog.Instantiate(ctx, interp.Config{})
//	go func() { time.Sleep(time.Second); in.RequestFreeze() }()
//	err = in.Run(ctx)                       // ErrFrozen
//	st, err := in.Capture()
//	in2, err := other.Thaw(ctx, st, interp.Config{})
//	copy(in2.Memory().Bytes(), in.Memory().Bytes())
//	err = in2.Run(ctx)                      // goes on at the next instruction
//
// A library, which has no entry function, is called by [Instance.Begin], as often as
// its host likes; see invoke.go.
//
// A guest can be several modules that import from each other: [PrepareLinked]. They
// share one budget, and stop together.
//
// A guest stops where it asks the host: at loop heads and behind calls that can
// suspend, some ten thousand times a second. What it asks with, and how its frames
// get out and in, is described in package rewrite.
//
// With [EveryInstruction] as its precision a program counts instructions, and
// [Instance.StopAfter] stops its guests after exactly so many; what counts is in package
// rewrite (count.go). A frame may then be at any instruction: any program of the module
// goes on from there.
//
// The package is the only one that imports wazero. It knows nothing of WASI: host
// functions come from outside. It refuses modules that import anything but what is
// offered to them by it or by modules before them, and, through packages wasm and rewrite, whatever comes
// after WebAssembly 2.0 but extended constant expressions, tail calls and exceptions.
package interp
