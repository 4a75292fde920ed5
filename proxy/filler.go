package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"sojourn/engine"
	"sojourn/proxy/handover"
	"sojourn/proxy/wire"
	"sojourn/snapshotfmt"
)

// filler is the guest's memory as it arrives. Until the module is compiled
// there is nowhere to put it, and frames wait in the backlog.
type filler struct {
	done   chan struct{} // closed when compiling has ended
	mod    *engine.Module
	err    error
	in     *engine.Incoming // nil before, and after it was completed
	sums   *snapshotfmt.Digests
	queue  []inFrame
	queued int
}

func (f *filler) close() {
	if f.in != nil {
		_ = f.in.Close()
		f.in = nil
	}
}

func (in *incoming) ack(seq uint32) {
	in.send(wire.Ack, binary.LittleEndian.AppendUint32(nil, seq))
}

func (in *incoming) takeModule(b []byte) error {
	if in.m.Step != handover.TReserved || int64(len(in.module)+len(b)) > in.n.cfg.MaxModule {
		return fmt.Errorf("the module is too long, or comes at the wrong time")
	}
	in.module = append(in.module, b...)
	return nil
}

// compile keeps the module and begins to compile it.
func (in *incoming) compile() error {
	if len(in.module) > 0 {
		if err := in.n.putModule(in.plan.Module, bytes.NewReader(in.module)); err != nil {
			return err
		}
		in.module = nil
	}
	f := &filler{done: make(chan struct{})}
	in.fill = f
	kind := in.n.engineFor(in.plan.Spec.Engine, true)
	ok := in.n.start(func() {
		defer close(f.done)
		f.mod, f.err = in.n.module(in.n.ctx, in.plan.Module, kind)
	})
	if !ok {
		return errClosed
	}
	return nil
}

// compiling is readable once, when the module is compiled and nobody has taken
// note of it.
func (in *incoming) compiling() <-chan struct{} {
	if in.fill == nil || in.fill.in != nil || in.m.Step != handover.TFilling {
		return nil
	}
	return in.fill.done
}

// compiled makes the empty guest and puts what has arrived into it.
func (in *incoming) compiled(ctx context.Context) {
	err := in.unfold(ctx)
	if err != nil {
		in.step(handover.Failed, err.Error())
		return
	}
	in.send(wire.Compiled, nil)
}

func (in *incoming) unfold(ctx context.Context) error {
	f := in.fill
	if f.err != nil {
		return f.err
	}
	var err error
	if f.in, err = engine.Receive(ctx, f.mod, in.g.streams(in.granted)); err != nil {
		return err
	}
	pages := 0
	if m := f.in.Memory(); m != nil {
		pages = m.Pages()
	}
	f.sums = f.mod.Base().Digests(pages)
	queue := f.queue
	f.queue, f.queued = nil, 0
	for _, fr := range queue {
		if err := f.put(fr); err != nil {
			return err
		}
	}
	return nil
}

// takeMemory takes a Memory or Pages frame.
func (in *incoming) takeMemory(fr inFrame) error {
	f := in.fill
	if f == nil || in.m.Step != handover.TFilling {
		return errors.New("memory comes at the wrong time")
	}
	if f.in == nil {
		f.queue, f.queued = append(f.queue, fr), f.queued+len(fr.payload)
		if f.queued <= maxBacklog {
			return nil
		}
		select { // the source waits with us
		case <-f.done:
		case <-in.n.ctx.Done():
			return errClosed
		}
		if err := in.unfold(in.n.ctx); err != nil {
			return err
		}
		in.send(wire.Compiled, nil)
		return nil
	}
	return f.put(fr)
}

func (f *filler) put(fr inFrame) error {
	mem := f.in.Memory()
	if mem == nil {
		return errors.New("memory for a guest that has none")
	}
	if fr.kind == wire.Memory {
		pages := binary.LittleEndian.Uint32(fr.payload)
		if int(pages)*snapshotfmt.PagesPerWasmPage < f.sums.Pages() {
			return fmt.Errorf("memory of %d pages: it does not shrink", pages)
		}
		if err := f.in.Grow(pages); err != nil {
			return err
		}
		f.sums.Grow(mem.Pages())
		return nil
	}
	b := mem.Bytes()
	return snapshotfmt.DecodePages(fr.payload, f.sums.Pages(), func(page uint32, data []byte) error {
		copy(b[int(page)*snapshotfmt.PageSize:], data)
		f.sums.Update(page, data)
		return nil
	})
}

func (in *incoming) takeState(b []byte) error {
	if in.m.Step != handover.TFilling || len(in.state)+len(b) > maxState {
		return errors.New("the state is too long, or comes at the wrong time")
	}
	in.state = append(in.state, b...)
	return nil
}

// verify completes the guest, if memory and state are what the source had.
func (in *incoming) verify() error {
	f := in.fill
	if f == nil || f.in == nil || len(in.final) != 64 && len(in.final) != 96 {
		return errors.New("the guest is not complete")
	}
	if root := f.sums.Root(); [32]byte(in.final[:32]) != root {
		return fmt.Errorf("memory root is %x here, %x at the source", root, in.final[:32])
	}
	if sum := sha256.Sum256(in.state); [32]byte(in.final[32:64]) != sum {
		return fmt.Errorf("state digest is %x here, %x at the source", sum, in.final[32:64])
	}
	st, err := snapshotfmt.DecodeState(in.state, snapshotfmt.Limits{MemoryPages: in.granted.Limits.MemoryPages})
	if err != nil {
		return err
	}
	home, err := in.files.complete(in.final[64:])
	if err != nil {
		return err
	}
	env, err := f.in.Complete(st)
	f.in = nil
	if err != nil {
		home.leave()
		return err
	}
	in.g.runs(f.mod, env)
	in.g.home = home
	in.state = nil
	if err := home.own(in.g, in.plan.Epoch+1); err != nil {
		return err
	}
	if !in.n.cfg.Durable {
		return nil
	}
	return in.n.writeImage(in.plan.Migration, in.plan, func(w *os.File) error { return in.n.writeDown(in.g, w) })
}

// takeTree takes a piece of a tree of the guest's folders.
func (in *incoming) takeTree(b []byte) error {
	if in.m.Step != handover.TFilling {
		return errors.New("folders come at the wrong time")
	}
	answer, err := in.files.takeTree(b)
	if err == nil && b[1] == 1 {
		in.send(wire.Want, answer)
	}
	return err
}

func (in *incoming) takeChunks(b []byte) error {
	if in.m.Step != handover.TFilling {
		return errors.New("folders come at the wrong time")
	}
	return in.files.takeChunks(b)
}
