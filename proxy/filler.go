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
	"sojourn/interp/linmem"
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
	in     *engine.Incoming       // nil before, and after it was completed
	mems   []*linmem.Memory       // of in
	sums   []*snapshotfmt.Digests // of each
	at     int                    // the memory that pages are for
	queue  []inFrame
	queued int
	told   bool // the source knows that it is compiled, and no memory comes
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
	if in.m.Step != handover.TReserved {
		return fmt.Errorf("a module comes at the wrong time")
	}
	due := int64(0)
	for i, m := range in.plan.modules() {
		if in.lacks[i] == 1 {
			due += m.Size
		}
	}
	if int64(len(in.module)+len(b)) > due {
		return fmt.Errorf("the modules have more than the %d bytes that are due", due)
	}
	in.module = append(in.module, b...)
	return nil
}

// compile keeps the module and begins to compile it.
func (in *incoming) compile() error {
	if err := in.keepModules(); err != nil {
		return err
	}
	f := &filler{done: make(chan struct{})}
	in.fill = f
	kind := in.n.engineFor(in.plan.Spec.Engine, true)
	ok := in.n.start(func() {
		defer close(f.done)
		f.mod, f.err = in.n.module(in.n.ctx, in.plan.named(), in.plan.Module, kind)
	})
	if !ok {
		return errClosed
	}
	return nil
}

// keepModules keeps the modules that have arrived, each by its digest.
func (in *incoming) keepModules() error {
	for i, m := range in.plan.modules() {
		if in.lacks[i] == 0 {
			continue
		}
		if int64(len(in.module)) < m.Size {
			return fmt.Errorf("of module %.12s %d bytes have come, and it has %d", m.Module, len(in.module), m.Size)
		}
		if err := in.n.putModule(m.Module, bytes.NewReader(in.module[:m.Size])); err != nil {
			return err
		}
		in.module = in.module[m.Size:]
	}
	in.module = nil
	return nil
}

// compiling is readable once, when the module is compiled and nobody has taken
// note of it.
func (in *incoming) compiling() <-chan struct{} {
	if in.fill == nil || in.fill.in != nil || in.fill.told || in.m.Step != handover.TFilling {
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
	if in.plan.Idiomatic {
		f.told = true
		return nil
	}
	var err error
	if f.in, err = engine.Receive(ctx, f.mod, in.n.streams(in.g, in.granted)); err != nil {
		return err
	}
	f.mems = f.in.Memories()
	for _, m := range f.mems {
		f.sums = append(f.sums, f.mod.Base().Digests(m.Pages()))
	}
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
	if f == nil || in.plan.Idiomatic || in.m.Step != handover.TFilling {
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
	if fr.kind == wire.Memory {
		return f.turn(fr.payload)
	}
	if f.at >= len(f.mems) {
		return errors.New("memory for a guest that has none")
	}
	b, sums := f.mems[f.at].Bytes(), f.sums[f.at]
	return snapshotfmt.DecodePages(fr.payload, sums.Pages(), func(page uint32, data []byte) error {
		copy(b[int(page)*snapshotfmt.PageSize:], data)
		sums.Update(page, data)
		return nil
	})
}

// turn takes a Memory frame: pages are for another memory then, or for a larger one.
func (f *filler) turn(b []byte) error {
	if len(b) != 4 && (len(b) != 8 || len(f.mems) < 2) {
		return fmt.Errorf("%w: a memory in %d bytes", wire.ErrFrame, len(b))
	}
	at := uint32(0)
	if len(b) == 8 {
		at = binary.LittleEndian.Uint32(b[4:])
	}
	if at >= uint32(len(f.mems)) {
		return fmt.Errorf("memory %d for a guest that has %d", at, len(f.mems))
	}
	pages := binary.LittleEndian.Uint32(b)
	if int(pages)*snapshotfmt.PagesPerWasmPage < f.sums[at].Pages() {
		return fmt.Errorf("memory of %d pages: it does not shrink", pages)
	}
	sizes := make([]uint32, len(f.mems))
	for i, m := range f.mems {
		sizes[i] = uint32(m.Size() >> 16)
	}
	sizes[at] = pages
	if err := f.in.Grow(sizes...); err != nil {
		return err
	}
	f.sums[at].Grow(f.mems[at].Pages())
	f.at = int(at)
	return nil
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
	if in.plan.Idiomatic {
		return in.verifyCheckpoint()
	}
	f := in.fill
	if f == nil || f.in == nil || len(in.final) != 64 && len(in.final) != 96 {
		return errors.New("the guest is not complete")
	}
	if root := rootOf(f.sums); [32]byte(in.final[:32]) != root {
		return fmt.Errorf("memory root is %x here, %x at the source", root, in.final[:32])
	}
	if sum := sha256.Sum256(in.state); [32]byte(in.final[32:64]) != sum {
		return fmt.Errorf("state digest is %x here, %x at the source", sum, in.final[32:64])
	}
	st, err := snapshotfmt.DecodeState(in.state, in.granted.Limits.Snapshot(len(in.plan.Libraries)+1))
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
