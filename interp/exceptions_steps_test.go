package interp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// newThrowing begins a call of the library of exceptions, to be frozen at each so many
// points.
func newThrowing(t *testing.T, p *Program, name string, n int32, every uint64) *stepping {
	t.Helper()
	s := &stepping{t: t, host: &miniHost{}, cfg: Config{Library: true, FreezeEvery: every}}
	in, err := p.Instantiate(t.Context(), s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(in.Run(t.Context()), in.Begin(name, i32(uint32(n)))); err != nil {
		t.Fatal(err)
	}
	s.in = in
	return s
}

// outcome says how a call has ended, in the words of wants, and after how many
// instructions.
func (s *stepping) outcome() (string, uint64) {
	s.t.Helper()
	n, ok := s.in.Instructions()
	if !ok {
		s.t.Fatal("the count is not known")
	}
	var trap *Trap
	if errors.As(s.err, &trap) {
		return trap.Reason, n
	}
	if s.err != nil {
		s.t.Fatal(s.err)
	}
	return fmt.Sprint([]uint64{s.in.Results()[0].Lo}), n
}

// A call that throws and catches, frozen after every instruction, or every few, ends as
// it does undisturbed, after as many instructions.
func TestExceptionsEveryInstruction(t *testing.T) {
	module := throwing(t)
	g := countedGuest{modules: []Module{{Bytes: module}}}
	ps := g.counting(t)
	stops := 0
	wants(t, module, func(name string, n int32, want string) {
		if n > 10 {
			return
		}
		var total uint64
		for i, p := range ps {
			s := newThrowing(t, p, name, n, 0)
			s.step(noLimit)
			got, took := s.outcome()
			if got != want || i > 0 && took != total {
				t.Errorf("%s(%d) on %v: %s, want %s; %d instructions, %d elsewhere", name, n, p.Engine(), got, want, took, total)
			}
			total = took
			s.close()
		}
		for _, by := range []uint64{1, 3, 7} {
			s := newThrowing(t, ps[0], name, n, 0)
			at := uint64(0)
			for s.step(by) {
				at += by
				if took, _ := s.in.Instructions(); took != at {
					t.Fatalf("%s(%d): stopped after %d instructions, not %d", name, n, took, at)
				}
				stops++
				s.move(ps[stops%len(ps)])
			}
			if got, took := s.outcome(); got != want || took != total {
				t.Errorf("%s(%d), frozen every %d: %s after %d, want %s after %d", name, n, by, got, took, want, total)
			}
			s.close()
		}
	})
	t.Logf("%d stops", stops)
	if stops < 5000 {
		t.Errorf("%d stops", stops)
	}
}

// After the same number of instructions the state is the same, whatever was thrown on
// the way and however the guest got there.
func TestExceptionsSameStateAfterN(t *testing.T) {
	module := throwing(t)
	g := countedGuest{modules: []Module{{Bytes: module}}}
	ps := g.counting(t)
	names := []string{"each", "caught", "nested", "retry", "params", "refs", "deep", "behind"}
	wants(t, module, func(name string, n int32, _ string) {
		if n < 5 || n > 9 || !slices.Contains(names, name) {
			return
		}
		walker := newThrowing(t, ps[0], name, n, 0)
		defer func() { walker.close() }()
		for k := uint64(1); walker.step(1); k++ {
			want, _ := walker.state()
			s := newThrowing(t, ps[k%uint64(len(ps))], name, n, 0)
			if !s.step(k) {
				t.Fatalf("%s(%d) ended before %d instructions: %v", name, n, k, s.err)
			}
			if got, _ := s.state(); !bytes.Equal(encoded(t, got), encoded(t, want)) {
				t.Fatalf("%s(%d) after %d instructions: state differs from that of steps:\n got %+v\nwant %+v", name, n, k, got, want)
			}
			s.close()
			walker.move(ps[k%uint64(len(ps))])
		}
	})
}

// Freezing at points, exceptions or not, does not change the count.
func TestExceptionsCountFrozenAtPoints(t *testing.T) {
	module := throwing(t)
	g := countedGuest{modules: []Module{{Bytes: module}}}
	ps := g.counting(t)
	wants(t, module, func(name string, n int32, want string) {
		s := newThrowing(t, ps[0], name, n, 0)
		s.step(noLimit)
		_, total := s.outcome()
		s.close()
		s = newThrowing(t, ps[0], name, n, 1)
		for i := 1; ; i++ {
			if s.err = s.in.Run(t.Context()); !errors.Is(s.err, ErrFrozen) {
				break
			}
			s.move(ps[i%len(ps)])
		}
		if got, took := s.outcome(); got != want || took != total {
			t.Errorf("%s(%d): %s after %d instructions, want %s after %d", name, n, got, took, want, total)
		}
		s.close()
	})
}
