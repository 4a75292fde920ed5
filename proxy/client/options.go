package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// Mode is how messages become bytes of the guest's streams.
type Mode uint8

// The modes.
const (
	Default Mode = 0 // the listener's own
	Lines   Mode = 1 // a text message is one line; standard streams only
	Raw     Mode = 2 // bytes: the borders of messages mean nothing
	Framed  Mode = 3 // the guest is a WebSocket server, and the messages are its own
)

// Stdio is the listener that is a guest's standard input and output.
const Stdio = "stdio"

// Options say to whom a session is. URLs and Guest are needed.
type Options struct {
	URLs     []string // base URLs of nodes, http or https, best first; any node that knows the guest does
	Guest    string   // its id
	Listener string   // Stdio when empty
	Mode     Mode

	Token string      // the nodes' bearer token, sent in the first frame; never in a URL
	TLS   *tls.Config // for https; nil is the system's roots

	// Dial connects to the guest's session endpoint at a node instead of by a
	// WebSocket: for links inside a process, and for tests.
	Dial func(ctx context.Context, node string) (Link, error)

	Prompt bool          // do not wait a random while before following the guest: for the few that carry the clients of others
	GiveUp time.Duration // look this long for a guest that cannot be reached; 120 s when 0
}

const (
	giveUp         = 2 * time.Minute
	handshakeLimit = 10 * time.Second
	maxURLs        = 16 // that a session knows at a time
)

func (o *Options) validate() error {
	if o.Guest == "" {
		return errors.New("session: no guest is named")
	}
	if len(o.URLs) == 0 {
		return errors.New("session: no node is named")
	}
	for _, u := range o.URLs {
		if p, err := url.Parse(u); o.Dial == nil && (err != nil || p.Host == "" || p.Scheme != "http" && p.Scheme != "https") {
			return fmt.Errorf("session: node %q: want http://host:port or https://host:port", u)
		}
	}
	if o.Listener == "" {
		o.Listener = Stdio
	}
	if o.Mode > Framed {
		return fmt.Errorf("session: there is no mode %d", o.Mode)
	}
	if o.GiveUp <= 0 {
		o.GiveUp = giveUp
	}
	if o.Dial == nil {
		o.Dial = o.webSocket
	}
	return nil
}
