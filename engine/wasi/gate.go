package wasi

// Gate is a channel that is closed while a condition holds, and only then: what the
// channels of a [Stream] and a [Listener] have to be. A channel that is closed at any
// change will not do: a guest that was told that it can read would wait in the read.
// Its owner's lock is held for each call.
type Gate struct {
	ch   chan struct{}
	open bool
}

// Set says whether the condition holds.
func (g *Gate) Set(open bool) {
	if g.ch == nil || g.open && !open {
		g.ch = make(chan struct{})
		g.open = false
	}
	if open && !g.open {
		close(g.ch)
		g.open = true
	}
}

// Wait returns the channel. Set has been called.
func (g *Gate) Wait() <-chan struct{} { return g.ch }
