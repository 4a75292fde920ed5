package interp

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"

	"sojourn/interp/rewrite"
	"sojourn/interp/wasm"
	"sojourn/snapshotfmt"
)

// linkedGuests are the guests of several modules in examples/guests.
var linkedGuests = map[string][]string{
	"pair": {"store", "pair"},
	"trio": {"store", "words", "trio"},
	"hops": {"hopper", "hops"},
}

func readLinked(t testing.TB, name string) []Module {
	t.Helper()
	var ms []Module
	for _, n := range linkedGuests[name] {
		ms = append(ms, Module{Name: n, Bytes: readGuest(t, "linked/"+n)})
	}
	return ms
}

// plainLinked runs a guest of several modules on plain wazero.
func plainLinked(t *testing.T, modules []Module, kind Kind) string {
	t.Helper()
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, runtimeConfig(kind))
	defer rt.Close(context.Background())
	h := &miniHost{args: []string{"guest"}}
	host := map[string]HostFunc{}
	for _, mod := range modules {
		m, err := wasm.Decode(mod.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range h.functions(t, m) {
			if f.Module == "wasi_snapshot_preview1" {
				host[f.Name] = f
			}
		}
	}
	b := rt.NewHostModuleBuilder("wasi_snapshot_preview1")
	for _, f := range host {
		b.NewFunctionBuilder().WithGoModuleFunction(plainFunction(f), valueTypes(f.Params), valueTypes(f.Results)).Export(f.Name)
	}
	if _, err := b.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	ctx = context.WithValue(ctx, plainKey{}, &plainRun{host: h})
	for i, mod := range modules {
		in, err := rt.InstantiateWithConfig(ctx, mod.Bytes, wazero.NewModuleConfig().WithName(mod.Name).WithStartFunctions())
		if err != nil {
			t.Fatalf("%s: %v", mod.Name, err)
		}
		if i == len(modules)-1 {
			if _, err := in.ExportedFunction("_start").Call(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	return h.out.String()
}

// Every module's points have numbers below what a stride adds to them.
func TestNumbersBelowStopHere(t *testing.T) {
	if last, _ := rewrite.LinkedPoint(rewrite.StopHere - 1); last < snapshotfmt.MaxModules-1 {
		t.Errorf("points of module %d and those behind it look like the stops of strides; a guest has up to %d modules", last+1, snapshotfmt.MaxModules)
	}
}

func TestTortureLinked(t *testing.T) {
	for name := range linkedGuests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			modules := readLinked(t, name)
			var progs []*Program
			for _, k := range engines() {
				progs = append(progs, prepareLinked(t, modules, k))
			}
			plain := plainLinked(t, modules, engines()[0])
			want := torture(t, progs[:1], 0)
			if want.out != plain || plain == "" || want.end != "exit 0" {
				t.Fatalf("undisturbed %q, %s; on plain wazero %q", want.out, want.end, plain)
			}
			points := torture(t, progs, 1<<29).points
			for _, k := range []uint64{1, 2, 3, 7} {
				got := torture(t, progs, k)
				if got.out != want.out || got.end != want.end || got.points != points {
					t.Errorf("every %d, after %d freezes: %q, %s, %d points; want %q, %s, %d points",
						k, got.freezes, got.out, got.end, got.points, want.out, want.end, points)
				}
				t.Logf("every %d: %d points, %d freezes", k, got.points, got.freezes)
			}
		})
	}
}

// States of the same place are the same bytes, whatever engine they are of, and survive
// encoding.
func TestLinkedStates(t *testing.T) {
	var progs []*Program
	for _, k := range engines() {
		progs = append(progs, prepareLinked(t, readLinked(t, "trio"), k))
	}
	for every := uint64(1); every < 400; every += 7 {
		var first []byte
		for _, p := range progs {
			st := frozenAt(t, p, every)
			if st == nil {
				continue
			}
			b, err := snapshotfmt.AppendState(nil, st)
			if err != nil {
				t.Fatal(err)
			}
			back, err := snapshotfmt.DecodeState(b, snapshotfmt.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			in, err := p.Thaw(t.Context(), back, Config{Host: &miniHost{}})
			if err != nil {
				t.Fatal(err)
			}
			again, err := in.Capture(t.Context())
			in.Close(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if c, err := snapshotfmt.AppendState(nil, again); err != nil || !bytes.Equal(b, c) {
				t.Errorf("at point %d: thawed and captured again, the state differs: %v", every, err)
			}
			if first == nil {
				first = b
			} else if !bytes.Equal(first, b) {
				t.Errorf("at point %d: the engines disagree", every)
			}
		}
	}
}

// frozenAt returns the state of a guest at its n-th point, nil when it ends before.
func frozenAt(t testing.TB, p *Program, n uint64) *snapshotfmt.State {
	t.Helper()
	in, err := p.Instantiate(t.Context(), Config{Host: &miniHost{args: []string{"guest"}}, FreezeEvery: n})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(context.Background())
	switch err := in.Run(t.Context()); {
	case err == nil:
		return nil
	case !errors.Is(err, ErrFrozen):
		t.Fatal(err)
	}
	st, err := in.Capture(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}
