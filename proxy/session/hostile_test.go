package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/engine/wasi"
	"sojourn/proxy/session/frame"
)

// A line of exactly the length of a piece is a line still when the next client comes, and
// a piece is no line.
func TestLongLinesAreTakenOver(t *testing.T) {
	h := NewHub(Config{Name: "stdio", Kind: Stdio})
	want := []string{strings.Repeat("a", maxPiece), "b", strings.Repeat("c", maxPiece), "c", "d"}
	said := want[0] + "\n" + want[1] + "\n" + want[2] + want[3] + "\n" + want[4] + "\n"
	for len(said) > 0 {
		n, err := h.Stdout().Write([]byte(said))
		if err != nil {
			t.Fatal(err)
		}
		said = said[n:]
	}
	for client := range 3 {
		l, _ := attachTo(t, h, hello)
		for i, line := range want {
			if d, ok := until(t, l).(*frame.Data); !ok || string(d.Payload) != line {
				t.Fatalf("client %d: line %d is %.10q of %d bytes", client, i, d.Payload, len(d.Payload))
			}
		}
		_ = l.Close()
	}
}

// A client that acknowledges nothing is given so many messages, however short they are,
// and one that comes again and again leaves no more behind than the guest can be moved with.
func TestUnreadIsBounded(t *testing.T) {
	t.Run("output", func(t *testing.T) {
		m := &machine{codec: lines{}, window: Window, state: state{Mode: Lines}, attached: true}
		for range 10 {
			m.write(bytes.Repeat([]byte("\n"), Window))
			for m.next() != nil {
			}
		}
		if len(m.Out) > maxWaiting || m.room() != 0 {
			t.Errorf("%d messages are kept, and there is room for %d bytes", len(m.Out), m.room())
		}
	})
	t.Run("input", func(t *testing.T) {
		h := NewHub(Config{Name: "stdio", Kind: Stdio})
		refused := 0
		for range 10 {
			l, f := attachTo(t, h, hello)
			n := f.(*frame.Welcome).Received
			for i := range uint64(2) {
				_ = write(l, &frame.Data{Number: n + i + 1, Type: frame.Text, Payload: make([]byte, frame.MaxMessage)})
			}
			_ = write(l, &frame.Data{Number: n + 3, Type: frame.Text})
			_ = write(l, &frame.Ping{Number: 1})
			switch f := until(t, l).(type) {
			case *frame.Reset:
				if f.Reason != frame.Unavailable {
					t.Errorf("reset %d %s", f.Reason, f.Text)
				}
				refused++
			case *frame.Pong:
			}
			_ = l.Close()
		}
		if held := h.Sessions()[0].Held; refused == 0 || held > maxBytes {
			t.Errorf("%d bytes are held, %d clients were refused", held, refused)
		}
		to := NewHub(Config{Name: "stdio", Kind: Stdio})
		if err := to.Stdin().Load(h.Stdin().Save()); err != nil {
			t.Errorf("the guest cannot be moved: %v", err)
		}
	})
}

// A Hub that has sessions takes up no saved ones beside them.
func TestLoadedOnce(t *testing.T) {
	h := NewHub(Config{Name: "l", Kind: TCP})
	attachTo(t, h, hello)
	saved := h.Save()
	to := NewHub(Config{Name: "l", Kind: TCP})
	if err := to.Load(saved); err != nil {
		t.Fatal(err)
	}
	if err := to.Load(saved); err == nil {
		t.Error("it was loaded twice")
	}
	if _, err := to.Accept(); err != nil {
		t.Error(err)
	}
	if _, err := to.Accept(); !errors.Is(err, wasi.ErrAgain) {
		t.Errorf("a second connection: %v", err)
	}
	for _, h := range []*Hub{h, to} {
		_ = h.Close()
	}
}

// answerOf is a server's answer to the upgrade.
func answerOf(key string) string {
	return fmt.Sprintf("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accepts(key))
}

// heard is what comes of a guest's bytes, written in pieces of n.
func heard(t *testing.T, b []byte, n int) (list []message, end *ending) {
	m := &machine{codec: framed{}, window: Window, state: state{Mode: Messages}, attached: true}
	for b = append([]byte(answerOf(m.key())), b...); len(b) > 0 && m.OutEnd == nil; {
		k := m.write(b[:min(n, len(b))])
		b = b[k:]
		for f := m.next(); f != nil; f = m.next() {
			if d, ok := f.(*frame.Data); ok {
				list = append(list, message{Type: d.Type, Data: d.Payload})
				if err := m.take(&frame.Ack{Received: d.Number, Durable: d.Number}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if held := m.held(); held > 4*frame.MaxMessage {
			t.Fatalf("%d bytes are held", held)
		}
		if k == 0 && m.OutEnd == nil {
			t.Fatal("the guest can write no more, and nothing becomes of what it wrote")
		}
	}
	return list, m.OutEnd
}

// played is a connection to a server that says the same to everybody.
type played struct {
	net.Conn // for what nobody calls
	said     []byte
	answer   io.Reader
}

func (p *played) Write(b []byte) (int, error) {
	if p.answer == nil {
		_, key, _ := strings.Cut(string(b), "Sec-WebSocket-Key: ")
		key, _, _ = strings.Cut(key, "\r\n")
		p.answer = io.MultiReader(strings.NewReader(answerOf(key)), bytes.NewReader(p.said))
	}
	return len(b), nil
}

func (p *played) Read(b []byte) (int, error)     { return p.answer.Read(b) }
func (*played) SetDeadline(time.Time) error      { return nil }
func (*played) SetWriteDeadline(time.Time) error { return nil }
func (*played) SetReadDeadline(time.Time) error  { return nil }
func (*played) Close() error                     { return nil }

// FuzzGuestWebSocket: the guest's frames are the messages that another implementation reads
// in them, whatever pieces they come in.
func FuzzGuestWebSocket(f *testing.F) {
	f.Add([]byte("\x81\x05hello\x02\x01a\x89\x01p\x80\x01b\x88\x02\x03\xe8"), byte(3))
	f.Add([]byte("\x82\x7e\x00\x03abc\x01\x01\xc3\x80\x01\xa9\x8a\x00"), byte(1))
	f.Add([]byte("\x82\x7f\x00\x00\x00\x00\x7f\xff\xff\xffabc"), byte(9))
	f.Add([]byte("\x8a~\x00\x03000\x01\x01a"), byte(38))
	f.Add([]byte("\x8e\x03000"), byte(1))
	f.Add([]byte("\x80\x01a\x83\x00\xc1\x00\x81\x80mask"), byte(200))
	f.Fuzz(func(t *testing.T, b []byte, n byte) {
		whole, end := heard(t, b, len(b)+1)
		pieces, again := heard(t, b, int(n)+1)
		if fmt.Sprint(whole) != fmt.Sprint(pieces) || (end == nil) != (again == nil) {
			t.Fatalf("whole %v, in pieces %v; ends %v and %v", whole, pieces, end, again)
		}
		ws, other := theirs(t, b), 0
		for ; ; other++ {
			kind, data, err := ws.ReadMessage()
			if err != nil {
				break
			}
			if other >= len(whole) {
				// gorilla takes text that is not UTF-8.
				if end != nil && strings.Contains(end.Text, "UTF-8") {
					return
				}
				t.Fatalf("message %d, %q, is missing; the end is %v", other, data, end)
			}
			if int(whole[other].Type) != kind || !bytes.Equal(whole[other].Data, data) {
				t.Fatalf("message %d is %v, want %d %q", other, whole[other], kind, data)
			}
		}
		if len(whole) > other {
			t.Fatalf("%d messages, %d to another", len(whole), other)
		}
	})
}

// theirs is another client of a server that says b.
func theirs(t *testing.T, b []byte) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{NetDial: func(string, string) (net.Conn, error) { return &played{said: b}, nil }}
	ws, _, err := d.Dial("ws://guest/", nil)
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(frame.MaxMessage)
	return ws
}
