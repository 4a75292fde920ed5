package interp

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"sojourn/snapshotfmt"
)

// countedGuest is a guest of one module or several.
type countedGuest struct {
	name    string
	modules []Module
	args    []string
}

// countedGuests are the guests of the tortures.
func countedGuests(t *testing.T) (gs []countedGuest) {
	t.Helper()
	for _, g := range tortureGuests {
		gs = append(gs, countedGuest{g.name, []Module{{Bytes: readGuest(t, g.name)}}, g.args})
	}
	for name := range linkedGuests {
		gs = append(gs, countedGuest{name, readLinked(t, name), nil})
	}
	return gs
}

// counting prepares a guest for each engine, with a count of instructions.
func (g *countedGuest) counting(t testing.TB) []*Program {
	t.Helper()
	var ps []*Program
	for _, k := range engines() {
		ps = append(ps, prepareWith(t, g.modules, Options{Engine: k, Precision: EveryInstruction}))
	}
	return ps
}

// stepping is a guest that is moved on instruction by instruction, from instance to
// instance.
type stepping struct {
	t    testing.TB
	host *miniHost
	cfg  Config
	in   *Instance
	err  error // how it has ended
}

func newStepping(t testing.TB, p *Program, args ...string) *stepping {
	t.Helper()
	s := &stepping{t: t, host: &miniHost{args: append([]string{"guest"}, args...)}}
	s.cfg.Host = s.host
	in, err := p.Instantiate(t.Context(), s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.in = in
	return s
}

// step runs the guest n instructions on, and reports whether it is frozen there.
func (s *stepping) step(n uint64) bool {
	s.t.Helper()
	if err := s.in.StopAfter(n); err != nil {
		s.t.Fatal(err)
	}
	s.err = s.in.Run(s.t.Context())
	return errors.Is(s.err, ErrFrozen)
}

// encoded returns the bytes of a state.
func encoded(t testing.TB, st *snapshotfmt.State) []byte {
	t.Helper()
	b, err := snapshotfmt.AppendState(nil, st)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// state captures the guest.
func (s *stepping) state() (*snapshotfmt.State, []byte) {
	s.t.Helper()
	st, err := s.in.Capture(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var mem []byte
	for _, m := range s.in.Memories() {
		mem = append(mem, m.Bytes()...)
	}
	return st, mem
}

// move carries the guest to a fresh instance of a program.
func (s *stepping) move(p *Program) {
	s.t.Helper()
	st, mem := s.state()
	next, err := p.Thaw(s.t.Context(), st, s.cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range next.Memories() {
		mem = mem[copy(m.Bytes(), mem):]
	}
	s.close()
	s.in = next
}

func (s *stepping) close() { s.in.Close(context.Background()) }

// end runs the guest to its end and returns how it ended, what it has printed, and how
// many instructions it has executed.
func (s *stepping) end() (string, string, uint64) {
	s.t.Helper()
	if gone := s.err != nil && !errors.Is(s.err, ErrFrozen); !gone && s.step(noLimit) {
		s.t.Fatal("frozen by a count without end")
	}
	n, _ := s.in.Instructions()
	return ending(s.err), s.host.out.String(), n
}

// total runs a guest undisturbed, on each program: they agree.
func total(t testing.TB, ps []*Program, args ...string) (end, out string, n uint64) {
	t.Helper()
	for i, p := range ps {
		s := newStepping(t, p, args...)
		e, o, k := s.end()
		s.close()
		if i > 0 && (e != end || o != out || k != n) {
			t.Fatalf("%v: %s, %q, %d instructions; %v: %s, %q, %d", p.kind, e, o, k, ps[0].kind, end, out, n)
		}
		end, out, n = e, o, k
	}
	return end, out, n
}

// brief is how many instructions of a guest are executed one by one, and how many steps
// it takes for the rest.
const brief, longer = 100, 20

// A guest that is frozen after every instruction, and goes on elsewhere each time, ends
// as one that is not. One that is too long for that goes on in longer steps.
func TestEveryInstruction(t *testing.T) {
	for _, g := range countedGuests(t) {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			ps := g.counting(t)
			end, out, n := total(t, ps, g.args...)
			plain := torture(t, []*Program{prepareLinked(t, g.modules, engines()[0])}, 0, g.args...)
			if end != plain.end || out != plain.out {
				t.Fatalf("counted: %s, %q; at points: %s, %q", end, out, plain.end, plain.out)
			}
			s := newStepping(t, ps[0], g.args...)
			defer func() { s.close() }()
			stops, k, by := 0, uint64(0), uint64(0)
			for ; s.step(by); stops++ {
				if got, ok := s.in.Instructions(); !ok || got != k {
					t.Fatalf("stopped after %d instructions, not %d", got, k)
				}
				s.move(ps[stops%len(ps)])
				if by = 1; k > brief {
					by += n / longer
				}
				k += by
			}
			gotEnd, gotOut, got := s.end()
			if gotEnd != end || gotOut != out || got != n {
				t.Errorf("after %d stops: %s, %q, %d instructions\nwant %s, %q, %d", stops, gotEnd, gotOut, got, end, out, n)
			}
			t.Logf("%d instructions, %d stops", n, stops)
		})
	}
}

// spread returns about count numbers below n: the first ones, and some all the way.
func spread(n uint64, count int) []uint64 {
	var ns []uint64
	for i := range uint64(count) {
		if at := i * i * n / uint64(count*count); len(ns) == 0 || at > ns[len(ns)-1] {
			ns = append(ns, at)
		} else if at = ns[len(ns)-1] + 1; at < n {
			ns = append(ns, at)
		}
	}
	return ns
}

// After the same number of instructions a guest is in the same state on every engine,
// however it got there.
func TestSameStateAfterN(t *testing.T) {
	for _, g := range countedGuests(t) {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			ps := g.counting(t)
			_, _, n := total(t, ps, g.args...)
			walker := newStepping(t, ps[0], g.args...) // goes on from each place to the next
			defer func() { walker.close() }()
			at := uint64(0)
			for i, k := range spread(n, 15) {
				if !walker.step(k - at) {
					break // the count of a guest that traps is that of whole segments
				}
				want, wantMem := walker.state()
				for _, p := range ps {
					s := newStepping(t, p, g.args...)
					if !s.step(k) {
						t.Fatalf("%v: ended before %d instructions: %v", p.kind, k, s.err)
					}
					got, gotMem := s.state()
					if !bytes.Equal(encoded(t, got), encoded(t, want)) {
						t.Fatalf("%v, after %d instructions: state differs from that of steps:\n got %+v\nwant %+v", p.kind, k, got, want)
					}
					if !bytes.Equal(gotMem, wantMem) {
						t.Fatalf("%v, after %d instructions: memory differs", p.kind, k)
					}
					s.close()
				}
				at = k
				walker.move(ps[i%len(ps)])
			}
		})
	}
}

// A snapshot taken at any instruction goes on in a program that does not count.
func TestGoOnAtPoints(t *testing.T) {
	for _, g := range countedGuests(t) {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			ps := g.counting(t)
			end, out, n := total(t, ps, g.args...)
			for i, k := range spread(n, 5) {
				s := newStepping(t, ps[i%len(ps)], g.args...)
				if s.step(k) {
					s.move(prepareLinked(t, g.modules, engines()[i%len(engines())]))
					s.err = s.in.Run(t.Context())
					if _, known := s.in.Instructions(); known {
						t.Error("a program that does not count knows the count")
					}
				}
				if got := ending(s.err); got != end || s.host.out.String() != out {
					t.Errorf("stopped after %d instructions: %s, %q; want %s, %q", k, got, s.host.out.String(), end, out)
				}
				s.close()
			}
		})
	}
}

// Freezing at points does not change the count, nor does a stop by count change how many
// points there are.
func TestCountIsTheGuestsAlone(t *testing.T) {
	for _, g := range countedGuests(t) {
		if !slices.Contains([]string{"control", "hostcalls", "tables", "tail", "trap", "exit", "trio", "hops"}, g.name) {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			ps := g.counting(t)
			end, out, n := total(t, ps, g.args...)
			points := torture(t, ps, 1<<29, g.args...).points
			for _, k := range []uint64{1, 3} {
				s := newStepping(t, ps[0], g.args...)
				s.cfg.FreezeEvery = k
				s.move(ps[0])
				freezes, took := 0, uint64(0)
				for s.err = s.in.Run(t.Context()); errors.Is(s.err, ErrFrozen); s.err = s.in.Run(t.Context()) {
					took += s.in.Points()
					freezes++
					s.move(ps[freezes%len(ps)])
				}
				took += s.in.Points()
				if got, ok := s.in.Instructions(); !ok || got != n || ending(s.err) != end || s.host.out.String() != out {
					t.Errorf("frozen at every %d: %d instructions (known: %t), %s; want %d, %s", k, got, ok, ending(s.err), n, end)
				}
				if took != points {
					t.Errorf("frozen at every %d: %d points, want %d", k, took, points)
				}
				s.close()
			}
			s := newStepping(t, ps[0], g.args...)
			s.cfg.FreezeEvery = 1 << 29
			s.move(ps[0])
			took, stops := uint64(0), 0
			for s.step(1 + n/40) {
				took += s.in.Points()
				stops++
				s.move(ps[stops%len(ps)])
			}
			if took += s.in.Points(); took != points {
				t.Errorf("after %d stops: %d points, want %d", stops, took, points)
			}
			s.close()
		})
	}
}
