package client

import "sojourn/proxy/session/frame"

// Kind is what a message is made of.
type Kind uint8

// The kinds of messages.
const (
	Text   Kind = frame.Text // UTF-8
	Binary Kind = frame.Binary
)

// Message is one message of a session, at most 1 MiB.
type Message struct {
	Kind Kind
	Data []byte
}

const (
	maxFlight = 1024     // messages that are not acknowledged
	maxKept   = 16 << 20 // bytes that the guest has but not durably, kept to be sent again
	overhead  = 64       // counted for each message beside its bytes, so that empty ones are bounded too
)

// machine is the client's end of one session, without sockets and clocks: what came
// goes into its on methods, what is to be written comes out of next. Messages are
// numbered from 1 in each direction.
//
//	ours:    base < kept until durable <= acked <= flight <= base+len(out)
//	theirs:  consumed <= received = consumed+len(in)
//
// What the guest sends is acknowledged when the user has taken it. So a resume asks
// for all that the user has not taken, and what is still in the inbox is dropped when
// it comes again.
type machine struct {
	known      bool // there is a session
	id         [16]byte
	tokens     [][32]byte // the newest first
	tried      int        // the one to resume with
	epoch      uint64
	urls       []string
	maxMessage int
	window     int

	out     []Message
	base    uint64 // the last message that is kept no more
	acked   uint64 // the guest's end has it
	flight  uint64 // written on this link, and again after a hold
	wrote   uint64 // written on any
	unacked int    // bytes above acked
	kept    int    // bytes above base
	end     *ending

	in       []Message
	inBytes  int
	consumed uint64 // the user has it
	theirs   *ending

	attached bool // handshake done on this link
	held     bool // the guest is moving
	told     uint64
	endSent  bool
	quit     bool // the user wants no more of it
	quitSent bool
	control  []frame.Frame
	events   []Event
}

func size(m Message) int { return len(m.Data) + overhead }

func (m *machine) last() uint64     { return m.base + uint64(len(m.out)) }
func (m *machine) received() uint64 { return m.consumed + uint64(len(m.in)) }

// push takes a message of the user's, if there is room for it.
func (m *machine) push(msg Message) bool {
	n := size(msg)
	if m.last()-m.acked >= maxFlight || m.unacked > 0 && m.unacked+n > m.window || m.kept > 0 && m.kept+n > maxKept {
		return false
	}
	m.out = append(m.out, msg)
	m.unacked += n
	m.kept += n
	return true
}

// pull gives the user the next message.
func (m *machine) pull() (Message, bool) {
	if len(m.in) == 0 {
		return Message{}, false
	}
	msg := m.in[0]
	m.in[0] = Message{}
	m.in = m.in[1:]
	m.inBytes -= len(msg.Data)
	m.consumed++
	return msg, true
}

// drained says that the user has all that the guest will ever send.
func (m *machine) drained() bool { return m.theirs != nil && m.consumed == m.theirs.last }

// finished says that both directions are at their end, and each side knows. Of a
// guest that has ended nothing is acknowledged any more.
func (m *machine) finished() bool {
	return m.drained() && m.told == m.consumed && m.endSent && (m.acked == m.last() || m.theirs.code == frame.GuestEnded)
}

// begin is a new link: what is to be written first.
func (m *machine) begin(mode Mode, auth string) frame.Frame {
	m.attached, m.held, m.endSent, m.control = false, false, false, nil
	if !m.known {
		return hello(mode, auth)
	}
	m.told = m.consumed
	return m.resume(auth)
}

// next returns the next frame to be written on this link.
func (m *machine) next() (frame.Frame, bool) {
	if !m.attached {
		return nil, false
	}
	switch {
	case m.quit:
		if m.quitSent {
			return nil, false
		}
		m.quitSent = true
		return &frame.Reset{Reason: Expired, Text: "the client is gone"}, true
	case len(m.control) > 0:
		f := m.control[0]
		m.control = m.control[1:]
		return f, true
	case m.told != m.consumed:
		m.told = m.consumed
		return &frame.Ack{Received: m.told, Durable: m.told}, true
	case m.held:
		return nil, false
	case m.flight < m.last():
		msg := m.out[m.flight-m.base]
		m.flight++
		m.wrote = max(m.wrote, m.flight)
		return &frame.Data{Number: m.flight, Type: uint8(msg.Kind), Payload: msg.Data}, true
	case m.end != nil && !m.endSent:
		m.endSent = true
		return &frame.Close{Last: m.end.last, Code: m.end.code, Text: m.end.text}, true
	}
	return nil, false
}

// finish ends our direction behind what was pushed.
func (m *machine) finish(code uint16, text string) {
	if m.end == nil {
		m.end = &ending{last: m.last(), code: code, text: text}
	}
}

// drop keeps no more what is durable up to n.
func (m *machine) drop(n uint64) {
	for ; m.base < n; m.base++ {
		m.kept -= size(m.out[0])
		m.out[0] = Message{}
		m.out = m.out[1:]
	}
}

// reach sets what the guest's end has.
func (m *machine) reach(n uint64) {
	m.acked, m.unacked = n, 0
	for _, msg := range m.out[n-m.base:] {
		m.unacked += size(msg)
	}
}

func (m *machine) say(e Event) { m.events = append(m.events, e) }
