package wasm

import (
	"reflect"
	"testing"
)

func TestNamesAndCustomsInPlace(t *testing.T) {
	funcs := append(section(secType, 1, 0x60, 1, 0x7f, 0), section(secFunc, 1, 0)...)
	code := section(secCode, 1, 2, 0, 0x0b)
	names := section(secCustom, append([]byte("\x04name"),
		namesModule, 2, 1, 'm',
		namesFuncs, 4, 1, 0, 1, 'f',
		namesLocals, 6, 1, 0, 1, 0, 1, 'x',
		7, 3, 1, 0, 0)...)
	before := section(secCustom, []byte("\x01ahere")...)
	between := section(secCustom, []byte("\x01b")...)
	after := section(secCustom, []byte("\x01cthere")...)
	src := module(before, funcs, between, code, names, after)
	m, err := parse(src)
	if err != nil {
		t.Fatal(err)
	}
	want := &Names{Module: "m", At: 2, Rest: []byte{7, 3, 1, 0, 0},
		Funcs: map[uint32]string{0: "f"}, Locals: map[uint32]map[uint32]string{0: {0: "x"}}}
	if !reflect.DeepEqual(m.Names, want) {
		t.Errorf("names: got %+v, want %+v", m.Names, want)
	}
	for i, c := range []Custom{{"a", []byte("here"), 0}, {"b", []byte{}, secFunc}, {"c", []byte("there"), secCode}} {
		if !reflect.DeepEqual(m.Customs[i], c) {
			t.Errorf("custom section %d: got %+v, want %+v", i, m.Customs[i], c)
		}
	}
	if got := m.Encode(); string(got) != string(src) {
		t.Errorf("encoded:\n% x\nwant\n% x", got, src)
	}
	if got := m.FuncName(0); got != "f" {
		t.Errorf("function 0 is called %q", got)
	}
	m.Names, m.Customs = &Names{Funcs: map[uint32]string{}}, nil
	if m.Exports = []Export{{Name: "run", Kind: KindFunc}}; m.FuncName(0) != "run" || m.FuncName(1) != "func[1]" {
		t.Errorf("functions are called %q and %q", m.FuncName(0), m.FuncName(1))
	}
	checkRoundTrip(t, "names without names", m)
}

// TestTruncated: a module cut short anywhere but between two sections is
// refused.
func TestTruncated(t *testing.T) {
	specModules(t, func(_, command, name, _ string, b []byte) {
		if command != "module" || len(b) > 1<<10 {
			return
		}
		ends := map[int]bool{8: true}
		for c := (cursor{b: b, pos: 8}); c.left() > 0; ends[c.pos] = true {
			c.byte()
			c.bytes(c.size())
		}
		for n := range b {
			if _, err := Decode(b[:n:n]); err == nil && !ends[n] {
				t.Errorf("%s: its first %d bytes are accepted", name, n)
			}
		}
	})
}
