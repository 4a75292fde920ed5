package client

import (
	"context"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"sojourn/proxy/session/frame"
)

// Session is the client's end of a session. One goroutine may send while another
// receives.
type Session struct {
	opt    Options
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
	events chan Event
	strays int // resumes that nobody has answered: one may arrive late, and take a newer link's place

	mu      sync.Mutex
	m       machine
	leaving bool // Close was called: what the guest says is thrown away
	err     error
	changed chan struct{} // closed and replaced at each change
	heard   time.Time     // when the guest's end last said anything
}

// Dial begins a session. It tries the nodes in turn until ctx ends, or one of them
// refuses for good: then the error is a [*ResetError].
func Dial(ctx context.Context, opt Options) (*Session, error) {
	if err := opt.validate(); err != nil {
		return nil, err
	}
	s := &Session{opt: opt, events: make(chan Event, 64), changed: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	stop := context.AfterFunc(ctx, func() { s.cancel(context.Cause(ctx)) })
	defer stop()
	ready := make(chan error, 1)
	s.wg.Go(func() { s.run(ready) })
	if err := <-ready; err != nil {
		s.wg.Wait()
		return nil, err
	}
	if !stop() {
		s.wg.Wait()
		return nil, context.Cause(ctx)
	}
	return s, nil
}

// update changes the session and tells all that wait.
func (s *Session) update(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	for _, e := range s.m.events {
		s.tell(e)
	}
	s.m.events = nil
	close(s.changed)
	s.changed = make(chan struct{})
}

// tell drops the oldest event when nobody takes them. The caller holds mu.
func (s *Session) tell(e Event) {
	for {
		select {
		case s.events <- e:
			return
		default:
		}
		select {
		case <-s.events:
		default:
		}
	}
}

// Events tells what happens to the session. Whoever does not read them misses the
// oldest.
func (s *Session) Events() <-chan Event { return s.events }

// Send gives the guest one message. It waits when the guest has not taken the bytes of
// the window before it; nil means that the message will arrive, once and in order,
// unless the session is reset. The session keeps msg.Data.
func (s *Session) Send(ctx context.Context, msg Message) error {
	return s.send(ctx.Done(), func() error { return context.Cause(ctx) }, msg)
}

func (s *Session) send(stop <-chan struct{}, why func() error, msg Message) error {
	for {
		var err error
		sent := false
		s.mu.Lock()
		changed := s.changed
		switch {
		case s.err != nil:
			err = s.err
		case s.leaving || s.m.end != nil:
			err = ErrClosed
		case len(msg.Data) > s.m.maxMessage:
			err = reset(TooLarge, "a message of ours is over the limit")
		case msg.Kind == Text && !utf8.Valid(msg.Data) || msg.Kind != Text && msg.Kind != Binary:
			err = errKind
		default:
			if sent = s.m.push(msg); sent {
				close(s.changed)
				s.changed = make(chan struct{})
			}
		}
		s.mu.Unlock()
		if sent || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-stop:
			return why()
		}
	}
}

// Receive waits for the guest's next message. It returns io.EOF once the guest has
// ended its direction, an [*ExitError] once it has ended, [ErrBroken] when it has reset
// the connection, and a [*ResetError] when the session is gone.
func (s *Session) Receive(ctx context.Context) (Message, error) {
	return s.receive(ctx.Done(), func() error { return context.Cause(ctx) })
}

func (s *Session) receive(stop <-chan struct{}, why func() error) (msg Message, err error) {
	for {
		got := false
		s.mu.Lock()
		changed := s.changed
		switch {
		case s.leaving:
			err = ErrClosed
		default:
			if msg, got = s.m.pull(); got {
				close(s.changed)
				s.changed = make(chan struct{})
			} else if s.m.drained() {
				if err = s.m.theirs.err(); err == nil {
					err = io.EOF
				}
			} else {
				err = s.err
			}
		}
		s.mu.Unlock()
		if got || err != nil {
			return msg, err
		}
		select {
		case <-changed:
		case <-stop:
			return msg, why()
		}
	}
}

// Take is Receive, but acknowledges the message only when do has returned nil; otherwise
// it stays the next one, of this client or of one that takes the session over.
func (s *Session) Take(ctx context.Context, do func(Message) error) error {
	for {
		s.mu.Lock()
		changed, err := s.changed, s.err
		var msg Message
		at, epoch := s.m.consumed, s.m.epoch
		got := len(s.m.in) > 0 && !s.leaving
		if got {
			msg = s.m.in[0]
		}
		drained := s.m.drained()
		s.mu.Unlock()
		switch {
		case got:
			if err := do(msg); err != nil {
				return err
			}
			s.update(func() {
				if s.m.consumed == at && s.m.epoch == epoch {
					s.m.pull()
				}
			})
			return nil
		case drained || err != nil:
			_, err := s.Receive(ctx)
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// CloseSend ends our direction: behind what was sent the guest reads end of file.
func (s *Session) CloseSend() { s.update(func() { s.m.finish(frame.Done, "") }) }

// MaxMessage is how many bytes one message may have.
func (s *Session) MaxMessage() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.maxMessage
}

// Node is the base URL of the node that the session last reached, or of the guest's
// own once that is known.
func (s *Session) Node() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.m.urls) > 0 {
		return s.m.urls[0]
	}
	return ""
}

// drainLimit is how long what was sent may take to arrive after Close.
const drainLimit = 5 * time.Second

// Close leaves. What was sent has some time to arrive. The session of a connection ends
// with it; standard streams are only left, for the next client, and the guest runs on.
func (s *Session) Close() error {
	s.update(func() {
		s.leaving = true
		if s.opt.Listener != Stdio {
			s.m.finish(frame.Done, "")
		}
	})
	limit := time.AfterFunc(drainLimit, func() { s.cancel(ErrClosed) })
	defer limit.Stop()
	s.wg.Wait()
	return nil
}

// Abort ends the session at once: the guest's connection is lost.
func (s *Session) Abort() {
	s.update(func() { s.leaving, s.m.quit = true, true })
	limit := time.AfterFunc(time.Second, func() { s.cancel(ErrClosed) })
	defer limit.Stop()
	s.wg.Wait()
}

// left says that a session that is being closed has nothing to wait for. The caller
// holds mu.
func (s *Session) left() bool {
	if !s.leaving {
		return false
	}
	return s.m.quitSent || s.opt.Listener == Stdio && s.m.acked == s.m.last() && s.m.told == s.m.consumed
}

func (s *Session) fail(err error) {
	s.update(func() {
		if s.err == nil {
			s.err = err
		}
	})
}
