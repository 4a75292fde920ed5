package proxy

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"sojourn/interp/codecache"
)

// Config is how a node is set up. Dir is needed; validate fills in the rest.
type Config struct {
	Name   string // for people; the host's name when empty
	Listen string // host:port; 127.0.0.1:0 when empty
	URL    string // where peers reach the node; from Listen when empty
	Dir    string // state: modules by digest, records, images; created when missing

	Engine       string   // auto, compiler, interpreter: what a guest gets that does not ask
	AllowDirs    []string // host folders, with what is below them, that guests may be given
	AllowListen  []string // HOST:PORT or HOST:LOWEST-HIGHEST that guests may listen on; port 0 is any
	AllowDial    []string // HOST:PORT that guests may connect to; either may be *
	AllowOrigins []string // of web pages that may speak to the node, beside its own; * is any

	MaxMemory uint64 // bytes that all guests together may use; 2 GiB when 0
	MaxGuests int    // 64 when 0
	MaxModule int64  // bytes of a module; 256 MiB when 0
	MaxFiles  int64  // bytes of the folders that one guest carries, and of those that are kept; 4 GiB when 0

	Code *codecache.Store // compiled code of earlier starts; nil compiles each time

	Token    string      // asked of every caller and shown to every peer; empty asks nothing
	TLS      *tls.Config // serve https with it; set ClientAuth for mutual TLS
	PeerTLS  *tls.Config // for dialling other nodes
	Insecure bool        // listen beyond loopback without a token

	// Durable keeps an image of each guest on disk around a migration, so that
	// a process killed at any step finds it again. It costs a write of the
	// whole memory at the source before pre-copy, and at the target within the
	// downtime.
	Durable bool

	FreezeLimit   time.Duration // from asking a guest to freeze until it has; 10 s when 0
	FrozenLimit   time.Duration // from frozen until ready, or it thaws at the source; 30 s when 0
	ReserveLimit  time.Duration // a target's reservation without a message; 60 s when 0
	AskEvery      time.Duration // between two questions while in doubt; 500 ms when 0
	DowntimeAim   time.Duration // of pre-copy; 10 ms when 0
	MaxRounds     int           // of pre-copy; 30 when 0
	SessionLinger time.Duration // a client's session looks this long for a guest that cannot be reached; 120 s when 0

	Version string       // of the program, for GET /v1/node
	Log     *slog.Logger // discarded when nil
}

// ErrExposed is returned for an address beyond loopback without a token.
var ErrExposed = errors.New("listening beyond loopback without a token lets anybody run programs here; set a token, or --insecure if the network is trusted")

// validate fills in defaults and refuses what cannot work.
func (c *Config) validate() error {
	if c.Dir == "" {
		return errors.New("node: no state folder given")
	}
	if err := c.validateAddress(); err != nil {
		return err
	}
	if c.Name == "" {
		c.Name, _ = os.Hostname()
	}
	switch c.Engine {
	case "":
		c.Engine = "auto"
	case "auto", "compiler", "interpreter":
	default:
		return fmt.Errorf("node: engine %q: want auto, compiler or interpreter", c.Engine)
	}
	for i, d := range c.AllowDirs {
		abs, err := filepath.Abs(d)
		if err == nil {
			abs, err = filepath.EvalSymlinks(abs)
		}
		if err != nil {
			return fmt.Errorf("node: allowed folder: %w", err)
		}
		c.AllowDirs[i] = abs
	}
	fill(&c.MaxMemory, 2<<30)
	fill(&c.MaxGuests, 64)
	fill(&c.MaxModule, 256<<20)
	fill(&c.MaxFiles, 4<<30)
	fill(&c.FreezeLimit, 10*time.Second)
	fill(&c.FrozenLimit, 30*time.Second)
	fill(&c.ReserveLimit, time.Minute)
	fill(&c.AskEvery, 500*time.Millisecond)
	fill(&c.DowntimeAim, 10*time.Millisecond)
	fill(&c.MaxRounds, 30)
	fill(&c.SessionLinger, 2*time.Minute)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

func (c *Config) validateAddress() error {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("node: address to listen on: %w", err)
	}
	if !loopback(host) && c.Token == "" && !c.Insecure {
		return fmt.Errorf("node: %s: %w", c.Listen, ErrExposed)
	}
	if c.URL == "" {
		return nil
	}
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" {
		return fmt.Errorf("node: its URL %q: want http://host:port or https://host:port", c.URL)
	}
	return nil
}

// advertise is the URL that peers are given when none was configured.
func (c *Config) advertise(addr net.Addr) string {
	scheme := "http://"
	if c.TLS != nil {
		scheme = "https://"
	}
	return scheme + addr.String()
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func fill[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// newID returns a name that no other guest, migration or session has.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}
