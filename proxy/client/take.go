package client

import (
	"time"

	"sojourn/proxy/session/frame"
)

// terms is what both Welcome and Resumed hold.
type terms struct {
	token      [32]byte
	epoch      uint64
	received   uint64 // of ours
	sent       uint64 // of theirs
	maxMessage uint32
	window     uint32
	urls       []string
}

// maxTokens is how many are kept. A guest that comes back from a checkpoint knows the
// one of that time only.
const maxTokens = 64

// older goes on to an older token after one was refused, if there is one.
func (m *machine) older() bool {
	if m.tried+1 >= len(m.tokens) {
		m.tried = 0
		return false
	}
	m.tried++
	return true
}

func (m *machine) agree(t terms) {
	m.known, m.attached = true, true
	m.tokens = append([][32]byte{t.token}, m.tokens[:min(len(m.tokens), maxTokens-1)]...)
	m.tried = 0
	m.epoch, m.urls = t.epoch, t.urls
	m.maxMessage = int(min(max(t.maxMessage, 1), frame.MaxMessage))
	m.window = int(min(max(t.window, 1), maxKept))
}

// welcomed begins a session, at the numbers that a standing one has reached. What was
// sent before is not sent again, and not asked for.
func (m *machine) welcomed(id [16]byte, t terms) error {
	if m.known {
		return breach("a welcome to a session that goes on")
	}
	m.agree(t)
	m.id = id
	m.base, m.acked, m.flight, m.wrote = t.received, t.received, t.received, t.received
	m.consumed, m.told = t.sent, t.sent
	return nil
}

// resumed goes on where both sides meet, or says why they do not. In one epoch neither
// side forgets anything; in a later one the guest may have gone back.
func (m *machine) resumed(t terms) error {
	switch {
	case !m.known:
		return breach("resumed without a session")
	case t.epoch < m.epoch:
		return errStale
	case t.received > m.last() || t.received < m.base:
		return reset(Gap, "the guest's end has other messages than were sent")
	case t.epoch == m.epoch && (t.received < m.acked || t.sent < m.received()):
		return reset(Gap, "the guest's end has forgotten messages")
	}
	m.rewind(t.sent)
	m.agree(t)
	m.flight = t.received
	m.reach(t.received)
	m.say(Event{Kind: Resumed})
	return nil
}

// rewind forgets what the guest has not said any more: it will say it again, or
// something else.
func (m *machine) rewind(sent uint64) {
	if sent < m.received() {
		m.theirs = nil
	}
	if sent < m.consumed {
		m.say(Event{Kind: Rewound, From: m.consumed, To: sent})
		m.consumed = sent
	}
	for m.received() > sent {
		n := len(m.in) - 1
		m.inBytes -= len(m.in[n].Data)
		m.in = m.in[:n]
	}
	m.told = min(m.told, m.consumed) // what the resume said; the user may have taken more meanwhile
}

// data takes a message. One that is here already is dropped.
func (m *machine) data(number uint64, msg Message) error {
	switch {
	case number <= m.received():
		return nil
	case number != m.received()+1:
		return reset(Gap, "a message of the guest's is missing")
	case len(msg.Data) > m.maxMessage:
		return reset(TooLarge, "a message of the guest's is over the limit")
	case m.theirs != nil:
		return breach("a message behind the end")
	case len(m.in) > 0 && (m.inBytes+len(msg.Data) > m.window+m.maxMessage || len(m.in) > m.window):
		return breach("more than the window was sent")
	}
	m.in = append(m.in, msg)
	m.inBytes += len(msg.Data)
	return nil
}

func (m *machine) ack(received, durable uint64) error {
	switch {
	case durable > received || received > m.wrote:
		return reset(Gap, "the guest's end claims messages that were not sent")
	case received < m.acked:
		return nil
	}
	for ; m.acked < received; m.acked++ {
		m.unacked -= size(m.out[m.acked-m.base])
	}
	m.flight = max(m.flight, received)
	m.drop(max(durable, m.base))
	return nil
}

func (m *machine) closed(e ending) error {
	if e.last < m.received() {
		return breach("an end before messages that were sent")
	}
	m.theirs = &e
	return nil
}

// lost is the end of a link.
func (m *machine) lost() { m.attached, m.held, m.control = false, false, nil }

func (m *machine) hold(d time.Duration) {
	m.held = true
	m.say(Event{Kind: Held, For: d})
}

// goOn sends again what the guest's end may not have taken while it was held.
func (m *machine) goOn() {
	m.held, m.endSent, m.flight = false, false, m.acked
	m.say(Event{Kind: Going})
}

// ping asks for a sign of life, when no question is waiting.
func (m *machine) ping() {
	if len(m.control) == 0 {
		m.control = append(m.control, &frame.Ping{Number: m.consumed})
	}
}
