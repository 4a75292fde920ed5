package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"sojourn/interp/linmem"
	"sojourn/snapshotfmt"
)

// ErrModule is returned for a snapshot of another module than the one given.
var ErrModule = errors.New("snapshot is of another module")

// Snapshot writes a Frozen guest as a snapshot file. What meta leaves empty of Engine,
// ISA and Created is filled in. The guest stays frozen; after an error what was written
// is of no use.
func (e *Environment) Snapshot(w io.Writer, meta snapshotfmt.Meta) error {
	st, err := e.Capture()
	if err != nil {
		return err
	}
	m := snapshotfmt.Manifest{Meta: e.mod.describe(meta), Module: e.mod.Digest(), ModuleSize: uint64(len(e.mod.bytes))}
	return e.encode(w, m, st)
}

// encode writes a captured guest with its memory, of which only what was ever written
// is looked at.
func (e *Environment) encode(w io.Writer, m snapshotfmt.Manifest, st *snapshotfmt.State) error {
	opt := snapshotfmt.Options{Base: e.mod.Base()}
	var mem []byte
	if lm := e.Memory(); lm != nil {
		var touched linmem.Bitmap
		lm.Touched(&touched)
		mem, opt.Touched = lm.Bytes(), touched.All()
	}
	return snapshotfmt.Encode(w, m, st, mem, opt)
}

// describe fills in what a snapshot taken now says of this node.
func (m *Module) describe(meta snapshotfmt.Meta) snapshotfmt.Meta {
	if meta.Engine == "" {
		meta.Engine = m.Kind().String()
	}
	if meta.ISA == "" {
		meta.ISA = runtime.GOARCH
	}
	if meta.Created.IsZero() {
		meta.Created = time.Now()
	}
	return meta
}

// Restore reads a whole snapshot file of a guest of module m and returns its
// environment, Frozen. Arguments and environment variables are the snapshot's; all else
// that the guest may do is spec's. It returns [ErrModule] when m is the wrong module.
func Restore(ctx context.Context, m *Module, spec Spec, r io.Reader) (*Environment, error) {
	dec, err := snapshotfmt.NewDecoder(r, spec.Limits.snapshot())
	if err != nil {
		return nil, err
	}
	if man := dec.Manifest(); man.Module != m.Digest() {
		return nil, fmt.Errorf("%w: %x is needed, %x is given", ErrModule, man.Module, m.Digest())
	}
	st, err := dec.State()
	if err != nil {
		return nil, err
	}
	in, err := Receive(ctx, m, spec)
	if err != nil {
		return nil, err
	}
	if err := in.fill(dec, st.MemoryPages); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in.Complete(st)
}

// fill reads the memory, and the file to its end.
func (i *Incoming) fill(dec *snapshotfmt.Decoder, pages uint32) error {
	if err := i.Grow(pages); err != nil {
		return err
	}
	return dec.Pages(i.mod.Base(), func(page uint32, data []byte) error {
		copy(i.Memory().Bytes()[int(page)*snapshotfmt.PageSize:], data)
		return nil
	})
}

// snapshot returns what a snapshot may hold for a guest with these limits.
func (l *Limits) snapshot() snapshotfmt.Limits {
	return snapshotfmt.Limits{MemoryPages: l.MemoryPages, TableElements: int(l.TableElements), Frames: l.CallDepth}
}
