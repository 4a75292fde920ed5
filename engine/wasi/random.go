package wasi

import "io"

// randomGet fills a buffer from the host's source, never from a snapshot.
func randomGet(c *call) error {
	b, err := c.mem.bytes(c.u32(0), c.u32(1))
	if err != nil {
		return err
	}
	if _, err := io.ReadFull(c.w.rand, b); err != nil {
		return EIO
	}
	return nil
}
