package snapshotfmt

import (
	"encoding/binary"
	"fmt"
)

// The contents of the guest part: u32 memory size in WebAssembly pages, u32 flags, with
// guestCounted u64 Instructions, with guestIdiomatic u64 VectorBytes, and with guestLinked uvarint Ready, and as many uvarints
// as there are Memories behind their number.
const (
	guestStarted   = 1 << iota // State.Started
	guestLinked                // Ready or Memories is not zero
	guestWaiting               // State.Waiting
	guestCounted               // State.Counted
	guestIdiomatic             // State.Idiomatic

	guestFlags = guestStarted | guestLinked | guestWaiting | guestCounted | guestIdiomatic
)

func (st *State) guestFlags() (flags uint32) {
	if st.Started {
		flags |= guestStarted
	}
	if st.Ready > 0 || st.Memories != nil {
		flags |= guestLinked
	}
	if st.Waiting {
		flags |= guestWaiting
	}
	if st.Counted {
		flags |= guestCounted
	}
	if st.Idiomatic {
		flags |= guestIdiomatic
	}
	return flags
}

// checkGuest refuses what contradicts itself.
func (st *State) checkGuest() error {
	if st.MemoryPages > MaxMemoryPages {
		return fmt.Errorf("%d memory pages, %w of %d", st.MemoryPages, ErrLimit, MaxMemoryPages)
	}
	if !st.Counted && st.Instructions != 0 {
		return fmt.Errorf("%w: %d instructions that were not counted", ErrMalformed, st.Instructions)
	}
	if st.Started && (st.Ready > 0 || st.Waiting) {
		return fmt.Errorf("%w: all modules have started, and %d of them", ErrMalformed, st.Ready)
	}
	if st.Ready >= MaxModules || len(st.Memories) > MaxModules {
		return fmt.Errorf("%d modules and %d memories, %w of %d", st.Ready, len(st.Memories), ErrLimit, MaxModules)
	}
	if st.Memories == nil {
		return nil
	}
	sum := uint64(0)
	for _, n := range st.Memories {
		sum += uint64(n)
	}
	if len(st.Memories) < 2 || sum != uint64(st.MemoryPages) {
		return fmt.Errorf("%w: %d memories of %d pages in all, which are %d", ErrMalformed, len(st.Memories), sum, st.MemoryPages)
	}
	return nil
}

func appendGuest(dst []byte, st *State) ([]byte, error) {
	if err := st.checkGuest(); err != nil {
		return nil, err
	}
	flags := st.guestFlags()
	dst = binary.LittleEndian.AppendUint32(dst, st.MemoryPages)
	dst = binary.LittleEndian.AppendUint32(dst, flags)
	if st.Counted {
		dst = binary.LittleEndian.AppendUint64(dst, st.Instructions)
	}
	if st.Idiomatic {
		dst = binary.LittleEndian.AppendUint64(dst, st.VectorBytes)
	}
	if flags&guestLinked == 0 {
		return dst, nil
	}
	dst = binary.AppendUvarint(dst, uint64(st.Ready))
	dst = binary.AppendUvarint(dst, uint64(len(st.Memories)))
	for _, n := range st.Memories {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	return dst, nil
}

func (c *cursor) guest(st *State, lim Limits) {
	st.MemoryPages = c.u32("memory pages")
	if st.MemoryPages > lim.MemoryPages {
		c.fail(0, fmt.Errorf("%d memory pages is %w of %d", st.MemoryPages, ErrLimit, lim.MemoryPages))
	}
	c.told(0, "memory: %d pages of 64 KiB", st.MemoryPages)
	start := c.at
	flags := c.u32("flags")
	if flags&^guestFlags != 0 {
		c.fail(start, fmt.Errorf("%w: %#x", ErrFlags, flags))
	}
	st.Started, st.Waiting, st.Counted = flags&guestStarted != 0, flags&guestWaiting != 0, flags&guestCounted != 0
	c.told(start, "flags: started %t", st.Started)
	if st.Counted {
		start = c.at
		st.Instructions = c.u64("instructions")
		c.told(start, "instructions: %d", st.Instructions)
	}
	if st.Idiomatic = flags&guestIdiomatic != 0; st.Idiomatic {
		start = c.at
		st.VectorBytes = c.u64("vector")
		c.told(start, "idiomatic: a vector of %d bytes", st.VectorBytes)
	}
	if flags&guestLinked == 0 || c.err != nil {
		return
	}
	start = c.at
	st.Ready = uint32(c.uvarint("modules", MaxModules-1))
	c.told(start, "modules ready: %d, the next is waiting %t", st.Ready, st.Waiting)
	for i := range c.count("memories", MaxModules, 1) {
		start := c.at
		st.Memories = append(st.Memories, uint32(c.uvarint("memory pages", MaxMemoryPages)))
		c.told(start, "memory %d: %d pages of 64 KiB", i, st.Memories[i])
	}
	if c.err == nil && st.guestFlags() != flags {
		c.malformed(start, "no modules and no memories")
	}
	if err := st.checkGuest(); c.err == nil && err != nil {
		c.fail(start, err)
	}
}
