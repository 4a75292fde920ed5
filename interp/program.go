package interp

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"sojourn/interp/codecache"
	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
)

// ErrLink is returned for modules of a guest that do not fit each other.
var ErrLink = errors.New("modules cannot be linked")

// Options says how a module is prepared.
type Options struct {
	Engine Kind
	Host   []HostFunc // what it can import

	Cache *codecache.Store // of compiled code; nil compiles each time

	// Precision says where the guest can be stopped.
	Precision Precision
}

// Module is one module of a guest.
type Module struct {
	Name  string // under which modules behind it in the list import from it
	Bytes []byte
}

// ModuleID identifies one module of a guest.
type ModuleID struct {
	Name   string // as of [Module]
	Digest [sha256.Size]byte
	Bytes  int
}

// Digest identifies a guest made of these modules: a single one by its own digest,
// several by the list of their names and digests.
func Digest(ids []ModuleID) [sha256.Size]byte {
	if len(ids) == 1 {
		return ids[0].Digest
	}
	b := []byte("sojourn guest 1")
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(id.Name)))
		b = append(append(b, id.Name...), id.Digest[:]...)
	}
	return sha256.Sum256(b)
}

// Stats are the costs of preparing a module.
type Stats struct {
	Bytes, StoppableBytes int           // of the module, before and after rewriting
	Points                int           // places where it can stop
	Rewrite, Compile      time.Duration // decoding, validation and rewriting; wazero's part
	Cached                bool          // compiled code was taken from the store
}

// Program is a guest's modules, made stoppable and compiled, ready to be instantiated any
// number of times. It is safe for concurrent use.
type Program struct {
	kind      Kind
	precision Precision
	digest    [sha256.Size]byte
	units     []*unit // its modules, in the order of instantiation
	initial   []byte
	stats     Stats
	rt        wazero.Runtime
	dir       *codeDir // nil without a store

	refsOnce sync.Once
	refTypes []wasm.FuncType // of functions that references can name, each once
	refNames map[api.FunctionDefinition]uint64

	mu      sync.Mutex
	resumes map[resumeKey]*resumes
	ways    map[wayKey][]rewrite.Entry // into functions that were asked for
}

// Prepare decodes, validates, rewrites and compiles a guest of one module. It refuses
// what cannot be run or made stoppable, naming the construct and its place.
func Prepare(ctx context.Context, module []byte, opt Options) (*Program, error) {
	return PrepareLinked(ctx, []Module{{Bytes: module}}, opt)
}

// PrepareLinked prepares a guest of several modules. An import is resolved to the
// export of the last module before it in the list that has the import's module name,
// and to a host function where none has. The last module is the program, the others
// are its libraries.
func PrepareLinked(ctx context.Context, modules []Module, opt Options) (*Program, error) {
	kind, err := opt.Engine.resolve()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	p := &Program{kind: kind, precision: opt.Precision, resumes: map[resumeKey]*resumes{}, ways: map[wayKey][]rewrite.Entry{}}
	host := hostByName(opt.Host)
	if err := p.analyze(modules, host); err != nil {
		return nil, err
	}
	codes, err := p.guard()
	if err != nil {
		return nil, err
	}
	p.digest = Digest(p.IDs())
	if len(p.units) == 1 {
		p.initial = InitialMemory(p.Module())
	}
	p.stats.Rewrite = time.Since(start)
	start = time.Now()
	if err := p.newRuntime(ctx, opt.Cache); err != nil {
		return nil, err
	}
	if err := p.compile(ctx, codes, host); err != nil {
		return nil, errors.Join(err, p.Close(ctx))
	}
	p.stats.Compile = time.Since(start)
	return p, nil
}

// newRuntime makes the runtime, which keeps compiled code in a store if there is one.
func (p *Program) newRuntime(ctx context.Context, store *codecache.Store) (err error) {
	c := runtimeConfig(p.kind)
	if store != nil && p.kind == Compiler {
		if p.dir, err = newCodeDir(store); err != nil {
			return err
		}
		c = c.WithCompilationCache(p.dir.cache)
	}
	p.rt = wazero.NewRuntimeWithConfig(ctx, c)
	return nil
}

func (p *Program) compile(ctx context.Context, codes [][]byte, host map[[2]string]HostFunc) (err error) {
	if err := p.hostModules(ctx, host); err != nil {
		return err
	}
	for i, u := range p.units {
		if u.code, err = p.code(ctx, codes[i]); err != nil {
			return p.within(u, len(p.units), fmt.Errorf("compile the rewritten module: %w", err))
		}
	}
	return nil
}

// hostModules offers the hook and the host functions to the runtime.
func (p *Program) hostModules(ctx context.Context, host map[[2]string]HostFunc) error {
	_, err := p.rt.NewHostModuleBuilder(rewrite.HookModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(ask), []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32}).
		Export(rewrite.HookName).Instantiate(ctx)
	if err != nil {
		return err
	}
	return offer(ctx, p.rt, host, hostFunction)
}

// Digest returns the SHA-256 of the module as its author shipped it; of several, one
// of the list of their names and digests.
func (p *Program) Digest() [sha256.Size]byte { return p.digest }

// IDs returns the name, digest and size of each module, in their order.
func (p *Program) IDs() []ModuleID {
	ids := make([]ModuleID, len(p.units))
	for i, u := range p.units {
		ids[i] = ModuleID{Name: u.name, Digest: u.digest, Bytes: u.bytes}
	}
	return ids
}

// Engine returns how the program runs: never Auto.
func (p *Program) Engine() Kind { return p.kind }

// Module returns the author's module, the last of several, which must not be changed.
func (p *Program) Module() *wasm.Module { return p.units[len(p.units)-1].module() }

// Modules returns the author's modules, which must not be changed.
func (p *Program) Modules() []*wasm.Module {
	ms := make([]*wasm.Module, len(p.units))
	for i, u := range p.units {
		ms[i] = u.module()
	}
	return ms
}

// InitialMemory returns what the module's own data puts into memory before anything
// runs, without trailing zeros; nothing for a guest of several modules, which run
// between the data of one and the next. It must not be changed.
func (p *Program) InitialMemory() []byte { return p.initial }

// Stats returns what preparing cost.
func (p *Program) Stats() Stats { return p.stats }

// Close frees the compiled code. All instances must be closed.
func (p *Program) Close(ctx context.Context) error {
	err := p.rt.Close(ctx)
	if p.dir != nil {
		p.dir.close(ctx)
	}
	return err
}
