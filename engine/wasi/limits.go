package wasi

// Every limit on what a guest or a snapshot may ask for.
const (
	// DefaultDescriptors is how many descriptors a guest may have open.
	DefaultDescriptors = 1024

	// MaxCarried is the size, in bytes, up to which a file that was unlinked while
	// open is saved with its contents.
	MaxCarried = 16 << 20

	// MaxSaved bounds the bytes of a saved world.
	MaxSaved = 256 << 20

	// StreamBuffer is how many bytes of input a stream of this package holds
	// before the guest has read them, and of output before the host has.
	StreamBuffer = 64 << 10

	maxPeek          = 64 << 10 // bytes of a connection looked at ahead of reading
	maxListenerName  = 64       // bytes
	maxHost          = 255      // bytes of a host's or service's name
	maxPath          = 4096     // bytes in a path
	maxLinks         = 40       // symbolic links followed in one path
	maxVectors       = 1024     // buffers in one read or write
	maxTransfer      = 64 << 20 // bytes in one read or write; more is a short count
	maxSubscriptions = 4096     // in one poll_oneoff
	maxEntries       = 1 << 20  // names in one directory listing
	maxStrings       = 1 << 16  // arguments, or environment variables
	maxStringBytes   = 8 << 20  // bytes of arguments, or of environment variables
)
