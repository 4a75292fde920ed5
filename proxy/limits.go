package proxy

import "time"

// Every limit on what comes in from outside.
const (
	maxJSON      = 1 << 20   // bytes of a request or a plan
	maxSnapshot  = 8 << 30   // bytes of a snapshot file
	maxState     = 256 << 20 // bytes of a guest's state but its memory
	maxStrings   = 4096      // arguments, and also environment variables
	maxDirs      = 64        // folders of one guest
	maxKept      = 1024      // guests that have ended and whose folders are here still
	maxLibraries = 256       // modules of one guest before the last
	maxPeers     = 1024      // other nodes that connections are kept to
	maxKnown     = 4096      // guests that are remembered, those that ended or moved included
	maxBacklog   = 64 << 20  // bytes of pages held until the module is compiled
	outputTail   = 64 << 10  // bytes of output kept of a guest without a session
	wasmPage     = 64 << 10  // bytes
	window       = 16        // frames that may be on their way without an acknowledgement
	dialLimit    = 10 * time.Second
	replyLimit   = 30 * time.Second // for an answer of the target that costs it little
	compileLimit = 10 * time.Minute
	tellLimit    = 5 * time.Second // one question to a peer
)

// anchorDoor is the name under which outward connections are resumed.
const anchorDoor = "outward"
