package pipe

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Client is the client's socket, as messages.
type Client interface {
	// Read returns bytes for the guest; eof that no more will come though the
	// client stays. An error means that the client is gone.
	Read() (b []byte, eof bool, err error)
	// Write takes bytes of the guest's output and returns how many the client
	// was given: the rest is kept until more comes. With flush it is all.
	Write(b []byte, flush bool) (int, error)
}

// Gateway joins a client to a guest, wherever it goes.
type Gateway struct {
	Client Client
	// Dial connects to the guest at a node; at is empty for where it was last
	// known to be. A *MovedError is followed; ErrNoGuest ends the session; any
	// other error is tried again.
	Dial func(ctx context.Context, at string) (Link, error)
	// Linger is how long to look for a guest that cannot be reached.
	Linger time.Duration

	j    *journal
	kept []byte // output that the client has not been given
	wg   sync.WaitGroup
}

// MovedError says where the guest is.
type MovedError struct{ URL string }

func (e *MovedError) Error() string { return "guest has moved to " + e.URL }

// ErrNoGuest is returned by Dial when there is nothing to look for.
var ErrNoGuest = errors.New("no such guest")

// ErrReset is returned when the session cannot go on without loss.
var ErrReset = errors.New("session was reset")

// EndError says that the guest has ended.
type EndError struct{ Exit uint32 }

func (e *EndError) Error() string { return fmt.Sprintf("guest has ended with exit code %d", e.Exit) }

const drainLimit = 5 * time.Second // for input of a client that has left

// Run returns nil when the client left, an *EndError when the guest ended, and
// why otherwise. The caller then closes the client's socket, and calls Wait.
func (g *Gateway) Run(ctx context.Context) error {
	g.j = newJournal()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g.wg.Go(func() { g.listen(ctx, cancel) })
	at := ""
	var lastSeen = time.Now()
	for try := 0; ; try++ {
		l, err := g.Dial(ctx, at)
		if err == nil {
			was := time.Now()
			at, err = g.attached(ctx, l, at)
			if lastSeen = time.Now(); time.Since(was) > time.Second || err == nil {
				try = 0
			}
		}
		var mv *MovedError
		var end *EndError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &mv):
			at = mv.URL
		case errors.As(err, &end), errors.Is(err, ErrReset), errors.Is(err, ErrNoGuest), errors.Is(err, errClient):
			return err
		case err != nil && time.Since(lastSeen) > g.Linger:
			return fmt.Errorf("guest cannot be reached: %w", err)
		}
		if err != nil {
			pause(ctx, try)
		}
	}
}

// Wait returns when nothing reads the client's socket any more.
func (g *Gateway) Wait() { g.wg.Wait() }

var errClient = errors.New("client is gone")

// pause waits 10 ms, then longer, up to half a second; never two alike.
func pause(ctx context.Context, try int) {
	most := min(10<<min(try, 6), 500)
	select {
	case <-time.After(time.Duration(most/2+rand.IntN(most/2+1)) * time.Millisecond):
	case <-ctx.Done():
	}
}

// listen reads the client. When it leaves, what it sent has some time to
// arrive.
func (g *Gateway) listen(ctx context.Context, cancel func()) {
	for {
		b, eof, err := g.Client.Read()
		if err != nil {
			g.j.update(func() { g.j.left, g.j.eof = true, g.j.eof || eof })
			time.AfterFunc(drainLimit, cancel)
			return
		}
		if !g.store(ctx, b, eof) {
			return
		}
	}
}

// store waits for room for b.
func (g *Gateway) store(ctx context.Context, b []byte, eof bool) bool {
	for {
		stored := false
		changed := g.j.look(func() { stored = len(g.j.in)+len(b) <= Buffer || len(g.j.in) == 0 })
		if stored {
			g.j.update(func() {
				if !g.j.eof {
					g.j.in, g.j.eof = append(g.j.in, b...), eof
				}
			})
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// attached goes on with the session over one link. It returns where to go
// next with a nil error.
func (g *Gateway) attached(ctx context.Context, l Link, at string) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	var wg sync.WaitGroup
	defer func() {
		cancel()
		_ = l.Close()
		wg.Wait()
		stop()
	}()
	want := uint64(anyOffset)
	g.j.look(func() {
		if g.j.started {
			want = g.j.received
		}
	})
	if err := write(l, frame{kind: Open, a: want}); err != nil {
		return at, err
	}
	f, err := read(l)
	switch {
	case err != nil:
		return at, err
	case f.kind == Reset:
		return at, fmt.Errorf("%w: %s", ErrReset, f.data)
	case f.kind != State:
		return at, errFrame
	}
	g.j.start(f.a, f.b)
	if want != anyOffset && f.b != want || !g.j.have(f.a, f.a) {
		return at, fmt.Errorf("%w: input from %d and output from %d do not continue it", ErrReset, f.a, f.b)
	}
	var left error
	wg.Go(func() {
		defer cancel()
		left = g.send(ctx, l, f.a)
	})
	next, err := g.receive(l, at)
	cancel()
	_ = l.Close()
	wg.Wait()
	if errors.Is(left, errClient) {
		err = left
	}
	return next, err
}

// send is the only writer after the attachment.
func (g *Gateway) send(ctx context.Context, l Link, sent uint64) error {
	var told uint64
	ended := false
	for {
		var data []byte
		var delivered, base uint64
		var end, settled bool
		changed := g.j.look(func() {
			base, delivered = g.j.base, g.j.delivered
			from := int(sent - base)
			data = append(data, g.j.in[from:max(from, min(len(g.j.in), from+maxData, int(g.j.room-base)))]...)
			end = g.j.eof && from+len(data) == len(g.j.in)
			settled = g.j.settled()
		})
		var err error
		switch {
		case len(data) > 0:
			err = write(l, frame{kind: Input, a: sent, data: data})
			sent += uint64(len(data))
		case end && !ended:
			err = write(l, frame{kind: InputEnd, a: sent})
			ended = true
		case delivered != told:
			err = write(l, frame{kind: HaveOutput, a: delivered})
			told = delivered
		case settled:
			return errClient
		default:
			select {
			case <-changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err != nil {
			return err
		}
	}
}

// receive takes what the pipe sends until the link ends.
func (g *Gateway) receive(l Link, at string) (string, error) {
	for {
		f, err := read(l)
		if err != nil {
			return at, err
		}
		switch f.kind {
		case Output:
			err = g.deliver(f.a, f.data, false)
		case HaveInput:
			if !g.j.have(f.a, f.b) {
				err = fmt.Errorf("%w: the guest claims input up to %d, which was not sent", ErrReset, f.a)
			}
		case Moved:
			return string(f.data), nil
		case Reset:
			return at, fmt.Errorf("%w: %s", ErrReset, f.data)
		case End:
			if err = g.deliver(f.a, nil, true); err == nil {
				err = &EndError{Exit: uint32(f.b)}
			}
		default:
			err = errFrame
		}
		if err != nil {
			return at, err
		}
	}
}

// deliver passes output on to the client.
func (g *Gateway) deliver(off uint64, b []byte, flush bool) error {
	var received uint64
	g.j.look(func() { received = g.j.received })
	if off != received {
		return fmt.Errorf("%w: output from %d came, from %d was due", ErrReset, off, received)
	}
	g.kept = append(g.kept, b...)
	n, err := g.Client.Write(g.kept, flush)
	if err != nil {
		return errors.Join(errClient, err)
	}
	g.kept = g.kept[n:]
	g.j.update(func() {
		g.j.received += uint64(len(b))
		g.j.delivered = g.j.received - uint64(len(g.kept))
	})
	return nil
}
