package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/engine/wasi/memsock"
	"sojourn/interp"
	"sojourn/snapshotfmt"
)

// way is one of the ways of running a program: a column of the table.
type way int

const (
	onPlain   way = iota // as it is, on plain wazero with the functions of engine/wasi
	stoppable            // made stoppable, and left alone
	frozen               // frozen and moved at its points
	ways
)

func (w way) String() string { return [...]string{"plain", "stoppable", "frozen"}[w] }

// guest is a program and what it is given.
type guest struct {
	name      string
	prog      *prepared
	args, env []string
	stdin     string
	exit      uint32
	mounts    []mount
	network   network
	most      int // freezes, about; 0 is at every point
}

// mount is a folder of a guest, new for each run, with a copy of from if that is not "".
type mount struct {
	guest, from string
	readOnly    bool
}

// network is what of sockets a guest has.
type network int

const (
	noNetwork network = iota
	listening         // a listener whose clients do what they are told: see memsock.Obey
	greeting          // a listener to which a client says "wazero"
)

// outcome is how a run went.
type outcome struct {
	stdout, stderr string
	exit           uint32
	err            error
	freezes        int
	points         uint64
}

// kinds are the engines of this machine.
func kinds() []interp.Kind {
	if interp.HasCompiler() {
		return []interp.Kind{interp.Compiler, interp.Interpreter}
	}
	return []interp.Kind{interp.Interpreter}
}

// prepared is a module as it is and made stoppable, on each engine.
type prepared struct {
	plain []*interp.Plain
	mods  []*engine.Module
}

// prepare prepares a module, until t has ended.
func prepare(t *testing.T, module []byte) *prepared {
	t.Helper()
	ms, p := &engine.Modules{}, &prepared{}
	t.Cleanup(func() {
		ms.Close()
		for _, prog := range p.plain {
			prog.Close(context.Background())
		}
	})
	for _, k := range kinds() {
		prog, err := interp.PreparePlain(t.Context(), module, interp.Options{Engine: k, Host: wasi.Functions()})
		if err != nil {
			t.Fatal(err)
		}
		p.plain = append(p.plain, prog)
		m, err := ms.Add(t.Context(), module, k)
		if err != nil {
			t.Fatal(err)
		}
		p.mods = append(p.mods, m)
	}
	return p
}

// everyWay runs g in each way, in the first two on each engine, and gives the outcomes to
// check.
func (g guest) everyWay(t *testing.T, check func(way, outcome)) {
	t.Helper()
	most := uint64(0)
	for i, prog := range g.prog.plain {
		check(onPlain, g.plain(t, prog))
		o := g.run(t, g.prog.mods[i:i+1], 0)
		check(stoppable, o)
		most = max(most, o.points)
	}
	every := uint64(1)
	if g.most > 0 {
		every = max(1, most/uint64(g.most))
	}
	o := g.run(t, g.prog.mods, every)
	check(frozen, o)
	if least := most / every / 2; uint64(o.freezes) < least {
		t.Errorf("%d points and %d freezes: too few", most, o.freezes)
	}
	t.Logf("%d points, frozen at every %d: %d freezes", most, every, o.freezes)
}

// place makes the folders of one run.
func (g guest) place(t *testing.T) (list []wasi.Mount) {
	t.Helper()
	dir := t.TempDir()
	for i, m := range g.mounts {
		host := filepath.Join(dir, fmt.Sprint(i))
		var err error
		if m.from == "" {
			err = os.Mkdir(host, 0o777)
		} else {
			err = os.CopyFS(host, os.DirFS(m.from))
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, wasi.Mount{Host: host, Guest: m.guest, ReadOnly: m.readOnly})
	}
	return list
}

// pipes are a guest's standard streams.
type pipes struct {
	in        *wasi.Buffer
	out, errs *collector
}

func (g guest) pipes() *pipes {
	p := &pipes{in: wasi.NewBuffer(), out: newCollector(), errs: newCollector()}
	if n, err := p.in.Feed([]byte(g.stdin)); n < len(g.stdin) {
		panic(fmt.Sprintf("%s: input of %d bytes: %v", g.name, len(g.stdin), err))
	}
	p.in.CloseInput()
	return p
}

// ended takes the streams' outputs into o.
func (p *pipes) ended(o outcome) outcome {
	var exit *interp.Exit
	if errors.As(o.err, &exit) {
		o.exit, o.err = exit.Code, nil
	}
	o.stdout, o.stderr = p.out.wait(), p.errs.wait()
	return o
}

// plain runs g without rewriting.
func (g guest) plain(t *testing.T, prog *interp.Plain) outcome {
	t.Helper()
	p := g.pipes()
	cfg := wasi.Config{Args: g.args, Env: g.env, Mounts: g.place(t), Stdin: p.in, Stdout: p.out.stream, Stderr: p.errs.stream}
	cfg.Listeners = g.sockets()()
	w, err := wasi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return p.ended(outcome{err: prog.Run(t.Context(), w, "")})
}

// sockets returns a function that gives the guest its end of a network, again each time
// it is continued.
func (g guest) sockets() func() []wasi.Listener {
	net := memsock.New("net")
	switch g.network {
	case listening:
		net.Obeying()
	case greeting:
		if _, err := net.Connect().Write([]byte("wazero")); err != nil {
			panic(err)
		}
	default:
		return func() []wasi.Listener { return nil }
	}
	return func() []wasi.Listener { return []wasi.Listener{net.Listener()} }
}

// run runs g made stoppable, on the modules by turns, frozen at every n-th point if every
// is not 0.
func (g guest) run(t *testing.T, mods []*engine.Module, every uint64) (o outcome) {
	t.Helper()
	p, sockets := g.pipes(), g.sockets()
	spec := engine.Spec{Args: g.args, Env: g.env, Mounts: g.place(t), Stdin: p.in, Stdout: p.out.stream,
		Stderr: p.errs.stream, FreezeEvery: every}
	spec.Listeners = sockets()
	e, err := engine.New(t.Context(), mods[0], spec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { e.Close() }()
	err = e.Start()
	for err == nil && e.Wait() == engine.Frozen {
		o.freezes++
		o.points += e.Points()
		spec.Listeners = sockets()
		if e, err = through(t.Context(), e, mods[o.freezes%len(mods)], spec); err == nil {
			err = e.Thaw()
		}
	}
	if err != nil {
		t.Fatalf("after %d freezes: %v", o.freezes, err)
	}
	o.points += e.Points()
	o.exit, o.err = e.Result()
	return p.ended(o)
}

// through carries a frozen guest over in the bytes of a snapshot. The environment that it
// leaves is closed; after an error it is returned.
func through(ctx context.Context, e *engine.Environment, to *engine.Module, spec engine.Spec) (*engine.Environment, error) {
	var file bytes.Buffer
	if err := e.Snapshot(&file, snapshotfmt.Meta{Instance: "conformance"}); err != nil {
		return e, err
	}
	next, err := engine.Restore(ctx, to, spec, &file)
	if err != nil {
		return e, err
	}
	return next, e.Close()
}

// collector keeps all that a guest writes.
type collector struct {
	stream *wasi.Buffer
	out    bytes.Buffer
	done   chan struct{}
}

func newCollector() *collector {
	c := &collector{stream: wasi.NewBuffer(), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		p := make([]byte, 32<<10)
		for {
			n, err := c.stream.Drain(p)
			c.out.Write(p[:n])
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.Is(err, wasi.ErrAgain):
				<-c.stream.Drainable()
			}
		}
	}()
	return c
}

// wait returns all of it, once the guest has ended.
func (c *collector) wait() string {
	c.stream.Close()
	<-c.done
	return c.out.String()
}
