package interp

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Kind is how a guest is run.
type Kind int

const (
	Auto        Kind = iota // the compiler where there is one, else the interpreter
	Compiler                // machine code: amd64 and arm64
	Interpreter             // anywhere, 25 to 55 times slower
)

// String returns the kind's name, as ParseKind reads it.
func (k Kind) String() string {
	switch k {
	case Auto:
		return "auto"
	case Compiler:
		return "compiler"
	case Interpreter:
		return "interpreter"
	}
	return fmt.Sprintf("kind(%d)", int(k))
}

// ParseKind reads the name of a kind.
func ParseKind(s string) (Kind, error) {
	for _, k := range []Kind{Auto, Compiler, Interpreter} {
		if s == k.String() {
			return k, nil
		}
	}
	return 0, fmt.Errorf("no engine is called %q: there are auto, compiler and interpreter", s)
}

// HasCompiler reports whether wazero compiles for this machine.
func HasCompiler() bool {
	return (runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64") &&
		slices.Contains([]string{"linux", "darwin", "freebsd", "windows", "netbsd", "dragonfly", "solaris"}, runtime.GOOS)
}

// ErrNoCompiler is returned for [Compiler] where [HasCompiler] is false.
var ErrNoCompiler = errors.New("no compiler for this machine: use the interpreter")

// resolve makes Auto one of the others, and refuses what this machine cannot do.
func (k Kind) resolve() (Kind, error) {
	switch {
	case k == Auto && HasCompiler():
		return Compiler, nil
	case k == Auto:
		return Interpreter, nil
	case k == Compiler && !HasCompiler():
		return 0, ErrNoCompiler
	}
	return k, nil
}

// coreFeatures are those of modules that package wasm lets through. What comes out of
// package rewrite has no exceptions left; the modules of Plain have.
const coreFeatures = api.CoreFeaturesV2 | experimental.CoreFeaturesExtendedConst |
	experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExceptionHandling

func runtimeConfig(k Kind) wazero.RuntimeConfig {
	c := wazero.NewRuntimeConfigInterpreter()
	if k == Compiler {
		c = wazero.NewRuntimeConfigCompiler()
	}
	return c.WithCoreFeatures(coreFeatures).WithDebugInfoEnabled(false)
}
