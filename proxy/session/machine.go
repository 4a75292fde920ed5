package session

import "sojourn/proxy/session/frame"

// message is one message as it is numbered.
type message struct {
	Type  uint8  `cbor:"1,keyasint"`
	Data  []byte `cbor:"2,keyasint"`
	Piece bool   `cbor:"3,keyasint,omitempty"` // of a line that goes on in the next message
}

// ending is an end of one direction.
type ending struct {
	Last uint64 `cbor:"1,keyasint"` // the last message
	Code uint16 `cbor:"2,keyasint"`
	Text string `cbor:"3,keyasint"`
}

// load is an arrival of the session at another node, or its coming back from an image.
type load struct {
	Epoch uint64 `cbor:"1,keyasint"` // the first at which the session is here
	End   uint64 `cbor:"2,keyasint"` // the last message that the guest had sent by then
}

// machine is the guest's end of one session, without sockets, clocks and locks: frames
// go into take, what is to be written comes out of next, and the guest's bytes pass
// through read and write.
//
//	from the client: consumed (acknowledged) <= received = consumed+len(inbox)
//	from the guest:  base (acknowledged) <= sent (on this link) <= end() = base+len(out)
//
// A message of the client's is acknowledged when the guest's codec has taken it: so
// what was sent and is not acknowledged is what the inbox may hold. The client still has
// it, and sends it again after each resume: so the inbox does not follow the guest.
//
// What the guest writes stays bytes in tail until it can be sent; then it is made a
// message, and has its number and borders for good.
type machine struct {
	state
	codec    codec
	window   int
	standing bool // it outlives its clients

	// Of this link.
	attached bool
	sent     uint64
	told     uint64 // acknowledged up to here
	endTold  bool
	control  []frame.Frame
}

// state is what follows the guest.
type state struct {
	ID       [16]byte  `cbor:"1,keyasint"`
	Mode     Mode      `cbor:"2,keyasint"`
	Secret   []byte    `cbor:"3,keyasint"`  // that tokens are made of
	Issued   uint64    `cbor:"21,keyasint"` // number of the newest token
	Oldest   uint64    `cbor:"22,keyasint"` // of the oldest that is valid
	Loads    []load    `cbor:"4,keyasint,omitempty"`
	Consumed uint64    `cbor:"5,keyasint"`
	Inbox    []message `cbor:"6,keyasint,omitempty"`
	InEnd    *ending   `cbor:"7,keyasint,omitempty"` // the client says no more
	Bytes    []byte    `cbor:"8,keyasint,omitempty"` // input that the codec has taken, unread
	Base     uint64    `cbor:"9,keyasint"`
	Out      []message `cbor:"10,keyasint,omitempty"`
	Tail     []byte    `cbor:"11,keyasint,omitempty"` // output that is no message yet
	OutEnd   *ending   `cbor:"12,keyasint,omitempty"` // the guest says no more; Last is set when tail is empty
	Deaf     bool      `cbor:"13,keyasint,omitempty"` // the guest reads no more
	Broken   bool      `cbor:"14,keyasint,omitempty"` // the client is gone for good
	Shaken   bool      `cbor:"15,keyasint,omitempty"` // mode Messages: the upgrade is done
	Part     *message  `cbor:"16,keyasint,omitempty"` // mode Messages: fragments so far
	ByeSent  bool      `cbor:"17,keyasint,omitempty"` // mode Messages: a close frame was sent to the guest
	Accepted bool      `cbor:"18,keyasint,omitempty"`
	Closed   bool      `cbor:"19,keyasint,omitempty"` // by the guest: no descriptor names it any more
	Number   uint64    `cbor:"20,keyasint"`           // its name to the guest's world
}

func (m *machine) received() uint64 { return m.Consumed + uint64(len(m.Inbox)) }
func (m *machine) end() uint64      { return m.Base + uint64(len(m.Out)) }

func size(list []message) int {
	n := 0
	for _, m := range list {
		n += len(m.Data)
	}
	return n
}

// held is how many bytes the session holds.
func (m *machine) held() int {
	n := size(m.Inbox) + size(m.Out) + len(m.Bytes) + len(m.Tail)
	if m.Part != nil {
		n += len(m.Part.Data)
	}
	return n
}

// welcome begins a link with a new token; sent is where a client that has nothing goes on.
func (m *machine) welcome(epoch uint64, urls []string) *frame.Welcome {
	token := m.rotate(m.Issued + 1)
	m.attach(epoch, m.Base)
	return &frame.Welcome{Version: frame.Version, Session: m.ID, Token: token, Epoch: epoch, Received: m.Consumed,
		Next: m.Base + 1, MaxMessage: frame.MaxMessage, Window: uint32(m.window), URLs: urls}
}

// resume goes on with the session on a new link. A token is good until the one given
// in exchange was used: the answer may be lost.
func (m *machine) resume(f *frame.Resume, epoch uint64, urls []string) (*frame.Resumed, error) {
	used, ok := m.match(f.Token)
	if !ok {
		return nil, resetf(frame.WrongToken, "the session has another token: it was taken over, or this one is old")
	}
	if f.Epoch > epoch {
		return nil, resetf(frame.Unavailable, "this node has the guest of epoch %d, the client knows of %d", epoch, f.Epoch)
	}
	said := m.since(f.Epoch)
	switch {
	case f.Sent < m.Consumed || f.Received < m.Base:
		return nil, resetf(frame.Gap, "messages %d and %d of client and guest are wanted, which nobody has any more", f.Sent+1, f.Received+1)
	case f.Epoch == epoch && f.Received > said:
		return nil, resetf(frame.Gap, "the client has %d messages of the guest's, which sent %d", f.Received, said)
	}
	token := m.rotate(used)
	m.attach(epoch, min(f.Received, said))
	m.Inbox = nil
	m.forget(m.sent)
	return &frame.Resumed{Version: frame.Version, Token: token, Epoch: epoch, Received: m.Consumed, Sent: said,
		MaxMessage: frame.MaxMessage, Window: uint32(m.window), URLs: urls}, nil
}

// since returns the last message of the guest's that a client of an earlier epoch may
// have: what was sent in this one has numbers that the earlier may have used as well.
func (m *machine) since(epoch uint64) uint64 {
	said := m.end()
	for _, l := range m.Loads {
		if l.Epoch > epoch {
			said = min(said, l.End)
		}
	}
	return said
}

// loaded notes that the session is at another epoch. An older arrival with as many
// messages or more says nothing that this one does not.
func (m *machine) loaded(epoch uint64) {
	for n := len(m.Loads); n > 0 && (m.Loads[n-1].End >= m.end() || m.Loads[n-1].Epoch >= epoch); n = len(m.Loads) {
		m.Loads = m.Loads[:n-1]
	}
	if len(m.Loads) == maxLoads { // the first stands for the second: it asks for more again
		m.Loads = append(m.Loads[:1], m.Loads[2:]...)
	}
	m.Loads = append(m.Loads, load{epoch, m.end()})
}

func (m *machine) attach(epoch, from uint64) {
	m.attached, m.sent, m.told, m.endTold, m.control = true, from, m.Consumed, false, nil
	if n := len(m.Loads); n > 0 && m.Loads[n-1].Epoch <= epoch {
		m.Loads = nil
	}
}

func (m *machine) detach() { m.attached, m.control = false, nil }

// take takes one frame of an attached client. Any error ends the link.
func (m *machine) take(f frame.Frame) error {
	switch f := f.(type) {
	case *frame.Data:
		return m.data(f)
	case *frame.Ack:
		return m.ack(f.Received)
	case *frame.Close:
		return m.closed(f)
	case *frame.Ping:
		if len(m.control) < 4 {
			m.control = append(m.control, &frame.Pong{Number: f.Number})
		}
		return nil
	case *frame.Pong:
		return nil
	case *frame.Reset:
		m.broken()
		return resetf(int(f.Reason), "by the client: %s", f.Text)
	}
	return resetf(frame.Malformed, "a frame of kind %d, which is not due", f.Kind())
}

func (m *machine) data(f *frame.Data) error {
	m.Oldest = m.Issued
	switch next := m.received() + 1; {
	case f.Number < next:
		return nil
	case f.Number > next:
		return resetf(frame.Gap, "message %d came, %d is due", f.Number, next)
	case m.InEnd != nil && f.Number > m.InEnd.Last && !m.standing:
		return resetf(frame.Malformed, "message %d is behind the end", f.Number)
	case m.Deaf, m.inputOver(): // an earlier client of a standing session has ended its input
		m.Consumed++
		return nil
	case m.standing && len(m.Bytes)+size(m.Inbox)+len(f.Payload) > maxBytes-maxWaiting:
		return resetf(frame.Unavailable, "the guest has not read what earlier clients sent")
	case len(m.Inbox) >= maxWaiting, len(m.Inbox) > 0 && size(m.Inbox)+len(f.Payload) > m.window+frame.MaxMessage:
		return resetf(frame.TooLarge, "more than %d bytes or %d messages are on their way", m.window, maxWaiting)
	}
	m.Inbox = append(m.Inbox, message{Type: f.Type, Data: f.Payload})
	return nil
}

func (m *machine) ack(n uint64) error {
	if n > m.end() { // not m.sent: the client may have had it on an earlier link
		return resetf(frame.Gap, "message %d is acknowledged, %d were sent", n, m.end())
	}
	m.Oldest = m.Issued
	m.forget(n)
	m.sent = max(m.sent, m.Base)
	return nil
}

// forget drops messages that the client has.
func (m *machine) forget(n uint64) {
	for ; m.Base < n; m.Base++ {
		m.Out[0] = message{}
		m.Out = m.Out[1:]
	}
}

func (m *machine) closed(f *frame.Close) error {
	if f.Last < m.received() {
		return resetf(frame.Malformed, "an end before message %d, which is here", m.received())
	}
	if m.InEnd == nil {
		m.InEnd = &ending{f.Last, f.Code, f.Text}
	}
	return nil
}

// inputOver says that no more will come of the client's.
func (m *machine) inputOver() bool {
	return m.Broken || m.InEnd != nil && m.received() >= m.InEnd.Last
}

// broken is the end of a session whose client does not come back.
func (m *machine) broken() {
	m.Broken = true
	m.Inbox, m.Out, m.Tail, m.Part = nil, nil, nil, nil
}

// over says that nothing is left to be said to the client: it has all, and knows it.
func (m *machine) over() bool {
	return m.Broken || m.OutEnd != nil && len(m.Tail) == 0 && len(m.Out) == 0 && m.endTold &&
		(m.inputOver() || m.Deaf)
}

// next returns the next frame to be written, nil when there is none yet.
func (m *machine) next() frame.Frame {
	switch {
	case len(m.control) > 0:
		f := m.control[0]
		m.control = m.control[1:]
		return f
	case m.told < m.Consumed:
		m.told = m.Consumed
		return &frame.Ack{Received: m.told, Durable: m.told}
	}
	for m.sent == m.end() && m.way() && m.make() {
	}
	if m.sent < m.end() {
		msg := m.Out[m.sent-m.Base]
		m.sent++
		return &frame.Data{Number: m.sent, Type: msg.Type, Payload: msg.Data}
	}
	if e := m.OutEnd; e != nil && len(m.Tail) == 0 && !m.endTold {
		e.Last, m.endTold = m.end(), true
		return &frame.Close{Last: e.Last, Code: e.Code, Text: e.Text}
	}
	return nil
}

// way says that the window has room for another message.
func (m *machine) way() bool {
	return len(m.Out) == 0 || size(m.Out) < m.window && len(m.Out) < maxWaiting
}

// make makes a message of what the guest has written, if it is one. It reports whether
// it got anywhere.
func (m *machine) make() bool {
	msg, n, ok := m.codec.message(m)
	m.Tail = m.Tail[n:]
	if len(m.Tail) == 0 {
		m.Tail = nil
	}
	if ok {
		m.Out = append(m.Out, msg)
	}
	return ok || n > 0
}

// unmake makes what the last client was not given bytes again: the next one may see
// messages otherwise.
func (m *machine) unmake() {
	var b []byte
	for _, msg := range m.Out {
		b = m.codec.back(b, msg)
	}
	m.Out, m.Tail = nil, append(b, m.Tail...)
}

// read gives the guest bytes; done says that no more will come.
func (m *machine) read(p []byte) (n int, done bool) {
	for n < len(p) {
		if len(m.Bytes) == 0 && !m.fetch() {
			return n, m.eof()
		}
		k := copy(p[n:], m.Bytes)
		n += k
		if m.Bytes = m.Bytes[k:]; len(m.Bytes) == 0 {
			m.Bytes = nil
		}
	}
	return n, false
}

// fetch makes the next message bytes; false when there is none.
func (m *machine) fetch() bool {
	for len(m.Inbox) > 0 && m.ready() {
		msg := m.Inbox[0]
		m.Inbox[0] = message{}
		m.Inbox = m.Inbox[1:]
		m.Consumed++
		if m.Bytes = m.codec.bytes(m, msg); len(m.Bytes) > 0 {
			return true
		}
	}
	if m.inputOver() && !m.Broken && len(m.Inbox) == 0 {
		m.Bytes = m.codec.last(m)
	}
	return len(m.Bytes) > 0
}

// ready says that the guest takes messages: the server of a WebSocket does not before it
// has answered the upgrade request.
func (m *machine) ready() bool { return m.Mode != Messages || m.Shaken }

// eof says that the guest reads the end next. The server of a WebSocket does not before
// it has answered the close frame: it might take the answer for lost.
func (m *machine) eof() bool {
	return m.inputOver() && len(m.Inbox) == 0 && (m.Mode != Messages || m.Broken || m.OutEnd != nil)
}

// readable says that read would not return nothing yet.
func (m *machine) readable() bool {
	return len(m.Bytes) > 0 || len(m.Inbox) > 0 && m.ready() || m.eof() || m.Deaf ||
		m.Mode == Messages && m.inputOver() && m.Shaken && !m.ByeSent
}

// room is how many bytes the guest may write. A frame of the guest's is whole before it
// is a message.
func (m *machine) room() int {
	most := m.window
	if m.Mode == Messages {
		most += frame.MaxMessage
	}
	return max(0, most-size(m.Out)-len(m.Tail))
}

// write takes what there is room for.
func (m *machine) write(p []byte) int {
	n := min(len(p), m.room())
	m.Tail = append(m.Tail, p[:n]...)
	return n
}

// finish ends the guest's direction.
func (m *machine) finish(code uint16, text string) {
	if m.OutEnd == nil {
		m.OutEnd = &ending{Code: code, Text: text}
	}
}

// absorb takes all of the inbox, for a client that may not be there to send it again.
func (m *machine) absorb() {
	for _, msg := range m.Inbox {
		m.Bytes = append(m.Bytes, m.codec.bytes(m, msg)...)
	}
	m.Consumed, m.Inbox = m.received(), nil
}

// deafen throws away what came, and what comes.
func (m *machine) deafen() {
	m.Consumed = m.received()
	m.Deaf, m.Inbox, m.Bytes = true, nil, nil
}
