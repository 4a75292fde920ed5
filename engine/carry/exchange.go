package carry

import (
	"encoding/binary"
	"errors"
	"fmt"

	"sojourn/snapshotfmt"
)

// ErrBatch is wrapped by errors about chunks as they come from the other side.
var ErrBatch = errors.New("folder: malformed chunks")

// wants returns the list of chunks that the answer to a tree names by place.
//
// The answer, Want, has one bit for each chunk of the tree in the order in which the tree
// first has it, lowest bit first: set when it is to be sent.
func wants(t *Tree) []Sum {
	var all []Sum
	seen := map[Sum]bool{}
	t.files(func(e *Entry) {
		for i := range e.chunks() {
			if s := e.sum(i); !seen[s] {
				seen[s] = true
				all = append(all, s)
			}
		}
	})
	return all
}

// AppendWant encodes which chunks of t are wanted, a part of what Expect returned for it.
func AppendWant(b []byte, t *Tree, want []Sum) []byte {
	set := make(map[Sum]bool, len(want))
	for _, s := range want {
		set[s] = true
	}
	all := wants(t)
	start := len(b)
	b = append(b, make([]byte, (len(all)+7)/8)...)
	for i, s := range all {
		if set[s] {
			b[start+i/8] |= 1 << (i % 8)
		}
	}
	return b
}

// ParseWant is the reverse of AppendWant: the chunks, in the tree's order.
func ParseWant(b []byte, t *Tree) ([]Sum, error) {
	all := wants(t)
	if len(b) != (len(all)+7)/8 || len(all)%8 != 0 && b[len(b)-1]>>(len(all)%8) != 0 {
		return nil, fmt.Errorf("%w: %d bytes say which of %d are wanted", ErrBatch, len(b), len(all))
	}
	var want []Sum
	for i, s := range all {
		if b[i/8]>>(i%8)&1 != 0 {
			want = append(want, s)
		}
	}
	return want, nil
}

// A batch of chunks:
//
//	u16       n, how many of the chunks that are wanted next it accounts for, 1 or more
//	[(n+7)/8] a bit for each, lowest first: set when it is here
//	u32       bytes of those together
//	zstd      one frame with them, absent when they are none

// AppendBatch encodes the first of want, as many as fit, with what the folder has of
// them, and returns the rest. A chunk that changed since the last Scan is left out, and
// then the batch is not whole.
func (f *Folder) AppendBatch(b []byte, want []Sum) (batch []byte, rest []Sum, whole bool, err error) {
	var data []byte
	var here []bool
	whole = true
	for len(want) > 0 && len(here) < maxBatchChunks && len(data)+ChunkSize <= MaxBatch {
		chunk, ok := f.chunk(want[0])
		if ok {
			data = append(data, chunk...)
		}
		here, want, whole = append(here, ok), want[1:], whole && ok
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(here)))
	start := len(b)
	b = append(b, make([]byte, (len(here)+7)/8)...)
	for i, ok := range here {
		if ok {
			b[start+i/8] |= 1 << (i % 8)
		}
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	if len(data) > 0 {
		b, err = snapshotfmt.Compress(b, data)
	}
	return b, want, whole, err
}

// Take takes a batch of the chunks in want, of which it returns the rest.
func (s *Site) Take(b []byte, want []Sum) ([]Sum, error) {
	if len(b) < 2 {
		return nil, fmt.Errorf("%w: %d bytes", ErrBatch, len(b))
	}
	n := int(binary.LittleEndian.Uint16(b))
	bits := (n + 7) / 8
	if n == 0 || n > maxBatchChunks || n > len(want) || len(b) < 2+bits+4 {
		return nil, fmt.Errorf("%w: %d in %d bytes, %d are wanted", ErrBatch, n, len(b), len(want))
	}
	here, b := b[2:2+bits], b[2+bits:]
	size := binary.LittleEndian.Uint32(b)
	if b = b[4:]; size > MaxBatch || (size == 0) != (len(b) == 0) {
		return nil, fmt.Errorf("%w: %d bytes", ErrBatch, size)
	}
	data := make([]byte, size)
	if size > 0 {
		if err := snapshotfmt.Decompress(data, b); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBatch, err)
		}
	}
	for i, sum := range want[:n] {
		if here[i/8]>>(i%8)&1 == 0 {
			continue
		}
		length := s.length(sum)
		if length == 0 || length > len(data) {
			return nil, fmt.Errorf("%w: chunk %d of %d is missing", ErrBatch, i, n)
		}
		if err := s.Put(data[:length]); err != nil {
			return nil, err
		}
		data = data[length:]
	}
	if len(data) > 0 || n%8 != 0 && here[bits-1]>>(n%8) != 0 {
		return nil, fmt.Errorf("%w: %d bytes are left over", ErrBatch, len(data))
	}
	return want[n:], nil
}

// length returns the size of a chunk that is needed, 0 of another.
func (s *Site) length(sum Sum) int {
	spots := s.need[sum]
	if len(spots) == 0 {
		return 0
	}
	b := s.files[spots[0].file]
	return int(min(b.size-int64(spots[0].index)*ChunkSize, ChunkSize))
}
