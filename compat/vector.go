package compat

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Module is the name under which guests import the functions.
const Module = "migration"

var (
	// ErrNoMemory is returned to a guest that calls without a memory.
	ErrNoMemory = errors.New("the guest has no memory, or does not export it as \"memory\"")
	// ErrBounds is returned for a vector that is not inside the guest's memory.
	ErrBounds = errors.New("vector is outside the guest's memory")
	// ErrLength is returned for a vector that is empty, too large, or of another
	// length than what is to be restored.
	ErrLength = errors.New("wrong length of vector")
	// ErrRestored is returned for a second restore.
	ErrRestored = errors.New("restore was called already: call it once, before the first checkpoint")
	// ErrMoved ends a guest that goes on elsewhere.
	ErrMoved = errors.New("guest has moved")
	// ErrStopped is returned for a call that was told to stop waiting.
	ErrStopped = errors.New("stopped while waiting for a move to be decided")
	// ErrHeld is returned for a second move of a guest at the same time.
	ErrHeld = errors.New("guest is being moved already")
)

// A Call is what a guest asks for: its memory, where its vector is, and how many elements
// of Size bytes it has. Pointer and length are unsigned, as WebAssembly's are.
type Call struct {
	Memory   []byte // nil when the guest has none
	Ptr, Len uint32
	Size     uint32          // 4, or 1 for the _bytes functions
	Stop     <-chan struct{} // ends waiting; nil waits for ever
}

// vector returns the part of memory that is meant.
func (c *Call) vector() ([]byte, error) {
	n := uint64(c.Len) * uint64(c.Size)
	switch {
	case c.Memory == nil:
		return nil, ErrNoMemory
	case n == 0:
		return nil, fmt.Errorf("%w: it has no elements, and keeps nothing", ErrLength)
	case uint64(c.Ptr)+n > uint64(len(c.Memory)):
		return nil, fmt.Errorf("%w: %d elements of %d bytes at %#x, memory has %d bytes (a negative length counts as unsigned)",
			ErrBounds, c.Len, c.Size, c.Ptr, len(c.Memory))
	case n > MaxVector:
		return nil, fmt.Errorf("%w: %d bytes, at most %d are kept", ErrLength, n, MaxVector)
	}
	return c.Memory[c.Ptr:][:n:n], nil
}

// Vector is what a guest has kept: nothing, or its last checkpoint. It is safe for
// concurrent use; the zero value has nothing.
type Vector struct {
	mu       sync.Mutex
	last     []byte // empty: there was no checkpoint
	spare    []byte // of the checkpoint before, to be written over
	restored bool
	held     chan struct{} // closed when a move is decided; nil when there is none
	moved    bool

	half func() // called by tests when half of a checkpoint is copied
}

// Arrived returns the vector of a guest that starts anew from its last checkpoint, which
// it takes over; empty is none.
func Arrived(last []byte) *Vector { return &Vector{last: last} }

// Checkpoint replaces what is kept by the guest's vector. It waits while a move is being
// decided. After an error the last checkpoint is as it was.
func (v *Vector) Checkpoint(c Call) error {
	from, err := c.vector()
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := v.enter(c.Stop); err != nil {
		return err
	}
	defer v.mu.Unlock()
	to := slices.Grow(v.spare[:0], len(from))[:len(from)]
	if v.half != nil {
		copy(to, from[:len(from)/2])
		v.half()
	}
	copy(to, from)
	v.last, v.spare = to, v.last
	return nil
}

// enter takes the lock when no move is being decided.
func (v *Vector) enter(stop <-chan struct{}) error {
	for {
		v.mu.Lock()
		if v.moved {
			v.mu.Unlock()
			return ErrMoved
		}
		held := v.held
		if held == nil {
			return nil
		}
		v.mu.Unlock()
		select {
		case <-held:
		case <-stop:
			return ErrStopped
		}
	}
}

// Restore writes the last checkpoint into the guest's vector, when there is one.
func (v *Vector) Restore(c Call) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	to, err := c.vector()
	switch {
	case err != nil:
		return fmt.Errorf("restore: %w", err)
	case v.restored:
		return fmt.Errorf("restore: %w", ErrRestored)
	case len(v.last) > 0 && len(v.last) != len(to):
		return fmt.Errorf("restore: %w: the last checkpoint has %d bytes, %d are to be restored", ErrLength, len(v.last), len(to))
	}
	v.restored = true
	copy(to, v.last)
	return nil
}

// Last returns the last checkpoint, waiting for one that is being made; empty when
// there was none. The caller owns it.
func (v *Vector) Last() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.last)
}

// Hold begins a move: it returns the last checkpoint, and lets the guest make no other
// until decide is called, once, with whether the guest goes on elsewhere. If so it ends
// here, at its next checkpoint at the latest.
func (v *Vector) Hold() (last []byte, decide func(moved bool), err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.moved:
		return nil, nil, ErrMoved
	case v.held != nil:
		return nil, nil, ErrHeld
	}
	held := make(chan struct{})
	v.held = held
	return slices.Clone(v.last), func(moved bool) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.held, v.moved = nil, moved
		close(held)
	}, nil
}

// The saved form: [1 when restored, else 0], then the last checkpoint; nothing for a
// guest that has called neither function.

// Save writes the vector down, for a guest that is frozen between two instructions.
func (v *Vector) Save() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.restored && len(v.last) == 0 {
		return nil
	}
	b := make([]byte, 1, 1+len(v.last))
	if v.restored {
		b[0] = 1
	}
	return append(b, v.last...)
}

// Load takes up what Save has written. It trusts nothing in b.
func (v *Vector) Load(b []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(b) == 0 {
		v.last, v.restored = nil, false
		return nil
	}
	if b[0] > 1 || len(b)-1 > MaxVector || len(b) == 1 && b[0] == 0 {
		return fmt.Errorf("saved vector of %d bytes that begins with %#x is malformed", len(b), b[0])
	}
	v.last, v.restored = slices.Clone(b[1:]), b[0] == 1
	return nil
}
