package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"time"

	"sojourn/engine/carry"
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
	return e.encode(w, e.mod.manifest(meta), st)
}

// encode writes a captured guest with its memory, of which only what was ever written
// is looked at.
func (e *Environment) encode(w io.Writer, m snapshotfmt.Manifest, st *snapshotfmt.State) error {
	opt := snapshotfmt.Options{Base: e.mod.Base()}
	files, err := e.spec.files()
	if err != nil {
		return err
	}
	if len(st.Memories) > 0 {
		var mem []byte
		mem, opt.Touched = joined(e.in.Memories(), st)
		return snapshotfmt.EncodeWith(w, m, st, mem, files, opt)
	}
	var mem []byte
	if lm := e.Memory(); lm != nil {
		var touched linmem.Bitmap
		lm.Touched(&touched)
		mem, opt.Touched = lm.Bytes(), touched.All()
	}
	return snapshotfmt.EncodeWith(w, m, st, mem, files, opt)
}

// joined returns the memories of a guest that has several, one after the other, with
// the pages that may hold anything.
func joined(mems []*linmem.Memory, st *snapshotfmt.State) ([]byte, iter.Seq[int]) {
	all := make([]byte, int(st.MemoryPages)*snapshotfmt.PagesPerWasmPage*snapshotfmt.PageSize)
	var pages linmem.Bitmap
	first := 0
	for _, m := range mems {
		var touched linmem.Bitmap
		m.Touched(&touched)
		for p := range touched.All() {
			pages.Set(first + p)
			copy(all[(first+p)*snapshotfmt.PageSize:], m.Bytes()[p*snapshotfmt.PageSize:][:snapshotfmt.PageSize])
		}
		first += m.Pages()
	}
	return all, pages.All()
}

// manifest describes a snapshot taken now.
func (m *Module) manifest(meta snapshotfmt.Meta) snapshotfmt.Manifest {
	ids := m.prog.IDs()
	last := ids[len(ids)-1]
	man := snapshotfmt.Manifest{Meta: m.describe(meta), Module: last.Digest, ModuleSize: uint64(last.Bytes)}
	for _, id := range ids[:len(ids)-1] {
		man.Libraries = append(man.Libraries, snapshotfmt.Library{Name: id.Name, Module: id.Digest, Size: uint64(id.Bytes)})
	}
	return man
}

// is refuses a snapshot of other modules.
func (m *Module) is(man *snapshotfmt.Manifest) error {
	ids := m.prog.IDs()
	if last := ids[len(ids)-1]; man.Module != last.Digest {
		return fmt.Errorf("%w: %x is needed, %x is given", ErrModule, man.Module, last.Digest)
	}
	if len(man.Libraries) != len(ids)-1 {
		return fmt.Errorf("%w: it needs %d libraries, and %d are given", ErrModule, len(man.Libraries), len(ids)-1)
	}
	for i, l := range man.Libraries {
		if id := ids[i]; l.Name != id.Name || l.Module != id.Digest {
			return fmt.Errorf("%w: library %d is to be %q, %x, and %q, %x is given", ErrModule, i, l.Name, l.Module, id.Name, id.Digest)
		}
	}
	return nil
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
//
// A guest in an idiomatic snapshot starts from its beginning when it is thawed.
func Restore(ctx context.Context, m *Module, spec Spec, r io.Reader) (*Environment, error) {
	dec, err := snapshotfmt.NewDecoder(r, spec.Limits.Snapshot(len(m.modules)))
	if err != nil {
		return nil, err
	}
	return Thawed(ctx, m, spec, dec)
}

// Thawed is Restore of a file of which only the manifest has been read.
func Thawed(ctx context.Context, m *Module, spec Spec, dec *snapshotfmt.Decoder) (*Environment, error) {
	if err := m.is(dec.Manifest()); err != nil {
		return nil, err
	}
	st, err := dec.State()
	if err != nil {
		return nil, err
	}
	if st.Idiomatic {
		return Begin(ctx, m, spec, dec, st)
	}
	in, err := Receive(ctx, m, spec)
	if err != nil {
		return nil, err
	}
	return in.load(dec, st)
}

// decoder begins to read a snapshot file of a guest of module m.
func (m *Module) decoder(r io.Reader, spec *Spec) (*snapshotfmt.Decoder, error) {
	dec, err := snapshotfmt.NewDecoder(r, spec.Limits.Snapshot(len(m.modules)))
	if err != nil {
		return nil, err
	}
	if err := m.is(dec.Manifest()); err != nil {
		return nil, err
	}
	return dec, nil
}

// Load is Restore into a guest that was received beforehand, and that is empty still:
// only what the snapshot holds has to be done. The Incoming is used up, whatever is
// returned.
func (i *Incoming) Load(r io.Reader) (*Environment, error) {
	dec, err := i.mod.decoder(r, &i.spec)
	if err != nil {
		return nil, errors.Join(err, i.Close())
	}
	st, err := dec.State()
	if err != nil {
		return nil, errors.Join(err, i.Close())
	}
	return i.load(dec, st)
}

func (i *Incoming) load(dec *snapshotfmt.Decoder, st *snapshotfmt.State) (*Environment, error) {
	if err := i.fill(dec, st.Sizes()); err != nil {
		return nil, errors.Join(err, i.Close())
	}
	return i.Complete(st)
}

// fill reads the memories, which have the given sizes, and the file to its end.
func (i *Incoming) fill(dec *snapshotfmt.Decoder, sizes []uint32) error {
	if err := i.Grow(sizes...); err != nil {
		return err
	}
	if !dec.HasFiles() {
		list, err := i.spec.packed()
		if err == nil && len(list) > 0 {
			err = &carry.NotThere{Name: list[0].Name}
		}
		if err != nil {
			return err
		}
		return i.pages(dec)
	}
	return i.spec.unpack(func(files io.Writer) error {
		dec.Files(files)
		return i.pages(dec)
	})
}

func (i *Incoming) pages(dec *snapshotfmt.Decoder) error {
	mems := i.in.Memories()
	return dec.Pages(i.mod.Base(), func(page uint32, data []byte) error {
		at, k := int(page), 0
		for ; at >= mems[k].Pages(); k++ {
			at -= mems[k].Pages()
		}
		copy(mems[k].Bytes()[at*snapshotfmt.PageSize:], data)
		return nil
	})
}

// Snapshot returns what a snapshot may hold for a guest of so many modules with these
// limits, of which that on memory is of each memory.
func (l *Limits) Snapshot(modules int) snapshotfmt.Limits {
	pages := min(uint64(l.MemoryPages)*uint64(modules), snapshotfmt.MaxMemoryPages)
	return snapshotfmt.Limits{MemoryPages: uint32(pages), TableElements: int(l.TableElements), Frames: l.CallDepth}
}
