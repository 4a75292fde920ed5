package interp

import (
	"errors"
	"fmt"

	"sojourn/interp/wasm"
)

// HostFunc is one function that the host offers to guests.
type HostFunc struct {
	Module, Name    string
	Params, Results []wasm.ValType

	// Blocking says that Call may wait, and that a guest can be frozen in it: the
	// call sees [HostCall.Stop], and may return [ErrRestart].
	Blocking bool

	// Call performs the function. An [*Exit] ends the guest with its code; any
	// other error but ErrRestart ends the guest as a trap does.
	Call func(*HostCall) error
}

// HostCall is one call of a [HostFunc]. It is valid until Call returns.
type HostCall struct {
	Stack []uint64 // parameters in, results out, both from index 0; an externref is its number and one, or 0
	Host  any      // what the instance was created with

	memory func() []byte
	stop   <-chan struct{}
}

// NewHostCall returns a call for tests of host functions; mem may be nil.
func NewHostCall(host any, mem []byte, stop <-chan struct{}, stack ...uint64) *HostCall {
	return &HostCall{Stack: stack, Host: host, memory: func() []byte { return mem }, stop: stop}
}

// Memory returns the guest's linear memory, nil when it has none.
func (c *HostCall) Memory() []byte { return c.memory() }

// Stop is closed when the guest is asked to stop. A blocking call that has had no
// effect yet then returns [ErrRestart]; one that has had some returns its result.
func (c *HostCall) Stop() <-chan struct{} { return c.stop }

// ErrRestart is what an interrupted [HostFunc] returns. The guest is then captured
// as about to make the call, and makes it again, with the same arguments, after thaw.
var ErrRestart = errors.New("host call interrupted before it had any effect")

// Exit ends the guest with an exit code of its own choice.
type Exit struct{ Code uint32 }

func (e *Exit) Error() string { return fmt.Sprintf("guest exited with code %d", e.Code) }
