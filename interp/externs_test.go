package interp

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"sojourn/snapshotfmt"
)

// keeper is:
//
//	(module
//	  (global $g (mut externref) (ref.null extern))
//	  (table $t 2 externref)
//	  (func (export "keep") (param externref) (result externref externref externref) (local i32)
//	    (table.set $t (i32.const 1) (local.get 0))
//	    (global.set $g (local.get 0))
//	    (loop (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 2))))
//	    (local.get 0) (global.get $g) (table.get $t (i32.const 1))))
const keeper = "" +
	"0061736d0100000001080160016f036f6f6f030201000404016f00020606016f01d06f0b070801046b65657000000a27" +
	"012501017f410120002600200024000340200141016a22014102490d000b20002300410125000b"

// References of the host's survive a freeze in a local, a global and a table, and a
// state with one that the host does not know is refused.
func TestExterns(t *testing.T) {
	b, err := hex.DecodeString(keeper)
	if err != nil {
		t.Fatal(err)
	}
	p := prepare(t, b, Interpreter)
	cfg := Config{Library: true, FreezeEvery: 1, Externs: 8}
	in, err := p.Instantiate(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	ref := func(n uint64) snapshotfmt.Value { return snapshotfmt.Value{Type: snapshotfmt.ExternRef, Lo: n} }
	if err := in.Begin("keep", ref(8)); err == nil {
		t.Error("a reference that the host does not know was accepted")
	}
	for _, n := range []uint64{7, 0, snapshotfmt.Null} {
		if err := in.Begin("keep", ref(n)); err != nil {
			t.Fatal(err)
		}
		if err := in.Run(t.Context()); !errors.Is(err, ErrFrozen) {
			t.Fatal(err)
		}
		st, err := in.Capture(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in.Close(context.Background())
		if n != snapshotfmt.Null {
			bad, err := p.Thaw(t.Context(), st, Config{Library: true, Externs: uint32(n)})
			if err == nil {
				bad.Close(context.Background())
			}
			if err == nil || !strings.Contains(err.Error(), "of the host's") {
				t.Errorf("a state with reference %d of %d: %v", n, n, err)
			}
		}
		if in, err = p.Thaw(t.Context(), st, cfg); err != nil {
			t.Fatal(err)
		}
		if err := in.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, v := range in.Results() {
			if v != ref(n) {
				t.Errorf("result %d is %v, want %v", i, v, ref(n))
			}
		}
	}
	in.Close(context.Background())
}
