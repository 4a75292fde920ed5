package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"sojourn/compat"
	"sojourn/proxy/api"
	"sojourn/proxy/handover"
	"sojourn/proxy/wire"
)

// arrival performs what a handover.Target decides.
type arrival struct {
	n      *node
	ch     *wire.Conn // nil after a restart
	public *arrivalOf
	m      handover.Target
	plan   plan
	h      *hosted // reserved; its process compiles from Stage on, and runs from Activate on

	compiled     <-chan error // nil when there is nothing to wait for
	module, file []byte       // as far as they have arrived
	final        []byte       // payload of Final
	start        start        // of the guest, once verified
}

type frame struct {
	kind    wire.Kind
	seq     uint32
	payload []byte
}

// serveHandover is the target's end of a migration.
func (n *node) serveHandover(w http.ResponseWriter, r *http.Request) {
	ws, err := (&websocket.Upgrader{HandshakeTimeout: dialLimit, Subprotocols: []string{channelProtocol}}).Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	ch, over := wire.NewConn(ws), make(chan struct{})
	if n.do(func() { defer close(over); n.receive(ch) }) {
		<-over
	}
	_ = ch.Close()
}

// receive serves one channel until it ends, and then, when the guest is here but undecided, asks
// until it knows.
func (n *node) receive(ch *wire.Conn) {
	defer context.AfterFunc(n.ctx, func() { _ = ch.Close() })()
	a := &arrival{n: n, ch: ch, public: newArrivalOf()}
	if a.open() != nil {
		return
	}
	if err := n.join(a.plan.Migration, a.public); err != nil {
		a.say(wire.Refused, clip(err.Error()))
		return
	}
	defer n.leave(a.plan.Migration, a.public)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer ch.Close()
	frames, over := make(chan frame), make(chan struct{})
	defer close(over)
	wg.Go(func() {
		defer close(frames)
		for {
			k, seq, b, err := ch.Receive()
			if err != nil {
				return
			}
			select {
			case frames <- frame{k, seq, b}:
			case <-over:
				return
			}
		}
	})
	a.step(handover.Plan, "")
	a.loop(frames)
}

// open agrees on a version and reads the plan.
func (a *arrival) open() error {
	k, _, b, err := a.ch.Receive()
	if err == nil && k != wire.Hello {
		err = badFrame(k, wire.Hello)
	}
	if err != nil {
		return err
	}
	version, _, err := wire.Agree(b)
	if err != nil {
		a.say(wire.Refused, clip(err.Error()))
		return err
	}
	a.say(wire.Welcome, wire.AppendHello(nil, version, version, 0))
	if k, _, b, err = a.ch.Receive(); err == nil && k != wire.Plan {
		err = badFrame(k, wire.Plan)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &a.plan); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	a.m = handover.NewTarget(handover.Record{Migration: a.plan.Migration, Instance: a.plan.Instance, Epoch: a.plan.Epoch,
		Source: a.plan.Source, Target: a.n.url})
	return nil
}

func (a *arrival) say(k wire.Kind, b []byte) {
	if a.ch != nil {
		_, _ = a.ch.Send(k, b) // what gets lost the source asks for
	}
}

// loop feeds the machine until it is at an end and the source has heard it, or the node ends.
func (a *arrival) loop(frames <-chan frame) {
	defer a.release()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	idle := time.NewTimer(reserveLimit)
	defer idle.Stop()
	for !a.m.Over() || frames != nil {
		ticks := tick.C
		if frames != nil {
			ticks = nil
		}
		select {
		case f, ok := <-frames:
			if !ok {
				frames = nil
				a.step(handover.LinkLost, "the channel to the source broke")
				continue
			}
			idle.Reset(reserveLimit)
			a.frame(f)
		case q := <-a.public.asked:
			a.step(q.kind, "")
			close(q.answered)
		case err := <-a.compiled:
			a.compiled = nil
			if err != nil {
				a.step(handover.Failed, err.Error())
			} else {
				a.say(wire.Compiled, nil)
			}
		case <-idle.C:
			if a.compiled != nil { // the source waits for us
				idle.Reset(reserveLimit)
				continue
			}
			a.step(handover.Failed, "the source said nothing until the reservation ended")
		case <-ticks:
			a.step(handover.Tick, "")
		case <-a.n.ctx.Done():
			return
		}
	}
}

func (a *arrival) step(k handover.Kind, reason string) {
	var effects []handover.Effect
	a.m, effects = a.m.Next(handover.Event{Kind: k, Migration: a.m.Record.Migration, Reason: reason})
	a.apply(effects)
}

func (a *arrival) apply(effects []handover.Effect) {
	for _, f := range effects {
		a.publish()
		if e, ok := a.perform(f); ok {
			a.step(e.Kind, e.Reason)
		}
	}
	a.publish()
}

// publish shows others where the move is.
func (a *arrival) publish() {
	a.n.mu.Lock()
	defer a.n.mu.Unlock()
	a.public.state = told(a.m.Record, a.m.Told())
}

func (a *arrival) perform(f handover.Effect) (handover.Event, bool) {
	switch f.Do {
	case handover.Persist:
		return a.n.put(f.Record)
	case handover.Send:
		return a.send(f)
	case handover.Reserve:
		if err := a.reserve(); err != nil {
			return handover.Event{Kind: handover.Refused, Reason: err.Error()}, true
		}
		return happened(handover.Granted)
	case handover.Compile:
		return outcome(handover.Compiled, a.compile())
	case handover.Verify:
		return outcome(handover.Verified, a.verify())
	case handover.Activate:
		a.activate()
	case handover.Release:
		a.release()
	case handover.Recover: // guests end with the node's process
		return handover.Event{Kind: handover.RecoverFailed, Reason: "the node's process ended, and the guest with it"}, true
	}
	return handover.Event{}, false
}

func (a *arrival) send(f handover.Effect) (handover.Event, bool) {
	switch f.Message {
	case handover.AskSource:
		return a.n.ask(a.n.ctx, a.m.Record)
	case handover.Reserved:
		lacks := byte(0)
		if _, err := a.n.module(a.plan.Module); err != nil {
			lacks = 1
		}
		a.say(wire.Reserved, []byte{lacks})
	case handover.Refused:
		a.say(wire.Refused, clip(f.Reason))
	case handover.Staged:
		a.say(wire.Staged, nil)
	case handover.ReadyAtT:
		a.say(wire.Ready, nil)
	case handover.Activated:
		a.say(wire.Activated, nil)
	case handover.Absent, handover.LostAtT:
		a.say(wire.Failed, clip(f.Reason))
	}
	return handover.Event{}, false
}

// frame takes one frame. One that does not fit breaks the channel off.
func (a *arrival) frame(f frame) {
	var err error
	switch f.kind {
	case wire.Module:
		err = a.take(&a.module, f, handover.TReserved, maxModule)
	case wire.Stage:
		a.step(handover.Stage, "")
	case wire.State:
		err = a.take(&a.file, f, handover.TFilling, maxSnapshot)
	case wire.Final:
		a.final = f.payload
		a.step(handover.Final, "")
	case wire.Commit:
		a.step(handover.Commit, "")
	case wire.Cancel:
		a.step(handover.CancelIt, string(f.payload))
	default:
		err = fmt.Errorf("%w: kind %d from a source", wire.ErrFrame, f.kind)
	}
	if err != nil {
		a.step(handover.Failed, err.Error())
	}
}

// take appends a frame to what has arrived, and acknowledges it.
func (a *arrival) take(to *[]byte, f frame, when handover.TargetStep, most int) error {
	if a.m.Step != when || len(*to)+len(f.payload) > most {
		return fmt.Errorf("kind %d is too long, or comes at the wrong time", f.kind)
	}
	*to = append(*to, f.payload...)
	a.say(wire.Ack, binary.LittleEndian.AppendUint32(nil, f.seq))
	return nil
}

// reserve checks the plan and keeps a place.
func (a *arrival) reserve() error {
	p, n := a.plan, a.n
	switch {
	case p.Instance == "" || len(p.Instance) > 64 || p.Epoch == 0:
		return errors.New("the plan names no instance, or no epoch")
	case !p.Idiomatic || len(p.Libraries) > 0:
		return errors.New("a Wasmer node runs only guests that move by their last checkpoint")
	case p.ModuleSize > maxModule:
		return fmt.Errorf("the module has %d bytes, this node takes %d", p.ModuleSize, maxModule)
	}
	if _, err := api.NewClient(p.Source, api.Options{}); err != nil {
		return fmt.Errorf("the plan's source: %w", err)
	}
	if err := allowed(p.Spec); err != nil {
		return err
	}
	h := &hosted{out: new(tail), info: api.Guest{ID: p.Instance, Name: p.Spec.Name, Module: p.Module, Epoch: p.Epoch + 1, Engine: api.EngineWasmer,
		Args: p.Spec.Args, MemoryBytes: p.MemoryBytes, Migration: p.Migration, Idiomatic: true, Started: time.Now()}}
	n.mu.Lock()
	defer n.mu.Unlock()
	if old := n.guests[p.Instance]; old != nil {
		if old.busy || old.live() {
			return fmt.Errorf("guest %s runs here, or is still leaving", p.Instance)
		}
		if old.info.Epoch > p.Epoch {
			return fmt.Errorf("guest %s was here at epoch %d, and the plan is of epoch %d", p.Instance, old.info.Epoch, p.Epoch)
		}
	}
	if err := n.room(); err != nil {
		return err
	}
	n.reserved++
	a.h = h
	return nil
}

// compile keeps the module and has the guest's process begin to compile it.
func (a *arrival) compile() error {
	if len(a.module) > 0 {
		if err := a.n.putModule(a.plan.Module, bytes.NewReader(a.module)); err != nil {
			return err
		}
		a.module = nil
	}
	module, err := a.n.module(a.plan.Module)
	if err != nil {
		return err
	}
	if a.h.proc, err = launch(start{Module: module, Waits: true}, nil, a.h.out, a.h.out); err != nil {
		return err
	}
	compiled := make(chan error, 1)
	a.compiled = compiled
	p := a.h.proc
	if !a.n.do(func() { compiled <- p.compiled() }) {
		return errors.New("the node is ending")
	}
	return nil
}

// verify reads the checkpoint. Its guest is compiled by now: the source has waited for that.
func (a *arrival) verify() error {
	if a.h == nil || a.h.proc == nil || a.compiled != nil || len(a.final) != 64 {
		return errors.New("the guest is not complete")
	}
	if sum := sha256.Sum256(a.file); [32]byte(a.final[32:]) != sum {
		return fmt.Errorf("the checkpoint's digest is %x here, %x at the source", sum, a.final[32:])
	}
	s, err := compat.Decode(bytes.NewReader(a.file))
	if err != nil {
		return err
	}
	module, err := a.n.module(a.plan.Module)
	if err != nil {
		return err
	}
	a.file = nil
	a.start, err = begin(s, module)
	return err
}

// activate runs the guest: it is this node's own now.
func (a *arrival) activate() {
	a.n.mu.Lock()
	defer a.n.mu.Unlock()
	a.n.reserved--
	a.h.start = a.start
	a.n.guests[a.h.info.ID] = a.h
	a.h.proc.begin(a.start)
}

// release gives back what was held for a guest that does not come.
func (a *arrival) release() {
	if a.h == nil || a.m.Step == handover.TActive {
		return
	}
	if a.h.proc != nil {
		a.h.proc.end()
	}
	a.n.mu.Lock()
	defer a.n.mu.Unlock()
	a.n.reserved--
	a.h = nil
}
