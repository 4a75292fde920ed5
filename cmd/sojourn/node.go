package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sojourn/orchestrator"
	"sojourn/proxy"
	"sojourn/proxy/api"
)

// trust is how processes of a cluster know each other.
type trust struct {
	tokenFile     string
	cert, key, ca string
}

func (t *trust) add(f *pflag.FlagSet) {
	f.StringVar(&t.tokenFile, "token-file", "", "`file` with the secret that callers must show, and that is shown to others")
	f.StringVar(&t.cert, "tls-cert", "", "PEM `file` with this process's certificate")
	f.StringVar(&t.key, "tls-key", "", "PEM `file` with its key")
	f.StringVar(&t.ca, "tls-ca", "", "PEM `file` with the authority that all certificates must be from")
}

func (t *trust) token() (string, error) {
	if t.tokenFile == "" {
		return "", nil
	}
	b, err := os.ReadFile(t.tokenFile)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" {
		return "", fmt.Errorf("read the token: %s is empty", t.tokenFile)
	}
	return token, nil
}

// tls returns the configurations for serving and for dialling, nil without flags.
func (t *trust) tls() (serve, dial *tls.Config, err error) {
	if t.cert == "" && t.key == "" && t.ca == "" {
		return nil, nil, nil
	}
	if t.ca == "" || (t.cert == "") != (t.key == "") {
		return nil, nil, usagef("TLS needs --tls-ca, and --tls-cert together with --tls-key")
	}
	pem, err := os.ReadFile(t.ca)
	if err != nil {
		return nil, nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, nil, fmt.Errorf("read the certificate authority: no certificate in %s", t.ca)
	}
	dial = &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool}
	if t.cert == "" {
		return nil, dial, nil
	}
	pair, err := tls.LoadX509KeyPair(t.cert, t.key)
	if err != nil {
		return nil, nil, fmt.Errorf("read the certificate: %w", err)
	}
	dial.Certificates = []tls.Certificate{pair}
	serve = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: dial.Certificates,
		ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	return serve, dial, nil
}

func (t *trust) options() (api.Options, error) {
	token, err := t.token()
	if err != nil {
		return api.Options{}, err
	}
	_, dial, err := t.tls()
	return api.Options{Token: token, TLS: dial}, err
}

// announcement is the line that a server prints once it can be reached.
type announcement struct {
	Kind string `json:"kind"` // node, orchestrator
	Name string `json:"name,omitempty"`
	URL  string `json:"url"`
}

func announce(w io.Writer, a announcement) error { return json.NewEncoder(w).Encode(a) }

// server is what node and orchestrator have in common.
type server interface {
	Listen() (net.Listener, error)
	Serve(net.Listener) error
	Close() error
}

// serve serves until SIGTERM or SIGINT, and says where once it listens; while runs
// beside it.
func serve(cmd *cobra.Command, s server, ready func(net.Listener) error, while func(context.Context)) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ln, err := s.Listen()
	if err != nil {
		return err
	}
	var beside sync.WaitGroup
	beside.Go(func() { while(ctx) })
	beside.Go(func() {
		<-ctx.Done()
		_ = s.Close()
	})
	if err = ready(ln); err == nil {
		err = s.Serve(ln)
	}
	stop()
	beside.Wait()
	return err
}

func newNode() *cobra.Command {
	var (
		c     proxy.Config
		t     trust
		orch  string
		quiet bool
		keep  cacheFlag
	)
	cmd := &cobra.Command{
		Use:   "node [flags]",
		Short: "Run a node: guests live here, arrive and leave",
		Long: "A node runs guests, and moves them to other nodes when asked. It prints one line of\n" +
			"JSON with its URL once it can be reached, and ends its guests on SIGTERM.",
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if c.Token, err = t.token(); err != nil {
				return err
			}
			if c.TLS, c.PeerTLS, err = t.tls(); err != nil {
				return err
			}
			if c.Dir == "" {
				if c.Dir, err = stateDir("node"); err != nil {
					return err
				}
			}
			if c.Code, err = keep.open(); err != nil {
				return err
			}
			c.Version, c.Log = thisBuild().Version, logger(cmd.ErrOrStderr(), quiet)
			n, err := proxy.New(c)
			if err != nil {
				return err
			}
			report, err := reporter(n, orch, c)
			if err != nil {
				return err
			}
			return serve(cmd, n, func(net.Listener) error {
				return announce(cmd.OutOrStdout(), announcement{Kind: "node", Name: n.Info().Name, URL: n.URL()})
			}, report)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Name, "name", "", "what people call the node; the host's name by default")
	f.StringVar(&c.Listen, "listen", "127.0.0.1:0", "`host:port` to listen on")
	f.StringVar(&c.URL, "url", "", "where others reach the node, when not where it listens")
	f.StringVar(&c.Dir, "state", "", "`folder` for modules and records; one of the user's by default")
	f.StringVar(&c.Engine, "engine", "auto", "what runs guests that do not ask: auto, compiler, interpreter")
	keep.add(f)
	f.StringArrayVar(&c.AllowDirs, "allow-dir", nil, "host `folder` that guests may be given, with all below it")
	f.StringArrayVar(&c.AllowListen, "allow-listen", nil, "let guests listen on `HOST:PORT`, or HOST:LOWEST-HIGHEST; port 0 is any that is free")
	f.StringArrayVar(&c.AllowDial, "allow-dial", nil, "let guests that ask for it connect to `HOST:PORT`; either may be *")
	f.StringArrayVar(&c.AllowOrigins, "allow-origin", nil, "let web pages of `ORIGIN`, as https://example.org, speak to the node; * is any")
	f.Uint64Var(&c.MaxMemory, "max-memory", 0, "`bytes` that all guests together may use; 2 GiB by default")
	f.IntVar(&c.MaxGuests, "max-guests", 0, "most guests; 64 by default")
	f.Int64Var(&c.MaxFiles, "max-files", 0, "`bytes` of the folders that one guest carries, and of those that are kept by digest; 4 GiB by default")
	f.BoolVar(&c.Durable, "durable", false, "keep an image on disk around each migration")
	f.BoolVar(&c.Insecure, "insecure", false, "listen beyond loopback without a token")
	f.StringVar(&orch, "orchestrator", "", "`URL` of the orchestrator to report to")
	f.BoolVar(&quiet, "quiet", false, "log nothing")
	t.add(f)
	return cmd
}

// reporter returns what keeps the orchestrator informed; nothing without one.
func reporter(n *proxy.Node, url string, c proxy.Config) (func(context.Context), error) {
	if url == "" {
		return func(context.Context) {}, nil
	}
	a, err := orchestrator.NewAgent(orchestrator.AgentConfig{URL: url, Token: c.Token, TLS: c.PeerTLS, Info: n.Info, Log: c.Log})
	if err != nil {
		return nil, err
	}
	return a.Run, nil
}

// stateDir returns a folder of the user's for the state of a kind of server.
func stateDir(kind string) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", hint(fmt.Errorf("no folder for the state: %w", err), "name one with --state")
	}
	return filepath.Join(dir, "sojourn", kind), nil
}

func logger(w io.Writer, quiet bool) *slog.Logger {
	if quiet {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

func newOrchestrator() *cobra.Command {
	var (
		c     orchestrator.Config
		t     trust
		quiet bool
	)
	cmd := &cobra.Command{
		Use:   "orchestrator [flags]",
		Short: "Run an orchestrator: it knows the nodes, and decides where guests go",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if c.Token, err = t.token(); err != nil {
				return err
			}
			if c.TLS, c.NodeTLS, err = t.tls(); err != nil {
				return err
			}
			if c.Dir == "" {
				if c.Dir, err = stateDir("orchestrator"); err != nil {
					return err
				}
			}
			c.Log = logger(cmd.ErrOrStderr(), quiet)
			o, err := orchestrator.New(c)
			if err != nil {
				return err
			}
			return serve(cmd, o, func(ln net.Listener) error {
				scheme := "http://"
				if c.TLS != nil {
					scheme = "https://"
				}
				return announce(cmd.OutOrStdout(), announcement{Kind: "orchestrator", URL: scheme + ln.Addr().String()})
			}, func(context.Context) {})
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Listen, "listen", "127.0.0.1:7700", "`host:port` to listen on")
	f.StringVar(&c.Dir, "state", "", "`folder` of the registry; one of the user's by default")
	f.DurationVar(&c.LostAfter, "lost-after", 0, "a node unseen this long is lost; 10s by default")
	f.BoolVar(&c.Insecure, "insecure", false, "listen beyond loopback without a token")
	f.BoolVar(&quiet, "quiet", false, "log nothing")
	t.add(f)
	return cmd
}
