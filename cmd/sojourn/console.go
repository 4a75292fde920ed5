package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"sojourn/proxy/client"
)

// console is the terminal that a session is joined to. Its lowest row, out of reach of what
// scrolls, is a status line; where there is no terminal, statuses are lines of stderr.
//
// A guest has no terminal driver of its own. So in raw mode Enter sends a line feed, and the
// guest's line feeds begin at the left.
type console struct {
	in     *os.File
	keys   bool
	was    *term.State // of the terminal before; nil if it is as it was
	size   func() (width, height int, err error)
	quiet  bool
	stderr io.Writer

	mu   sync.Mutex
	out  io.Writer
	rows int // of the screen that the status row was made for; 0 without one
	last byte
}

func newConsole(in *os.File, out, stderr io.Writer, keys, quiet bool) (*console, error) {
	c := &console{in: in, out: out, stderr: stderr, keys: keys, quiet: quiet}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) && !quiet {
		c.size = func() (int, int, error) { return term.GetSize(int(f.Fd())) }
	}
	if !keys {
		return c, nil
	}
	if !term.IsTerminal(int(in.Fd())) {
		return nil, hint(usagef("--raw needs a terminal, and standard input is none"), "without --raw what comes on standard input is sent as it is")
	}
	var err error
	c.was, err = term.MakeRaw(int(in.Fd()))
	return c, err
}

// restore leaves the terminal as it was.
func (c *console) restore() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows > 0 {
		fmt.Fprintf(c.out, "\x1b7\x1b[%d;1H\x1b[2K\x1b[r\x1b8", c.rows)
	}
	if c.was == nil {
		return
	}
	_ = term.Restore(int(c.in.Fd()), c.was)
	fmt.Fprintln(c.out)
}

// read reads what is typed; in raw mode up to the detach key.
func (c *console) read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	if !c.keys {
		return n, err
	}
	if i := bytes.IndexByte(b[:n], detachKey); i >= 0 {
		n, err = i, errDetached
	}
	for i := range n {
		if b[i] == '\r' {
			b[i] = '\n'
		}
	}
	return n, err
}

// show writes what the guest says.
func (c *console) show(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.was != nil {
		b = c.fromLeft(b)
	}
	_, err := c.out.Write(b)
	return err
}

// fromLeft puts a carriage return before each line feed that has none.
func (c *console) fromLeft(b []byte) []byte {
	out := make([]byte, 0, len(b)+8)
	for _, v := range b {
		if v == '\n' && c.last != '\r' {
			out = append(out, '\r')
		}
		out = append(out, v)
		c.last = v
	}
	return out
}

// watch says what happens to the session until it is over.
func (c *console) watch(node string, events <-chan client.Event) {
	c.status("at " + node)
	var since time.Time // the session stood still
	for e := range events {
		if since.IsZero() {
			since = time.Now()
		}
		switch e.Kind {
		case client.Held:
			c.status("moving: what you type is kept")
		case client.Cut:
			c.status(fmt.Sprintf("lost %s: looking for the guest, what you type is kept", node))
		case client.Moved:
			if len(e.URLs) > 0 {
				node = e.URLs[0]
			}
			continue
		case client.Resumed, client.Going:
			c.status(fmt.Sprintf("held %s, now at %s", took(time.Since(since)), node))
		case client.Rewound:
			c.status(fmt.Sprintf("the guest is back from an older image: its last %d messages come again", e.From-e.To))
			continue
		}
		if e.Kind != client.Held && e.Kind != client.Cut {
			since = time.Time{}
		}
	}
}

func took(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// status shows a line of text.
func (c *console) status(text string) {
	if c.quiet {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size == nil {
		fmt.Fprintf(c.stderr, "sojourn: %s\n", text)
		return
	}
	width, height, err := c.size()
	if err != nil || width < 20 || height < 4 {
		return
	}
	var b strings.Builder
	if c.rows != height {
		// A line of room, then all rows but the lowest scroll.
		fmt.Fprintf(&b, "\n\x1b[A\x1b7\x1b[1;%dr\x1b8", height-1)
		c.rows = height
	}
	line := []rune(" sojourn: " + text)
	if help := []rune("Ctrl+] leaves "); c.keys && len(line)+len(help)+2 < width {
		line = slices.Concat(line, []rune(strings.Repeat(" ", width-len(line)-len(help))), help)
	}
	fmt.Fprintf(&b, "\x1b7\x1b[%d;1H\x1b[7m%-*s\x1b[m\x1b8", height, width, string(line[:min(len(line), width)]))
	_, _ = io.WriteString(c.out, b.String())
}
