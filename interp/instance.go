package interp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero/api"

	"sojourn/interp/linmem"
	"sojourn/interp/rewrite"
	"sojourn/snapshotfmt"
)

var (
	// ErrFrozen is what Run returns when the guest has been frozen.
	ErrFrozen = errors.New("guest is frozen")
	// ErrMemoryLimit is returned for a guest that needs more memory than it may have.
	ErrMemoryLimit = errors.New("memory limit")

	errEnded = errors.New("guest has ended")
)

// Config says what an instance gets beside its program.
type Config struct {
	Host        any    // for host functions: HostCall.Host
	Entry       string // exported function to run; "_start" when empty
	Library     bool   // run no entry function, but those that Begin names
	Modules     int    // instantiate only the first so many modules of a library; 0 is all
	MemoryPages uint32 // most pages of 64 KiB of each memory; 0 is what the module allows
	TableSize   uint32 // most elements of any table; 0 is 10,000,000

	// Externs is how many references the host may give to the guest, in arguments and
	// results: the numbers below it. A state that holds others is refused.
	Externs uint32

	// FreezeEvery, when not 0, freezes the guest at every n-th point: loop heads,
	// counted calls, and before and behind each call of a blocking import.
	FreezeEvery uint64
}

// phase is how far a guest has come on the outside.
type phase int

const (
	fresh    phase = iota // not even the data of a module is in memory
	starting              // in a module's start function, or before it
	running               // in the entry function, or before it; or a library
	ended
)

// Instance is one run of a program. Run, Capture and Close are for one goroutine at a
// time; RequestFreeze and Kill are for any.
type Instance struct {
	prog  *Program
	cfg   Config
	parts []*part // its modules, in the order of instantiation

	budget, entry, held api.MutableGlobal
	exn, kept           api.MutableGlobal // nil in a module without exceptions
	transfer            []api.MutableGlobal
	satellites          map[resumeKey]linked
	satellite           api.Module        // that which runs, or has run last
	refs                map[uint64]uint64 // references seen, as wazero has them -> as snapshots do

	phase    phase
	elems    bool  // segments are in the tables already
	stage    int   // the module that is fresh or starting
	pending  *call // from outside, not begun
	results  []snapshotfmt.Value
	frames   []frame // waiting, outermost first
	captured []frame // of an unwinding, innermost first
	unwound  bool
	restart  []uint64 // arguments of the host call that is to be made again
	again    bool     // the next host call has been counted: it is made again
	failure  error    // why the host ended the guest

	steps steps

	given  uint32        // what is left of the last grant, as last seen
	target uint32        // points that take about askEvery
	asked  time.Time     // when
	points atomic.Uint64 // taken from the budget so far

	cool    context.CancelFunc // ends warming
	warming sync.WaitGroup

	mu     sync.Mutex
	stop   chan struct{} // closed when the guest is asked to stop
	freeze atomic.Bool
	kill   atomic.Pointer[error]
}

// Instantiate makes a new guest. Nothing of it has run.
func (p *Program) Instantiate(ctx context.Context, cfg Config) (*Instance, error) {
	in, err := p.instance(ctx, cfg)
	if err != nil {
		return nil, err
	}
	in.phase = fresh
	return in, nil
}

func (p *Program) instance(ctx context.Context, cfg Config) (*Instance, error) {
	entry, err := p.entry(&cfg)
	if err != nil {
		return nil, err
	}
	if cfg.TableSize == 0 {
		cfg.TableSize = 10_000_000
	}
	in := &Instance{prog: p, cfg: cfg, pending: entry, satellites: map[resumeKey]linked{}, refs: map[uint64]uint64{}, stop: make(chan struct{})}
	for _, u := range p.units {
		if err := in.addPart(ctx, u); err != nil {
			return nil, errors.Join(p.within(u, len(p.units), err), in.closeParts(ctx))
		}
	}
	first := in.parts[0] // which has what all share
	in.budget, in.entry, in.held = first.global(rewrite.BudgetName), first.global(rewrite.EntryName), first.global(rewrite.HeldName)
	in.exn, in.kept = first.global(rewrite.ExnName), first.global(rewrite.KeptName)
	if first.plan.Counts() {
		in.steps = steps{left: first.global(rewrite.LeftName), known: true}
		in.steps.from(0, noLimit)
	}
	for i := range first.width {
		in.transfer = append(in.transfer, first.global(rewrite.TransferExport(i)))
	}
	return in, nil
}

// entry returns the call that a program is run by, nil for a library.
func (p *Program) entry(cfg *Config) (*call, error) {
	if cfg.Library {
		return nil, nil
	}
	if cfg.Entry == "" {
		cfg.Entry = "_start"
	}
	u, fn, err := p.exported(len(p.units)-1, cfg.Entry)
	if err != nil {
		return nil, fmt.Errorf("%w, which a program begins with: is it a library?", err)
	}
	if t, _ := u.module().FuncType(fn); len(t.Params) > 0 {
		return nil, fmt.Errorf("function %q takes parameters: %v; the host has none to give", cfg.Entry, t)
	}
	return &call{unit: u.index, fn: fn}, nil
}

// Memory returns the guest's linear memory, the first of several and nil when it has
// none. While the guest runs its contents change.
func (in *Instance) Memory() *linmem.Memory {
	if ms := in.Memories(); len(ms) > 0 {
		return ms[0]
	}
	return nil
}

// Memories returns the linear memories of all modules, in their order.
func (in *Instance) Memories() []*linmem.Memory {
	var ms []*linmem.Memory
	for _, m := range in.parts {
		if m.mem != nil {
			ms = append(ms, m.mem)
		}
	}
	return ms
}

// Grow grows each linear memory, in the order of Memories, to the given number of pages
// of 64 KiB, as the guest would have. It is for a guest that is not running.
func (in *Instance) Grow(pages ...uint32) error {
	rest := pages
	for _, m := range in.parts {
		if m.mem == nil {
			continue
		}
		if len(rest) == 0 {
			return fmt.Errorf("%d memories; the guest has %d", len(pages), len(in.Memories()))
		}
		if err := m.grow(rest[0]); err != nil {
			return err
		}
		rest = rest[1:]
	}
	for _, n := range rest {
		if n != 0 {
			return fmt.Errorf("the guest has %d memories, and %d pages are to go into one more", len(in.Memories()), n)
		}
	}
	return nil
}

// Points returns how many points the guest has passed, where they are counted. Those
// that a guest passes in a loop, since it last asked, are not among them when it traps
// or exits there: such a loop counts in a register.
func (in *Instance) Points() uint64 { return in.points.Load() }

// Depth returns how many frames of a frozen guest wait to go on.
func (in *Instance) Depth() int { return len(in.frames) }

// Program returns what the instance runs.
func (in *Instance) Program() *Program { return in.prog }

// RequestFreeze asks the guest to stop at the next point. Run then returns ErrFrozen,
// unless the guest ends before.
func (in *Instance) RequestFreeze() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.freeze.Swap(true) {
		close(in.stop)
	}
}

// Kill ends the guest at the next point; Run returns why.
func (in *Instance) Kill(why error) {
	in.kill.CompareAndSwap(nil, &why)
	in.RequestFreeze()
}

// rearm forgets a request to freeze that has been met.
func (in *Instance) rearm() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.freeze.Swap(false) {
		in.stop = make(chan struct{})
	}
}

func (in *Instance) stopped() <-chan struct{} {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.stop
}

// Close frees the instance and its memory. It must not be running.
func (in *Instance) Close(ctx context.Context) error {
	in.phase = ended
	if in.cool != nil {
		in.cool()
		in.warming.Wait()
	}
	var errs []error
	for _, s := range in.satellites {
		errs = append(errs, s.mod.Close(ctx))
	}
	return errors.Join(append(errs, in.closeParts(ctx))...)
}

// frame is a captured frame that waits to go on.
type frame struct {
	snapshotfmt.Frame
	entry rewrite.Entry
}
