package proxy

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/proxy/api"
	"sojourn/proxy/client"
	"sojourn/proxy/session/frame"
)

// siege is a node under attack, and a conversation that is not to notice.
type siege struct {
	*process
	guest  api.Guest
	before int // KiB that the process held
	good   *tale
}

func besiege(t *testing.T) *siege {
	t.Helper()
	t.Setenv(nodeToken, "secret")
	s := &siege{process: newProcess(t, false, "")}
	s.guest = deploySums(t, s.Client)
	conn, err := client.DialConn(testContext(t), client.Options{URLs: []string{s.URL()}, Guest: s.guest.ID, Listener: "sum", Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	s.good = newTale(conn)
	s.before = s.peak(t)
	return s
}

// peak is the most that the process has held, in KiB.
func (s *siege) peak(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// lifted checks that the conversation went on, and that the node has not held more than so
// many MiB for all that came.
func (s *siege) lifted(t *testing.T, most int) {
	t.Helper()
	if err := s.good.end(); err != nil {
		t.Errorf("the conversation that went on: %v", err)
	}
	held := (s.peak(t) - s.before) >> 10
	t.Logf("%d MiB before, and at most %d more; %d lines were answered meanwhile", s.before>>10, held, s.good.lines)
	if held > most {
		t.Errorf("the node has held %d MiB more, at most %d was to be expected", held, most)
	}
}

func (s *siege) endpoint(guest, listener string) string {
	return "ws" + strings.TrimPrefix(s.URL(), "http") + client.Endpoint(guest, listener)
}

// Ten thousand handshakes that nobody ends are open at a time, as far as the node lets them:
// connections without a request, requests without an end, sockets without a first frame,
// and first frames that announce the largest message and do not end.
func TestHalfOpenHandshakes(t *testing.T) {
	s := besiege(t)
	upgrade := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: sojourn.v1\r\n\r\n", client.Endpoint(s.guest.ID, "sum"))
	large := append([]byte{0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0}, make([]byte, 500<<10)...)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	for worker := range 16 {
		wg.Go(func() {
			for i := worker; i < 10000; i += 16 {
				c, err := net.Dial("tcp", s.listen)
				if err != nil {
					continue // the node's queue is full
				}
				mu.Lock()
				open = append(open, c)
				mu.Unlock()
				_ = c.SetWriteDeadline(time.Now().Add(time.Second))
				switch i % 4 {
				case 1:
					_, _ = c.Write([]byte(upgrade[:len(upgrade)-2]))
				case 2:
					_, _ = c.Write([]byte(upgrade))
				case 3:
					_, _ = c.Write([]byte(upgrade))
					_, _ = c.Write(large)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d connections were made", len(open))
	if len(open) < 5000 {
		t.Error("too few to prove anything")
	}
	s.lifted(t, 256)
	for _, c := range open {
		_ = c.Close()
	}
	if _, err := s.Node(testContext(t)); err != nil {
		t.Errorf("the node lets nobody in when they are gone: %v", err)
	}
}

// Whoever says what is wrong is told so by a code; what comes again is dropped.
func TestWrongFrames(t *testing.T) {
	s := besiege(t)
	d := websocket.Dialer{Subprotocols: []string{client.Protocol}}
	enc := func(f frame.Frame) []byte { return frame.Append(nil, f) }
	hello := enc(&frame.Hello{Oldest: 1, Newest: 1, Auth: "secret"})
	num := func(n uint64) []byte { return enc(&frame.Data{Number: n, Type: frame.Binary, Payload: []byte("1")}) }
	big := enc(&frame.Data{Number: 1, Type: frame.Binary, Payload: make([]byte, frame.MaxMessage)})
	for name, c := range map[string]struct {
		frames [][]byte
		code   int
	}{
		"no bearer token":      {[][]byte{enc(&frame.Hello{Oldest: 1, Newest: 1})}, 4401},
		"another's":            {[][]byte{enc(&frame.Hello{Oldest: 1, Newest: 1, Auth: "public"})}, 4401},
		"no such session":      {[][]byte{enc(&frame.Resume{Oldest: 1, Newest: 1, Auth: "secret"})}, 4410},
		"not first":            {[][]byte{num(1)}, 4400},
		"hello twice":          {[][]byte{hello, hello}, 4400},
		"welcome of a client":  {[][]byte{hello, enc(&frame.Welcome{Version: 1, Next: 1})}, 4400},
		"a gap":                {[][]byte{hello, num(1), num(3)}, 4411},
		"not sent":             {[][]byte{hello, enc(&frame.Ack{Received: 9})}, 4411},
		"behind the end":       {[][]byte{hello, enc(&frame.Close{}), num(1)}, 4400},
		"an end before":        {[][]byte{hello, num(1), enc(&frame.Close{})}, 4400},
		"a first frame's size": {[][]byte{make([]byte, 9<<10)}, 1009},
		"size":                 {[][]byte{hello, append(big, 0)}, 1009},
	} {
		if code := s.provoke(t, &d, websocket.BinaryMessage, c.frames); code != c.code {
			t.Errorf("%s: close code %d, want %d", name, code, c.code)
		}
	}
	if code := s.provoke(t, &d, websocket.TextMessage, [][]byte{[]byte("hello")}); code != 4400 {
		t.Errorf("text: close code %d", code)
	}
	s.lifted(t, 128)
}

// provoke says frames, and returns the code that the node closes with.
func (s *siege) provoke(t *testing.T, d *websocket.Dialer, kind int, frames [][]byte) int {
	t.Helper()
	ws, _, err := d.DialContext(testContext(t), s.endpoint(s.guest.ID, "sum"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	for _, f := range frames {
		_ = ws.WriteMessage(kind, f)
	}
	return closing(t, ws)
}

// closing is the code that the node closes with.
func closing(t *testing.T, ws *websocket.Conn) int {
	t.Helper()
	_ = ws.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		if _, _, err := ws.ReadMessage(); err != nil {
			var ce *websocket.CloseError
			if !errors.As(err, &ce) {
				t.Fatal(err)
			}
			return ce.Code
		}
	}
}

// Clients that read nothing are slow for themselves only, also when they say nonsense while
// the guest speaks to them. All are told why they are left.
func TestSlowReaders(t *testing.T) {
	s := besiege(t)
	ctx := testContext(t)
	g, err := s.Run(ctx, module(t, "go-lines"), api.Spec{Args: []string{"lines"}, Session: api.Many})
	if err != nil {
		t.Fatal(err)
	}
	s.before = s.peak(t) // with the guest's code
	slow := map[*websocket.Conn]int{}
	for i := range 20 {
		ws := s.deaf(t, g.ID)
		defer ws.Close()
		slow[ws] = 4429 - 29*(i%2) // each other says nonsense
	}
	good, err := client.Dial(ctx, client.Options{URLs: []string{s.URL()}, Guest: g.ID, Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	payload := strings.Repeat("x", 16<<10)
	for i := range 500 {
		want := fmt.Sprint(i+1, " ")
		if err := good.Send(ctx, client.Message{Kind: client.Text, Data: []byte(want + payload)}); err != nil {
			t.Fatal(err)
		}
		if got, err := good.Receive(ctx); err != nil || !strings.HasPrefix(string(got.Data), want) {
			t.Fatalf("answer %d: %.80q, %v", i, got.Data, err)
		}
		for ws, code := range slow {
			if i == 20 && code == 4400 {
				_ = ws.WriteMessage(websocket.BinaryMessage, []byte("nonsense"))
			}
		}
	}
	s.lifted(t, 256)
	for ws, code := range slow {
		if got := closing(t, ws); got != code {
			t.Errorf("close code %d, want %d", got, code)
		}
	}
}

// deaf is a client that begins a session and reads nothing.
func (s *siege) deaf(t *testing.T, guest string) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{client.Protocol}}
	ws, _, err := d.DialContext(testContext(t), s.endpoint(guest, client.Stdio), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = ws.NetConn().(*net.TCPConn).SetReadBuffer(64 << 10)
	if err := ws.WriteMessage(websocket.BinaryMessage, frame.Append(nil, &frame.Hello{Oldest: 1, Newest: 1, Auth: "secret"})); err != nil {
		t.Fatal(err)
	}
	return ws
}
