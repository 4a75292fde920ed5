package snapshotfmt

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Level is how hard to compress memory. Any reader reads any level.
type Level int

// The levels of compression.
const (
	Fastest Level = iota // the default: a network is rarely faster
	Better               // some three times slower, for files that stay
)

// The encoders and the decoder are made once and shared: each keeps its tables for
// as many calls at a time as there are processors, and making them costs more than
// a small snapshot.
var (
	encoders = [...]func() *zstd.Encoder{
		Fastest: sync.OnceValue(func() *zstd.Encoder { return newZstdEncoder(zstd.SpeedFastest) }),
		Better:  sync.OnceValue(func() *zstd.Encoder { return newZstdEncoder(zstd.SpeedBetterCompression) }),
	}
	decoder = sync.OnceValue(func() *zstd.Decoder {
		return must(zstd.NewReader(nil,
			zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)),
			zstd.WithDecoderMaxMemory(MaxBatchPages*PageSize),
			zstd.WithDecodeAllCapLimit(true),
			zstd.WithDecoderLowmem(true)))
	})
)

func newZstdEncoder(l zstd.EncoderLevel) *zstd.Encoder {
	return must(zstd.NewWriter(nil,
		zstd.WithEncoderLevel(l),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithWindowSize(MaxBatchPages*PageSize),
		zstd.WithLowerEncoderMem(true),
		zstd.WithSingleSegment(true),
		zstd.WithEncoderCRC(false))) // the part has a digest
}

// compress appends src to dst as one zstd frame that says its size.
func compress(dst, src []byte, l Level) ([]byte, error) {
	if l < 0 || int(l) >= len(encoders) {
		return nil, fmt.Errorf("snapshot: no compression level %d", l)
	}
	return encoders[l]().EncodeAll(src, dst), nil
}

// decompress fills dst with the contents of the one zstd frame that is src.
func decompress(dst, src []byte) error {
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return fmt.Errorf("%w: zstd: %v", ErrMalformed, err)
	}
	if h.Skippable || h.DictionaryID != 0 || !h.HasFCS || h.FrameContentSize != uint64(len(dst)) {
		return fmt.Errorf("%w: zstd frame of %d bytes, not of %d", ErrMalformed, h.FrameContentSize, len(dst))
	}
	out, err := decoder().DecodeAll(src, dst[:0:len(dst)])
	if err != nil {
		return fmt.Errorf("%w: zstd: %v", ErrMalformed, err)
	}
	if len(out) != len(dst) {
		return fmt.Errorf("%w: zstd frame holds %d bytes, not %d", ErrMalformed, len(out), len(dst))
	}
	return nil
}

// Compress appends src, at most a batch of pages, to dst as one zstd frame that says its
// size: for others that send bytes as a snapshot holds them.
func Compress(dst, src []byte) ([]byte, error) { return compress(dst, src, Fastest) }

// Decompress fills dst with the contents of the one zstd frame that is src; what else src
// is, is refused.
func Decompress(dst, src []byte) error { return decompress(dst, src) }
