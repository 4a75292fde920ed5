package compat

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"sojourn/snapshotfmt"
)

func sample(last []byte) *Snapshot {
	return &Snapshot{Meta: snapshotfmt.Meta{Instance: "i", Epoch: 3, Created: time.UnixMicro(5).UTC(), Engine: "wasmer", ISA: "amd64"},
		Module: [32]byte{1, 2}, ModuleSize: 99, Args: []string{"fib", "40"}, Env: []string{"A=b"}, Last: last}
}

func encoded(t testing.TB, s *Snapshot) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSnapshot(t *testing.T) {
	for _, last := range [][]byte{nil, {1}, make([]byte, 12), bytes.Repeat([]byte{7}, 65536), append(make([]byte, 300_000), 1, 0)} {
		s := sample(last)
		got, err := Decode(bytes.NewReader(encoded(t, s)))
		if err != nil {
			t.Fatalf("%d bytes: %v", len(last), err)
		}
		if !bytes.Equal(got.Last, last) {
			t.Errorf("%d bytes come back as %d", len(last), len(got.Last))
		}
		if got.Last, s.Last = nil, nil; !reflect.DeepEqual(got, s) {
			t.Errorf("got %+v, want %+v", got, s)
		}
	}
}

func TestSnapshotRefused(t *testing.T) {
	good := encoded(t, sample([]byte{1, 2, 3, 4}))
	for n := range good {
		if _, err := Decode(bytes.NewReader(good[:n])); err == nil {
			t.Fatalf("the first %d of %d bytes are taken", n, len(good))
		}
	}
	var precise bytes.Buffer
	if err := snapshotfmt.Encode(&precise, snapshotfmt.Manifest{}, &snapshotfmt.State{Started: true}, nil, snapshotfmt.Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(&precise); !errors.Is(err, ErrPrecise) {
		t.Errorf("a precise snapshot: %v", err)
	}
	for what, st := range map[string]*snapshotfmt.State{
		"both idiomatic and started":  {Idiomatic: true, Started: true},
		"a vector in too many pages":  {Idiomatic: true, VectorBytes: 1, MemoryPages: 2},
		"a vector in too few":         {Idiomatic: true, VectorBytes: 65537, MemoryPages: 1},
		"frames":                      {Idiomatic: true, Frames: []snapshotfmt.Frame{{}}},
		"a vector and not idiomatic":  {VectorBytes: 1},
		"a length beyond all numbers": {Idiomatic: true, VectorBytes: 1<<64 - 1},
	} {
		if err := snapshotfmt.Encode(&precise, snapshotfmt.Manifest{}, st, make([]byte, st.MemoryPages<<16), snapshotfmt.Options{}); err == nil {
			t.Errorf("%s: it is written", what)
		}
	}
	tail := make([]byte, 65536)
	tail[5] = 1
	var dirty bytes.Buffer
	st := &snapshotfmt.State{Idiomatic: true, VectorBytes: 5, MemoryPages: 1, World: []byte{0, 0}}
	if err := snapshotfmt.Encode(&dirty, snapshotfmt.Manifest{}, st, tail, snapshotfmt.Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(&dirty); err == nil {
		t.Error("bytes behind the vector are taken")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, sample(nil)))
	f.Add(encoded(f, sample(bytes.Repeat([]byte{1, 2, 3, 4}, 3000))))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := Decode(bytes.NewReader(encoded(t, s)))
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%+v comes back as %+v, %v", s, again, err)
		}
	})
}

func FuzzWorld(f *testing.F) {
	f.Add([]byte{1, 3, 'f', 'i', 'b', 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		args, env, err := ParseWorld(b)
		if err != nil {
			return
		}
		if same, err := appendWorld(nil, args, env); err != nil || !bytes.Equal(same, b) {
			t.Errorf("% x comes back as % x, %v", b, same, err)
		}
	})
}
