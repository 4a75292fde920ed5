package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sojourn/compat"
	"sojourn/engine/wasi"
	"sojourn/interp"
	"sojourn/interp/linmem"
	"sojourn/snapshotfmt"
)

var (
	// ErrGone is returned for a guest that has ended, or whose environment is closed.
	ErrGone = errors.New("guest is gone")
	// ErrRunTime ends a guest that has run for as long as it may.
	ErrRunTime = errors.New("guest has used up its run time")
	// ErrCallDepth ends a guest with more frames than it may have.
	ErrCallDepth = errors.New("guest has too many calls inside each other")
	// ErrKilled ends a guest that was killed without a reason given.
	ErrKilled = errors.New("guest was killed")
)

// Limits bounds what a guest takes. The zero value of each is its default.
type Limits struct {
	MemoryPages   uint32        // of 64 KiB, of each memory; default: what the module allows
	TableElements uint32        // of any one table; default 10,000,000
	CallDepth     int           // frames that a frozen guest may have; default 1,000,000
	RunTime       time.Duration // time spent running, on all nodes that say so; default: no limit
}

const defaultCallDepth = 1_000_000

// Spec is what a guest is started with, and what it may do.
type Spec struct {
	Args, Env             []string // Args[0] is the program's name
	Mounts                []wasi.Mount
	Listeners             []wasi.Listener // closed by whoever made them, after the environment
	Dialer                wasi.Dialer     // nil allows no outward connections
	Stdin, Stdout, Stderr wasi.Stream     // nil discards
	Limits                Limits
	Entry                 string // exported function; "_start" when empty

	// Generation is how often the snapshot that the guest is restored from has run before;
	// see [wasi.Config].
	Generation uint64

	// FreezeEvery freezes the guest at every n-th point, when not 0: for tests.
	FreezeEvery uint64
}

func (s *Spec) world() wasi.Config {
	return wasi.Config{Args: s.Args, Env: s.Env, Mounts: s.Mounts, Listeners: s.Listeners, Dialer: s.Dialer, Generation: s.Generation,
		Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr}
}

func (s *Spec) config(host any) interp.Config {
	return interp.Config{Host: host, Entry: s.Entry, MemoryPages: s.Limits.MemoryPages,
		TableSize: s.Limits.TableElements, FreezeEvery: s.FreezeEvery}
}

// State is where an environment is in its life.
type State int

// The states of an environment, in the order of its life.
const (
	Prepared State = iota
	Running
	Freezing
	Frozen
	Gone
)

// String returns the state in lower case.
func (s State) String() string {
	return [...]string{"prepared", "running", "freezing", "frozen", "gone"}[s]
}

// Environment is one guest's life on one node. It is safe for concurrent use.
type Environment struct {
	mod  *Module
	spec Spec

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change of state
	state   State
	in      *interp.Instance
	world   *wasi.World
	vector  *compat.Vector
	started [2][]string // arguments, environment variables
	code    uint32
	err     error
	ran     time.Duration // before the current run
	since   time.Time     // when the current run began
	done    chan struct{} // closed when gone
	running sync.WaitGroup
}

// New makes an environment for a fresh guest, Prepared. Nothing of it has run.
func New(ctx context.Context, m *Module, spec Spec) (*Environment, error) {
	return begin(ctx, m, spec, nil, Prepared)
}

// begin makes an environment for a guest of which nothing has run here; last is what an
// idiomatic one is to ask for.
func begin(ctx context.Context, m *Module, spec Spec, last []byte, s State) (*Environment, error) {
	cfg := spec.world()
	cfg.Extra = compat.Arrived(last)
	world, err := wasi.New(cfg)
	if err != nil {
		return nil, err
	}
	in, err := m.prog.Instantiate(ctx, spec.config(world))
	if err != nil {
		return nil, errors.Join(err, world.Close())
	}
	return newEnvironment(m, spec, in, world, s), nil
}

func newEnvironment(m *Module, spec Spec, in *interp.Instance, world *wasi.World, s State) *Environment {
	args, env := world.Started()
	return &Environment{mod: m, spec: spec, in: in, world: world, vector: world.Extra().(*compat.Vector), started: [2][]string{args, env},
		state: s, changed: make(chan struct{}), done: make(chan struct{})}
}

// become moves to a state. The caller holds mu.
func (e *Environment) become(s State) {
	e.state = s
	close(e.changed)
	e.changed = make(chan struct{})
	if s == Gone {
		close(e.done)
	}
}

// Module returns what the environment runs.
func (e *Environment) Module() *Module { return e.mod }

// State returns where the environment is in its life.
func (e *Environment) State() State {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

// Done is closed when the guest is gone.
func (e *Environment) Done() <-chan struct{} { return e.done }

// Result returns how a guest that is gone has ended: with an exit code, or with an
// error (an *interp.Trap, or why it was killed).
func (e *Environment) Result() (exit uint32, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state != Gone {
		return 0, fmt.Errorf("guest is %v: it has no result yet", e.state)
	}
	return e.code, e.err
}

// RunTime returns how long the guest has been running in this environment.
func (e *Environment) RunTime() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == Running || e.state == Freezing {
		return e.ran + time.Since(e.since)
	}
	return e.ran
}

// Points returns how many counted points the guest has passed in this environment.
func (e *Environment) Points() uint64 { return e.in.Points() }

// Start runs a Prepared guest.
func (e *Environment) Start() error { return e.run(Prepared) }

// Thaw runs a Frozen guest on from where it stopped.
func (e *Environment) Thaw() error { return e.run(Frozen) }

func (e *Environment) run(from State) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.state == Gone:
		return ErrGone
	case e.state != from:
		return fmt.Errorf("guest is %v, and must be %v", e.state, from)
	}
	e.since = time.Now()
	e.become(Running)
	limit := e.limitRunTime()
	e.running.Go(func() {
		err := e.in.Run(context.Background())
		limit()
		e.stopped(err)
	})
	return nil
}

// limitRunTime kills the guest when its time is up; the function returned forgets it.
func (e *Environment) limitRunTime() func() bool {
	if e.spec.Limits.RunTime <= 0 {
		return func() bool { return false }
	}
	left := max(0, e.spec.Limits.RunTime-e.ran)
	return time.AfterFunc(left, func() { e.in.Kill(fmt.Errorf("%w (%v)", ErrRunTime, e.spec.Limits.RunTime)) }).Stop
}

// stopped takes note of how a run has ended.
func (e *Environment) stopped(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ran += time.Since(e.since)
	most := e.spec.Limits.CallDepth
	if most == 0 {
		most = defaultCallDepth
	}
	var exit *interp.Exit
	switch {
	case errors.Is(err, interp.ErrFrozen) && e.in.Depth() <= most:
		e.become(Frozen)
		return
	case errors.Is(err, interp.ErrFrozen):
		e.err = fmt.Errorf("%w: %d, the limit is %d", ErrCallDepth, e.in.Depth(), most)
	case errors.As(err, &exit):
		e.code = exit.Code
	case err != nil:
		e.err = err
	}
	e.become(Gone)
}

// Freeze stops a Running guest at its next point and returns when it is Frozen. It
// returns ErrGone when the guest ends before, and ctx's error, with the request still
// standing, when that comes first. A guest that is frozen already, or has not begun,
// stays as it is.
func (e *Environment) Freeze(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		switch e.state {
		case Prepared, Frozen:
			return nil
		case Gone:
			return ErrGone
		case Running:
			e.become(Freezing)
			e.in.RequestFreeze()
		}
		changed := e.changed
		e.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		e.mu.Lock()
		if ctx.Err() != nil && e.state == Freezing {
			return fmt.Errorf("freeze: %w", ctx.Err())
		}
	}
}

// Wait returns when a guest that runs has stopped, Frozen or Gone.
func (e *Environment) Wait() State {
	e.running.Wait()
	return e.State()
}

// Capture returns the state of a guest that is Frozen, or Prepared: all of it but its
// memory.
func (e *Environment) Capture() (*snapshotfmt.State, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state != Frozen && e.state != Prepared {
		return nil, fmt.Errorf("capture: guest is %v, and must be frozen", e.state)
	}
	st, err := e.in.Capture(context.Background())
	if err != nil {
		return nil, err
	}
	st.World, err = e.world.Save()
	return st, err
}

// Memory returns the guest's linear memory, the first of several and nil when it has none. While the guest runs
// its contents change; it is unmapped by Close.
func (e *Environment) Memory() *linmem.Memory { return e.in.Memory() }

// Memories returns the linear memories of all modules, in their order; see Memory.
func (e *Environment) Memories() []*linmem.Memory { return e.in.Memories() }

// Descriptors returns what a guest that is not running has open.
func (e *Environment) Descriptors() []wasi.Descriptor { return e.world.Describe() }

// Stderr returns what the guest was given as its standard error.
func (e *Environment) Stderr() wasi.Stream { return e.spec.Stderr }

// UnusedListeners returns the names of the listeners on which a guest that is not running
// has never waited for a connection, in this environment.
func (e *Environment) UnusedListeners() []string { return e.world.Unused() }

// Kill ends the guest: one that runs at its next point, and then Result returns why.
func (e *Environment) Kill(why error) {
	if why == nil {
		why = ErrKilled
	}
	e.in.Kill(why)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == Prepared || e.state == Frozen {
		e.err = why
		e.become(Gone)
	}
}

// Close kills the guest if it is not gone, waits for it, and frees what it has.
func (e *Environment) Close() error {
	e.Kill(ErrGone)
	e.running.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.in == nil || e.closed() {
		return nil
	}
	err := errors.Join(e.in.Close(context.Background()), e.world.Close())
	e.world = nil
	return err
}

// closed reports whether Close has freed everything. The caller holds mu.
func (e *Environment) closed() bool { return e.world == nil }
