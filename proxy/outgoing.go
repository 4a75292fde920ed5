package proxy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"sojourn/engine"
	"sojourn/interp"
	"sojourn/proxy/api"
	"sojourn/proxy/handover"
	"sojourn/proxy/session"
	"sojourn/proxy/wire"
)

// outgoing performs what a handover.Source decides.
type outgoing struct {
	n     *Node
	g     *guest // nil when the process that held it died
	req   api.MigrateRequest
	mv    *move
	m     handover.Source
	ch    *channel
	cp    *copier
	files *courier
	last  *checkpointMove // nil for a guest that is frozen
	emit  func(api.Progress)

	began, froze time.Time
	res          api.MigrateResult
}

// Migrate moves a guest to r.To. See api.Client.Migrate for who owns it
// afterwards. Ending ctx cancels the migration until it is committed.
func (n *Node) Migrate(ctx context.Context, id string, r api.MigrateRequest, progress func(api.Progress)) (api.MigrateResult, error) {
	g, err := n.guest(id)
	if err != nil {
		return api.MigrateResult{}, err
	}
	if err := g.here(); err != nil {
		return api.MigrateResult{}, err
	}
	if !g.live() {
		return api.MigrateResult{}, failHint(api.CodeConflict, "its output is still here", "guest %s has ended", id)
	}
	if r.To == n.URL() {
		return api.MigrateResult{}, fail(api.CodeBadRequest, "guest %s is on %s already", id, r.To)
	}
	if _, err := n.peer(r.To); err != nil {
		return api.MigrateResult{}, fail(api.CodeBadRequest, "%v", err)
	}
	if !g.tryLock() {
		return api.MigrateResult{}, failHint(api.CodeConflict, "try again when it is over", "guest %s is being moved or written down", id)
	}
	last, err := n.byCheckpoint(ctx, g, r)
	if err != nil {
		g.unlock()
		return api.MigrateResult{}, err
	}
	told := make(chan api.Progress, 16)
	o := &outgoing{n: n, g: g, req: r, last: last, mv: newMove(), began: time.Now(), emit: func(p api.Progress) {
		select {
		case told <- p:
		default: // whoever listens is slow; the next one says more
		}
	}}
	done := make(chan error, 1)
	if !n.start(func() { done <- o.run(ctx) }) {
		g.unlock()
		return api.MigrateResult{}, errClosed
	}
	for {
		select {
		case p := <-told:
			if progress != nil {
				progress(p)
			}
		case err := <-done:
			return o.res, err
		}
	}
}

// run is the whole migration. It holds the guest's lock.
func (o *outgoing) run(ctx context.Context) error {
	defer o.g.unlock()
	rec := handover.Record{Migration: newID(), Instance: o.g.id, Source: o.n.URL(), Target: o.req.To}
	o.g.mu.Lock()
	rec.Epoch, o.g.migration = o.g.epoch, rec.Migration
	o.g.mu.Unlock()
	if err := o.n.join(rec.Migration, o.mv); err != nil {
		return err
	}
	defer o.n.leave(rec.Migration)
	if err := o.keepImage(ctx, rec.Migration); err != nil {
		return err
	}
	m, effects := handover.Begin(rec)
	o.m = m
	defer o.close()
	if err := o.drive(ctx, effects); err != nil {
		return err
	}
	return o.verdict()
}

// keepImage writes the guest down before it begins to move, when the node was
// set up to survive its own death.
func (o *outgoing) keepImage(ctx context.Context, migration string) error {
	if !o.n.cfg.Durable {
		return nil
	}
	if err := o.n.writeImage(migration, plan{Migration: migration, Instance: o.g.id, Spec: o.g.spec}, func(f *os.File) error {
		return o.n.checkpoint(ctx, o.g, f)
	}); err != nil {
		return fmt.Errorf("writing guest %s down before it moves: %w", o.g.id, err)
	}
	o.g.mu.Lock()
	defer o.g.mu.Unlock()
	o.n.dropImage(o.g.image)
	o.g.image = o.n.imagePath(migration)
	return nil
}

// drive performs effects and feeds back what came of them until the machine
// is at an end. Until the commit ctx cancels; afterwards only Close ends it.
func (o *outgoing) drive(ctx context.Context, effects []handover.Effect) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(o.n.ctx, cancel)()
	for {
		o.mv.set(o.m.Record, o.m.Told())
		if o.cp == nil || o.m.Step != handover.SCopy {
			o.progress(nil)
		}
		var next []handover.Effect
		for _, f := range effects {
			e, ok := o.perform(ctx, f)
			if !ok {
				continue
			}
			e.Migration = o.m.Record.Migration
			var more []handover.Effect
			o.m, more = o.m.Next(e)
			o.mv.set(o.m.Record, o.m.Told())
			next = append(next, more...)
		}
		if effects = next; len(effects) > 0 {
			continue
		}
		if o.m.Over() {
			return nil
		}
		select {
		case <-time.After(o.n.cfg.AskEvery):
		case <-o.n.ctx.Done():
			return fail(api.CodeInDoubt, "migration %s of guest %s: the node was closed at step %s", o.m.Record.Migration, o.m.Record.Instance, o.m.Step)
		}
		o.m, effects = o.m.Next(handover.Event{Kind: handover.Tick, Migration: o.m.Record.Migration})
	}
}

func happened(k handover.Kind) (handover.Event, bool) { return handover.Event{Kind: k}, true }

// outcome is ok, or Failed with the error.
func outcome(ok handover.Kind, err error) (handover.Event, bool) {
	if err != nil {
		return handover.Event{Kind: handover.Failed, Reason: err.Error()}, true
	}
	return happened(ok)
}

func (o *outgoing) perform(ctx context.Context, f handover.Effect) (handover.Event, bool) {
	switch f.Do {
	case handover.Persist:
		if err := o.n.store.Put(f.Record); err != nil {
			o.n.cfg.Log.Error("writing a record", "migration", f.Record.Migration, "err", err)
			return handover.Event{Kind: handover.PersistFailed, Reason: err.Error()}, true
		}
		return happened(handover.Persisted)
	case handover.Send:
		return o.send(ctx, f)
	case handover.CopyMemory:
		if o.last != nil {
			return outcome(handover.Copied, o.waitCompiled(ctx))
		}
		return outcome(handover.Copied, o.copyMemory(ctx))
	case handover.Freeze:
		return outcome(handover.Frozen, o.freeze(ctx))
	case handover.Thaw:
		o.thaw()
	case handover.Discard:
		o.discard()
	case handover.Recover:
		o.recover()
	}
	return handover.Event{}, false
}

func (o *outgoing) send(ctx context.Context, f handover.Effect) (handover.Event, bool) {
	switch f.Message {
	case handover.Plan:
		return o.plan(ctx)
	case handover.Stage:
		return outcome(handover.Staged, o.stage(ctx))
	case handover.Final:
		return o.final(ctx)
	case handover.Commit:
		return o.commit()
	case handover.CancelIt:
		if o.ch != nil {
			_, _ = o.ch.Send(wire.Cancel, []byte(clip(f.Reason)))
		}
	case handover.AskTarget:
		return o.n.tell(o.n.ctx, o.m.Record, handover.AskTarget)
	}
	return handover.Event{}, false
}

// plan dials the target and asks whether it takes the guest.
func (o *outgoing) plan(ctx context.Context) (handover.Event, bool) {
	ch, err := o.n.dial(ctx, o.req.To)
	if err != nil {
		return outcome(0, err)
	}
	o.ch = ch
	granted, err := o.n.grant(o.g.spec, true)
	if err != nil {
		return outcome(0, err)
	}
	storage, err := storages(granted.Mounts)
	if err != nil {
		return outcome(0, err)
	}
	if o.g.home != nil && ch.caps&wire.CanFolders == 0 {
		return outcome(0, errors.New("the target does not know of folders that go with a guest"))
	}
	if len(o.g.libs) > 0 && ch.caps&wire.CanLibraries == 0 {
		return outcome(0, errors.New("the target does not know of guests of several modules"))
	}
	var libs []library
	for i, l := range o.g.mod.Libraries() {
		libs = append(libs, library{o.g.libs[i], int64(len(l.Bytes))})
	}
	b, err := encodePlan(plan{Libraries: libs, Migration: o.m.Record.Migration, Instance: o.g.id, Epoch: o.m.Record.Epoch,
		Source: o.m.Record.Source, Module: o.g.module, ModuleSize: int64(len(o.g.mod.Bytes())),
		MemoryBytes: o.g.memory(), Idiomatic: o.last != nil, Spec: o.g.spec, Storage: storage})
	if err != nil {
		return outcome(0, err)
	}
	if _, err := ch.Send(wire.Plan, b); err != nil {
		return outcome(0, err)
	}
	payload, err := ch.await(ctx, replyLimit, wire.Reserved)
	var no *refusal
	if errors.As(err, &no) {
		return handover.Event{Kind: handover.Refused, Reason: no.reason}, true
	}
	if err == nil {
		ch.lacks = payload
	}
	return outcome(handover.Reserved, err)
}

// lack says whether an item of the target's answer to the plan must be sent: the module,
// the libraries, and then the folders that never change.
func (c *channel) lack(i int) bool { return i < len(c.lacks) && c.lacks[i] == 1 }

// stage sends the modules, and the folders by digest, if the target lacks them, and what the
// carried folders hold now.
func (o *outgoing) stage(ctx context.Context) error {
	modules := append([]interp.Module{{Bytes: o.g.mod.Bytes()}}, o.g.mod.Libraries()...)
	for i, m := range modules {
		if !o.ch.lack(i) {
			continue
		}
		if err := o.ch.sendAll(ctx, wire.Module, m.Bytes); err != nil {
			return err
		}
	}
	if _, err := o.ch.Send(wire.Stage, nil); err != nil {
		return err
	}
	if _, err := o.ch.await(ctx, replyLimit, wire.Staged); err != nil {
		return err
	}
	var err error
	if o.files, err = newCourier(o.g.home, o.ch, o.n.cfg.MaxFiles, func() { o.progress(nil) }); err != nil {
		return err
	}
	if err := o.files.fixed(ctx, func(i int) bool { return o.ch.lack(len(modules) + i) }); err != nil {
		return err
	}
	return o.files.round(ctx)
}

func (o *outgoing) freeze(ctx context.Context) error {
	o.froze = time.Now()
	if o.last != nil {
		return o.hold()
	}
	o.g.everyHub((*session.Hub).Seal)
	ctx, cancel := context.WithTimeout(ctx, o.n.cfg.FreezeLimit)
	defer cancel()
	return o.g.env.Freeze(ctx)
}

// thaw is after a failure: the freeze may not have come to its end.
func (o *outgoing) thaw() {
	o.g.everyHub((*session.Hub).Unseal)
	if o.g.env.State() == engine.Freezing {
		o.n.thawSoon(o.g)
		return
	}
	if o.last != nil {
		o.last.settle(false)
	} else if err := o.g.env.Thaw(); err != nil && !errors.Is(err, engine.ErrGone) {
		o.n.cfg.Log.Error("thawing a guest that did not move", "guest", o.g.id, "err", err)
	}
	if e, owns := o.m.Record.Owner(); owns {
		o.g.mu.Lock()
		o.g.epoch = e
		o.g.mu.Unlock()
	}
}

// commit tells the target that the guest is its own, and hears that it runs.
func (o *outgoing) commit() (handover.Event, bool) {
	if o.ch != nil && o.ch.err() == nil {
		if _, err := o.ch.Send(wire.Commit, nil); err == nil {
			if _, err := o.ch.await(o.n.ctx, tellLimit, wire.Activated); err == nil {
				o.activated()
				return happened(handover.Activated)
			}
		}
	}
	e, ok := o.n.tell(o.n.ctx, o.m.Record, handover.Commit)
	switch {
	case ok && e.Kind == handover.Activated:
		o.activated()
	case ok && e.Kind == handover.ReadyAtT: // it will hear it again
		return handover.Event{}, false
	}
	return e, ok
}

func (o *outgoing) activated() {
	if !o.froze.IsZero() {
		o.res.DowntimeMS = millis(time.Since(o.froze))
	}
}

// discard is after the target runs the guest: this copy is of no more use.
func (o *outgoing) discard() {
	if o.g == nil {
		o.n.dropImage(o.n.imagePath(o.m.Record.Migration))
		return
	}
	o.g.mu.Lock()
	o.g.movedTo = o.m.Record.Target
	image := o.g.image
	o.g.mu.Unlock()
	o.n.dropImage(image)
	o.g.everyHub(func(h *session.Hub) { h.Moved(o.m.Record.Target) })
	if o.last != nil {
		o.last.settle(true)
	}
	o.cp.close()
	o.g.kill(errMoved)
}

var errMoved = errors.New("the guest moved")

func (o *outgoing) close() {
	o.cp.close()
	o.files.close()
	if o.ch != nil {
		o.ch.close()
	}
}

// verdict is what the caller is told.
func (o *outgoing) verdict() error {
	r := o.m.Record
	if r.Phase != handover.Moved {
		return failHint(api.CodeMigrationFault, "it runs on at "+r.Source, "guest %s was not moved to %s: %s", r.Instance, r.Target, r.Reason)
	}
	o.res.ID, o.res.Migration, o.res.From, o.res.To, o.res.Epoch = r.Instance, r.Migration, r.Source, r.Target, r.Epoch+1
	o.res.TotalMS = millis(time.Since(o.began))
	if o.ch != nil {
		o.res.BytesSent = o.ch.Sent()
	}
	return nil
}

// progress tells where the migration is; c is of pre-copy.
func (o *outgoing) progress(c *Copying) {
	if o.emit == nil {
		return
	}
	p := api.Progress{Migration: o.m.Record.Migration, Step: o.m.Step.String(), Round: len(o.res.Rounds)}
	if o.ch != nil {
		p.BytesSent = o.ch.Sent()
	}
	if c != nil {
		p.BytesLeft, p.Bandwidth, p.DirtyRate = c.Left, c.Bandwidth(), c.DirtyRate()
		if p.Bandwidth > 0 {
			p.PredictedStop = millis(c.Predicted())
		}
	}
	o.emit(p)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func clip(s string) string { return s[:min(len(s), 8<<10)] }
