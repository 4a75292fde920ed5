package wasm

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"
)

// maxDifferential is the size of module that is shown to wazero as well, so
// that the fuzzer stays fast.
const maxDifferential = 64 << 10

// FuzzDecode checks that no input makes the package panic or allocate out of
// proportion, that what is valid survives encoding, and that wazero accepts it.
func FuzzDecode(f *testing.F) {
	seen := 0
	specModules(f, func(_, _, _, _ string, b []byte) {
		if seen++; seen%7 == 0 && len(b) < 4<<10 {
			f.Add(b)
		}
	})
	f.Add(module(section(secCustom, append([]byte("\x04name"), namesFuncs, 4, 1, 0, 1, 'f')...)))
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, laterConfig())
	f.Cleanup(func() { r.Close(ctx) })
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parse(b)
		if err != nil {
			if e, ok := err.(*Error); !ok || e.Offset < 0 || e.Offset > len(b) {
				t.Fatalf("error without a place: %#v", err)
			}
			return
		}
		checkRoundTrip(t, "input", m)
		if len(b) > maxDifferential {
			return
		}
		c, err := r.CompileModule(ctx, plain(m).Encode())
		if err != nil {
			t.Fatalf("wazero refuses it: %v", err)
		}
		c.Close(ctx)
	})
}

// plain returns m without the custom sections that wazero refuses although the
// specification says that they cannot make a module invalid: malformed name
// sections, and those without contents (at the module's end).
func plain(m *Module) *Module {
	c := *m
	c.Customs = nil
	for _, s := range m.Customs {
		if s.Name != nameSection && len(s.Data) > 0 {
			c.Customs = append(c.Customs, s)
		}
	}
	return &c
}

// FuzzReader checks that reading a body never panics and that instructions
// tile it.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0x41, 0x2a, 0x1a, 0x0b})
	f.Add([]byte{0x02, 0x40, 0x41, 0x00, 0x0e, 0x01, 0x00, 0x00, 0x0b, 0x0b})
	f.Add([]byte{0xfd, 0x0d, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x0b})
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &Module{Types: []FuncType{{}}}
		r := NewReader(m, b)
		var in Instr
		end := 0
		for {
			ok, err := r.Next(&in)
			if err != nil {
				return
			}
			if !ok {
				break
			}
			if in.Pos != end || in.Len < 1 || in.String() == "" {
				t.Fatalf("after byte %d: %d bytes at %d, %q", end, in.Len, in.Pos, in.String())
			}
			end = in.Pos + in.Len
		}
		if end != len(b) {
			t.Fatalf("read %d of %d bytes", end, len(b))
		}
	})
}
