package pipe

import "sync"

// journal is what a gateway holds: input that the pipe does not have yet, and
// how far the output came.
type journal struct {
	mu        sync.Mutex
	base      uint64 // offset of in[0]
	in        []byte
	room      uint64 // offset up to which the pipe takes input
	started   bool   // offsets are known
	eof       bool   // the client ended its input
	left      bool   // the client is gone
	received  uint64
	delivered uint64
	changed   chan struct{}
}

func newJournal() *journal { return &journal{changed: make(chan struct{})} }

func (j *journal) update(do func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	do()
	close(j.changed)
	j.changed = make(chan struct{})
}

// look calls see with the journal held, and returns a channel that is closed
// at the next change.
func (j *journal) look(see func()) <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	see()
	return j.changed
}

// have drops input before off, which the pipe has, and learns up to where it has
// room. It reports whether that
// offset is one that it can have.
func (j *journal) have(off, room uint64) bool {
	ok := false
	j.update(func() {
		if off < j.base || off > j.base+uint64(len(j.in)) {
			return
		}
		j.in = j.in[off-j.base:]
		j.base, j.room, ok = off, max(room, off), true
	})
	return ok
}

// start learns the offsets from the first attachment.
func (j *journal) start(in, out uint64) {
	j.update(func() {
		if !j.started {
			j.started, j.base, j.received, j.delivered = true, in, out, out
		}
	})
}

// settled says that the client is gone and the pipe has all that it sent.
func (j *journal) settled() bool { return j.left && len(j.in) == 0 }
