package main

import (
	"bytes"
	"errors"

	"sojourn/engine/wasi"
)

// goExit is the exit code of a Go program that fails by itself, as when all its
// goroutines wait.
const goExit = 2

// fakeAccept is in the stack that a Go program prints which waits for a connection on
// what net.Listen has made: under WASI preview 1 that is a listener inside the program.
const fakeAccept = "net.(*fakeNetFD).accept("

// errFakeListener explains the end of such a program.
var errFakeListener = hint(errors.New("the guest waited for a connection that nobody can make: under WASI preview 1, what Go's net.Listen makes is reached by the guest itself only"),
	"give it a socket with --listen NAME=tcp:PORT; the guest takes it with syscall.SetNonblock(3, true) and net.FileListener(os.NewFile(3, \"\"))")

// netWatch is a guest's standard error that notices such a program.
type netWatch struct {
	wasi.Stream
	tail []byte
	seen bool
}

// Write writes on, and looks at what was taken.
func (w *netWatch) Write(p []byte) (int, error) {
	n, err := w.Stream.Write(p)
	all := append(w.tail, p[:n]...)
	w.seen = w.seen || bytes.Contains(all, []byte(fakeAccept))
	w.tail = bytes.Clone(all[max(0, len(all)-len(fakeAccept)):])
	return n, err
}

// IsTerminal is the stream's own.
func (w *netWatch) IsTerminal() bool {
	t, ok := w.Stream.(wasi.Terminal)
	return ok && t.IsTerminal()
}
