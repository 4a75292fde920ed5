package interp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"sojourn/interp/linmem"
	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
)

// part is one module of an instance.
type part struct {
	*unit
	in   *Instance
	main api.Module
	mem  *linmem.Memory // that the module defines, nil when it defines none

	width int // how many transfer globals its frames pass through
}

// moduleConfig is for all that is instantiated. The source of randomness is for a WASI
// that nobody uses; wazero's own is seeded each time, which takes longer than the rest.
var moduleConfig = wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(rand.Reader)

// addPart instantiates the rewritten module of a unit, which runs nothing of it.
func (in *Instance) addPart(ctx context.Context, u *unit) (err error) {
	m := &part{unit: u, in: in}
	m.width, _ = u.plan.Transfer()
	for i, t := range u.module().Tables {
		if t.Min > in.cfg.TableSize {
			return fmt.Errorf("table %d starts with %d elements; the limit is %d", i, t.Min, in.cfg.TableSize)
		}
	}
	if err := m.reserve(); err != nil {
		return err
	}
	ctx = experimental.WithMemoryAllocator(in.linking(ctx), experimental.MemoryAllocatorFunc(
		func(_, _ uint64) experimental.LinearMemory { return m.mem }))
	m.main, err = in.prog.rt.InstantiateModule(ctx, u.code, moduleConfig)
	if err != nil {
		if m.mem != nil {
			m.mem.Free()
		}
		return fmt.Errorf("instantiate: %w", err)
	}
	in.parts = append(in.parts, m)
	return nil
}

// linking lets a rewritten module import from those before it.
func (in *Instance) linking(ctx context.Context) context.Context {
	return experimental.WithImportResolver(ctx, func(name string) api.Module {
		for i, m := range in.parts {
			if name == rewrite.LinkName(i) {
				return m.main
			}
		}
		return nil
	})
}

// reserve makes the linear memory that the module defines, at its greatest size.
func (m *part) reserve() (err error) {
	if len(m.module().Memories) == 0 {
		return nil
	}
	limits, most := m.module().Memories[0], uint32(wasm.MaxMemoryPages)
	if limits.HasMax {
		most = limits.Max
	}
	if c := m.in.cfg.MemoryPages; c > 0 {
		most = min(most, c)
	}
	if limits.Min > most {
		return fmt.Errorf("%w: the guest starts with %d pages of 64 KiB and may have %d", ErrMemoryLimit, limits.Min, most)
	}
	m.mem, err = linmem.New(uint64(most) << 16)
	return err
}

// grow grows the memory that the module defines to a number of pages, as the guest
// would have.
func (m *part) grow(pages uint32) error {
	have := uint32(m.mem.Size() >> 16)
	if pages < have {
		return fmt.Errorf("a memory of %d pages cannot shrink to %d", have, pages)
	}
	if _, ok := m.main.Memory().Grow(pages - have); !ok {
		return fmt.Errorf("%w: cannot grow from %d to %d pages of 64 KiB", ErrMemoryLimit, have, pages)
	}
	return nil
}

// helper calls a helper function of the rewritten module, which never suspends.
func (m *part) helper(ctx context.Context, name string, args ...uint64) (uint64, error) {
	res, err := m.main.ExportedFunction(name).Call(m.in.context(ctx), args...)
	if err != nil || len(res) == 0 {
		return 0, err
	}
	return res[0], nil
}

func (m *part) global(name string) api.MutableGlobal {
	g, _ := m.main.ExportedGlobal(name).(api.MutableGlobal)
	return g
}

// begin does what instantiation does before it runs the start function.
func (m *part) begin(ctx context.Context) error {
	if err := m.checkSizes(); err != nil {
		return err
	}
	if _, err := m.helper(ctx, rewrite.ElemsName); err != nil {
		return m.in.trap(err)
	}
	memory := memoryBytes(m.main)
	rewrite.Placed(m.module(), func(at uint32, data []byte) { copy(memory[at:], data) })
	if _, err := m.helper(ctx, rewrite.DatasName); err != nil {
		return m.in.trap(err)
	}
	return nil
}

// checkSizes checks that imported memories and tables are as large by now as the
// module's author asks.
func (m *part) checkSizes() error {
	for i := range m.module().Imports {
		im, t := &m.module().Imports[i], &m.links[i]
		if t.unit < 0 {
			continue
		}
		have, want, unit := uint64(0), uint32(0), "elements"
		switch from := m.in.parts[t.unit]; im.Kind {
		case wasm.KindMemory:
			have, want, unit = from.mem.Size()>>16, im.Memory.Min, "pages"
		case wasm.KindTable:
			size, err := from.main.ExportedFunction(rewrite.Helper(rewrite.GrowName, t.index)).Call(m.in.context(context.Background()), 0)
			if err != nil {
				return err
			}
			have, want = size[0], im.Table.Min
		}
		if have < uint64(want) {
			return fmt.Errorf("%w: module %d (%q), import %d, %q.%q: it needs %d %s, and there are %d", ErrLink, m.index, m.name, i, im.Module, im.Name, want, unit, have)
		}
	}
	return nil
}

func (m *part) close(ctx context.Context) error {
	err := m.main.Close(ctx)
	if m.mem != nil {
		m.mem.Free()
	}
	return err
}

// closeParts frees all modules, last first.
func (in *Instance) closeParts(ctx context.Context) error {
	var errs []error
	for i := len(in.parts) - 1; i >= 0; i-- {
		errs = append(errs, in.parts[i].close(ctx))
	}
	in.parts = nil
	return errors.Join(errs...)
}
