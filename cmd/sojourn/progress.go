package main

import (
	"encoding/json"
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"sojourn/orchestrator"
	"sojourn/proxy/api"
)

// progress shows migrations: as bars on a terminal, as JSON lines elsewhere.
type progress struct {
	lines *json.Encoder // nil on a terminal
	bars  *mpb.Progress
	bar   map[string]*mpb.Bar
	step  map[string]string
}

func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progress{bars: mpb.New(mpb.WithOutput(w)), bar: map[string]*mpb.Bar{}, step: map[string]string{}}
	}
	return &progress{lines: json.NewEncoder(w)}
}

func (p *progress) event(e orchestrator.Event) {
	switch {
	case p.lines != nil && (e.Progress != nil || e.Decision != nil):
		_ = p.lines.Encode(e)
	case p.lines == nil && e.Progress != nil:
		p.show(*e.Progress)
	}
}

func (p *progress) progress(pr api.Progress) {
	if p.lines != nil {
		_ = p.lines.Encode(api.Event{Progress: &pr})
		return
	}
	p.show(pr)
}

// show moves the bar of a migration on: bytes sent, of those and the ones left.
func (p *progress) show(pr api.Progress) {
	b := p.bar[pr.Migration]
	if b == nil {
		id := pr.Migration
		b = p.bars.AddBar(0,
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return p.step[id] }, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f")))
		p.bar[id] = b
	}
	p.step[pr.Migration] = pr.Step
	b.SetTotal(pr.BytesSent+pr.BytesLeft, false)
	b.SetCurrent(pr.BytesSent)
}

func (p *progress) close() {
	if p.bars == nil {
		return
	}
	for _, b := range p.bar {
		b.SetTotal(-1, true)
	}
	p.bars.Wait()
}
