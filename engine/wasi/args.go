package wasi

import (
	"sojourn/interp"
)

func argsGet(c *call) error         { return putStrings(c, c.w.args) }
func argsSizesGet(c *call) error    { return putSizes(c, c.w.args) }
func environGet(c *call) error      { return putStrings(c, c.w.env) }
func environSizesGet(c *call) error { return putSizes(c, c.w.env) }

// putStrings stores list as an array of pointers (parameter 0) to NUL-terminated
// strings, which lie one after the other (parameter 1).
func putStrings(c *call, list []string) error {
	pointers, text := c.u32(0), c.u32(1)
	for _, s := range list {
		n := uint32(len(s))
		b, err := c.mem.bytes(text, n+1)
		if err != nil {
			return err
		}
		copy(b, s)
		b[n] = 0
		if err := c.mem.putU32(pointers, text); err != nil {
			return err
		}
		pointers += 4
		text += n + 1
	}
	return nil
}

// putSizes stores the number of strings (parameter 0) and the bytes that they take
// with their NULs (parameter 1).
func putSizes(c *call, list []string) error {
	size := 0
	for _, s := range list {
		size += len(s) + 1
	}
	if err := c.mem.putU32(c.u32(0), uint32(len(list))); err != nil {
		return err
	}
	return c.mem.putU32(c.u32(1), uint32(size))
}

// procExit ends the guest. It never returns to it.
func procExit(c *call) error { return &interp.Exit{Code: c.u32(0)} }

// procRaise is refused: preview 1 has no way to handle a signal.
func procRaise(*call) error { return ENOSYS }

// schedYield does nothing: a guest has one thread.
func schedYield(*call) error { return nil }
