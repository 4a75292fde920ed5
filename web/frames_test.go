package web_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"testing"

	sessionframe "sojourn/proxy/session/frame"
)

var update = flag.Bool("update", false, "write testdata instead of comparing it")

// frame is a frame of sojourn.v1, with its fields as sojourn.js names them.
type frame struct {
	kind   string
	fields []field
}

type field struct {
	name string
	v    any // a number of 1, 2, 4 or 8 bytes, a string, a list of URLs, or bytes
}

var kinds = map[string]byte{"hello": 1, "welcome": 2, "data": 3, "ack": 4, "resume": 5, "resumed": 6, "reset": 7,
	"hold": 8, "go": 9, "redirect": 10, "ping": 11, "pong": 12, "close": 13}

// bytes encodes a frame as docs/SESSIONS.md says.
func (f frame) bytes() []byte {
	b := []byte{kinds[f.kind]}
	for _, fd := range f.fields {
		b = appendValue(b, fd.v)
	}
	return b
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(binary.LittleEndian.AppendUint16(b, uint16(len(v))), v...)
	case []string:
		b = append(b, byte(len(v)))
		for _, s := range v {
			b = appendValue(b, s)
		}
		return b
	case []byte:
		return append(b, v...)
	}
	b, _ = binary.Append(b, binary.LittleEndian, v)
	return b
}

// json is the frame as the test of sojourn.js reads it.
func (f frame) json() map[string]any {
	m := map[string]any{"kind": f.kind}
	for _, fd := range f.fields {
		m[fd.name] = fd.v
		if b, ok := fd.v.([]byte); ok {
			m[fd.name] = map[string]string{"hex": hex.EncodeToString(b)}
		}
	}
	return m
}

func count(n, from int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(from + i)
	}
	return b
}

func golden() []frame {
	session, token, urls := count(16, 0xf0), count(32, 0x10), []string{"http://127.0.0.1:7070", "https://nödé.example"}
	terms := []field{{"epoch", uint64(3)}, {"received", uint64(1 << 40)}, {"sent", uint64(5)}, {"maxMessage", uint32(1 << 20)}, {"window", uint32(1 << 20)}, {"urls", urls}}
	versions := []field{{"oldest", uint16(1)}, {"newest", uint16(2)}}
	return []frame{
		{"hello", append(versions, field{"mode", uint8(2)}, field{"auth", "secrät"})},
		{"hello", append(versions, field{"mode", uint8(0)}, field{"auth", ""})},
		{"welcome", []field{{"version", uint16(1)}, {"session", session}, {"token", token}, {"epoch", uint64(1)}, {"received", uint64(0)},
			{"next", uint64(1)}, {"maxMessage", uint32(1 << 20)}, {"window", uint32(4096)}, {"urls", urls}}},
		{"data", []field{{"number", uint64(0x0102030405)}, {"type", uint8(1)}, {"payload", []byte("hé")}}},
		{"data", []field{{"number", uint64(1)}, {"type", uint8(2)}, {"payload", []byte{}}}},
		{"ack", []field{{"received", uint64(9)}, {"durable", uint64(8)}}},
		{"resume", append(versions, field{"session", session}, field{"token", token}, field{"epoch", uint64(2)},
			field{"received", uint64(7)}, field{"sent", uint64(1<<53 - 1)}, field{"auth", "t"})},
		{"resumed", append([]field{{"version", uint16(1)}, {"token", token}}, terms...)},
		{"reset", []field{{"reason", uint16(409)}, {"text", "a newer client took it over"}}},
		{"hold", []field{{"millis", uint32(12)}}},
		{"go", nil},
		{"redirect", []field{{"wait", uint32(10)}, {"try", uint32(30000)}, {"urls", urls[:1]}}},
		{"redirect", []field{{"wait", uint32(0)}, {"try", uint32(0)}, {"urls", []string{}}}},
		{"ping", []field{{"echo", count(8, 0xf8)}}},
		{"pong", []field{{"echo", count(8, 1)}}},
		{"close", []field{{"last", uint64(4)}, {"code", uint16(1)}, {"text", "7"}}},
	}
}

// TestGoldenFrames compares the bytes that the test of sojourn.js decodes and encodes.
func TestGoldenFrames(t *testing.T) {
	var all []map[string]any
	seen := map[string]bool{}
	for _, f := range golden() {
		seen[f.kind] = true
		b := f.bytes()
		if p, err := sessionframe.Parse(b); err != nil || !bytes.Equal(sessionframe.Append(nil, p), b) {
			t.Errorf("%s: Go reads it as %+v, %v", f.kind, p, err)
		}
		all = append(all, map[string]any{"frame": f.json(), "hex": hex.EncodeToString(b)})
	}
	if want := slices.Sorted(maps.Keys(kinds)); !slices.Equal(slices.Sorted(maps.Keys(seen)), want) {
		t.Errorf("golden frames of %v, want of each of %v", seen, want)
	}
	got, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const file = "client/testdata/frames.json"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what docs/SESSIONS.md says; go test ./web -run Golden -update writes it", file)
	}
}
