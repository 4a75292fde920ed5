package compat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"sojourn/snapshotfmt"
)

// pageBytes is the size of a WebAssembly page.
const pageBytes = 1 << 16

// Snapshot is an idiomatic guest written down: its last checkpoint, and what it was
// started with. As a file it is a snapshot with the flag idiomatic; FORMAT.md in package
// snapshotfmt has its bytes.
type Snapshot struct {
	snapshotfmt.Meta
	Module     [32]byte // SHA-256
	ModuleSize uint64
	Args, Env  []string
	Last       []byte // checkpoint; empty when there was none
}

// Encode writes the snapshot as a file.
func (s *Snapshot) Encode(w io.Writer) error {
	if len(s.Last) > MaxVector {
		return fmt.Errorf("snapshot: %w: %d bytes, at most %d are kept", ErrLength, len(s.Last), MaxVector)
	}
	world, err := appendWorld(nil, s.Args, s.Env)
	if err != nil {
		return err
	}
	pages := (len(s.Last) + pageBytes - 1) / pageBytes
	st := &snapshotfmt.State{Idiomatic: true, VectorBytes: uint64(len(s.Last)), MemoryPages: uint32(pages), World: world}
	mem := make([]byte, pages*pageBytes)
	copy(mem, s.Last)
	m := snapshotfmt.Manifest{Meta: s.Meta, Module: s.Module, ModuleSize: s.ModuleSize}
	return snapshotfmt.Encode(w, m, st, mem, snapshotfmt.Options{})
}

// ErrPrecise is returned for a snapshot that is not idiomatic.
var ErrPrecise = errors.New("not an idiomatic snapshot: it holds a guest stopped between two instructions, which only 'sojourn restore' and a sojourn node can continue")

// Decode reads a whole file.
func Decode(r io.Reader) (*Snapshot, error) {
	dec, err := snapshotfmt.NewDecoder(r, snapshotfmt.Limits{MemoryPages: MaxVector / pageBytes})
	if err != nil {
		return nil, err
	}
	st, err := dec.State()
	if err != nil {
		return nil, err
	}
	if !st.Idiomatic {
		return nil, ErrPrecise
	}
	return Read(dec, st)
}

// Read reads the rest of a file whose idiomatic state was read already.
func Read(dec *snapshotfmt.Decoder, st *snapshotfmt.State) (*Snapshot, error) {
	if st.VectorBytes > MaxVector {
		return nil, fmt.Errorf("snapshot: %w: %d bytes, at most %d are kept", ErrLength, st.VectorBytes, MaxVector)
	}
	m := dec.Manifest()
	s := &Snapshot{Meta: m.Meta, Module: m.Module, ModuleSize: m.ModuleSize}
	var err error
	if s.Args, s.Env, err = ParseWorld(st.World); err != nil {
		return nil, fmt.Errorf("snapshot: world: %w", err)
	}
	mem, err := readVector(dec)
	if err != nil {
		return nil, err
	}
	if n := st.VectorBytes; uint64(len(mem)) > n {
		if strings.Trim(string(mem[n:]), "\x00") != "" {
			return nil, fmt.Errorf("snapshot: something lies behind the %d bytes of the vector", n)
		}
		mem = mem[:n]
	}
	s.Last = append(mem, make([]byte, st.VectorBytes-uint64(len(mem)))...)
	return s, nil
}

// readVector reads the pages of a file, as far as there are any: what memory is
// allocated has arrived, or lies before something that has.
func readVector(dec *snapshotfmt.Decoder) ([]byte, error) {
	var mem []byte
	err := dec.Pages(snapshotfmt.NewBase(nil), func(page uint32, data []byte) error {
		at := int(page) * snapshotfmt.PageSize
		if short := at - len(mem); short > 0 {
			mem = append(mem, make([]byte, short)...)
		}
		mem = append(mem, data...)
		return nil
	})
	return mem, err
}

// The world of an idiomatic snapshot: twice, for arguments and for environment variables,
// a uvarint number and as many strings, each its length as a uvarint and its bytes.
func appendWorld(dst []byte, args, env []string) ([]byte, error) {
	for _, list := range [][]string{args, env} {
		size := 0
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, s := range list {
			size += len(s)
			dst = append(binary.AppendUvarint(dst, uint64(len(s))), s...)
		}
		if len(list) > maxStrings || size > maxStringBytes {
			return nil, fmt.Errorf("snapshot: %d strings of %d bytes as arguments or environment, at most %d of %d", len(list), size, maxStrings, maxStringBytes)
		}
	}
	return dst, nil
}

// ParseWorld reads the world of an idiomatic snapshot.
func ParseWorld(b []byte) (args, env []string, err error) {
	all := b
	for _, list := range []*[]string{&args, &env} {
		n, err := uvarint(&b, maxStrings)
		if err != nil {
			return nil, nil, err
		}
		for range n {
			k, err := uvarint(&b, maxStringBytes)
			if err != nil {
				return nil, nil, err
			}
			if k > uint64(len(b)) {
				return nil, nil, errors.New("truncated")
			}
			*list, b = append(*list, string(b[:k])), b[k:]
		}
	}
	if len(b) > 0 {
		return nil, nil, fmt.Errorf("%d bytes after the end", len(b))
	}
	if same, err := appendWorld(nil, args, env); err != nil || string(same) != string(all) {
		return nil, nil, errors.New("over the limit, or a number in a longer form")
	}
	return args, env, nil
}

func uvarint(b *[]byte, most uint64) (uint64, error) {
	n, k := binary.Uvarint(*b)
	if k <= 0 {
		return 0, errors.New("truncated, or a number that is too long")
	}
	if n > most {
		return 0, fmt.Errorf("%d is over the limit of %d", n, most)
	}
	*b = (*b)[k:]
	return n, nil
}
