package interp

import (
	"strings"
)

// Trap is how a guest ends that breaks a rule of WebAssembly.
type Trap struct {
	Reason string   // "unreachable", "integer divide by zero", ...
	Stack  []string // function names, innermost first
}

// Error returns the reason and the stack trace.
func (t *Trap) Error() string {
	var b strings.Builder
	b.WriteString("guest trapped: " + t.Reason)
	for _, f := range t.Stack {
		b.WriteString("\n\tat " + f)
	}
	return b.String()
}

// trap turns an error of wazero into a Trap, with the frames that wait outside those
// on wazero's own stack; or it says why the host ended the guest.
func (in *Instance) trap(err error) error {
	if in.failure != nil {
		return in.failure
	}
	text, stack, _ := strings.Cut(err.Error(), "\nwasm stack trace:")
	t := &Trap{Reason: strings.TrimPrefix(text, "wasm error: ")}
	for _, line := range strings.Split(stack, "\n") {
		name, _, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "."), "(")
		if ok && name != "" {
			t.Stack = append(t.Stack, name)
		}
	}
	for i := len(in.frames) - 1; i >= 0; i-- {
		t.Stack = append(t.Stack, in.parts[in.frames[i].Module].funcName(in.frames[i].Func))
	}
	return t
}
