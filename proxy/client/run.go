package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"sojourn/proxy/session/frame"
)

var (
	errStale = errors.New("an older copy of the guest answered")
	errOver  = errors.New("the session is over")
)

// route is where a session looks for its guest, and for how long.
type route struct {
	urls  []string
	wait  time.Duration // at most, before the first try
	until time.Time
}

// redirect is a link that ended with word of where the guest is.
type redirect struct{ route }

func (r *redirect) Error() string { return fmt.Sprintf("the guest has moved to %v", r.urls) }

// run keeps the session on a link until it is over. ready hears of the first one.
func (s *Session) run(ready chan<- error) {
	err := s.follow(ready)
	s.fail(err)
	s.cancel(err)
	close(s.events)
}

func (s *Session) follow(ready chan<- error) error {
	begun := false
	begin := func(err error) {
		if !begun {
			begun = true
			ready <- err
		}
	}
	known := slices.Clone(s.opt.URLs)
	for r := (route{urls: known, until: time.Now().Add(s.opt.GiveUp)}); ; {
		err := s.search(r, func() { begin(nil) })
		s.mu.Lock()
		known = merge(s.m.urls, known)
		s.mu.Unlock()
		var moved *redirect
		switch {
		case errors.As(err, &moved):
			r = moved.route
			r.urls = merge(r.urls, known)
			if most := time.Now().Add(time.Millisecond); r.until.Before(most) {
				r.until = time.Now().Add(s.opt.GiveUp)
			}
			s.update(func() { s.m.say(Event{Kind: Moved, URLs: moved.urls}) })
		case err != nil:
			begin(err)
			return err
		default:
			r = route{urls: known, until: time.Now().Add(s.opt.GiveUp)}
		}
	}
}

// merge returns a and then what b has beside it, bounded.
func merge(a, b []string) []string {
	var all []string
	for _, u := range append(slices.Clone(a), b...) {
		if u != "" && !slices.Contains(all, u) && len(all) < maxURLs {
			all = append(all, u)
		}
	}
	return all
}

// search tries the nodes of a route in turn until one has the session, and serves it
// there to the end of the link. It returns nil when the link broke.
func (s *Session) search(r route, attached func()) error {
	if r.wait > 0 && !s.opt.Prompt && !s.pause(time.Duration(rand.Int64N(int64(r.wait)))) {
		return context.Cause(s.ctx)
	}
	absent := 0 // nodes in a row that know of no such guest
	for try := 0; ; try++ {
		was := false
		err := s.attempt(r.urls[try%len(r.urls)], func() { was = true; attached() })
		var re *ResetError
		var moved *redirect
		switch {
		case s.ctx.Err() != nil:
			return context.Cause(s.ctx)
		case errors.Is(err, errOver), errors.As(err, &moved):
			return err
		case errors.As(err, &re) && re.Reason == WrongToken && s.older():
			try-- // the same node again
			continue
		case errors.As(err, &re) && re.Reason == TakenOver && was && s.strays > 0:
			s.strays-- // by a resume of our own, which came late
			s.update(func() { s.m.say(Event{Kind: Cut, Err: err}) })
			return nil
		case errors.As(err, &re) && !transient(re, was):
			if absent++; re.Reason != NotFound || absent >= len(r.urls) {
				return s.lostFor(re)
			}
		case was:
			s.update(func() { s.m.say(Event{Kind: Cut, Err: err}) })
			if re != nil { // the guest's end can take no more for now
				s.pause(backOff(5))
			}
			return nil
		default:
			absent = 0
		}
		if time.Now().After(r.until) {
			return fmt.Errorf("guest %s cannot be reached: %w", s.opt.Guest, err)
		}
		if !s.pause(backOff(try)) {
			return context.Cause(s.ctx)
		}
	}
}

// transient says that a reset concerns the link only. A session that was under way can
// be told that it is too slow; one that begins, that others are before it.
func transient(re *ResetError, attached bool) bool {
	switch re.Reason {
	case Unavailable, TooSlow:
		return true
	case TooMany:
		return !attached
	}
	return false
}

// lostFor is what becomes of a session that was reset: one that had nothing more to do
// is over.
func (s *Session) lostFor(re *ResetError) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if (re.Reason == NotFound || re.Reason == Expired) && s.m.drained() && s.m.end != nil && s.m.acked == s.m.last() {
		return errOver
	}
	return re
}

// backOff is 10 ms, then longer, up to a second; never two alike.
func backOff(try int) time.Duration {
	most := min(10<<min(try, 7), 1000)
	return time.Duration(most/2+rand.IntN(most/2+1)) * time.Millisecond
}

func (s *Session) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// attempt dials one node and serves the session over that link.
func (s *Session) attempt(node string, attached func()) error {
	ctx, cancel := context.WithTimeout(s.ctx, handshakeLimit)
	defer cancel()
	l, err := s.opt.Dial(ctx, node)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { leave(l) })
	err = s.handshake(l)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		var re *ResetError
		var moved *redirect
		if s.goesOn() && !errors.As(err, &re) && !errors.As(err, &moved) {
			s.strays++
		}
		s.refuse(l, err)
		leave(l)
		return err
	}
	attached()
	return s.serve(l)
}

func (s *Session) handshake(l Link) error {
	var first []byte
	s.update(func() { first = frame.Append(nil, s.m.begin(s.opt.Mode, s.opt.Token)) })
	if err := l.Write(first); err != nil {
		return err
	}
	b, err := l.Read()
	if err != nil {
		return err
	}
	s.update(func() {
		s.heard = time.Now()
		err = s.m.take(b)
	})
	if err == nil && !s.attachedNow() {
		err = breach("the handshake was answered by something else")
	}
	return err
}

func (s *Session) older() (ok bool) {
	s.update(func() { ok = s.m.older() })
	return ok
}

// goesOn reports whether the session had begun before this link.
func (s *Session) goesOn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.known
}

func (s *Session) attachedNow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.attached
}

// refuse tells the guest's end of a breach of its own.
func (s *Session) refuse(l Link, err error) {
	var re *ResetError
	if errors.As(err, &re) && (re.Reason == Malformed || re.Reason == Gap || re.Reason == TooLarge) {
		_ = l.Write(frame.Append(nil, re.Frame()))
	}
}

// serve writes and reads until the link ends or the session is over.
func (s *Session) serve(l Link) error {
	ctx, cancel := context.WithCancel(s.ctx)
	stop := context.AfterFunc(ctx, func() { leave(l) })
	var wg sync.WaitGroup
	over := false
	wg.Go(func() {
		if over = s.write(ctx, l); over {
			_ = l.Close()
		}
		cancel()
	})
	wg.Go(func() { s.watch(ctx, cancel) })
	err := s.read(l)
	s.refuse(l, err)
	cancel()
	wg.Wait()
	stop()
	leave(l)
	s.update(s.m.lost)
	if over {
		return errOver
	}
	return err
}

func (s *Session) read(l Link) error {
	for {
		b, err := l.Read()
		if err != nil {
			return err
		}
		s.update(func() {
			s.heard = time.Now()
			err = s.m.take(b)
			if s.leaving || s.m.theirs != nil && s.m.theirs.code == frame.GuestEnded && len(s.m.in) == 0 {
				s.discard()
			}
		})
		if err != nil {
			return err
		}
	}
}

// discard takes what nobody will, and ends our direction with the guest's. The caller
// holds mu.
func (s *Session) discard() {
	for {
		if _, ok := s.m.pull(); !ok {
			break
		}
	}
	if s.m.drained() {
		s.m.finish(frame.Done, "")
	}
}

// write is the only writer of the link after the handshake. It reports whether the
// session is over.
func (s *Session) write(ctx context.Context, l Link) bool {
	for {
		s.mu.Lock()
		f, ok := s.m.next()
		over := !ok && (s.m.finished() || s.left())
		changed := s.changed
		s.mu.Unlock()
		switch {
		case ok:
			if l.Write(frame.Append(nil, f)) != nil {
				return false
			}
			continue
		case over:
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

const (
	pingAfter = 15 * time.Second
	deadAfter = 45 * time.Second
)

// watch asks a silent peer for a sign of life, and ends a link that has none.
func (s *Session) watch(ctx context.Context, cancel func()) {
	t := time.NewTicker(pingAfter / 3)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			s.mu.Lock()
			silent := now.Sub(s.heard)
			s.mu.Unlock()
			switch {
			case silent > deadAfter:
				cancel()
				return
			case silent > pingAfter:
				s.update(s.m.ping)
			}
		case <-ctx.Done():
			return
		}
	}
}
