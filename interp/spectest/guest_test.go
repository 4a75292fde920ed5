package spectest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"sojourn/interp"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

const (
	// mostFrames is how deep a guest may be whose frames wait as data: they exhaust no
	// stack.
	mostFrames = 250
	// manyMoves is how often a guest moves in one call before it does so at every
	// fewPoints-th point only: loops over a whole memory pass 65,536 points. With
	// SOJOURN_SPEC=all it moves at every one.
	manyMoves, fewPoints = 300, 211
)

// guests is a store of guests made stoppable. With one kind they run undisturbed. With
// more they freeze at every point, or after every instruction, and between calls, and go
// on as the next kind.
type guests struct {
	ctx   context.Context
	links *linking
	progs *programs
	kinds []interp.Kind

	precision interp.Precision // what they freeze at
	all       bool             // of long calls too
	open      map[*group]*guest
}

func (s *guests) frozen() bool { return len(s.kinds) > 1 }

func (s *guests) instantiate(command int, module []byte) (instance, error) {
	grp := s.links.groups[command]
	if grp == nil { // one that must be refused
		grp = s.links.single(command, module)
		g, err := s.start(grp, len(grp.modules))
		if err == nil {
			defer g.in.Close(s.ctx)
			err = g.run()
		}
		return nil, refuse(err)
	}
	place := grp.places[command]
	g := s.open[grp]
	switch {
	case g == nil:
		var err error
		if g, err = s.start(grp, place+1); err != nil {
			return nil, refuse(err)
		}
		s.open[grp] = g
	default:
		if err := g.between(); err != nil {
			return nil, err
		}
		g.modules = place + 1
		g.in.Instantiate(g.modules)
	}
	return member{g, place}, refuse(g.run())
}

func (s *guests) start(grp *group, modules int) (*guest, error) {
	g := &guest{guests: s, group: grp, modules: modules}
	p, err := s.progs.prepare(grp.modules, s.kinds[0], s.precision)
	if err == nil {
		g.in, err = p.Instantiate(s.ctx, g.config())
	}
	return g, err
}

func (s *guests) register(instance, string) {}

func (s *guests) close() {
	for _, g := range s.open {
		g.in.Close(s.ctx)
	}
}

// guest is a group of modules that is being run.
type guest struct {
	*guests
	group   *group
	modules int // that are to be instantiated
	in      *interp.Instance
	moves   int
	every   uint64 // point or instruction in this call
}

// member is one module of a guest.
type member struct {
	*guest
	place int
}

func (g *guest) config() interp.Config {
	c := interp.Config{Library: true, Externs: 1 << 10, Modules: g.modules}
	if g.frozen() && g.precision == interp.AtPoints {
		c.FreezeEvery = max(g.every, 1)
	}
	return c
}

// between moves a guest that is in no call.
func (g *guest) between() error {
	g.every = 1
	if !g.frozen() {
		return nil
	}
	return g.move(false)
}

func (m member) invoke(name string, args []snapshotfmt.Value) ([]snapshotfmt.Value, error) {
	if err := m.between(); err != nil {
		return nil, err
	}
	if err := m.in.BeginIn(m.place, name, args...); err != nil {
		return nil, refuse(err)
	}
	if err := m.run(); err != nil {
		return nil, refuse(err)
	}
	return m.in.Results(), nil
}

// run runs the guest until its call ends, moving it whenever it freezes.
func (g *guest) run() error {
	for n := 1; ; n++ {
		if g.precision == interp.EveryInstruction {
			if err := g.in.StopAfter(max(g.every, 1)); err != nil {
				return err
			}
		}
		err := g.in.Run(g.ctx)
		if !errors.Is(err, interp.ErrFrozen) {
			return err
		}
		if n > manyMoves && !g.all {
			g.every = fewPoints
		}
		overflow := g.in.Depth() > mostFrames
		if err := g.move(overflow); err != nil {
			return fmt.Errorf("move %d: %w", g.moves, err)
		}
		if overflow {
			return &interp.Trap{Reason: "stack overflow"}
		}
	}
}

// move captures the guest, writes it down, reads that again, and goes on in a fresh
// instance of the next kind; without the frames of a call that has ended in a trap.
func (g *guest) move(trapped bool) error {
	b, err := g.encode(trapped)
	if err != nil {
		return err
	}
	g.moves++
	p, err := g.progs.prepare(g.group.modules, g.kinds[g.moves%len(g.kinds)], g.precision)
	if err != nil {
		return err
	}
	next, err := g.decode(p, b)
	if err != nil {
		return err
	}
	err = g.in.Close(g.ctx)
	g.in = next
	return err
}

func (g *guest) encode(trapped bool) ([]byte, error) {
	st, err := g.in.Capture(g.ctx)
	if err != nil {
		return nil, err
	}
	if trapped {
		st.Frames = nil
	}
	var mem []byte
	for _, m := range g.in.Memories() {
		mem = append(mem, m.Bytes()...)
	}
	var buf bytes.Buffer
	m := snapshotfmt.Manifest{Module: g.in.Program().Digest()}
	err = snapshotfmt.Encode(&buf, m, st, mem, snapshotfmt.Options{})
	return buf.Bytes(), err
}

func (g *guest) decode(p *interp.Program, b []byte) (*interp.Instance, error) {
	d, err := snapshotfmt.NewDecoder(bytes.NewReader(b), snapshotfmt.Limits{})
	if err != nil {
		return nil, err
	}
	st, err := d.State()
	if err != nil {
		return nil, err
	}
	in, err := p.Thaw(g.ctx, st, g.config())
	if err != nil {
		return nil, err
	}
	ms := in.Memories()
	err = d.Pages(snapshotfmt.NewBase(nil), func(page uint32, data []byte) error {
		at, k := int(page)*snapshotfmt.PageSize, 0
		for ; at >= len(ms[k].Bytes()); k++ {
			at -= len(ms[k].Bytes())
		}
		copy(ms[k].Bytes()[at:], data)
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, in.Close(g.ctx))
	}
	return in, nil
}

// get reads an exported global from the state.
func (m member) get(name string) (snapshotfmt.Value, error) {
	st, err := m.in.Capture(m.ctx)
	if err != nil {
		return snapshotfmt.Value{}, err
	}
	modules := m.in.Program().Modules()
	place, at, ok := exported(modules[m.place], wasm.KindGlobal, name), m.place, true
	for ok = place >= 0; ok && place < modules[at].NumImported(wasm.KindGlobal); {
		im := importOf(modules[at], place)
		for at--; m.group.modules[at].Name != im.Module; at-- {
		}
		place = exported(modules[at], wasm.KindGlobal, im.Name)
	}
	if !ok {
		return snapshotfmt.Value{}, fmt.Errorf("no global %q", name)
	}
	place -= modules[at].NumImported(wasm.KindGlobal)
	for _, before := range modules[:at] {
		place += len(before.Globals)
	}
	return st.Globals[place], nil
}

func exported(m *wasm.Module, kind wasm.ExternKind, name string) int {
	for _, e := range m.Exports {
		if e.Kind == kind && e.Name == name {
			return int(e.Index)
		}
	}
	return -1
}

// importOf returns the n-th global that a module imports.
func importOf(m *wasm.Module, n int) wasm.Import {
	for _, im := range m.Imports {
		if im.Kind != wasm.KindGlobal {
			continue
		}
		if n--; n < 0 {
			return im
		}
	}
	return wasm.Import{}
}
