package orchestrator

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// Config is how an orchestrator is set up. Dir or Registry is needed; validate
// fills in the rest.
type Config struct {
	Listen string // host:port; 127.0.0.1:0 when empty
	Dir    string // registry in files, one a record; created when missing

	// Registry is used in place of Dir, and is not closed by Close.
	Registry Registry

	Token    string      // asked of every caller, nodes included; empty asks nothing
	TLS      *tls.Config // serve https with it
	Insecure bool        // serve beyond loopback without a token

	NodeToken string      // shown to nodes; Token when empty
	NodeTLS   *tls.Config // for dialling nodes over https

	LostAfter    time.Duration // a node unseen this long is lost; 10 s when 0
	MigrateLimit time.Duration // the longest migration that is followed; 1 h when 0
	Parallel     int           // migrations at a time of one drain; 2 when 0

	Log *slog.Logger // discarded when nil
}

// ErrExposed is returned for an address beyond loopback without a token.
var ErrExposed = errors.New("listening beyond loopback without a token lets anybody move guests; set a token, or --insecure if the network is trusted")

// validate fills in defaults and refuses what cannot work.
func (c *Config) validate() error {
	if c.Dir == "" && c.Registry == nil {
		return errors.New("orchestrator: no state folder given")
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("orchestrator: address to listen on: %w", err)
	}
	if !loopback(host) && c.Token == "" && !c.Insecure {
		return fmt.Errorf("orchestrator: %s: %w", c.Listen, ErrExposed)
	}
	if c.LostAfter < 0 || c.MigrateLimit < 0 || c.Parallel < 0 {
		return errors.New("orchestrator: a negative limit")
	}
	fill(&c.NodeToken, c.Token)
	fill(&c.LostAfter, 10*time.Second)
	fill(&c.MigrateLimit, time.Hour)
	fill(&c.Parallel, 2)
	fill(&c.Log, slog.New(slog.DiscardHandler))
	return nil
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
