package frame

import (
	"encoding/binary"
	"slices"
)

// codec goes over the fields of a frame, to append them to b or to take them from it.
// Fields after a fault stay zero.
type codec struct {
	b      []byte
	encode bool
	fault  string
}

// take returns the next n bytes, nil if there are fewer.
func (c *codec) take(n int) []byte {
	if c.fault == "" && len(c.b) < n {
		c.fault = "it is truncated"
	}
	if c.fault != "" {
		return nil
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *codec) check(ok bool, fault string) {
	if !c.encode && c.fault == "" && !ok {
		c.fault = fault
	}
}

func (c *codec) u8(v *uint8) {
	if c.encode {
		c.b = append(c.b, *v)
	} else if b := c.take(1); b != nil {
		*v = b[0]
	}
}

func (c *codec) u16(v *uint16) {
	if c.encode {
		c.b = binary.LittleEndian.AppendUint16(c.b, *v)
	} else if b := c.take(2); b != nil {
		*v = binary.LittleEndian.Uint16(b)
	}
}

func (c *codec) u32(v *uint32) {
	if c.encode {
		c.b = binary.LittleEndian.AppendUint32(c.b, *v)
	} else if b := c.take(4); b != nil {
		*v = binary.LittleEndian.Uint32(b)
	}
}

func (c *codec) u64(v *uint64) {
	if c.encode {
		c.b = binary.LittleEndian.AppendUint64(c.b, *v)
	} else if b := c.take(8); b != nil {
		*v = binary.LittleEndian.Uint64(b)
	}
}

func (c *codec) fixed(v []byte) {
	if c.encode {
		c.b = append(c.b, v...)
	} else {
		copy(v, c.take(len(v)))
	}
}

// text is a string of at most most bytes.
func (c *codec) text(v *string, most int) {
	n := uint16(min(len(*v), most))
	c.u16(&n)
	if c.encode {
		c.b = append(c.b, (*v)[:n]...)
		return
	}
	c.check(int(n) <= most, "a string is too long")
	*v = string(c.take(int(n)))
}

func (c *codec) urls(v *[]string) {
	list := *v
	if c.encode {
		list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return len(s) > MaxURL })
		list = list[:min(len(list), MaxURLs)]
	}
	n := uint8(len(list))
	c.u8(&n)
	c.check(n <= MaxURLs, "there are too many URLs")
	if !c.encode && c.fault == "" {
		list = make([]string, n)
	}
	for i := range list {
		c.text(&list[i], MaxURL)
	}
	if !c.encode {
		*v = list
	}
}

// rest is all that follows.
func (c *codec) rest(v *[]byte) {
	if c.encode {
		c.b = append(c.b, *v...)
	} else {
		*v = c.take(len(c.b))
	}
}

func (c *codec) versions(oldest, newest *uint16) {
	c.u16(oldest)
	c.u16(newest)
	c.check(*oldest <= *newest, "its oldest version is newer than its newest")
}

func (f *Hello) fields(c *codec) {
	c.versions(&f.Oldest, &f.Newest)
	c.u8(&f.Mode)
	c.text(&f.Auth, MaxAuth)
}

func (f *Welcome) fields(c *codec) {
	c.u16(&f.Version)
	c.fixed(f.Session[:])
	c.fixed(f.Token[:])
	c.u64(&f.Epoch)
	c.u64(&f.Received)
	c.u64(&f.Next)
	c.check(f.Next > 0, "messages are numbered from 1")
	c.u32(&f.MaxMessage)
	c.u32(&f.Window)
	c.urls(&f.URLs)
}

func (f *Data) fields(c *codec) {
	c.u64(&f.Number)
	c.check(f.Number > 0, "messages are numbered from 1")
	c.u8(&f.Type)
	c.rest(&f.Payload)
	c.check(validType(f.Type, f.Payload), "it is neither text in UTF-8 nor binary")
}

func (f *Ack) fields(c *codec) {
	c.u64(&f.Received)
	c.u64(&f.Durable)
	c.check(f.Durable <= f.Received, "more is durable than was received")
}

func (f *Resume) fields(c *codec) {
	c.versions(&f.Oldest, &f.Newest)
	c.fixed(f.Session[:])
	c.fixed(f.Token[:])
	c.u64(&f.Epoch)
	c.u64(&f.Received)
	c.u64(&f.Sent)
	c.text(&f.Auth, MaxAuth)
}

func (f *Resumed) fields(c *codec) {
	c.u16(&f.Version)
	c.fixed(f.Token[:])
	c.u64(&f.Epoch)
	c.u64(&f.Received)
	c.u64(&f.Sent)
	c.u32(&f.MaxMessage)
	c.u32(&f.Window)
	c.urls(&f.URLs)
}

func (f *Reset) fields(c *codec) {
	c.u16(&f.Reason)
	c.text(&f.Text, MaxText)
}

func (f *Hold) fields(c *codec) { c.u32(&f.Millis) }

func (f *Go) fields(*codec) {}

func (f *Redirect) fields(c *codec) {
	c.u32(&f.Wait)
	c.u32(&f.Try)
	c.urls(&f.URLs)
}

func (f *Ping) fields(c *codec) { c.u64(&f.Number) }
func (f *Pong) fields(c *codec) { c.u64(&f.Number) }

func (f *Close) fields(c *codec) {
	c.u64(&f.Last)
	c.u16(&f.Code)
	c.text(&f.Text, MaxText)
}
