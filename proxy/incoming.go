package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"sojourn/engine"
	"sojourn/proxy/handover"
	"sojourn/proxy/wire"
)

// incoming performs what a handover.Target decides.
type incoming struct {
	n     *Node
	ch    *wire.Conn // nil after a restart
	mv    *move
	m     handover.Target
	plan  plan
	g     *guest
	fill  *filler
	files *arrivals

	granted  engine.Spec
	reserved uint64
	lacks    []byte // for each module, 1 if it is to be sent
	module   []byte // what of those has arrived
	state    []byte
	final    []byte // payload of Final
	said     handover.Kind
}

// frame is what came over the channel.
type inFrame struct {
	kind    wire.Kind
	seq     uint32
	payload []byte
}

// receive serves one migration channel until it ends, and then, when the
// guest is here but undecided, asks until it knows.
func (n *Node) receive(ch *wire.Conn) error {
	in := &incoming{n: n, ch: ch, mv: newMove()}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer ch.Close()
	if err := in.open(); err != nil {
		return err
	}
	if err := n.join(in.plan.Migration, in.mv); err != nil {
		_, _ = ch.Send(wire.Refused, []byte(err.Error()))
		return err
	}
	defer n.leave(in.plan.Migration)
	defer in.release()

	frames := make(chan inFrame)
	ctx, cancel := context.WithCancel(n.ctx)
	defer cancel()
	wg.Go(func() {
		defer close(frames)
		for {
			k, seq, b, err := ch.Receive()
			if err != nil {
				return
			}
			select {
			case frames <- inFrame{k, seq, b}:
			case <-ctx.Done():
				return
			}
		}
	})
	in.step(handover.Plan, "")
	in.loop(ctx, frames)
	return nil
}

// open agrees on a version and reads the plan.
func (in *incoming) open() error {
	k, _, b, err := in.ch.Receive()
	if err != nil {
		return err
	}
	if k != wire.Hello {
		return fmt.Errorf("%w: kind %d, a hello is due", wire.ErrFrame, k)
	}
	version, caps, err := wire.Agree(b)
	if err != nil {
		_, _ = in.ch.Send(wire.Refused, []byte(err.Error()))
		return err
	}
	if _, err := in.ch.Send(wire.Welcome, wire.AppendHello(nil, version, version, caps)); err != nil {
		return err
	}
	if k, _, b, err = in.ch.Receive(); err != nil {
		return err
	}
	if k != wire.Plan {
		return fmt.Errorf("%w: kind %d, a plan is due", wire.ErrFrame, k)
	}
	if err := json.Unmarshal(b, &in.plan); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	in.m = handover.NewTarget(handover.Record{Migration: in.plan.Migration, Instance: in.plan.Instance,
		Epoch: in.plan.Epoch, Source: in.plan.Source, Target: in.n.URL()})
	return nil
}

// loop feeds the machine until it is at an end and the source has heard it, or
// the node closes.
func (in *incoming) loop(ctx context.Context, frames <-chan inFrame) {
	t := time.NewTicker(in.n.cfg.AskEvery)
	defer t.Stop()
	idle := time.NewTimer(in.n.cfg.ReserveLimit)
	defer idle.Stop()
	for !in.m.Over() || frames != nil {
		var tick <-chan time.Time
		if frames == nil {
			tick = t.C
		}
		select {
		case f, ok := <-frames:
			if !ok {
				frames = nil
				in.step(handover.LinkLost, "the channel to the source broke")
				continue
			}
			idle.Reset(in.n.cfg.ReserveLimit)
			in.frame(f)
		case e := <-in.mv.events:
			in.step(e.Kind, e.Reason)
		case <-in.compiling():
			in.compiled(ctx)
		case <-idle.C:
			if in.fill != nil && !isClosed(in.fill.done) { // the source waits for us
				idle.Reset(in.n.cfg.ReserveLimit)
				continue
			}
			in.step(handover.Failed, "the source said nothing until the reservation ended")
		case <-tick:
			in.step(handover.Tick, "")
		case <-ctx.Done():
			return
		}
	}
}

// step feeds one event and performs what follows from it, to the end.
func (in *incoming) step(k handover.Kind, reason string) {
	var effects []handover.Effect
	in.m, effects = in.m.Next(handover.Event{Kind: k, Migration: in.m.Record.Migration, Reason: reason})
	in.apply(effects)
}

func (in *incoming) apply(effects []handover.Effect) {
	for _, f := range effects {
		in.mv.set(in.m.Record, in.m.Told())
		if e, ok := in.perform(f); ok {
			in.step(e.Kind, e.Reason)
		}
	}
	in.mv.set(in.m.Record, in.m.Told())
}

func (in *incoming) perform(f handover.Effect) (handover.Event, bool) {
	switch f.Do {
	case handover.Persist:
		if err := in.n.store.Put(f.Record); err != nil {
			in.n.cfg.Log.Error("writing a record", "migration", f.Record.Migration, "err", err)
			return handover.Event{Kind: handover.PersistFailed, Reason: err.Error()}, true
		}
		return happened(handover.Persisted)
	case handover.Send:
		return in.say(f)
	case handover.Reserve:
		if err := in.reserve(); err != nil {
			return handover.Event{Kind: handover.Refused, Reason: err.Error()}, true
		}
		return happened(handover.Granted)
	case handover.Compile:
		return outcome(handover.Compiled, in.compile())
	case handover.Verify:
		return outcome(handover.Verified, in.verify())
	case handover.Activate:
		in.activate()
	case handover.Release:
		in.release()
	case handover.Recover:
		return in.recover()
	}
	return handover.Event{}, false
}

// say tells the source. What gets lost here the source asks for.
func (in *incoming) say(f handover.Effect) (handover.Event, bool) {
	in.said = f.Message
	switch f.Message {
	case handover.AskSource:
		return in.n.ask(in.n.ctx, in.m.Record)
	case handover.Reserved:
		in.lacks = nil
		for _, m := range in.plan.modules() {
			in.lacks = append(in.lacks, boolByte(!in.n.hasModule(m.Module)))
		}
		in.send(wire.Reserved, append(slices.Clone(in.lacks), in.files.lacks()...))
	case handover.Refused:
		in.send(wire.Refused, []byte(clip(f.Reason)))
	case handover.Staged:
		in.send(wire.Staged, nil)
	case handover.ReadyAtT:
		in.send(wire.Ready, nil)
	case handover.Activated:
		in.send(wire.Activated, nil)
	case handover.Absent, handover.LostAtT:
		in.send(wire.Failed, []byte(clip(f.Reason)))
	}
	return handover.Event{}, false
}

func (in *incoming) send(k wire.Kind, b []byte) {
	if in.ch != nil {
		_, _ = in.ch.Send(k, b)
	}
}

// frame takes one frame. A frame that does not fit breaks the channel off.
func (in *incoming) frame(f inFrame) {
	var err error
	switch f.kind {
	case wire.Module:
		err = in.takeModule(f.payload)
	case wire.Stage:
		in.step(handover.Stage, "")
	case wire.Memory, wire.Pages:
		err = in.takeMemory(f)
	case wire.State:
		err = in.takeState(f.payload)
	case wire.Tree:
		err = in.takeTree(f.payload)
	case wire.Chunks:
		err = in.takeChunks(f.payload)
	case wire.Final:
		in.final = f.payload
		in.step(handover.Final, "")
	case wire.Commit:
		in.step(handover.Commit, "")
	case wire.Cancel:
		in.step(handover.CancelIt, string(f.payload))
	default:
		err = fmt.Errorf("%w: kind %d from a source", wire.ErrFrame, f.kind)
	}
	if err != nil {
		in.step(handover.Failed, err.Error())
		return
	}
	switch f.kind {
	case wire.Module, wire.Memory, wire.Pages, wire.State, wire.Chunks:
		in.ack(f.seq)
	}
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}
