package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/proxy/api"
	"sojourn/proxy/handover"
	"sojourn/proxy/wire"
	"sojourn/snapshotfmt"
)

// departure performs what a handover.Source decides, for a guest that moves by its last checkpoint.
type departure struct {
	n    *node
	h    *hosted // nil when it ended with an earlier process
	m    handover.Source
	ch   *wire.Conn
	lack bool   // the target lacks the module
	file []byte // the snapshot that travels
	held bool

	asked time.Time // for the checkpoint that travels
	res   api.MigrateResult
}

// migrate moves a guest. On an error with CodeMigrationFault it runs on here; with CodeInDoubt
// it is held until the target can be asked, or the node ends.
func (n *node) migrate(ctx context.Context, id, to string) (api.MigrateResult, error) {
	began := time.Now()
	to = strings.TrimRight(to, "/")
	if _, err := api.NewClient(to, api.Options{}); err != nil {
		return api.MigrateResult{}, fail(api.CodeBadRequest, "%v", err)
	}
	h, done, err := n.take(id)
	if err != nil {
		return api.MigrateResult{}, err
	}
	r := handover.Record{Migration: newID(), Instance: id, Source: n.url, Target: to}
	n.mu.Lock()
	r.Epoch, h.info.Migration = h.info.Epoch, r.Migration
	n.mu.Unlock()
	m, effects := handover.Begin(r)
	d := &departure{n: n, h: h, m: m}
	over := make(chan error, 1)
	started := n.do(func() {
		err := d.drive(ctx, effects)
		d.close()
		done()
		over <- err
	})
	if !started {
		done()
		return api.MigrateResult{}, fail(api.CodeMigrationFault, "guest %s stays: the node is ending", id)
	}
	// After the commit ctx ends nothing, and the caller need not wait for a target out of reach.
	select {
	case err = <-over:
	case <-ctx.Done():
		select {
		case err = <-over:
		case <-time.After(cancelLimit):
			return api.MigrateResult{}, fail(api.CodeInDoubt, "migration %s of guest %s to %s goes on: ask GET /v1/migrations/%[1]s", r.Migration, id, to)
		}
	}
	if err != nil {
		return api.MigrateResult{}, err
	}
	if d.m.Record.Phase != handover.Moved {
		return api.MigrateResult{}, fail(api.CodeMigrationFault, "guest %s stays: %s", id, d.m.Record.Reason)
	}
	d.res.ID, d.res.Migration, d.res.From, d.res.To, d.res.Epoch = id, r.Migration, n.url, to, r.Epoch+1
	d.res.TotalMS = millisSince(began)
	return d.res, nil
}

// drive performs effects and feeds back what came of them until the machine is at an end, or the
// node is. ctx cancels until the commit.
func (d *departure) drive(ctx context.Context, effects []handover.Effect) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.n.ctx, cancel)()
	for {
		var next []handover.Effect
		for _, f := range effects {
			e, ok := d.perform(ctx, f)
			if !ok {
				continue
			}
			e.Migration = d.m.Record.Migration
			var more []handover.Effect
			d.m, more = d.m.Next(e)
			next = append(next, more...)
		}
		if effects = next; len(effects) > 0 {
			continue
		}
		if d.m.Over() {
			return nil
		}
		select {
		case <-time.After(askEvery):
		case <-d.n.ctx.Done():
			return fail(api.CodeInDoubt, "migration %s of guest %s: the node has ended at step %s", d.m.Record.Migration, d.m.Record.Instance, d.m.Step)
		}
		d.m, effects = d.m.Next(handover.Event{Kind: handover.Tick, Migration: d.m.Record.Migration})
	}
}

func (d *departure) perform(ctx context.Context, f handover.Effect) (handover.Event, bool) {
	switch f.Do {
	case handover.Persist:
		return d.n.put(f.Record)
	case handover.Send:
		return d.send(ctx, f)
	case handover.CopyMemory: // nothing goes before the checkpoint
		_, err := d.await(ctx, compileLimit, wire.Compiled)
		return outcome(handover.Copied, err)
	case handover.Freeze:
		return outcome(handover.Frozen, d.hold())
	case handover.Thaw:
		d.stay()
	case handover.Discard:
		d.discard()
	}
	return handover.Event{}, false
}

func (d *departure) send(ctx context.Context, f handover.Effect) (handover.Event, bool) {
	switch f.Message {
	case handover.Plan:
		return d.plan(ctx)
	case handover.Stage:
		return outcome(handover.Staged, d.stage(ctx))
	case handover.Final:
		return outcome(handover.ReadyAtT, d.final(ctx))
	case handover.Commit:
		return d.commit()
	case handover.CancelIt:
		if d.ch != nil {
			_, _ = d.ch.Send(wire.Cancel, clip(f.Reason))
		}
	case handover.AskTarget:
		return d.n.tell(d.n.ctx, d.m.Record, handover.AskTarget)
	}
	return handover.Event{}, false
}

// refusal is a target that will not take the guest.
type refusal struct{ reason string }

func (r *refusal) Error() string { return "the target refuses: " + r.reason }

// plan dials the target and asks whether it takes the guest.
func (d *departure) plan(ctx context.Context) (handover.Event, bool) {
	if err := d.dial(ctx); err != nil {
		return outcome(0, err)
	}
	info := d.n.show(d.h)
	b, err := json.Marshal(plan{Migration: d.m.Record.Migration, Instance: info.ID, Epoch: d.m.Record.Epoch, Source: d.n.url,
		Module: info.Module, ModuleSize: int64(len(d.h.start.Module)), MemoryBytes: info.MemoryBytes, Idiomatic: true,
		Spec: api.Spec{Name: info.Name, Args: d.h.start.Args, Env: d.h.start.Env}})
	if err != nil {
		return outcome(0, err)
	}
	if _, err := d.ch.Send(wire.Plan, b); err != nil {
		return outcome(0, err)
	}
	lacks, err := d.await(ctx, replyLimit, wire.Reserved)
	if no, ok := errors.AsType[*refusal](err); ok {
		return handover.Event{Kind: handover.Refused, Reason: no.reason}, true
	}
	d.lack = len(lacks) > 0 && lacks[0] == 1
	return outcome(handover.Reserved, err)
}

// dial opens a channel and agrees on a version.
func (d *departure) dial(ctx context.Context) error {
	h := http.Header{}
	if d.n.token != "" {
		h.Set("Authorization", "Bearer "+d.n.token)
	}
	to := d.m.Record.Target
	ws, res, err := (&websocket.Dialer{HandshakeTimeout: dialLimit, Subprotocols: []string{channelProtocol}}).
		DialContext(ctx, "ws"+strings.TrimPrefix(to, "http")+"/v1/handover", h)
	if err != nil {
		if res != nil {
			err = fmt.Errorf("%w: %s", err, res.Status)
		}
		return fmt.Errorf("dial target %s: %w", to, err)
	}
	d.ch = wire.NewConn(ws)
	if _, err := d.ch.Send(wire.Hello, wire.AppendHello(nil, wire.Oldest, wire.Version, 0)); err != nil {
		return err
	}
	b, err := d.await(ctx, replyLimit, wire.Welcome)
	if err == nil {
		_, _, err = wire.Agree(b)
	}
	return err
}

// await returns the payload of the next frame, which must be of one kind.
func (d *departure) await(ctx context.Context, limit time.Duration, due wire.Kind) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the target said nothing for %v", limit))
	defer cancel()
	ch := d.ch // which is let go of when the departure is over, while this may still run
	defer context.AfterFunc(ctx, func() { _ = ch.Close() })()
	k, _, b, err := ch.Receive()
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case k == wire.Refused:
		return nil, &refusal{string(b)}
	case k == wire.Failed:
		return nil, fmt.Errorf("the target failed: %s", b)
	case k != due:
		return nil, badFrame(k, due)
	}
	return b, nil
}

// stage sends the module if the target lacks it.
func (d *departure) stage(ctx context.Context) error {
	if d.lack {
		if err := d.sendAll(ctx, wire.Module, d.h.start.Module); err != nil {
			return err
		}
	}
	if _, err := d.ch.Send(wire.Stage, nil); err != nil {
		return err
	}
	_, err := d.await(ctx, replyLimit, wire.Staged)
	return err
}

// sendAll sends b in pieces, each after the one before was acknowledged.
func (d *departure) sendAll(ctx context.Context, k wire.Kind, b []byte) error {
	for len(b) > 0 {
		n := min(len(b), wire.MaxData)
		if _, err := d.ch.Send(k, b[:n]); err != nil {
			return err
		}
		if _, err := d.await(ctx, replyLimit, wire.Ack); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// hold takes the last checkpoint; until stay the guest makes no other.
func (d *departure) hold() error {
	d.asked = time.Now()
	last, err := d.h.proc.hold()
	if err != nil {
		return err
	}
	d.held = true
	var file bytes.Buffer
	if err := d.h.start.snapshot(last, snapshotfmt.Meta{Instance: d.m.Record.Instance, Epoch: d.m.Record.Epoch}).Encode(&file); err != nil {
		return err
	}
	d.file = file.Bytes()
	d.res.MemoryBytes, d.res.StopReason = int64(len(last)), "idiomatic: the last checkpoint"
	return nil
}

// stay lets the guest go on here, at the epoch that the record says.
func (d *departure) stay() {
	if d.held {
		d.h.proc.stay()
		d.held = false
	}
	if e, owns := d.m.Record.Owner(); owns {
		d.n.mu.Lock()
		defer d.n.mu.Unlock()
		d.h.info.Epoch = e
	}
}

// final sends the checkpoint, and hears that it is whole.
func (d *departure) final(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, replyLimit, errors.New("the guest was held for too long"))
	defer cancel()
	if err := d.sendAll(ctx, wire.State, d.file); err != nil {
		return err
	}
	sum := sha256.Sum256(d.file)
	if _, err := d.ch.Send(wire.Final, append(make([]byte, 32), sum[:]...)); err != nil {
		return err
	}
	_, err := d.await(ctx, replyLimit, wire.Ready)
	return err
}

// commit tells the target that the guest is its own, and hears that it runs.
func (d *departure) commit() (handover.Event, bool) {
	if d.ch != nil {
		if _, err := d.ch.Send(wire.Commit, nil); err == nil {
			if _, err := d.await(d.n.ctx, tellLimit, wire.Activated); err == nil {
				d.res.DowntimeMS = millisSince(d.asked)
				return happened(handover.Activated)
			}
		}
		d.close()
	}
	e, ok := d.n.tell(d.n.ctx, d.m.Record, handover.Commit)
	if ok && e.Kind == handover.ReadyAtT { // it will hear it again
		return handover.Event{}, false
	}
	return e, ok
}

// discard is after the target runs the guest.
func (d *departure) discard() {
	if d.h == nil {
		return
	}
	d.n.mu.Lock()
	d.h.info.MovedTo = d.m.Record.Target
	d.n.mu.Unlock()
	d.h.proc.end()
}

func (d *departure) close() {
	if d.ch != nil {
		d.res.BytesSent = d.ch.Sent()
		_ = d.ch.Close()
		d.ch = nil
	}
}

func millisSince(t time.Time) float64 { return float64(time.Since(t).Microseconds()) / 1000 }
