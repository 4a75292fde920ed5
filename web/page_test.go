package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sojourn/internal/browser"
)

const shown = `document.querySelector("main").innerText`

func state(s string) string { return `document.querySelector("#status").dataset.state === "` + s + `"` }

// TestTerminalMoves types into the page, key by key, while the guest moves, and loads the page
// again: the text is whole.
func TestTerminalMoves(t *testing.T) {
	m := newModel(t)
	p := browser.Start(t).Open(t, m.page("echo"))
	p.Await(t, "a session", state("connected"))
	p.Await(t, "the prompt", shown+`.includes("> ")`)
	p.Click(t, "#raw")
	words := strings.Fields("the quick brown fox jumps over the lazy dog")
	for i, w := range words {
		if i == 3 {
			m.hold(t)
			p.Await(t, "the status to say that it moves", state("held"))
		}
		if i%2 == 0 {
			p.Type(t, w[:1])
			m.move(t)
			w = w[1:]
		}
		p.Type(t, w+" ")
	}
	p.Type(t, "\n")
	p.Await(t, "five moves", `document.querySelector("#moves").textContent === "5 moves"`)
	p.Await(t, "the text whole, and no other", fmt.Sprintf(`%s.trim() === %q`, shown, "> "+strings.Join(words, " ")))
	p.Click(t, "#line")
	p.Type(t, "half a li")
	p.Reload(t)
	p.Await(t, "the same text, from before", shown+`.includes("lazy dog")`)
	p.Await(t, "the session again", state("connected"))
	p.Type(t, "a line\n")
	p.Await(t, "its echo", shown+`.includes("a line\na line")`)
	if m.resumes != 6 {
		t.Errorf("the session was resumed %d times, want 6", m.resumes)
	}
	p.Screenshot(t, "terminal-model.png")
	m.end("3")
	p.Await(t, "the exit code", `document.querySelector("#status").textContent.includes("exit code 3")`)
	if bad := p.Problems(); len(bad) > 0 {
		t.Errorf("the page complains: %q", bad)
	}
}

// TestTerminalToken asks the person for the token that the node wants.
func TestTerminalToken(t *testing.T) {
	m := newModel(t)
	m.token = "sesame"
	p := browser.Start(t).Open(t, m.page("echo"))
	p.Await(t, "the question", `document.querySelector("#ask").open`)
	p.Screenshot(t, "terminal-token.png")
	p.Type(t, "sesame\n")
	p.Await(t, "a session", state("connected"))
	p.Await(t, "the prompt", shown+`.includes("> ")`)
	p.Type(t, "hello\n")
	p.Await(t, "the echo", shown+`.includes("hello\nhello")`)
}

// TestHeaders checks that the page may load nothing of others, and is not framed.
func TestHeaders(t *testing.T) {
	m := newModel(t)
	for _, path := range []string{"/terminal/x", "/web/terminal.js", "/web/screen.js", "/web/sojourn.js", "/web/terminal.css"} {
		res, err := http.Get(m.nodes[0].URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		csp := res.Header.Get("Content-Security-Policy")
		if res.StatusCode != 200 || !strings.HasPrefix(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: %s with policy %q", path, res.Status, csp)
		}
	}
}
