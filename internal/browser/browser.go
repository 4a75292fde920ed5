// Package browser drives a headless Chromium over its DevTools protocol, for tests of what a
// node gives to browsers.
//
//	b := browser.Start(t)                 // fails t when there is none, naming what installs it
//	p := b.Open(t, "http://127.0.0.1:7070/terminal/4f1d")
//	p.Type(t, "hello\r")
//	p.Await(t, "the echo", `document.body.innerText.includes("hello")`)
//	p.Screenshot(t, "terminal.png")
//
// The browser has an empty profile, asks nobody for updates, and is gone when the test ends.
package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const (
	startLimit = time.Minute
	callLimit  = time.Minute
	maxAnswer  = 64 << 20 // bytes: screenshots
)

var names = []string{"chromium", "chromium-browser", "google-chrome"}

var flags = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
	"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
	"--remote-debugging-port=0", "--remote-allow-origins=*", "--window-size=1000,640", "about:blank",
}

// Browser is one Chromium process.
type Browser struct {
	ws *websocket.Conn

	mu     sync.Mutex // of writes and of what follows
	last   int
	calls  map[int]chan answer
	events map[string]func(json.RawMessage) // by session and method
	gone   error
}

type answer struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// Start starts a browser for one test.
func Start(t testing.TB) *Browser {
	t.Helper()
	bin := find(t)
	c := exec.Command(bin, append([]string{"--user-data-dir=" + t.TempDir()}, flags...)...)
	stderr, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatalf("start %s: %v", bin, err)
	}
	said := make(chan string, 1)
	var reading sync.WaitGroup
	reading.Go(func() { said <- listening(stderr); _, _ = io.Copy(io.Discard, stderr) })
	t.Cleanup(func() {
		_ = c.Process.Kill()
		reading.Wait()
		_ = c.Wait()
	})
	select {
	case url := <-said:
		return connect(t, url)
	case <-time.After(startLimit):
		t.Fatalf("%s did not say where it listens within %v", bin, startLimit)
		return nil
	}
}

func find(t testing.TB) string {
	t.Helper()
	for _, n := range names {
		if bin, err := exec.LookPath(n); err == nil {
			return bin
		}
	}
	t.Fatal("there is no Chromium here: apt-get install -y --no-install-recommends chromium")
	return ""
}

// listening returns the URL that the browser prints, or "" when it ends before.
func listening(r io.Reader) string {
	for s := bufio.NewScanner(r); s.Scan(); {
		if _, url, ok := strings.Cut(s.Text(), "DevTools listening on "); ok {
			return url
		}
	}
	return ""
}

func connect(t testing.TB, url string) *Browser {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatalf("connect to the browser at %q: %v", url, err)
	}
	ws.SetReadLimit(maxAnswer)
	b := &Browser{ws: ws, calls: map[int]chan answer{}, events: map[string]func(json.RawMessage){}}
	var reading sync.WaitGroup
	reading.Go(b.read)
	t.Cleanup(func() {
		_ = ws.Close()
		reading.Wait()
	})
	return b
}

func (b *Browser) read() {
	for {
		var m struct {
			ID        int
			Method    string
			SessionID string
			Params    json.RawMessage
			answer
		}
		if err := b.ws.ReadJSON(&m); err != nil {
			b.end(err)
			return
		}
		b.mu.Lock()
		call, event := b.calls[m.ID], b.events[m.SessionID+m.Method]
		delete(b.calls, m.ID)
		b.mu.Unlock()
		switch {
		case m.Method != "" && event != nil:
			event(m.Params)
		case call != nil:
			call <- m.answer
		}
	}
}

func (b *Browser) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = fmt.Errorf("the browser is gone: %w", err)
	for _, c := range b.calls {
		close(c)
	}
	b.calls = nil
}

// call asks for one method of the protocol and stores the result in to, if that is not nil.
func (b *Browser) call(session, method string, params, to any) error {
	reply, err := b.send(session, method, params)
	if err != nil {
		return err
	}
	select {
	case a, ok := <-reply:
		switch {
		case !ok:
			return b.gone
		case a.Error != nil:
			return fmt.Errorf("%s: %s", method, a.Error.Message)
		case to == nil:
			return nil
		}
		return json.Unmarshal(a.Result, to)
	case <-time.After(callLimit):
		return fmt.Errorf("%s: no answer within %v", method, callLimit)
	}
}

func (b *Browser) send(session, method string, params any) (<-chan answer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone != nil {
		return nil, b.gone
	}
	b.last++
	m := map[string]any{"id": b.last, "method": method, "params": params}
	if session != "" {
		m["sessionId"] = session
	}
	reply := make(chan answer, 1)
	b.calls[b.last] = reply
	return reply, b.ws.WriteJSON(m)
}

func save(path string, b []byte) error {
	if dir := os.Getenv("SOJOURN_SCREENSHOTS"); dir != "" {
		path = dir + "/" + path
		return os.WriteFile(path, b, 0o644)
	}
	return nil
}
