package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sojourn/proxy/session/frame"
)

const (
	pingEvery = 15 * time.Second // of silence
	deadAfter = 45 * time.Second
	redialIn  = 50    // milliseconds over which clients that are sent on spread
	redialFor = 120e3 // and for which they try

	closeNormal  = 1000
	closeRestart = 1012
	closeReset   = 4000
)

// Remote is what a node knows of a client that comes.
type Remote struct {
	Auth  func(bearer string) error // nil asks for nothing
	URLs  []string                  // where the client may resume, the best first
	Epoch uint64                    // at which the node has the guest
}

// Serve attaches a client until it leaves, is superseded, or the session is over. It
// closes the link.
func (h *Hub) Serve(ctx context.Context, l Link, r Remote) error {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	var wg sync.WaitGroup
	defer func() {
		cancel()
		_ = l.Close()
		wg.Wait()
		stop()
	}()
	first, err := greet(ctx, l, r)
	if err != nil {
		return farewellOf(l, err)
	}
	s, gen, answer, err := h.open(first, r)
	if err != nil {
		return farewellOf(l, err)
	}
	defer h.leave(s, gen)
	if err := l.Write(frame.Append(nil, answer)); err != nil {
		return err
	}
	a := &attachment{h: h, s: s, gen: gen, l: l}
	a.heard.Store(time.Now().UnixNano())
	wg.Go(func() {
		defer cancel()
		if err := a.listen(ctx); err != nil {
			_ = farewellOf(l, err)
		}
	})
	return farewellOf(l, a.tell(ctx))
}

// greet reads the first frame, and asks whether the client may.
func greet(ctx context.Context, l Link, r Remote) (frame.Frame, error) {
	late := time.AfterFunc(HandshakeLimit, func() {
		_ = farewellOf(l, resetf(frame.TooSlow, "no hello within %v", HandshakeLimit))
	})
	b, err := l.Read()
	if !late.Stop() && ctx.Err() == nil {
		return nil, resetf(frame.TooSlow, "no hello within %v", HandshakeLimit)
	}
	if err != nil {
		return nil, err
	}
	f, err := frame.Parse(b)
	if err != nil {
		return nil, resetf(frame.Malformed, "%v", err)
	}
	var oldest, newest uint16
	var bearer string
	switch f := f.(type) {
	case *frame.Hello:
		oldest, newest, bearer = f.Oldest, f.Newest, f.Auth
	case *frame.Resume:
		oldest, newest, bearer = f.Oldest, f.Newest, f.Auth
	default:
		return nil, resetf(frame.Malformed, "a session begins with hello or resume, not with kind %d", f.Kind())
	}
	if oldest > frame.Version || newest < frame.Version {
		return nil, resetf(frame.Malformed, "the client speaks versions %d to %d, this node %d", oldest, newest, frame.Version)
	}
	if r.Auth != nil {
		if err := r.Auth(bearer); err != nil {
			return nil, resetf(frame.Unauthorized, "%v", err)
		}
	}
	return f, nil
}

// farewellOf says why the link ends, if there is something to say, and closes it.
func farewellOf(l Link, err error) error {
	var r *ResetError
	code, text := closeNormal, ""
	switch {
	case errors.As(err, &r):
		_ = l.Write(frame.Append(nil, r.Frame()))
		code, text = closeReset+r.Reason, r.Text
	case errors.Is(err, errElsewhere):
		code, text = closeRestart, "the guest has moved"
	}
	if c, ok := l.(interface{ CloseWith(int, string) error }); ok && (err == nil || code != closeNormal) {
		_ = c.CloseWith(code, text)
	}
	_ = l.Close()
	return err
}

var errElsewhere = errors.New("session: the guest has moved")

// open finds or makes the session that a client wants, and the answer to it.
func (h *Hub) open(first frame.Frame, r Remote) (*session, uint64, frame.Frame, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.moved != nil:
		return nil, 0, nil, resetf(frame.Unavailable, "the guest has just moved to %s", h.moved[0])
	case h.sealed || h.closed:
		return nil, 0, nil, resetf(frame.Unavailable, "the guest is about to move, or its node to end")
	}
	var s *session
	var answer frame.Frame
	var err error
	switch f := first.(type) {
	case *frame.Hello:
		if s, err = h.begin(Mode(f.Mode)); err != nil {
			return nil, 0, nil, err
		}
		answer = s.welcome(r.Epoch, r.URLs)
	case *frame.Resume:
		if s = h.sessions[f.Session]; s == nil {
			return nil, 0, nil, resetf(frame.Expired, "there is no such session: it has ended, or nobody resumed it in time")
		}
		if answer, err = s.resume(f, r.Epoch, r.URLs); err != nil {
			return nil, 0, nil, err
		}
	}
	s.gen++
	s.stop()
	s.wake()
	return s, s.gen, answer, nil
}

// begin makes a session for a new client, or gives it the standing one.
func (h *Hub) begin(mode Mode) (*session, error) {
	if mode == Default {
		mode = [...]Mode{Stdio: Lines, TCP: Raw, WebSocket: Messages}[h.cfg.Kind]
	}
	switch {
	case mode > Messages, mode == Lines && h.cfg.Kind != Stdio, mode == Messages && h.cfg.Kind != WebSocket:
		return nil, resetf(frame.Malformed, "mode %d is none of %q", mode, h.cfg.Name)
	case h.standing != nil:
		s := h.standing
		s.absorb()
		s.unmake()
		s.Mode, s.codec = mode, codecOf(mode)
		return s, nil
	case h.refuse || h.ended:
		return nil, resetf(frame.NotFound, "the guest does not listen at %q any more", h.cfg.Name)
	case len(h.sessions) >= MaxSessions || len(h.queue) >= maxBacklog || h.full():
		return nil, resetf(frame.TooMany, "%d sessions are open at %q, and %d wait for the guest", len(h.sessions), h.cfg.Name, len(h.queue))
	}
	s := h.add(state{ID: random16(), Mode: mode, Accepted: h.cfg.Kind == Stdio})
	if h.cfg.Kind != Stdio {
		if mode == Messages {
			s.Bytes = upgrade(&s.machine, h.cfg.Path)
		}
		h.queue = append(h.queue, s)
		h.settle()
	}
	return s, nil
}

// leave detaches a client, unless a newer one is there.
func (h *Hub) leave(s *session, gen uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.gen != gen {
		return
	}
	s.detach()
	if s.reset == nil {
		s.start()
	}
	s.wake()
}

// attachment is one client at one session.
type attachment struct {
	h     *Hub
	s     *session
	gen   uint64
	l     Link
	heard atomic.Int64 // when, in nanoseconds
}

// listen takes what the client sends, nothing while the Hub is sealed.
func (a *attachment) listen(ctx context.Context) error {
	for {
		b, err := a.l.Read()
		if err != nil {
			return nil
		}
		a.heard.Store(time.Now().UnixNano())
		f, err := frame.Parse(b)
		if err != nil {
			return resetf(frame.Malformed, "%v", err)
		}
		if err := a.take(ctx, f); err != nil {
			return err
		}
	}
}

func (a *attachment) take(ctx context.Context, f frame.Frame) error {
	for {
		a.h.mu.Lock()
		switch {
		case a.s.gen != a.gen || a.s.reset != nil || a.h.closed || a.h.moved != nil:
			a.h.mu.Unlock()
			return nil
		case !a.h.sealed:
			err := a.taken(f)
			a.h.mu.Unlock()
			return err
		}
		changed := a.s.changed
		a.h.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// taken takes a frame. The caller holds mu.
func (a *attachment) taken(f frame.Frame) error {
	d, isData := f.(*frame.Data)
	if isData && a.h.full() && len(a.s.Inbox) > 0 && len(d.Payload) > 0 {
		return resetf(frame.Unavailable, "%q holds %d bytes for all its clients, and takes no more now", a.h.cfg.Name, a.h.held)
	}
	err := a.s.take(f)
	if a.s.Broken {
		a.h.drop(a.s)
	}
	a.s.wake()
	if isData && a.h.cfg.Many {
		a.h.settle()
	}
	return err
}

// tell is the only writer after the answer, but for a last word.
func (a *attachment) tell(ctx context.Context) error {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	held := false
	var over <-chan time.Time
	for {
		f, changed, err := a.news(&held)
		if err != nil {
			return err
		}
		if f != nil {
			if err := a.l.Write(frame.Append(nil, f)); err != nil {
				return err
			}
			if _, elsewhere := f.(*frame.Redirect); elsewhere {
				return errElsewhere
			}
			continue
		}
		if over == nil && a.isOver() {
			over = time.After(farewell)
		}
		select {
		case <-changed:
		case <-over:
			a.forget()
			return nil
		case <-ping.C:
			if err := a.alive(); err != nil {
				return err
			}
		case <-ctx.Done():
			a.forgetOver()
			return ctx.Err()
		}
	}
}

// alive asks the client for a sign of life, and gives one that has long given none up.
func (a *attachment) alive() error {
	if since := time.Since(time.Unix(0, a.heard.Load())); since > deadAfter {
		return fmt.Errorf("session: nothing was heard of the client for %v", since.Round(time.Second))
	}
	return a.l.Write(frame.Append(nil, &frame.Ping{}))
}

// news is the next frame for the client.
func (a *attachment) news(held *bool) (frame.Frame, <-chan struct{}, error) {
	h, s := a.h, a.s
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case s.reset != nil:
		return nil, nil, s.reset
	case s.gen != a.gen:
		return nil, nil, resetf(frame.TakenOver, "a newer client has the session")
	case h.moved != nil:
		return &frame.Redirect{Wait: redialIn, Try: redialFor, URLs: h.moved}, nil, nil
	case h.closed:
		return nil, nil, resetf(frame.Unavailable, "the node is about to end")
	case h.sealed && !*held:
		*held = true
		return &frame.Hold{Millis: redialIn}, nil, nil
	case h.sealed:
		return nil, s.changed, nil
	case *held:
		*held = false
		return &frame.Go{}, nil, nil
	}
	was, room := s.readable(), s.room()
	f := s.next()
	if s.readable() != was || s.room() != room { // by what the guest's WebSocket has answered
		s.wake()
	} else if f != nil {
		s.account()
	}
	return f, s.changed, nil
}

func (a *attachment) isOver() bool {
	a.h.mu.Lock()
	defer a.h.mu.Unlock()
	return a.s.over()
}

// forget forgets a session that is over; forgetOver if it is.
func (a *attachment) forget() {
	a.h.mu.Lock()
	defer a.h.mu.Unlock()
	if a.s.gen == a.gen && !a.s.standing {
		a.h.drop(a.s)
	}
}

func (a *attachment) forgetOver() {
	if a.isOver() {
		a.forget()
	}
}
