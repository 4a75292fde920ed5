package web_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/web"
)

// model is a guest that says back each byte, on one of two nodes: what the page needs of a
// guest's end, for what real nodes cannot be made to do at will.
type model struct {
	nodes [2]*httptest.Server
	token string // that HELLO and RESUME must show

	mu       sync.Mutex
	at       int
	epoch    uint64
	secret   []byte
	received uint64
	said     [][]byte
	link     *websocket.Conn
	resumes  int
	quiet    bool // held: takes and says nothing
}

func newModel(t *testing.T) *model {
	m := &model{epoch: 1}
	for i := range m.nodes {
		mux := http.NewServeMux()
		mux.Handle("/", web.Handler())
		mux.HandleFunc("GET /v1/guests/{id}/connect/stdio", func(w http.ResponseWriter, r *http.Request) { m.serve(i, w, r) })
		m.nodes[i] = httptest.NewServer(mux)
		t.Cleanup(m.nodes[i].Close)
	}
	t.Cleanup(func() { m.cut(websocket.CloseNormalClosure) })
	return m
}

func (m *model) page(guest string) string { return m.nodes[0].URL + "/terminal/" + guest }

func (m *model) serve(node int, w http.ResponseWriter, r *http.Request) {
	u := websocket.Upgrader{Subprotocols: []string{"sojourn.v1"}, CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := u.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	for {
		_, b, err := ws.ReadMessage()
		if err != nil {
			return
		}
		m.mu.Lock()
		m.take(node, ws, b)
		m.mu.Unlock()
	}
}

func u64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// take acts on one frame. The caller holds mu.
func (m *model) take(node int, ws *websocket.Conn, b []byte) {
	switch {
	case node != m.at:
		write(ws, m.redirect())
		finish(ws, websocket.CloseServiceRestart)
	case b[0] == kinds["hello"] && !bytes.HasSuffix(b, []byte(m.token)), b[0] == kinds["resume"] && !bytes.HasSuffix(b, []byte(m.token)):
		write(ws, frame{"reset", []field{{"reason", uint16(401)}, {"text", "the node wants its token"}}})
		finish(ws, 4401)
	case b[0] == kinds["hello"]:
		m.begin(ws)
	case b[0] == kinds["resume"] && !bytes.Equal(b[21:53], m.secret):
		write(ws, frame{"reset", []field{{"reason", uint16(403)}, {"text", "wrong token"}}})
		finish(ws, 4403)
	case b[0] == kinds["resume"]:
		m.resume(ws, u64(b[61:]))
	case b[0] == kinds["ping"]:
		write(ws, frame{"pong", []field{{"echo", b[1:]}}})
	case b[0] == kinds["data"] && ws == m.link && !m.quiet && u64(b[1:]) == m.received+1:
		m.received++
		write(ws, frame{"ack", []field{{"received", m.received}, {"durable", m.received}}})
		m.say(b[10:])
	}
}

func (m *model) rotate(ws *websocket.Conn) {
	m.link = ws
	m.secret = make([]byte, 32)
	_, _ = rand.Read(m.secret)
}

func (m *model) limits() []field {
	return []field{{"maxMessage", uint32(1 << 20)}, {"window", uint32(1 << 20)}, {"urls", []string{m.nodes[m.at].URL}}}
}

func (m *model) begin(ws *websocket.Conn) {
	m.received, m.said = 0, nil
	m.rotate(ws)
	write(ws, frame{"welcome", append([]field{{"version", uint16(1)}, {"session", count(16, 0)}, {"token", m.secret},
		{"epoch", m.epoch}, {"received", uint64(0)}, {"next", uint64(1)}}, m.limits()...)})
	m.say([]byte("> "))
}

func (m *model) resume(ws *websocket.Conn, from uint64) {
	m.resumes++
	m.rotate(ws)
	write(ws, frame{"resumed", append([]field{{"version", uint16(1)}, {"token", m.secret}, {"epoch", m.epoch},
		{"received", m.received}, {"sent", uint64(len(m.said))}}, m.limits()...)})
	for i := from; i < uint64(len(m.said)); i++ {
		write(ws, frame{"data", []field{{"number", i + 1}, {"type", uint8(2)}, {"payload", m.said[i]}}})
	}
}

func (m *model) say(b []byte) {
	m.said = append(m.said, b)
	write(m.link, frame{"data", []field{{"number", uint64(len(m.said))}, {"type", uint8(2)}, {"payload", b}}})
}

func (m *model) redirect() frame {
	return frame{"redirect", []field{{"wait", uint32(5)}, {"try", uint32(30000)}, {"urls", []string{m.nodes[m.at].URL}}}}
}

// here locks m once the client is here.
func (m *model) here(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		m.mu.Lock()
		if m.link != nil {
			return
		}
		m.mu.Unlock()
		if time.Now().After(end) {
			t.Fatal("the client did not come back within a minute")
		}
	}
}

// hold says that the guest is about to move.
func (m *model) hold(t *testing.T) {
	m.here(t)
	defer m.mu.Unlock()
	m.quiet = true
	write(m.link, frame{"hold", []field{{"millis", uint32(20)}}})
}

// move moves the guest to the other node, and sends the client there.
func (m *model) move(t *testing.T) {
	m.here(t)
	defer m.mu.Unlock()
	m.at, m.epoch, m.quiet = 1-m.at, m.epoch+1, false
	write(m.link, m.redirect())
	finish(m.link, websocket.CloseServiceRestart)
	m.link = nil
}

// end ends the guest.
func (m *model) end(code string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	write(m.link, frame{"close", []field{{"last", uint64(len(m.said))}, {"code", uint16(1)}, {"text", code}}})
}

func (m *model) cut(code int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.link != nil {
		finish(m.link, code)
		_ = m.link.Close()
	}
}

// write and finish do nothing to a client that is away.
func write(ws *websocket.Conn, f frame) {
	if ws != nil {
		_ = ws.WriteMessage(websocket.BinaryMessage, f.bytes())
	}
}

func finish(ws *websocket.Conn, code int) {
	if ws == nil {
		return
	}
	_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
}
