package engine

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"

	"sojourn/interp"
	"sojourn/interp/codecache"
	"sojourn/snapshotfmt"
)

// Module is a guest's module, or several linked ones, prepared to run in one way. It is
// safe for concurrent use.
type Module struct {
	prog    *interp.Program
	modules []interp.Module

	hash sync.Once
	base *snapshotfmt.Base
}

// Base returns the module's initial memory as what snapshots leave out.
func (m *Module) Base() *snapshotfmt.Base {
	m.hash.Do(func() { m.base = snapshotfmt.NewBase(m.InitialMemory()) })
	return m.base
}

// Digest returns the SHA-256 of the module as its author shipped it; of several, one of
// the list of their names and digests.
func (m *Module) Digest() [sha256.Size]byte { return m.prog.Digest() }

// Bytes returns the module as its author shipped it, the last of several. It must not be
// changed.
func (m *Module) Bytes() []byte { return m.modules[len(m.modules)-1].Bytes }

// Libraries returns the modules before the last, as their authors shipped them. They must
// not be changed.
func (m *Module) Libraries() []interp.Module { return m.modules[:len(m.modules)-1] }

// InitialMemory returns what the module's data puts into memory before anything runs,
// without trailing zeros. It must not be changed.
func (m *Module) InitialMemory() []byte { return m.prog.InitialMemory() }

// Kind returns how the module is run: never interp.Auto.
func (m *Module) Kind() interp.Kind { return m.prog.Engine() }

// Program returns the program behind the module.
func (m *Module) Program() *interp.Program { return m.prog }

// Modules keeps prepared modules, by digest, kind and precision, until it is closed. The zero
// value is ready to use; it is safe for concurrent use.
type Modules struct {
	// Cache keeps compiled code for the next process; nil keeps none. It is set before
	// the first Add.
	Cache *codecache.Store

	mu  sync.Mutex
	set map[moduleKey]*prepared
}

type moduleKey struct {
	digest    [sha256.Size]byte
	kind      interp.Kind
	precision interp.Precision
}

type prepared struct {
	once sync.Once
	mod  *Module
	err  error
}

// Add prepares a module for a kind of engine, once: later calls return the same. An
// error is not kept.
func (ms *Modules) Add(ctx context.Context, module []byte, kind interp.Kind) (*Module, error) {
	return ms.AddLinked(ctx, []interp.Module{{Bytes: module}}, kind)
}

// AddLinked is Add for a guest of several modules: see [interp.PrepareLinked].
func (ms *Modules) AddLinked(ctx context.Context, modules []interp.Module, kind interp.Kind) (*Module, error) {
	return ms.AddPrecise(ctx, modules, kind, interp.AtPoints)
}

// AddPrecise is AddLinked with a precision: where guests can be stopped by themselves.
func (ms *Modules) AddPrecise(ctx context.Context, modules []interp.Module, kind interp.Kind, precision interp.Precision) (*Module, error) {
	if kind == interp.Auto {
		kind = interp.Interpreter
		if interp.HasCompiler() {
			kind = interp.Compiler
		}
	}
	ids := make([]interp.ModuleID, len(modules))
	for i, mod := range modules {
		ids[i] = interp.ModuleID{Name: mod.Name, Digest: sha256.Sum256(mod.Bytes)}
	}
	key := moduleKey{interp.Digest(ids), kind, precision}
	ms.mu.Lock()
	if ms.set == nil {
		ms.set = map[moduleKey]*prepared{}
	}
	p := ms.set[key]
	if p == nil {
		p = &prepared{}
		ms.set[key] = p
	}
	ms.mu.Unlock()
	p.once.Do(func() {
		prog, err := interp.PrepareLinked(context.WithoutCancel(ctx), modules, interp.Options{Engine: kind, Host: hostFunctions(), Cache: ms.Cache, Precision: precision})
		if err != nil {
			p.err = fmt.Errorf("prepare module %x: %w", key.digest[:6], err)
			return
		}
		p.mod = &Module{prog: prog, modules: modules}
	})
	if p.err != nil {
		ms.mu.Lock()
		if ms.set[key] == p {
			delete(ms.set, key)
		}
		ms.mu.Unlock()
	}
	return p.mod, p.err
}

// Close frees all prepared modules. No environment may be using one.
func (ms *Modules) Close() error {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	for _, p := range ms.set {
		if p.mod != nil {
			_ = p.mod.prog.Close(context.Background())
		}
	}
	ms.set = nil
	return nil
}
