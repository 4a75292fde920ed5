//go:build linux

package examples

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sojourn/examples/guests"
	"sojourn/internal/browser"
	"sojourn/internal/corpus"
)

// node starts a node in a process of its own, and returns its URL.
func node(t *testing.T, sojourn string, flags ...string) string {
	t.Helper()
	c := exec.Command(sojourn, append([]string{"node", "--quiet", "--state", t.TempDir()}, flags...)...)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(10*time.Second, func() { _ = c.Process.Kill() })
		_ = c.Wait()
		kill.Stop()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var said struct{ URL string }
	if err == nil {
		err = json.Unmarshal(line, &said)
	}
	if err != nil {
		t.Fatalf("%v did not start: %v", c, err)
	}
	return said.URL
}

// moving is a guest in a browser's terminal that moves between two nodes.
type moving struct {
	*browser.Page
	t       *testing.T
	sojourn string
	id      string
	nodes   [2]string
	at      int
}

// startMoving starts a guest on the first of two nodes with these flags.
func startMoving(t *testing.T, flags []string, module string, args ...string) *moving {
	t.Helper()
	m := &moving{t: t, sojourn: sojourn(t)}
	m.nodes = [2]string{node(t, m.sojourn, flags...), node(t, m.sojourn, flags...)}
	m.id = strings.TrimSpace(m.command(append([]string{"deploy", "--node", m.nodes[0], "--session", "one", module}, args...)...))
	return m
}

// terminal opens the guest's terminal page.
func (m *moving) terminal() {
	m.t.Helper()
	m.Page = browser.Start(m.t).Open(m.t, m.nodes[0]+"/terminal/"+m.id)
}

func (m *moving) command(args ...string) string {
	m.t.Helper()
	c := exec.Command(m.sojourn, args...)
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		m.t.Fatalf("%v: %v\n%s", c, err, said.String())
	}
	return string(out)
}

func (m *moving) move() {
	m.t.Helper()
	to := 1 - m.at
	m.command("migrate", "--node", m.nodes[m.at], m.id, "--to", m.nodes[to])
	m.at = to
}

// typeMoving types text, and the guest moves before each of its words but the first.
func (m *moving) typeMoving(text string) {
	m.t.Helper()
	for i, w := range strings.SplitAfter(text, " ") {
		if i > 0 {
			m.move()
		}
		m.Type(m.t, w)
	}
}

func (m *moving) awaitText(text string) {
	m.t.Helper()
	quoted, _ := json.Marshal(text)
	m.Await(m.t, "the text "+text, `document.querySelector("main").innerText.includes(`+string(quoted)+`)`)
}

// check looks at the whole text, and at which node the page says that it talks to.
func (m *moving) check(want, node, screenshot string) {
	m.t.Helper()
	m.awaitText(want)
	m.Await(m.t, "a connection", `document.querySelector("#status").dataset.state === "connected"`)
	m.Await(m.t, "the node "+node, `document.querySelector("#status").textContent.includes("`+node+`")`)
	if png := m.Screenshot(m.t, screenshot); len(png) < 1000 {
		m.t.Errorf("a screenshot of %d bytes", len(png))
	}
}

// TestPythonMoves types a sentence into CPython's prompt in raw mode, key by key; the guest
// moves before each word. Then a loop of several lines is typed across moves, in line mode.
func TestPythonMoves(t *testing.T) {
	p := corpus.CPython(t)
	m := startMoving(t, []string{"--allow-origin", "*"}, p.Module, "-c", "import sys, code; sys.stderr = sys.stdout; code.interact()")
	m.terminal()
	m.awaitText(">>> ")
	m.Click(t, "#raw")
	m.Click(t, "#echo")
	m.typeMoving("words = 'the text is whole'.split()\n")
	m.Click(t, "#line")
	m.typeMoving("for w in words:\n")
	m.awaitText("... ")
	m.Type(t, "  print(w.upper())\n\n")
	m.check("THE\nTEXT\nIS\nWHOLE\n>>> ", m.nodes[m.at], "python.png")
	if bad := m.Problems(); len(bad) > 0 {
		t.Errorf("the page complains: %q", bad)
	}
	if text := m.Text(t, `document.querySelector("main").innerText`); !strings.Contains(text, ">>> words = 'the text is whole'.split()\n>>> for w in words:\n... ") {
		t.Errorf("the page shows %q", text)
	}
}

// TestSQLiteMoves moves SQLite's shell within a transaction, and within a statement of it. The
// second node takes no pages of the first's: the page goes on through the first.
func TestSQLiteMoves(t *testing.T) {
	p := corpus.SQLite(t)
	m := startMoving(t, nil, p.Module, "-interactive")
	m.terminal()
	m.awaitText("sqlite> ")
	m.Type(t, "create table words(w);\nbegin;\n")
	m.typeMoving("insert into words values ('whole'), ('is'),\n")
	m.awaitText("...> ")
	m.move()
	m.typeMoving("('text'), ('the');\n")
	m.Type(t, "commit;\n")
	m.Reload(t)
	m.Type(t, "select group_concat(w, ' ') from (select w from words order by rowid desc);\n")
	m.check("the text is whole\nsqlite> ", m.nodes[0], "sqlite.png")
}

// converse sends requests by the line from within a page, and keeps the answers and what happened.
const converse = `(async (guest, requests) => {
	const { Session } = await import("/web/sojourn.js");
	const s = new Session({ urls: [location.origin], guest, mode: "lines" });
	window.talk = { answers: [], moves: 0, error: null };
	s.addEventListener("moved", () => talk.moves++);
	(async () => {
		for (const r of requests) {
			await s.send(r);
			await new Promise((done) => setTimeout(done, 5));
		}
	})().catch((e) => (talk.error = String(e)));
	(async () => {
		for await (const m of s) talk.answers.push(m);
	})().catch((e) => (talk.error = String(e)));
})`

// TestBrowserConversation holds a numbered conversation from within the browser, by the client
// alone, while the guest moves ten times.
func TestBrowserConversation(t *testing.T) {
	m := startMoving(t, []string{"--allow-origin", "*"}, "guests/bin/echo-kv.wasm")
	p := browser.Start(t).Open(t, m.nodes[0]+"/terminal/nobody")
	ledger := guests.NewLedger()
	var requests, want []string
	for i := range 500 {
		r := guests.Request(uint64(i + 1))
		requests, want = append(requests, r), append(want, ledger.Answer(r))
	}
	list, _ := json.Marshal(requests)
	p.Do(t, fmt.Sprintf("%s(%q, %s)", converse, m.id, list))
	for range 10 {
		m.move()
		p.Await(t, "the conversation to go on", `(() => { const n = window.count ?? 0; window.count = talk.answers.length; return talk.answers.length > n || talk.answers.length === 500 })()`)
	}
	p.Await(t, "all answers", `talk.answers.length >= 500 || talk.error`)
	var got []string
	if err := json.Unmarshal([]byte(p.Text(t, "JSON.stringify(talk.answers)")), &got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d answers, error %s; want %d in order: %q", len(got), p.Text(t, "String(talk.error)"), len(want), got)
	}
	if p.Text(t, "String(talk.moves)") == "0" {
		t.Error("the client saw no move")
	}
}
