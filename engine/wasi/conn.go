package wasi

import "net/netip"

// Conn is one connection of a guest: one that it has accepted, or a [Dialled] one. No
// method waits, and one goroutine at a time calls them, as of a [Stream].
//
// Read returns [ECONNRESET] for a connection that is lost, and io.EOF once the peer
// has ended its direction and all was read; both stay so. Write returns [EPIPE] after
// CloseWrite, and [ECONNRESET] for a connection that is lost; Readable and Writable
// are closed then. Close is the guest's fd_close: what it wrote before is still
// delivered, by whoever made the Conn. Load is never called: see Restore.
type Conn interface {
	Stream

	// ID is the connection's name for life within its Listener or Dialer.
	ID() uint64

	// CloseRead throws away what the peer sends from now on: Read returns io.EOF.
	CloseRead() error

	// CloseWrite ends the guest's direction, behind what it has written.
	CloseWrite() error
}

// Addressed is a [Conn] that knows the addresses of its two ends.
type Addressed interface {
	Addrs() (local, remote netip.AddrPort)
}

// Listener is where a guest's connections come from. Like a [Stream] it stays its
// maker's: a World closes neither it nor its connections, and one that was frozen may
// go on elsewhere with both.
//
// A World is written down by Save of each open Conn, and then Save of its Listener,
// which change nothing; and made again by Load of the Listener, and then Restore for
// each Conn, before any other method.
type Listener interface {
	// Name says which listener it is; the guest finds it in LISTEN_FDNAMES.
	Name() string

	// Accept returns a connection that has not been accepted yet: [ErrAgain] when
	// nobody waits.
	Accept() (Conn, error)

	// Acceptable returns a channel that is closed once Accept would not return
	// ErrAgain. It serves for one wait.
	Acceptable() <-chan struct{}

	// Save returns what follows the guest beside its open connections: those that it
	// has not accepted, and what is undelivered of those that it has closed.
	Save() []byte

	// Load takes up what Save returned, which is not to be trusted; empty is what a
	// Listener has that nothing came to.
	Load(saved []byte) error

	// Restore returns the connection of the guest that had this id and that saved
	// itself as given, which is not to be trusted. Where the peer is gone for good it
	// is a lost one, not an error.
	Restore(id uint64, saved []byte) (Conn, error)
}

// Refuser is a [Listener] that wants to know when the guest has closed it: whoever
// waits to be accepted, and whoever comes, is refused from then on.
type Refuser interface{ Refuse() }

// Dialer makes a guest's outward connections. Save, Load and Restore are as of a
// [Listener].
type Dialer interface {
	// Dial begins a connection; network is "tcp". It returns fs.ErrPermission for an
	// address that the guest may not reach; where that takes a lookup to know, Connected
	// of the Dialled is EACCES.
	Dial(network string, to netip.AddrPort) (Dialled, error)

	Save() []byte
	Load(saved []byte) error
	Restore(id uint64, saved []byte) (Dialled, error)
}

// Dialled is a [Conn] that the guest has asked for, made or not. Writable is closed
// once Connected would not return ErrAgain, and Read and Write are called only then.
type Dialled interface {
	Conn

	// Connected returns nil for a connection that was made, [ErrAgain] as long as it
	// may still be, and otherwise why it was not, as [ECONNREFUSED].
	Connected() error
}

// Resolver is a [Dialer] that can look up names; without it the guest must know
// addresses.
type Resolver interface {
	// Lookup looks up host in the background; network is "ip", "ip4" or "ip6". One
	// Found is sent on the channel, which holds it. A name that the guest may not know of
	// is fs.ErrPermission. The guest may not be asking any more when it comes.
	Lookup(network, host string) <-chan Found
}

// Found is the result of a lookup.
type Found struct {
	Addrs []netip.Addr
	Err   error // ENOENT for a name that does not exist
}
