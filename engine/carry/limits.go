package carry

// Every limit on folders, whoever describes them.
const (
	// ChunkSize is the unit in which files are compared and sent, in bytes.
	ChunkSize = 64 << 10

	// MaxEntries is the number of files, directories and links in a tree.
	MaxEntries = 1 << 17

	// MaxChunks is the number of chunks of all files of a tree: 64 GiB of them.
	MaxChunks = 1 << 20

	// MaxTree bounds the bytes of an encoded tree.
	MaxTree = 64 << 20

	// MaxBatch bounds the bytes of chunks sent at a time, before they are compressed.
	MaxBatch = 1 << 20

	// MaxWant bounds the bytes of the list of chunks that are wanted.
	MaxWant = MaxChunks / 8

	maxDepth       = 128  // directories inside each other
	maxPath        = 4096 // bytes of a path, and of the target of a symbolic link
	maxName        = 255  // bytes between two slashes
	maxBatchChunks = 4096 // chunks that one batch accounts for
	maxFolders     = 64   // folders in one stream
)
