package wasi

import (
	"encoding/binary"
	"errors"
)

// Socket options, of the one level that there is.
const (
	levelSocket = 0

	optReuseAddr  = 0
	optType       = 1
	optError      = 2
	optDontRoute  = 3
	optBroadcast  = 4
	optSendBuffer = 5
	optRecvBuffer = 6
	optKeepAlive  = 7
	optOOBInline  = 8
	optRecvLowest = 10
	optRecvTime   = 11
	optSendTime   = 12
	optListens    = 13
)

// anySocket returns the socket or listener that parameter 0 names.
func (c *call) anySocket() (*descriptor, error) {
	d, err := c.w.table.get(c.u32(0))
	if err == nil && d.kind != kindSocket && d.kind != kindListener {
		err = ENOTSOCK
	}
	return d, err
}

// sockGetOpt stores an option of 4 bytes. Parameter 4 is where the size of the room for
// it is, and then that of the value; or that size itself, 4, as github.com/stealthrocket/net
// has it: no program has a size at address 4.
func sockGetOpt(c *call) error {
	d, err := c.anySocket()
	if err != nil {
		return err
	}
	size := c.u32(4)
	if size != 4 {
		b, err := c.mem.bytes(size, 4)
		if err != nil {
			return err
		}
		if binary.LittleEndian.Uint32(b) < 4 {
			return EINVAL
		}
		defer binary.LittleEndian.PutUint32(b, 4)
	}
	v, err := d.option(c.u32(1), c.u32(2))
	if err != nil {
		return err
	}
	return c.mem.putU32(c.u32(3), v)
}

// option returns the value of an option. What a guest sets has no effect, and is 0.
func (d *descriptor) option(level, name uint32) (uint32, error) {
	if level != levelSocket {
		return 0, ENOPROTOOPT
	}
	switch name {
	case optType:
		return sockStream, nil
	case optError:
		s, ok := d.stream.(*socket)
		if !ok || s.conn == nil {
			return 0, nil
		}
		if err := s.connected(); !errors.Is(err, ErrAgain) {
			return uint32(errnoOf(err)), nil
		}
		return 0, nil
	case optSendBuffer, optRecvBuffer:
		return StreamBuffer, nil
	case optRecvLowest:
		return 1, nil
	case optListens:
		if d.kind == kindListener {
			return 1, nil
		}
		return 0, nil
	case optReuseAddr, optDontRoute, optBroadcast, optKeepAlive, optOOBInline:
		return 0, nil
	}
	return 0, ENOPROTOOPT
}

// sockSetOpt takes options that change nothing that a guest could see, and refuses others:
// a time-out that is not kept, say.
func sockSetOpt(c *call) error {
	if _, err := c.anySocket(); err != nil {
		return err
	}
	value, err := c.mem.bytes(c.u32(3), c.u32(4))
	if err != nil {
		return err
	}
	const levelTCP, optNoDelay = 6, 1
	switch level, name := c.u32(1), c.u32(2); {
	case level == levelTCP && name == optNoDelay:
		return nil
	case level != levelSocket:
		return ENOPROTOOPT
	case name == optReuseAddr, name == optSendBuffer, name == optRecvBuffer, name == optKeepAlive:
		return nil
	case (name == optRecvTime || name == optSendTime) && allZero(value):
		return nil // no time-out
	}
	return ENOPROTOOPT
}

func allZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}
