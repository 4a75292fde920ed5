package browser

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

const awaitLimit = 30 * time.Second

// Page is one tab.
type Page struct {
	b       *Browser
	session string

	mu       sync.Mutex
	problems []string // errors that the page's own code raised, and what it put on the console
}

type none struct{}

// Open opens a page in a new tab, and waits until it is loaded.
func (b *Browser) Open(t testing.TB, url string) *Page {
	t.Helper()
	var target struct{ TargetID string }
	must(t, b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target))
	var at struct{ SessionID string }
	must(t, b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &at))
	p := &Page{b: b, session: at.SessionID}
	p.on("Runtime.exceptionThrown", func(m json.RawMessage) { p.problem(m) })
	p.on("Log.entryAdded", func(m json.RawMessage) { p.problem(m) })
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		must(t, p.call(domain+".enable", none{}, nil))
	}
	must(t, p.call("Page.navigate", map[string]any{"url": url}, nil))
	p.Await(t, "the page "+url, `document.readyState === "complete" && location.href !== "about:blank"`)
	return p
}

func (p *Page) on(method string, f func(json.RawMessage)) {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	p.b.events[p.session+method] = f
}

func (p *Page) problem(m json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = append(p.problems, string(m))
}

// Problems returns what the page's code, or the browser for it, complained of.
func (p *Page) Problems() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.problems)
}

func (p *Page) call(method string, params, to any) error {
	return p.b.call(p.session, method, params, to)
}

// eval stores the value of an expression in to; promises are waited for. It is an error when the
// code throws.
func (p *Page) eval(code string, to any) error {
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.call("Runtime.evaluate", map[string]any{"expression": code, "returnByValue": true, "awaitPromise": true}, &r)
	switch {
	case err != nil:
		return err
	case r.ExceptionDetails != nil:
		return fmt.Errorf("%s: %s %s", code, r.ExceptionDetails.Text, r.ExceptionDetails.Exception.Description)
	case len(r.Result.Value) == 0:
		return nil // undefined
	}
	return json.Unmarshal(r.Result.Value, to)
}

// Do evaluates an expression for what it does, and waits for it if it is a promise.
func (p *Page) Do(t testing.TB, code string) {
	t.Helper()
	must(t, p.eval("Promise.resolve("+code+").then(() => true)", new(bool)))
}

// Text returns the value of an expression that is a string.
func (p *Page) Text(t testing.TB, code string) string {
	t.Helper()
	var s string
	must(t, p.eval(code, &s))
	return s
}

// Await waits until an expression is true, and fails t when it it is not within 30 s.
func (p *Page) Await(t testing.TB, what, code string) {
	t.Helper()
	var err error
	for end := time.Now().Add(awaitLimit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var ok bool
		if err = p.eval("!!("+code+")", &ok); err == nil && ok { // an error: the page is being loaded
			return
		}
	}
	var text string
	_ = p.eval(`document.body.innerText`, &text)
	t.Fatalf("waited %v in vain for %s (%v); problems: %q; the page says:\n%s", awaitLimit, what, err, p.Problems(), text)
}

// Type presses keys, one after the other: \n is Enter.
func (p *Page) Type(t testing.TB, text string) {
	t.Helper()
	for _, r := range text {
		p.press(t, r)
	}
}

func (p *Page) press(t testing.TB, r rune) {
	t.Helper()
	key := map[string]any{"type": "keyDown", "text": string(r), "key": string(r)}
	if r == '\n' {
		key = map[string]any{"type": "keyDown", "text": "\r", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
	}
	must(t, p.call("Input.dispatchKeyEvent", key, nil))
	key["type"] = "keyUp"
	delete(key, "text")
	must(t, p.call("Input.dispatchKeyEvent", key, nil))
}

// Click clicks on the first element that matches a selector.
func (p *Page) Click(t testing.TB, selector string) {
	t.Helper()
	var at struct{ X, Y float64 }
	must(t, p.eval(fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return {X: r.x + r.width/2, Y: r.y + r.height/2} })()`, selector), &at))
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		must(t, p.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil))
	}
}

// Reload loads the page again.
func (p *Page) Reload(t testing.TB) {
	t.Helper()
	must(t, p.eval(`window.beforeReload = true`, new(bool)))
	must(t, p.call("Page.reload", none{}, nil))
	p.Await(t, "the page again", `!window.beforeReload && document.readyState === "complete"`)
}

// Screenshot returns the page as a PNG, and keeps it as name in the folder that
// SOJOURN_SCREENSHOTS names, if it does.
func (p *Page) Screenshot(t testing.TB, name string) []byte {
	t.Helper()
	var shot struct{ Data []byte }
	must(t, p.call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot))
	must(t, save(name, shot.Data))
	return shot.Data
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
