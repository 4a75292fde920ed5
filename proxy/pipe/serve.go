package pipe

import (
	"context"
	"fmt"
	"sync"
)

// Serve attaches a gateway to the pipe until the guest ends or moves, the link
// breaks, a newer gateway attaches, or ctx is done. It closes the link.
func (p *Pipe) Serve(ctx context.Context, l Link) error {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	var wg sync.WaitGroup
	defer func() {
		cancel()
		_ = l.Close()
		wg.Wait()
		stop()
	}()
	f, err := read(l)
	if err != nil {
		return err
	}
	if f.kind != Open {
		return fmt.Errorf("%w: a session begins with kind %d, not %d", errFrame, Open, f.kind)
	}
	me, at, err := p.attach(f.a)
	if err != nil {
		_ = write(l, frame{kind: Reset, data: []byte(err.Error())})
		return err
	}
	if err := write(l, at); err != nil {
		return err
	}
	wg.Go(func() {
		defer cancel()
		p.listen(ctx, l)
	})
	return p.tell(ctx, l, me, at)
}

// attach numbers a new gateway, which makes the older one leave, and says
// where both directions go on.
func (p *Pipe) attach(want uint64) (uint64, frame, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if want == anyOffset {
		want = p.out.base
	}
	if want < p.out.base || want > p.out.end() {
		return 0, frame{}, fmt.Errorf("session: output from %d is wanted, but %d to %d is held", want, p.out.base, p.out.end())
	}
	p.newest++
	p.wake()
	return p.newest, frame{kind: State, a: p.in.end(), b: want}, nil
}

// listen takes what the gateway sends.
func (p *Pipe) listen(ctx context.Context, l Link) {
	for {
		f, err := read(l)
		if err != nil {
			return
		}
		switch f.kind {
		case Input:
			err = p.take(ctx, f.a, f.data)
		case InputEnd:
			p.endInput(f.a)
		case HaveOutput:
			p.delivered(f.a)
		default:
			err = errFrame
		}
		if err != nil {
			return
		}
	}
}

// take waits while the pipe is sealed. There is room for b, or the gateway has
// overstepped: waiting for room here would keep HaveOutput, for which the guest
// may be waiting, from being heard.
func (p *Pipe) take(ctx context.Context, off uint64, b []byte) error {
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		next, err := p.feed(off, b)
		if err != nil || next >= off+uint64(len(b)) {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// news is what the gateway has to be told.
type news struct {
	output     []byte
	at         uint64
	input      uint64
	room       uint64 // offset up to which input has room
	last       *frame // the session ends here with it
	superseded bool
	changed    <-chan struct{}
}

func (p *Pipe) news(me, sent uint64) news {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := news{at: sent, input: p.in.end(), room: p.in.base + Buffer, changed: p.changed, superseded: p.newest != me}
	if from := int(sent - p.out.base); from < len(p.out.buf) {
		n.output = append([]byte(nil), p.out.buf[from:min(len(p.out.buf), from+maxData)]...)
		return n
	}
	switch {
	case p.movedTo != "":
		n.last = &frame{kind: Moved, data: []byte(p.movedTo)}
	case p.over:
		n.last = &frame{kind: End, a: p.out.end(), b: uint64(p.exit)}
	}
	return n
}

// tell is the only writer after the attachment.
func (p *Pipe) tell(ctx context.Context, l Link, me uint64, at frame) error {
	input, room, sent := at.a, at.a, at.b
	for {
		n := p.news(me, sent)
		if n.superseded {
			return write(l, frame{kind: Reset, data: []byte("session: another client took it over")})
		}
		if n.input != input || n.room >= room+maxData {
			if err := write(l, frame{kind: HaveInput, a: n.input, b: n.room}); err != nil {
				return err
			}
			input, room = n.input, n.room
		}
		switch {
		case len(n.output) > 0:
			if err := write(l, frame{kind: Output, a: sent, data: n.output}); err != nil {
				return err
			}
			sent += uint64(len(n.output))
		case n.last != nil:
			return write(l, *n.last)
		default:
			select {
			case <-n.changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}
