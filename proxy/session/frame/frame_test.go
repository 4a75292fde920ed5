package frame

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// samples are one frame of each kind, and the bytes that clients in other languages
// are written against.
var samples = []struct {
	f   Frame
	hex string
}{
	{&Hello{1, 1, 2, "secret"}, "01 0100 0100 02 0600736563726574"},
	{&Welcome{1, [16]byte{15: 7}, [32]byte{31: 9}, 3, 4, 5, 1 << 20, 1 << 19, []string{"http://a"}},
		"02 0100" + strings.Repeat("00", 15) + "07" + strings.Repeat("00", 31) + "09" +
			"0300000000000000 0400000000000000 0500000000000000 00001000 00000800 01 0800 687474703a2f2f61"},
	{&Data{2, Text, []byte("hi")}, "03 0200000000000000 01 6869"},
	{&Ack{5, 4}, "04 0500000000000000 0400000000000000"},
	{&Resume{1, 2, [16]byte{1}, [32]byte{2}, 3, 4, 5, ""},
		"05 0100 0200 01" + strings.Repeat("00", 15) + "02" + strings.Repeat("00", 31) +
			"0300000000000000 0400000000000000 0500000000000000 0000"},
	{&Resumed{1, [32]byte{2}, 3, 4, 5, 6, 7, []string{}},
		"06 0100 02" + strings.Repeat("00", 31) +
			"0300000000000000 0400000000000000 0500000000000000 06000000 07000000 00"},
	{&Reset{Gap, "x"}, "07 9b01 010078"},
	{&Hold{250}, "08 fa000000"},
	{&Go{}, "09"},
	{&Redirect{1, 2, []string{"", "b"}}, "0a 01000000 02000000 02 0000 010062"},
	{&Ping{258}, "0b 0201000000000000"},
	{&Pong{258}, "0c 0201000000000000"},
	{&Close{9, GuestEnded, "7"}, "0d 0900000000000000 0100 010037"},
}

func TestLayout(t *testing.T) {
	for i, s := range samples {
		want, err := hex.DecodeString(strings.ReplaceAll(s.hex, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := Append(nil, s.f); !bytes.Equal(got, want) || int(got[0]) != i+1 {
			t.Errorf("%T is %x, want %x", s.f, got, want)
		}
		if f, err := Parse(want); err != nil || !reflect.DeepEqual(f, s.f) {
			t.Errorf("%x is %+v, %v, want %+v", want, f, err, s.f)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing":         {},
		"unknown kind":    {14},
		"trailing":        {KindGo, 0},
		"number 0":        Append(nil, &Data{0, Binary, nil}),
		"type 3":          Append(nil, &Data{1, 3, nil}),
		"text in Latin-1": Append(nil, &Data{1, Text, []byte{0xe4}}),
		"durable":         Append(nil, &Ack{1, 2}),
		"versions":        Append(nil, &Hello{2, 1, 0, ""}),
		"URLs":            {KindRedirect, 0, 0, 0, 0, 0, 0, 0, 0, 9},
		"long reason":     append([]byte{KindReset, 0, 0, 1, 16}, make([]byte, 4097)...),
		"long":            make([]byte, MaxFrame+1),
	} {
		if f, err := Parse(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	for _, s := range samples {
		b := Append(nil, s.f)
		for n := range b {
			if _, err := Parse(b[:n]); err == nil && b[0] != KindData {
				t.Errorf("%T is taken with %d of %d bytes", s.f, n, len(b))
			}
		}
	}
}

func TestLimitsWhenEncoding(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	for _, f := range []Frame{&Reset{400, long}, &Close{1, 0, long}, &Hello{1, 1, 0, long}, &Redirect{URLs: []string{long, "a", "b", "c", "d", "e", "f", "g", "h", "i"}}} {
		if _, err := Parse(Append(nil, f)); err != nil {
			t.Errorf("%T: %v", f, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add(Append(nil, s.f))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if again := Append(nil, fr); !bytes.Equal(again, b) {
			t.Fatalf("%x is %+v, whose encoding is %x", b, fr, again)
		}
	})
}
