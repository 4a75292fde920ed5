package wasm

import (
	"errors"
	"fmt"
)

// Error says why a module is refused: what is wrong, with which construct,
// and where.
type Error struct {
	Offset  int    // in the module's bytes; -1 when not known, as for a module that was built
	Section string // "type", "code", ...; "header" before the first
	What    string // the construct: "count", "func[12]", "import[3] \"env.f\""
	Msg     string

	// Feature names the proposal that the module needs, when that is why:
	// "threads", "tail calls". Such an error is ErrUnsupported.
	Feature string
}

// ErrUnsupported is what errors.Is reports for a module that is refused for
// needing a feature that came after WebAssembly 2.0.
var ErrUnsupported = errors.New("feature is not in WebAssembly 2.0")

// Error returns "wasm: code section, func[12], offset 0x4f: message".
func (e *Error) Error() string {
	s := "wasm: " + e.Section
	if e.Section != "header" && e.Section != "module" {
		s += " section"
	}
	if e.What != "" {
		s += ", " + e.What
	}
	if e.Offset >= 0 {
		s += fmt.Sprintf(", offset 0x%x", e.Offset)
	}
	return s + ": " + e.Msg
}

// Is reports whether e is about an unsupported feature, for ErrUnsupported.
func (e *Error) Is(target error) bool {
	return target == ErrUnsupported && e.Feature != ""
}

// unsupported returns the error for a construct that belongs to a feature
// after WebAssembly 2.0.
func unsupported(feature, construct string) *Error {
	return &Error{Offset: -1, Feature: feature,
		Msg: fmt.Sprintf("%s needs %s, which is not in WebAssembly 2.0; build the module without it", construct, feature)}
}

// within puts the construct that e's is a part of before it.
func (e *Error) within(outer string) {
	if e.What != "" {
		outer += ", " + e.What
	}
	e.What = outer
}
