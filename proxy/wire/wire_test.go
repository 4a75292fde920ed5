package wire

import (
	"bytes"
	"errors"
	"testing"
)

func TestAgree(t *testing.T) {
	for _, c := range []struct {
		oldest, newest uint16
		want           uint16
		ok             bool
	}{{1, 1, 1, true}, {1, 9, 1, true}, {2, 9, 0, false}, {0, 0, 0, false}} {
		v, _, err := Agree(AppendHello(nil, c.oldest, c.newest, 0xffff))
		if v != c.want || (err == nil) != c.ok || !c.ok && !errors.Is(err, ErrVersion) {
			t.Errorf("a peer of %d to %d: version %d, %v", c.oldest, c.newest, v, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := Append(nil, Final, 7, bytes.Repeat([]byte{3}, 64))
	if k, seq, p, err := Parse(good); err != nil || k != Final || seq != 7 || len(p) != 64 {
		t.Fatalf("a good frame: %v %v %v %v", k, seq, len(p), err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 4
		if _, _, _, err := Parse(bad); !errors.Is(err, ErrFrame) {
			t.Errorf("bit flipped in byte %d: %v", i, err)
		}
	}
	for n := range good {
		if _, _, _, err := Parse(good[:n]); !errors.Is(err, ErrFrame) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Append(nil, Hello, 1, AppendHello(nil, Oldest, Version, 0)))
	f.Add(Append(nil, Memory, 2, []byte{1, 0, 0, 0}))
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		k, seq, payload, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrFrame) {
				t.Fatalf("unexpected error: %v", err)
			}
			return
		}
		if !bytes.Equal(Append(nil, k, seq, payload), b) {
			t.Fatal("a frame has two encodings")
		}
		_, _, _ = Agree(payload)
	})
}
