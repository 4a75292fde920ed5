package spectest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"sojourn/interp"
	"sojourn/snapshotfmt"
)

// way is one of the ways of running a script: a column of the table.
type way int

const (
	onPlain          way = iota // wazero alone
	stoppable                   // made stoppable, and left alone
	everyPoint                  // frozen and moved at every point, and between commands
	everyInstruction            // frozen and moved after every instruction likewise
	ways
)

// textFormat is why modules in it are refused.
const textFormat = "the text format"

func (w way) String() string {
	return [...]string{"plain", "stoppable", "every point", "every instruction"}[w]
}

// kinds are the engines of this machine.
func kinds() []interp.Kind {
	if interp.HasCompiler() {
		return []interp.Kind{interp.Compiler, interp.Interpreter}
	}
	return []interp.Kind{interp.Interpreter}
}

// stores opens what a script runs in: for each way, one store for each engine, or one
// that takes the engines in turn.
func (s *script) stores(ctx context.Context, links *linking, progs *programs) (all [ways][]store, err error) {
	for _, k := range kinds() {
		p, err := newPlain(ctx, s.proposal, k)
		if err != nil {
			return all, err
		}
		all[onPlain] = append(all[onPlain], p)
		all[stoppable] = append(all[stoppable], guestStore(ctx, links, progs, interp.AtPoints, k))
	}
	turns := append(kinds(), kinds()...)[:2]
	all[everyPoint] = []store{guestStore(ctx, links, progs, interp.AtPoints, turns...)}
	all[everyInstruction] = []store{guestStore(ctx, links, progs, interp.EveryInstruction, turns...)}
	return all, nil
}

func guestStore(ctx context.Context, links *linking, progs *programs, p interp.Precision, kinds ...interp.Kind) store {
	return &guests{ctx: ctx, links: links, progs: progs, kinds: kinds, precision: p, all: os.Getenv("SOJOURN_SPEC") == "all", open: map[*group]*guest{}}
}

// tally counts one script's assertions.
type tally struct {
	script     *script
	assertions int
	passed     [ways]int
	refused    [ways]map[string]int // by reason
	failed     [ways][]string
}

// run runs a script in all ways.
func (s *script) run(t *testing.T) *tally {
	ctx := t.Context()
	progs := &programs{ctx: ctx, made: map[guestKey]*interp.Program{}}
	defer progs.close()
	all, err := s.stores(ctx, s.link(t), progs)
	if err != nil {
		t.Fatal(err)
	}
	sum := &tally{script: s}
	for i := range s.Commands {
		if s.Commands[i].isAssertion() {
			sum.assertions++
		}
	}
	for w, in := range all {
		why, bad := map[int]string{}, map[int]string{}
		for _, st := range in {
			s.in(t, st, func(i int, err error) {
				if r, ok := errors.AsType[*refusal](err); ok {
					why[i] = r.reason
				} else if bad[i] == "" {
					bad[i] = err.Error()
				}
			})
			st.close()
		}
		sum.judge(way(w), why, bad)
	}
	return sum
}

// judge counts what the commands of a script came to in one way: those in why were
// refused, those in bad failed.
func (t *tally) judge(w way, why, bad map[int]string) {
	t.refused[w] = map[string]int{}
	for i := range t.script.Commands {
		c := &t.script.Commands[i]
		reason, refused := why[i]
		msg, failed := bad[i]
		if failed {
			t.failed[w] = append(t.failed[w], fmt.Sprintf("%s/%s:%d %s %q: %s", t.script.proposal, t.script.name, c.Line, c.Type, c.Action.Field, msg))
		}
		switch {
		case !c.isAssertion():
		case refused:
			t.refused[w][reason]++
		case !failed:
			t.passed[w]++
		}
	}
}

// isAssertion reports whether a command is counted: modules and registrations are not.
func (c *command) isAssertion() bool { return c.Type != "module" && c.Type != "register" }

// in runs the script in one store, and reports each command that does not do what it
// must. What follows from a refusal is refused too: the script's state is another.
func (s *script) in(t *testing.T, st store, report func(int, error)) {
	named := map[string]instance{}
	var current instance
	var since error // the first refusal of a module that others share state with
	for i := range s.Commands {
		c := &s.Commands[i]
		in := current
		if c.Action.Module != "" {
			in = named[c.Action.Module]
		} else if c.Type == "register" && c.Name != "" {
			in = named[c.Name]
		}
		var err error
		switch c.Type {
		case "module":
			if current, err = st.instantiate(i, s.module(t, c)); err != nil {
				current = missing{err}
			}
			if c.Name != "" {
				named[c.Name] = current
			}
		case "register":
			st.register(in, c.As)
		case "assert_invalid", "assert_malformed", "assert_unlinkable", "assert_uninstantiable":
			if c.ModuleType == "text" {
				err = &refusal{textFormat}
				break
			}
			_, err = st.instantiate(i, s.module(t, c))
			err = c.judgeModule(err)
			if _, is := st.(*guests); is && err != nil && validLater[fmt.Sprintf("%s/%s:%d", s.proposal, s.name, c.Line)] {
				err = &refusal{"valid in later versions of WebAssembly"}
			}
		default:
			err = c.judge(in)
		}
		if err == nil {
			continue
		}
		if isRefusal(err) && since == nil && c.Type == "module" {
			since = err
		} else if since != nil && !isRefusal(err) {
			err = since
		}
		report(i, err)
	}
}

// validLater are modules that must be refused, and that later versions of the
// specification and wazero allow: offsets of element segments that read the module's
// own globals.
var validLater = map[string]bool{"v2/elem:171": true, "v2/elem:175": true}

// judgeModule says what is wrong with how a module that must not run was met.
func (c *command) judgeModule(err error) error {
	if err == nil {
		return fmt.Errorf("the module was accepted: %s", c.Text)
	}
	if isRefusal(err) && c.Type != "assert_invalid" && c.Type != "assert_malformed" && c.Text != "unknown import" {
		return err
	}
	if c.Type == "assert_uninstantiable" {
		return c.trapped(err)
	}
	return nil
}

// judge runs an action and says what is wrong with its outcome.
func (c *command) judge(in instance) error {
	if c.Action.Type == "get" {
		v, err := in.get(c.Action.Field)
		if err != nil {
			return err
		}
		return c.returned([]snapshotfmt.Value{v})
	}
	var args []snapshotfmt.Value
	for i := range c.Action.Args {
		v, err := c.Action.Args[i].arg()
		if err != nil {
			return err
		}
		args = append(args, v)
	}
	res, err := in.invoke(c.Action.Field, args)
	switch c.Type {
	case "assert_trap", "assert_exhaustion", "assert_exception":
		if err == nil {
			return fmt.Errorf("it returned %s, and must trap: %s", show(res), c.Text)
		}
		return c.trapped(err)
	case "action":
		return err
	}
	if err != nil {
		return err
	}
	return c.returned(res)
}

func (c *command) returned(res []snapshotfmt.Value) error {
	ok := len(res) == len(c.Expected)
	for i := 0; ok && i < len(res); i++ {
		var err error
		if ok, err = c.Expected[i].matches(res[i]); err != nil {
			return err
		}
	}
	if !ok {
		return fmt.Errorf("it returned %s, and must %s", show(res), c.Expected)
	}
	return nil
}

// trapNames maps what scripts call traps to what wazero calls them. Table accesses of
// all sorts are one to it.
var trapNames = map[string]string{
	"call stack exhausted":       "stack overflow",
	"undefined element":          "invalid table access",
	"uninitialized element":      "invalid table access",
	"uninitialized element 2":    "invalid table access",
	"out of bounds table access": "invalid table access",
}

func (c *command) trapped(err error) error {
	var trap *interp.Trap
	if !errors.As(err, &trap) {
		return err
	}
	want := c.Text
	if c.Type == "assert_exception" {
		want = "uncaught exception"
	}
	if name, ok := trapNames[want]; ok {
		want = name
	}
	if trap.Reason != want {
		return fmt.Errorf("it trapped: %s, and must: %s", trap.Reason, want)
	}
	return nil
}

// TestScripts runs all scripts, and checks the table of what passed. Plain wazero's own
// failures are counted there and are no failures here.
func TestScripts(t *testing.T) {
	var mu sync.Mutex
	var sums []*tally
	total := 0
	t.Run("all", func(t *testing.T) {
		for _, p := range proposals {
			for _, s := range scripts(t, p) {
				total++
				t.Run(p+"/"+s.name, func(t *testing.T) {
					t.Parallel()
					sum := s.run(t)
					for w := stoppable; w < ways; w++ {
						for _, f := range sum.failed[w] {
							t.Errorf("%v: %s", w, f)
						}
					}
					mu.Lock()
					sums = append(sums, sum)
					mu.Unlock()
				})
			}
		}
	})
	if len(sums) == total && !t.Failed() { // not a selection
		checkTable(t, sums)
	}
}
