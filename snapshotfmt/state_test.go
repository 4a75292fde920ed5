package snapshotfmt

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestStateRoundTrip(t *testing.T) {
	rnd := newRand(t)
	for range 200 {
		st := randomState(rnd)
		b, err := AppendState([]byte("before"), st)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeState(b[len("before"):], Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, st) {
			t.Fatalf("got %+v\nnot %+v", got, st)
		}
	}
}

func randomState(rnd *rand.Rand) *State {
	st := &State{MemoryPages: rnd.Uint32N(MaxMemoryPages + 1), Started: rnd.IntN(2) == 0}
	for range rnd.IntN(5) {
		st.Frames = append(st.Frames, Frame{
			Func: rnd.Uint32(), PC: rnd.Uint32(),
			Locals: randomValues(rnd), Stack: randomValues(rnd),
		})
	}
	st.Globals = randomValues(rnd)
	for range rnd.IntN(3) {
		st.Tables = append(st.Tables, Table{Elem: FuncRef, Refs: []uint64{Null, uint64(rnd.Uint32() >> 1)}})
	}
	next := uint32(0)
	for range rnd.IntN(4) {
		next += 1 + rnd.Uint32N(100)
		st.DroppedElems = append(st.DroppedElems, next)
		st.DroppedDatas = append(st.DroppedDatas, next*2)
	}
	for range rnd.IntN(20) {
		st.World = append(st.World, byte(rnd.Uint32()))
	}
	return st
}

func randomValues(rnd *rand.Rand) []Value {
	var vs []Value
	for range rnd.IntN(6) {
		v := Value{Type: []Type{Dead, I32, I64, F32, F64, V128, FuncRef, ExternRef, ExnRef}[rnd.IntN(9)]}
		switch v.Type {
		case I32, F32:
			v.Lo = uint64(rnd.Uint32())
		case I64, F64:
			v.Lo = rnd.Uint64() >> rnd.IntN(64)
		case V128, ExnRef:
			v.Lo, v.Hi = rnd.Uint64(), rnd.Uint64()
		case FuncRef, ExternRef:
			v.Lo = uint64(rnd.Uint32() >> 1)
			if rnd.IntN(2) == 0 {
				v.Lo = Null
			}
		}
		vs = append(vs, v)
	}
	return vs
}

// What cannot be written down is refused when it is encoded.
func TestAppendStateRefuses(t *testing.T) {
	values := func(v Value) *State { return &State{Globals: []Value{v}} }
	for _, c := range []struct {
		name string
		st   *State
		want error
	}{
		{"nil", nil, errNilState},
		{"i32 over 32 bits", values(Value{Type: I32, Lo: 1 << 32}), ErrMalformed},
		{"f32 over 32 bits", values(Value{Type: F32, Lo: 1 << 32}), ErrMalformed},
		{"i64 with an upper half", values(Value{Type: I64, Hi: 1}), ErrMalformed},
		{"dead with a value", values(Value{Lo: 1}), ErrMalformed},
		{"reference to no module", values(Value{Type: FuncRef, Lo: MaxModules << 32}), ErrMalformed},
		{"unknown type", values(Value{Type: 0x40}), ErrMalformed},
		{"module", &State{Frames: []Frame{{Module: MaxModules}}}, ErrLimit},
		{"too many locals", &State{Frames: []Frame{{Locals: make([]Value, MaxFrameValues+1)}}}, ErrLimit},
		{"table of numbers", &State{Tables: []Table{{Elem: I32}}}, ErrMalformed},
		{"table entry", &State{Tables: []Table{{Elem: FuncRef, Refs: []uint64{MaxModules << 32}}}}, ErrMalformed},
		{"too many tables", &State{Tables: make([]Table, MaxTables+1)}, ErrLimit},
		{"segments that go back", &State{DroppedDatas: []uint32{2, 1}}, ErrOrder},
		{"segments that repeat", &State{DroppedElems: []uint32{2, 2}}, ErrOrder},
		{"too many segments", &State{DroppedElems: make([]uint32, MaxSegments+1)}, ErrLimit},
		{"too much memory", &State{MemoryPages: MaxMemoryPages + 1}, ErrLimit},
		{"too much world", &State{World: make([]byte, MaxWorld+1)}, ErrLimit},
	} {
		if _, err := AppendState(nil, c.st); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, not %v", c.name, err, c.want)
		}
	}
}

// part returns a part with any contents.
func part(t testing.TB, k kind, body ...byte) []byte {
	t.Helper()
	b, err := endPart(append(beginPart(nil, k), body...), 0)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Contents with a right digest, and wrong otherwise.
func TestDecodeStateRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		kind kind
		body []byte
		want error
	}{
		{"short guest", kindGuest, []byte{0, 0, 0, 0}, ErrTruncated},
		{"guest flags", kindGuest, []byte{0, 0, 0, 0, 32, 0, 0, 0}, ErrFlags},
		{"linked for nothing", kindGuest, []byte{0, 0, 0, 0, 2, 0, 0, 0, 0, 0}, ErrMalformed},
		{"started and not", kindGuest, []byte{0, 0, 0, 0, 3, 0, 0, 0, 1, 0}, ErrMalformed},
		{"one memory of several", kindGuest, []byte{1, 0, 0, 0, 2, 0, 0, 0, 0, 1, 1}, ErrMalformed},
		{"memories of another size", kindGuest, []byte{3, 0, 0, 0, 2, 0, 0, 0, 0, 2, 1, 1}, ErrMalformed},
		{"no instructions", kindGuest, []byte{0, 0, 0, 0, 8, 0, 0, 0}, ErrTruncated},
		{"memory", kindGuest, []byte{1, 0, 1, 0, 0, 0, 0, 0}, ErrLimit},
		{"no frames", kindFrames, nil, ErrTruncated},
		{"frames that cannot be there", kindFrames, []byte{0xff, 0xff, 0x3f}, ErrTruncated},
		{"frames over the limit", kindFrames, []byte{0xff, 0xff, 0xff, 0x7f}, ErrLimit},
		{"module of a frame", kindFrames, []byte{1, 0x80, 8, 0, 0, 0, 0}, ErrLimit},
		{"function over 32 bits", kindFrames, []byte{1, 0, 0xff, 0xff, 0xff, 0xff, 0x10, 0, 0, 0}, ErrLimit},
		{"number in a long form", kindFrames, []byte{0x80, 0}, ErrMalformed},
		{"number of 70 bits", kindFrames, bytes.Repeat([]byte{0xff}, 11), ErrMalformed},
		{"bytes after the frames", kindFrames, []byte{0, 0}, ErrTrailing},
		{"unknown type", kindGlobals, []byte{1, 0x40}, ErrMalformed},
		{"i32 over 32 bits", kindGlobals, []byte{1, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x10}, ErrLimit},
		{"half an f64", kindGlobals, []byte{1, 0x7c, 0, 0, 0, 0}, ErrTruncated},
		{"table of numbers", kindTables, []byte{1, 0x7f, 0}, ErrMalformed},
		{"the host's reference over 32 bits", kindGlobals, []byte{1, 0x6f, 0x81, 0x80, 0x80, 0x80, 0x10}, ErrMalformed},
		{"table of the host's references over 32 bits", kindTables, []byte{1, 0x6f, 1, 0x81, 0x80, 0x80, 0x80, 0x10}, ErrMalformed},
		{"table over the limit", kindTables, []byte{1, 0x70, 0xff, 0xff, 0xff, 0xff, 0x0f}, ErrLimit},
		{"segment over 32 bits", kindDropped, []byte{2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0}, ErrMalformed},
	} {
		st, err := AppendState(nil, emptyState())
		if err != nil {
			t.Fatal(err)
		}
		var b []byte
		for len(st) > 0 {
			n := partLen(st)
			if kind(st[0]) == c.kind && len(c.body) <= int(maxLength[c.kind]) {
				b = append(b, part(t, c.kind, c.body...)...)
			} else {
				b = append(b, st[:n]...)
			}
			st = st[n:]
		}
		_, err = DecodeState(b, Limits{})
		var e *Error
		if !errors.Is(err, c.want) || !errors.As(err, &e) || e.Part != c.kind.String() {
			t.Errorf("%s: %v, not %v", c.name, err, c.want)
		}
	}
}

func TestStatePartsOutOfOrder(t *testing.T) {
	b, err := AppendState(nil, emptyState())
	if err != nil {
		t.Fatal(err)
	}
	n := partLen(b)
	if _, err := DecodeState(b[n:], Limits{}); !errors.Is(err, ErrOrder) {
		t.Errorf("without the first part: %v", err)
	}
	if _, err := DecodeState(append(b, b[:n]...), Limits{}); !errors.Is(err, ErrTrailing) {
		t.Errorf("with one part more: %v", err)
	}
}

// A length that has no bytes behind it must cost no memory.
func TestLengthIsNotBelieved(t *testing.T) {
	head := []byte{byte(kindWorld), 0, 0, 0, 0, 0, 0, 16} // 256 MiB
	p := partReader{r: bytes.NewReader(head)}
	allocs := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p = partReader{r: bytes.NewReader(head)}
			if _, _, err := p.next(); !errors.Is(err, ErrTruncated) {
				b.Fatal(err)
			}
		}
	})
	if n := allocs.AllocedBytesPerOp(); n > 2*fillStep {
		t.Errorf("%d bytes allocated for a part of which nothing came", n)
	}
}
