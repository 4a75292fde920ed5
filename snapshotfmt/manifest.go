package snapshotfmt

import (
	"bytes"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Meta is what is known of a snapshot beside the guest's state. It is for people and
// for the cluster; nothing in it is needed to continue the guest.
type Meta struct {
	Instance string    // the cluster's id of the guest, or empty
	Epoch    uint64    // of the owner that captured it
	Created  time.Time // to the microsecond
	Engine   string    // that ran the guest: "compiler" or "interpreter"
	ISA      string    // of the machine that captured it, as GOARCH
}

// Manifest is the first part of a snapshot.
type Manifest struct {
	Meta
	Module     [32]byte // SHA-256 of the module as its author shipped it; of several, the last
	ModuleSize uint64   // bytes
	MemoryRoot [32]byte // Digests.Root of the whole memory

	// Libraries are the modules before the last of a guest of several, in their order.
	Libraries []Library
}

// Library is a module that others of the guest import from, by its name.
type Library struct {
	_      struct{} `cbor:",toarray"`
	Name   string
	Module [32]byte // SHA-256, as of Manifest.Module
	Size   uint64   // bytes
}

// manifestWire is the manifest as a CBOR map with integer keys.
type manifestWire struct {
	Module     [32]byte `cbor:"1,keyasint"`
	ModuleSize uint64   `cbor:"2,keyasint"`
	MemoryRoot [32]byte `cbor:"3,keyasint"`
	PageSize   uint32   `cbor:"4,keyasint"`
	Instance   string   `cbor:"5,keyasint"`
	Epoch      uint64   `cbor:"6,keyasint"`
	Created    int64    `cbor:"7,keyasint"` // microseconds since 1970, UTC
	Engine     string   `cbor:"8,keyasint"`
	ISA        string   `cbor:"9,keyasint"`

	Libraries []Library `cbor:"10,keyasint,omitempty"`
}

var (
	cborEnc = must(cbor.CoreDetEncOptions().EncMode())
	cborDec = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   4,
		MaxArrayElements:  MaxModules,
		MaxMapPairs:       16,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// appendManifest encodes m in deterministic CBOR (RFC 8949, clause 4.2.1).
func appendManifest(dst []byte, m *Manifest) ([]byte, error) {
	names := []string{m.Instance, m.Engine, m.ISA}
	for _, l := range m.Libraries {
		names = append(names, l.Name)
	}
	if n := len(m.Libraries) + 1; n > MaxModules {
		return nil, fmt.Errorf("snapshot: manifest: %d modules, %w of %d", n, ErrLimit, MaxModules)
	}
	for _, s := range names {
		if len(s) > maxName {
			return nil, fmt.Errorf("snapshot: manifest: a name of %d bytes, %w of %d", len(s), ErrLimit, maxName)
		}
	}
	b, err := cborEnc.Marshal(&manifestWire{
		Module: m.Module, ModuleSize: m.ModuleSize, MemoryRoot: m.MemoryRoot, PageSize: PageSize,
		Instance: m.Instance, Epoch: m.Epoch, Created: m.Created.UnixMicro(), Engine: m.Engine, ISA: m.ISA,
		Libraries: m.Libraries,
	})
	if err != nil {
		return nil, fmt.Errorf("snapshot: manifest: %w", err)
	}
	start := len(dst)
	return endPart(append(beginPart(dst, kindManifest), b...), start)
}

// decodeManifest decodes the contents of a manifest part at an offset. It refuses
// any encoding but the one that appendManifest chooses.
func decodeManifest(b []byte, at int64) (*Manifest, error) {
	var w manifestWire
	if err := cborDec.Unmarshal(b, &w); err != nil {
		return nil, &Error{"manifest", at, fmt.Errorf("%w: %v", ErrMalformed, err)}
	}
	m := &Manifest{
		Meta: Meta{
			Instance: w.Instance, Epoch: w.Epoch, Created: time.UnixMicro(w.Created).UTC(),
			Engine: w.Engine, ISA: w.ISA,
		},
		Module: w.Module, ModuleSize: w.ModuleSize, MemoryRoot: w.MemoryRoot, Libraries: w.Libraries,
	}
	if w.PageSize != PageSize {
		return nil, &Error{"manifest", at, fmt.Errorf("%w: page size %d, not %d", ErrMalformed, w.PageSize, PageSize)}
	}
	same, err := appendManifest(nil, m)
	if err != nil {
		return nil, &Error{"manifest", at, err}
	}
	if !bytes.Equal(same[partHead:len(same)-digestLen], b) {
		return nil, &Error{"manifest", at, fmt.Errorf("%w: not in deterministic form", ErrMalformed)}
	}
	return m, nil
}
