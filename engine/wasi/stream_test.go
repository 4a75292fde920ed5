package wasi

import (
	"io"
	"os"
	"strings"
	"testing"
)

// readAll reads a stream to its end, waiting as a guest does.
func readAll(t *testing.T, s Stream) string {
	t.Helper()
	var all strings.Builder
	buf := make([]byte, 100)
	for {
		n, err := s.Read(buf)
		all.Write(buf[:n])
		switch err {
		case nil:
		case ErrAgain:
			<-s.Readable()
		case io.EOF:
			return all.String()
		default:
			t.Fatal(err)
		}
	}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func TestFileStreamReads(t *testing.T) {
	r, w := pipe(t)
	s := FromFile(r)
	if _, err := s.Read(make([]byte, 9)); err != ErrAgain {
		t.Fatalf("empty pipe: %v", err)
	}
	text := strings.Repeat("0123456789", 30000)
	go func() {
		io.WriteString(w, text)
		w.Close()
	}()
	if got := readAll(t, s); got != text {
		t.Errorf("read %d bytes, want %d", len(got), len(text))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFileStreamSavesUnread(t *testing.T) {
	r, w := pipe(t)
	s := FromFile(r)
	io.WriteString(w, "first ")
	<-s.Readable()
	saved := s.Save()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	r2, w2 := pipe(t)
	s2 := FromFile(r2)
	if err := s2.Load(saved); err != nil {
		t.Fatal(err)
	}
	io.WriteString(w2, "second")
	w2.Close()
	if got := readAll(t, s2); got != "first second" {
		t.Errorf("read %q", got)
	}
	if err := s2.Close(); err != nil {
		t.Error(err)
	}
}

func TestFileStreamSendsUnsent(t *testing.T) {
	b := NewBuffer()
	b.Write([]byte("held back"))
	r, w := pipe(t)
	s := FromFile(w)
	if err := s.Load(b.Save()); err != nil {
		t.Fatal(err)
	}
	s.Write([]byte(", then more"))
	s.Close()
	w.Close()
	if got, _ := io.ReadAll(r); string(got) != "held back, then more" {
		t.Errorf("sent %q", got)
	}
}

func TestStreamsExchangeState(t *testing.T) {
	b := NewBuffer()
	b.Feed([]byte("input"))
	d := Discard()
	if err := d.Load(b.Save()); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, d); got != "input" {
		t.Errorf("read %q", got)
	}
	for _, s := range []Stream{NewBuffer(), Discard(), FromFile(os.Stdin)} {
		if err := s.Load([]byte("\xff nonsense")); err == nil {
			t.Errorf("%T took nonsense", s)
		}
	}
}

func TestBufferEnds(t *testing.T) {
	b := NewBuffer()
	b.Write([]byte("last"))
	b.Close()
	buf := make([]byte, 9)
	if n, err := b.Drain(buf); string(buf[:n]) != "last" || err != nil {
		t.Errorf("drained %q, %v", buf[:n], err)
	}
	if _, err := b.Drain(buf); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
	if _, err := b.Feed(buf); err != io.ErrClosedPipe {
		t.Errorf("fed after the end: %v", err)
	}
}
