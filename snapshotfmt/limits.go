package snapshotfmt

// The limits of version 1. The encoder keeps to them too, so that what was written
// can be read.
const (
	// PageSize is the unit of memory in a snapshot, in bytes.
	PageSize = 4096

	// PagesPerWasmPage is how many of them are one WebAssembly page.
	PagesPerWasmPage = 65536 / PageSize

	// MaxMemoryPages is the greatest memory, in WebAssembly pages: 4 GiB.
	MaxMemoryPages = 65536

	// MaxModules is the number of modules of a guest, and of its memories.
	MaxModules = 1 << 10

	// MaxBatchPages is the number of pages in one pages part: 1 MiB of memory.
	MaxBatchPages = 256

	// MaxFrames is the depth of the call stack.
	MaxFrames = 1 << 20

	// MaxFrameValues is the number of locals of one frame, and also of values on its
	// stack. It leaves room above the 50,000 locals that a module may declare.
	MaxFrameValues = 1 << 16

	// MaxValues is the number of locals and stack values of all frames: 96 MiB when
	// decoded.
	MaxValues = 1 << 22

	// MaxGlobals is the number of globals.
	MaxGlobals = 1 << 20

	// MaxTables is the number of tables, MaxTableElements that of all their entries.
	MaxTables        = 1000
	MaxTableElements = 10_000_000

	// MaxSegments is the number of dropped element segments, and of data segments.
	MaxSegments = 100_000

	// MaxWorld is the size of the world, in bytes.
	MaxWorld = 256 << 20

	// MaxManifest is the size of the manifest, in bytes; maxName that of each
	// string in it.
	MaxManifest = 16 << 10
	maxName     = 1 << 10

	maxGuest      = 8 << 10
	maxStateParts = 64 << 20 // bytes of a frames, globals, tables or dropped part
	maxPagesPart  = MaxBatchPages*PageSize + 16<<10

	// MaxFilesPart is how much of the stream of folders is in one files part, in bytes.
	MaxFilesPart = MaxBatchPages * PageSize
	maxFilesPart = MaxFilesPart + 16<<10
)

// maxLength is the greatest length of the contents of each part.
var maxLength = [...]uint32{
	kindManifest: MaxManifest,
	kindGuest:    maxGuest,
	kindFrames:   maxStateParts,
	kindGlobals:  maxStateParts,
	kindTables:   maxStateParts,
	kindDropped:  maxStateParts,
	kindWorld:    MaxWorld,
	kindPages:    maxPagesPart,
	kindEnd:      digestLen,
	kindFiles:    maxFilesPart,
}

// Limits are what a reader accepts below the limits of the format. Zero means the
// format's own.
type Limits struct {
	MemoryPages   uint32 // WebAssembly pages
	Frames        int
	Values        int // locals and stack values of all frames
	TableElements int // of all tables
	World         int // bytes
}

// withDefaults returns l with nothing zero, and nothing above the format's limits.
func (l Limits) withDefaults() Limits {
	return Limits{
		MemoryPages:   pick(l.MemoryPages, MaxMemoryPages),
		Frames:        pick(l.Frames, MaxFrames),
		Values:        pick(l.Values, MaxValues),
		TableElements: pick(l.TableElements, MaxTableElements),
		World:         pick(l.World, MaxWorld),
	}
}

func pick[T int | uint32](v, most T) T {
	if v <= 0 || v > most {
		return most
	}
	return v
}
