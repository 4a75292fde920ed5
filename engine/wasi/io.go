package wasi

import (
	"errors"
	"io"
	"math"

	"sojourn/interp"
)

func fdPread(c *call) error {
	d, err := c.regular(RightFdRead)
	if err != nil {
		return readError(err)
	}
	if c.u64(3) > math.MaxInt64 {
		return EINVAL
	}
	bufs, err := c.mem.vectors(c.u32(1), c.u32(2))
	if err != nil {
		return err
	}
	return c.count(4, func() (int, error) { return readAt(d, bufs, int64(c.u64(3))) })
}

func fdPwrite(c *call) error {
	d, err := c.regular(RightFdWrite)
	if err != nil {
		return readError(err)
	}
	if c.u64(3) > math.MaxInt64 {
		return EINVAL
	}
	bufs, err := c.mem.vectors(c.u32(1), c.u32(2))
	if err != nil {
		return err
	}
	return c.count(4, func() (int, error) { return writeAt(d, bufs, int64(c.u64(3))) })
}

// fdRead may wait on a stream or connection.
func fdRead(c *call) error {
	d, bufs, err := c.transfer(RightFdRead)
	if err != nil {
		return err
	}
	if d.kind != kindFile {
		return c.count(3, func() (int, error) { return c.readStream(d, bufs) })
	}
	return c.count(3, func() (int, error) {
		n, err := readAt(d, bufs, d.offset)
		d.offset += int64(n)
		return n, err
	})
}

// fdWrite may wait on a stream or connection.
func fdWrite(c *call) error {
	d, bufs, err := c.transfer(RightFdWrite)
	if err != nil {
		return err
	}
	if d.kind != kindFile {
		return c.count(3, func() (int, error) { return c.writeStream(d, bufs) })
	}
	return c.count(3, func() (int, error) {
		if d.flags&flagAppend != 0 {
			return appendTo(d, bufs)
		}
		n, err := writeAt(d, bufs, d.offset)
		d.offset += int64(n)
		return n, err
	})
}

// transfer returns the descriptor and buffers of a read or write at the offset.
func (c *call) transfer(need Rights) (*descriptor, [][]byte, error) {
	d, err := c.w.table.get(c.u32(0))
	switch {
	case err != nil:
		return nil, nil, err
	case d.kind == kindDir:
		return nil, nil, EISDIR
	case d.kind == kindListener:
		return nil, nil, ENOTCONN
	case d.base&need == 0:
		return nil, nil, EBADF
	}
	bufs, err := c.mem.vectors(c.u32(1), c.u32(2))
	return d, bufs, err
}

// readError makes a missing right what POSIX programs expect: the descriptor is not
// open for this.
func readError(err error) error {
	if err == ENOTCAPABLE {
		return EBADF
	}
	return err
}

// count runs io and stores the bytes that it moved at the pointer in parameter i,
// which is checked first, so that no byte is moved unreported. A failure after some
// bytes is a short count.
func (c *call) count(i int, io func() (int, error)) error {
	if _, err := c.mem.bytes(c.u32(i), 4); err != nil {
		return err
	}
	n, err := io()
	if n == 0 && err != nil {
		return err
	}
	return c.mem.putU32(c.u32(i), uint32(n))
}

// readAt fills bufs from offset. The end of the file is a count of 0, not an error.
func readAt(d *descriptor, bufs [][]byte, offset int64) (int, error) {
	total := 0
	for _, b := range bufs {
		n, err := d.file.ReadAt(b, offset+int64(total))
		total += n
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func writeAt(d *descriptor, bufs [][]byte, offset int64) (int, error) {
	total := 0
	for _, b := range bufs {
		if offset > math.MaxInt64-int64(total+len(b)) {
			return total, EFBIG
		}
		n, err := d.file.WriteAt(b, offset+int64(total))
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// appendTo writes at the end of the file and leaves the offset behind what it wrote.
func appendTo(d *descriptor, bufs [][]byte) (int, error) {
	total := 0
	for _, b := range bufs {
		n, end, err := appendFile(d.file, b)
		total += n
		if n > 0 {
			d.offset = end
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// readStream reads what is there, waiting for the first byte.
func (c *call) readStream(d *descriptor, bufs [][]byte) (int, error) {
	bufs = withRoom(bufs)
	if len(bufs) == 0 {
		return 0, nil
	}
	total := 0
	for _, b := range bufs {
		n, err := d.stream.Read(b)
		for total == 0 && errors.Is(err, ErrAgain) {
			if err := c.wait(d, d.stream.Readable()); err != nil {
				return 0, err
			}
			n, err = d.stream.Read(b)
		}
		total += n
		if err == io.EOF || n < len(b) && err == nil {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// writeStream writes what the stream takes, waiting until it takes a byte. It does
// not wait for more: the guest sees a short count, and no byte is written twice.
func (c *call) writeStream(d *descriptor, bufs [][]byte) (int, error) {
	total := 0
	for _, b := range withRoom(bufs) {
		n, err := d.stream.Write(b)
		for total == 0 && n == 0 && errors.Is(err, ErrAgain) {
			if err := c.wait(d, d.stream.Writable()); err != nil {
				return 0, err
			}
			n, err = d.stream.Write(b)
		}
		total += n
		if err != nil || n < len(b) {
			return total, err
		}
	}
	return total, nil
}

// withRoom leaves out empty buffers.
func withRoom(bufs [][]byte) [][]byte {
	var list [][]byte
	for _, b := range bufs {
		if len(b) > 0 {
			list = append(list, b)
		}
	}
	return list
}

// wait waits for ready. It is EAGAIN on a descriptor that must not wait, and
// ErrRestart when the guest is to stop.
func (c *call) wait(d *descriptor, ready <-chan struct{}) error {
	if d.flags&flagNonblock != 0 {
		return EAGAIN
	}
	select {
	case <-ready:
		return nil
	case <-c.Stop():
		return interp.ErrRestart
	}
}
