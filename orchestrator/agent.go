package orchestrator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/proxy/api"
)

const (
	dialLimit   = 10 * time.Second
	answerLimit = 15 * time.Second // for an answer to a report
	maxMessage  = 4 << 20          // bytes of a report or an answer
)

// AgentConfig is how a node finds its orchestrator. URL and Info are needed.
type AgentConfig struct {
	URL   string          // of the orchestrator, http://host:port
	Token string          // shown to it when not empty
	TLS   *tls.Config     // for https
	Info  func() api.Node // what to report, now; such as (*proxy.Node).Info

	MinWait time.Duration // before dialling again, at first; 100 ms when 0
	MaxWait time.Duration // and at most; 10 s when 0

	Log *slog.Logger // discarded when nil
}

// Agent is a node's side of /v1/register: it dials in, reports on time, and
// dials again, with growing and random waits, whenever the connection ends.
type Agent struct {
	cfg   AgentConfig
	url   string
	nudge chan struct{}
}

// NewAgent checks the configuration; Run does the work.
func NewAgent(cfg AgentConfig) (*Agent, error) {
	base, err := parseBase(cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.Info == nil {
		return nil, errors.New("agent: nothing to report")
	}
	fill(&cfg.MinWait, 100*time.Millisecond)
	fill(&cfg.MaxWait, 10*time.Second)
	fill(&cfg.Log, slog.New(slog.DiscardHandler))
	if cfg.MinWait < 0 || cfg.MaxWait < cfg.MinWait {
		return nil, fmt.Errorf("agent: waits from %v to %v", cfg.MinWait, cfg.MaxWait)
	}
	return &Agent{
		cfg:   cfg,
		url:   "ws" + strings.TrimPrefix(base, "http") + "/v1/register",
		nudge: make(chan struct{}, 1),
	}, nil
}

// Notify has the agent report at once, because something changed. It never
// blocks.
func (a *Agent) Notify() {
	select {
	case a.nudge <- struct{}{}:
	default:
	}
}

// Run reports until ctx ends. It is called once.
func (a *Agent) Run(ctx context.Context) {
	wait := a.cfg.MinWait
	for {
		taken, err := a.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if taken {
			wait = a.cfg.MinWait
		}
		a.cfg.Log.Warn("orchestrator out of touch; dialling again", "url", a.url, "err", err, "within", wait)
		if !sleep(ctx, jitter(wait)) {
			return
		}
		wait = min(2*wait, a.cfg.MaxWait)
	}
}

// connect reports over one connection until it fails; taken says that at
// least one report was.
func (a *Agent) connect(ctx context.Context) (taken bool, err error) {
	conn, err := a.dial(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	conn.SetReadLimit(maxMessage)
	for seq := uint64(1); ; seq++ {
		beat, err := exchange(conn, Report{Seq: seq, Node: a.cfg.Info()})
		if err != nil {
			return taken, err
		}
		if !taken {
			a.cfg.Log.Info("registered with the orchestrator", "url", a.url)
		}
		taken = true
		if !a.idle(ctx, beat) {
			return taken, ctx.Err()
		}
	}
}

func (a *Agent) dial(ctx context.Context) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	h := http.Header{}
	if a.cfg.Token != "" {
		h.Set("Authorization", "Bearer "+a.cfg.Token)
	}
	d := websocket.Dialer{TLSClientConfig: a.cfg.TLS, Proxy: http.ProxyFromEnvironment}
	conn, res, err := d.DialContext(ctx, a.url, h)
	if err != nil && res != nil {
		defer res.Body.Close()
		return nil, answerError(res)
	}
	return conn, err
}

// exchange makes one report and returns when the next is due.
func exchange(conn *websocket.Conn, r Report) (time.Duration, error) {
	due := time.Now().Add(answerLimit)
	if err := errors.Join(conn.SetWriteDeadline(due), conn.SetReadDeadline(due)); err != nil {
		return 0, err
	}
	if err := conn.WriteJSON(r); err != nil {
		return 0, fmt.Errorf("report: %w", err)
	}
	var ans Answer
	if err := conn.ReadJSON(&ans); err != nil {
		return 0, fmt.Errorf("answer to a report: %w", err)
	}
	switch {
	case ans.Error != nil:
		return 0, ans.Error
	case ans.Seq != r.Seq:
		return 0, fmt.Errorf("answer to report %d, not %d", ans.Seq, r.Seq)
	}
	beat := time.Duration(ans.HeartbeatMillis) * time.Millisecond
	return min(max(beat, 10*time.Millisecond), time.Minute), nil
}

// idle waits until a report is due or asked for; false when ctx ended.
func (a *Agent) idle(ctx context.Context, beat time.Duration) bool {
	t := time.NewTimer(beat)
	defer t.Stop()
	select {
	case <-t.C:
	case <-a.nudge:
	case <-ctx.Done():
		return false
	}
	return true
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// jitter spreads nodes that lost the same orchestrator at the same moment.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1)
}
