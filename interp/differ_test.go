package interp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// genHost is the host of generated programs: what it answers follows from how often
// it was asked and with what.
type genHost struct {
	log   []string
	calls uint64

	// ask, when not nil, is told of each call: whether it is one that has yet to have
	// an effect. It may ask the guest to freeze, and say that the call is to restart.
	ask       func(blocking bool) (restart bool)
	restarted bool
}

func genFunctions(m *wasm.Module) []HostFunc {
	var fs []HostFunc
	for _, im := range m.Imports {
		t := m.Types[im.Func]
		f := HostFunc{Module: im.Module, Name: im.Name, Params: t.Params, Results: t.Results,
			Blocking: strings.HasPrefix(im.Name, "block")}
		f.Call = func(c *HostCall) error { return c.Host.(*genHost).call(&f, c) }
		fs = append(fs, f)
	}
	return fs
}

func (h *genHost) call(f *HostFunc, c *HostCall) error {
	if h.ask != nil && !h.restarted && h.ask(f.Blocking) {
		h.restarted = true
		return ErrRestart
	}
	h.restarted = false
	h.calls++
	line, sum := f.Name, h.calls
	for _, v := range words64(f.Params, c.Stack) {
		line += fmt.Sprintf(" %x", v)
		sum = sum*0x9e3779b97f4a7c15 + v
	}
	switch f.Name {
	case "end":
		line += fmt.Sprintf(" %x", sha256.Sum256(c.Memory()))
	case "exit":
		return &Exit{Code: uint32(c.Stack[0])}
	}
	k := 0
	for _, t := range f.Results {
		for range words([]wasm.ValType{t}) {
			sum = sum*0x9e3779b97f4a7c15 + uint64(k)
			c.Stack[k] = narrow(t, sum^sum>>29)
			k++
		}
	}
	h.log = append(h.log, line)
	return nil
}

// words64 returns what a host function sees of its arguments: of references only
// whether they are null.
func words64(ts []wasm.ValType, stack []uint64) (vs []uint64) {
	for _, t := range ts {
		switch {
		case t.IsRef() && stack[0] != 0:
			vs = append(vs, 1)
		case t == wasm.V128:
			vs = append(vs, stack[0])
			stack = stack[1:]
			fallthrough
		default:
			vs = append(vs, narrow(t, stack[0]))
		}
		stack = stack[1:]
	}
	return vs
}

// narrow returns the bits of a value of type t, null when it is a reference.
func narrow(t wasm.ValType, v uint64) uint64 {
	switch t {
	case wasm.I32, wasm.F32:
		return uint64(uint32(v))
	case wasm.FuncRef, wasm.ExternRef:
		return 0
	}
	return v
}

// result is all that a run shows of itself.
type result struct {
	end     string
	log     []string
	memory  []byte              // nil when it cannot be seen
	globals []snapshotfmt.Value // Dead where it cannot be seen
	tables  []snapshotfmt.Table
	points  uint64
	steps   uint64 // instructions, where they are counted
	freezes int
}

// differs says where two results differ, in what both show.
func (r *result) differs(o *result) string {
	switch {
	case r.end != o.end:
		return fmt.Sprintf("it ends with %q, and not with %q", o.end, r.end)
	case !slices.Equal(r.log, o.log):
		for i := range min(len(r.log), len(o.log)) {
			if r.log[i] != o.log[i] {
				return fmt.Sprintf("line %d of its output is %q, and not %q", i, o.log[i], r.log[i])
			}
		}
		return fmt.Sprintf("%d lines of output, and not %d", len(o.log), len(r.log))
	case r.memory != nil && o.memory != nil && !bytes.Equal(r.memory, o.memory):
		return "memory differs"
	}
	for i := range min(len(r.globals), len(o.globals)) {
		a, b := r.globals[i], o.globals[i]
		if a != b && a.Type != snapshotfmt.Dead && b.Type != snapshotfmt.Dead {
			return fmt.Sprintf("global %d is %v, and not %v", i, b, a)
		}
	}
	for i := range min(len(r.tables), len(o.tables)) {
		if !slices.Equal(r.tables[i].Refs, o.tables[i].Refs) {
			return fmt.Sprintf("table %d has %d, and not %d", i, o.tables[i].Refs, r.tables[i].Refs)
		}
	}
	return ""
}

func genEnding(err error) string {
	var exit *Exit
	if err == nil || errors.As(err, &exit) {
		return ending(err)
	}
	_, reason, ok := strings.Cut(err.Error(), "wasm error: ")
	if !ok {
		_, reason, _ = strings.Cut(err.Error(), "guest trapped: ")
	}
	reason, _, _ = strings.Cut(reason, "\n")
	if reason == "" {
		return err.Error()
	}
	return "trap " + reason
}

// runPlain runs a program on plain wazero.
func runPlain(ctx context.Context, module []byte, m *wasm.Module, kind Kind) (*result, error) {
	p, err := PreparePlain(ctx, module, Options{Engine: kind, Host: genFunctions(m)})
	if err != nil {
		return nil, err
	}
	defer p.Close(ctx)
	h := &genHost{}
	run := &plainRun{host: h}
	ctx = context.WithValue(ctx, plainKey{}, run)
	mod, err := p.rt.InstantiateModule(ctx, p.main, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	r := &result{}
	if err == nil {
		_, err = mod.ExportedFunction("_start").Call(ctx)
		r.look(mod, m)
	}
	if run.failure != nil {
		err = run.failure
	}
	r.end, r.log = genEnding(err), h.log
	return r, nil
}

// look reads what wazero shows of an instance.
func (r *result) look(mod api.Module, m *wasm.Module) {
	mem, _ := mod.Memory().Read(0, mod.Memory().Size())
	r.memory = bytes.Clone(mem)
	for i, g := range m.Globals {
		v := snapshotfmt.Value{Type: snapshotfmt.Type(g.Type.Type)}
		bits := mod.ExportedGlobal(fmt.Sprintf("g%d", i)).Get()
		switch {
		case g.Type.Type == wasm.V128 || g.Type.Type == wasm.FuncRef && bits != 0:
			v.Type = snapshotfmt.Dead
		case g.Type.Type.IsRef():
			v.Lo = snapshotfmt.Null
		default:
			v.Lo = narrow(g.Type.Type, bits)
		}
		r.globals = append(r.globals, v)
	}
}

// runner runs one program, made stoppable, on each engine.
type runner struct {
	m     *wasm.Module
	progs []*Program
	base  *snapshotfmt.Base
}

func newRunner(ctx context.Context, module []byte, m *wasm.Module, precision Precision) (*runner, error) {
	r := &runner{m: m}
	for _, kind := range engines() {
		p, err := Prepare(ctx, module, Options{Engine: kind, Precision: precision, Host: genFunctions(m)})
		if err != nil {
			return r, err
		}
		r.progs = append(r.progs, p)
	}
	r.base = snapshotfmt.NewBase(r.progs[0].InitialMemory())
	return r, nil
}

func (r *runner) close(ctx context.Context) {
	for _, p := range r.progs {
		p.Close(ctx)
	}
}

// how says how a run is disturbed.
type how struct {
	name    string
	first   int     // program to begin with
	every   uint64  // points between freezes; 0: when the host asks for it
	steps   uint64  // instructions between freezes, when not 0
	then    *runner // where the guest goes on after its first freeze, when not nil
	inPlace bool    // goes on in the same instance
}

// endless is more freezes than any program needs.
const endless = 5000

// seldom is an every that counts points and never freezes.
const seldom = 1 << 29

func (r *runner) run(ctx context.Context, w how) (*result, error) {
	h := &genHost{}
	cfg := Config{Host: h, FreezeEvery: w.every}
	in, err := r.progs[w.first].Instantiate(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { in.Close(ctx) }()
	if w.every == 0 && w.steps == 0 {
		h.ask = func(blocking bool) bool {
			switch h.calls % 3 {
			case 0:
				in.RequestFreeze()
			case 1:
				if blocking {
					in.RequestFreeze()
				}
				return blocking
			}
			return false
		}
	}
	res := &result{}
	for {
		if w.every == 0 && w.steps == 0 {
			in.target = 2 // it asks soon, and is told to go on
		}
		if w.steps > 0 {
			if err := in.StopAfter(w.steps); err != nil {
				return nil, err
			}
		}
		err := in.Run(ctx)
		res.points += in.points.Swap(0)
		if !errors.Is(err, ErrFrozen) {
			res.end, res.log = genEnding(err), h.log
			res.steps, _ = in.Instructions()
			return res, res.observe(ctx, in)
		}
		res.freezes++
		if res.freezes > endless {
			return nil, fmt.Errorf("it has been frozen %d times, and has not ended", res.freezes)
		}
		if w.inPlace {
			continue
		}
		if w.then != nil {
			r, w = w.then, how{name: w.name, every: seldom, first: w.first}
			cfg.FreezeEvery = seldom
		}
		next, err := r.move(ctx, in, r.progs[(w.first+res.freezes)%len(r.progs)], cfg)
		if err != nil {
			return nil, fmt.Errorf("freeze %d: %w", res.freezes, err)
		}
		in.Close(ctx)
		in = next
	}
}

// move takes a frozen guest through the bytes of a snapshot to another program.
func (r *runner) move(ctx context.Context, in *Instance, to *Program, cfg Config) (*Instance, error) {
	st, err := in.Capture(ctx)
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	m := snapshotfmt.Manifest{Module: to.Digest(), Meta: snapshotfmt.Meta{Engine: in.prog.Engine().String(), ISA: runtime.GOARCH}}
	var file bytes.Buffer
	if err := snapshotfmt.Encode(&file, m, st, in.Memory().Bytes(), snapshotfmt.Options{Base: r.base}); err != nil {
		return nil, err
	}
	d, err := snapshotfmt.NewDecoder(&file, snapshotfmt.Limits{})
	if err != nil {
		return nil, err
	}
	if st, err = d.State(); err != nil {
		return nil, err
	}
	next, err := to.Thaw(ctx, st, cfg)
	if err != nil {
		return nil, fmt.Errorf("thaw: %w", err)
	}
	if err := d.Memory(r.base, next.Memory().Bytes()); err != nil {
		return nil, errors.Join(err, next.Close(ctx))
	}
	return next, nil
}

// observe reads the state of a guest that has ended.
func (r *result) observe(ctx context.Context, in *Instance) (err error) {
	r.memory = bytes.Clone(in.Memory().Bytes())
	if r.globals, err = in.parts[0].readGlobals(ctx); err != nil {
		return fmt.Errorf("globals: %w", err)
	}
	if in.parts[0].plan.TableWrites {
		if r.tables, err = in.parts[0].readTables(ctx); err != nil {
			return fmt.Errorf("tables: %w", err)
		}
	}
	return nil
}

// tally counts what has been done.
type tally struct{ programs, runs, freezes, traps, refused, apart int }

// errApart says that wazero's own engines differ: nothing can be held to either.
var errApart = errors.New("wazero's engines differ on the program")

// differ runs a program, undisturbed and disturbed, and returns what is not as on plain
// wazero. How it is disturbed depends on luck.
func differ(ctx context.Context, m *wasm.Module, luck uint64, n *tally) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	n.programs++
	module := m.Encode()
	var want *result
	for _, kind := range engines() {
		got, err := runPlain(ctx, module, m, kind)
		if err != nil {
			return fmt.Errorf("plain %v: %w", kind, err)
		}
		if want != nil {
			if d := want.differs(got); d != "" {
				n.apart++
				return fmt.Errorf("%w: %s", errApart, d)
			}
		}
		want = got
	}
	if strings.HasPrefix(want.end, "trap") {
		n.traps++
	}
	r, err := newRunner(ctx, module, m, AtPoints)
	defer r.close(ctx)
	if err != nil && strings.Contains(err.Error(), "differ in nothing but exnref and v128") {
		n.refused++
		return nil
	}
	if err != nil {
		return err
	}
	if err := r.hold(ctx, want, luck, n); err != nil || luck%3 != 0 {
		return err
	}
	return r.holdSteps(ctx, want, luck/3, n)
}

// holdSteps runs the program with its instructions counted, and stops it among them.
func (r *runner) holdSteps(ctx context.Context, want *result, luck uint64, n *tally) error {
	c, err := newRunner(ctx, r.m.Encode(), r.m, EveryInstruction)
	defer c.close(ctx)
	if err != nil {
		return err
	}
	const mostStops = 60
	steps := uint64(0)
	check := func(w how) error {
		got, err := c.run(ctx, w)
		n.runs++
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		n.freezes += got.freezes
		if d := want.differs(got); d != "" {
			return fmt.Errorf("%s, after %d freezes: %s", w.name, got.freezes, d)
		}
		if steps > 0 && w.then == nil && got.steps != steps {
			return fmt.Errorf("%s, after %d freezes: it executed %d instructions, and not %d", w.name, got.freezes, got.steps, steps)
		}
		steps = max(steps, got.steps)
		return nil
	}
	last := len(c.progs) - 1
	for i, p := range c.progs {
		if err := check(how{name: fmt.Sprintf("counted on the %v", p.Engine()), first: i, every: seldom}); err != nil {
			return err
		}
	}
	for _, w := range []how{
		{first: int(luck) & last, steps: steps/mostStops + 1},
		{first: int(luck>>1) & last, steps: steps/7 + luck%16 + 1},
		{first: int(luck) & last, steps: luck*7919%(steps+1) + 1, then: r},
		{every: 3 + steps/1000},
	} {
		w.name = fmt.Sprintf("stopped after every %d instructions", w.steps)
		if err := check(w); err != nil {
			return err
		}
	}
	return nil
}

// hold runs the program in every way and holds it to what it does undisturbed.
func (r *runner) hold(ctx context.Context, want *result, luck uint64, n *tally) error {
	const mostFreezes = 150
	points := uint64(0)
	check := func(w how) error {
		got, err := r.run(ctx, w)
		n.runs++
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		n.freezes += got.freezes
		if d := want.differs(got); d != "" {
			return fmt.Errorf("%s, after %d freezes: %s", w.name, got.freezes, d)
		}
		if w.every == 0 || want.end != "exit 0" { // see Instance.Points
			points = max(points, got.points)
			return nil
		}
		if points > 0 && got.points != points {
			return fmt.Errorf("%s, after %d freezes: it passed %d points, and not %d", w.name, got.freezes, got.points, points)
		}
		points = got.points
		want = got // it shows more
		return nil
	}
	for i, p := range r.progs {
		if err := check(how{name: fmt.Sprintf("undisturbed on the %v", p.Engine()), first: i, every: seldom}); err != nil {
			return err
		}
	}
	least := points/mostFreezes + 1
	last := len(r.progs) - 1
	for _, w := range []how{
		{name: "frozen", every: least},
		{name: "frozen", first: last, every: least + luck%7 + 1},
		{name: "frozen in place", first: int(luck) & last, every: least, inPlace: true},
		{name: "frozen by its host", first: int(luck>>1) & last},
	} {
		w.name = fmt.Sprintf("%s at every %d", w.name, w.every)
		if err := check(w); err != nil {
			return err
		}
	}
	return nil
}
