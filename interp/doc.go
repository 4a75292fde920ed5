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
// functions come from outside. It refuses modules that import anything but what it or
// modules before them offer, and, through packages wasm and rewrite, whatever came after
// WebAssembly 2.0 but extended constant expressions, tail calls and exceptions.
//
// Where to look:
//
//	program.go, kind.go      a program, and the engines
//	link.go                  its modules: what their imports are
//	compile.go, native.go    compiled code that is kept, and how large it is
//	plain.go                 what a program is measured against
//	instance.go, part.go     an instance, and its modules
//	run.go, invoke.go        running it: frames one by one, calls from outside
//	resume.go, raise.go      going on from a frame; exceptions between frames
//	ask.go, host.go          stopping: at a point, in a host call
//	steps.go                 by count
//	frames.go                frames, out of a guest and into one
//	state.go, tables.go      globals, tables and segments likewise
//	values.go                values
//	refs.go, externs.go      references: the guest's and the host's
//	image.go, trap.go        memory before anything runs; how a guest ends that breaks a rule
package interp
