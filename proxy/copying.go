package proxy

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"sojourn/proxy/api"
	"sojourn/proxy/handover"
	"sojourn/proxy/wire"
	"sojourn/snapshotfmt"
)

// copyMemory is pre-copy: it returns when the guest may be frozen.
func (o *outgoing) copyMemory(ctx context.Context) error {
	var err error
	if o.cp, err = newCopier(o.g.env.Memories(), o.g.mod.Base(), o.ch); err != nil {
		return err
	}
	c := Copying{Aim: o.n.cfg.DowntimeAim, MaxRounds: o.n.cfg.MaxRounds}
	if o.req.DowntimeMillis > 0 {
		c.Aim = time.Duration(o.req.DowntimeMillis) * time.Millisecond
	}
	if o.req.MaxRounds > 0 {
		c.MaxRounds = o.req.MaxRounds
	}
	for {
		if err := o.round(ctx, &c); err != nil {
			return err
		}
		if err := o.cp.collect(); err != nil {
			return err
		}
		c.Left = int64(o.cp.left())*snapshotfmt.PageSize + o.files.lately()
		c.Compiled = isClosed(o.ch.compiled)
		d := Decide(c)
		o.progress(&c)
		if d.Freeze {
			o.res.StopReason = d.Reason
			return nil
		}
		if d.Wait { // and then one more round, for the guest ran on meanwhile
			if err := o.waitCompiled(ctx); err != nil {
				return err
			}
			if err := o.cp.collect(); err != nil {
				return err
			}
		}
	}
}

// round is one pass over folders and memory, measured.
func (o *outgoing) round(ctx context.Context, c *Copying) error {
	began, sent := time.Now(), o.ch.Sent()
	if err := o.files.round(ctx); err != nil {
		return err
	}
	pages, err := o.cp.round(ctx)
	if err != nil {
		return err
	}
	took := time.Since(began)
	c.Passes = append(c.Passes, Pass{Bytes: int64(pages)*snapshotfmt.PageSize + o.files.lately(), Took: took})
	o.res.Rounds = append(o.res.Rounds, api.Round{Pages: pages, Bytes: o.ch.Sent() - sent, Millis: millis(took)})
	return nil
}

func (o *outgoing) waitCompiled(ctx context.Context) error {
	select {
	case <-o.ch.compiled:
		return nil
	case <-time.After(compileLimit):
		return fmt.Errorf("the target has not compiled the module in %v", compileLimit)
	case <-o.ch.dead:
		return o.ch.err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// final sends the last pages and the state, and hears that they are whole.
func (o *outgoing) final(ctx context.Context) (handover.Event, bool) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.n.cfg.FrozenLimit, errors.New("the guest was frozen for too long"))
	defer cancel()
	send := o.sendFinal
	if o.last != nil {
		send = o.sendCheckpoint
	}
	if err := send(ctx); err != nil {
		return outcome(0, err)
	}
	_, err := o.ch.await(ctx, o.n.cfg.FrozenLimit, wire.Ready)
	return outcome(handover.ReadyAtT, err)
}

func (o *outgoing) sendFinal(ctx context.Context) error {
	if err := o.cp.collect(); err != nil {
		return err
	}
	var last Copying
	if err := o.round(ctx, &last); err != nil {
		return err
	}
	st, err := o.g.env.Capture()
	if err != nil {
		return err
	}
	if got := int(st.MemoryPages) * snapshotfmt.PagesPerWasmPage; got != o.cp.size() {
		return fmt.Errorf("the guest has %d pages of memory, %d were sent", got, o.cp.size())
	}
	o.res.MemoryBytes = int64(st.MemoryPages) * wasmPage
	b, err := snapshotfmt.AppendState(nil, st)
	if err != nil {
		return err
	}
	if len(b) > maxState {
		return fmt.Errorf("the guest's state is %d bytes, over the limit of %d", len(b), maxState)
	}
	if err := o.ch.sendAll(ctx, wire.State, b); err != nil {
		return err
	}
	root, sum := o.cp.root(), sha256.Sum256(b)
	final := append(root[:], sum[:]...)
	if o.files != nil && o.files.dir != nil {
		final = append(final, o.files.sum[:]...)
	}
	_, err = o.ch.Send(wire.Final, final)
	return err
}
