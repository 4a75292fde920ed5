package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"sojourn/proxy/client"
)

// detachKey leaves a session in raw mode: Ctrl+].
const detachKey = 0x1d

const (
	exitDetached = 0
	exitLeft     = 130 // by Ctrl+C, as a shell says it
)

func newConnect() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use:   "connect [flags] GUEST",
		Short: "Talk to a guest, wherever it goes",
		Long: "Connect joins this terminal to the standard input and output of a guest, or to one of its\n" +
			"listeners, and stays with it when it moves: nothing is lost or said twice. The lowest row\n" +
			"says where the guest is. Lines are sent with Enter; with --raw each key is, and Ctrl+]\n" +
			"leaves. The guest runs on. The exit code is the guest's when it ends.",
		Args: exactArgs("ID of a guest"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.opt.Guest = args[0]
			if len(c.opt.URLs) == 0 {
				return hint(usagef("whom to ask?"), "name a node with --node URL")
			}
			if c.lines {
				c.opt.Mode = client.Lines
			} else {
				c.opt.Mode = client.Raw
			}
			opt, err := c.trust.options()
			if err != nil {
				return err
			}
			c.opt.Token, c.opt.TLS = opt.Token, opt.TLS
			return c.run(cmd.Context(), os.Stdin, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	var nodes []string
	if n := os.Getenv("SOJOURN_NODE"); n != "" {
		nodes = []string{n}
	}
	f.StringArrayVar(&c.opt.URLs, "node", nodes, "`URL` of a node that knows the guest, or $SOJOURN_NODE. May be repeated")
	f.StringVar(&c.opt.Listener, "listener", client.Stdio, "`name` of the guest's listener")
	f.BoolVar(&c.keys, "raw", false, "send each key at once; Ctrl+] leaves")
	f.BoolVar(&c.lines, "lines", false, "a session of lines: output comes by whole lines")
	f.BoolVar(&c.quiet, "quiet", false, "do not say where the guest is")
	cmd.MarkFlagsMutuallyExclusive("raw", "lines")
	c.trust.add(f)
	return cmd
}

// connection is one terminal joined to one guest.
type connection struct {
	opt         client.Options
	keys, lines bool
	quiet       bool
	trust       trust
}

// errDetached is the end of input by the detach key.
var errDetached = errors.New("detached")

func (c *connection) run(ctx context.Context, stdin *os.File, stdout, stderr io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := client.Dial(ctx, c.opt)
	if err != nil {
		return connectError(err)
	}
	con, err := newConsole(stdin, stdout, stderr, c.keys, c.quiet)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		con.watch(s.Node(), s.Events())
	}()
	ended := make(chan error, 2)
	go func() { ended <- c.receive(ctx, s, con) }()
	go func() { // it may wait for a key until the process is gone
		if err := c.send(ctx, s, con); err != nil {
			ended <- err
		}
	}()
	err = <-ended
	left := ctx.Err() != nil
	_ = s.Close()
	<-told
	con.restore()
	var exit *client.ExitError
	switch {
	case errors.As(err, &exit):
		return exitWith(int(exit.Code))
	case errors.Is(err, errDetached):
		return exitWith(exitDetached)
	case left:
		return exitWith(exitLeft)
	case errors.Is(err, io.EOF):
		return nil
	}
	return connectError(err)
}

// receive shows what the guest says until it ends.
func (c *connection) receive(ctx context.Context, s *client.Session, con *console) error {
	for {
		m, err := s.Receive(ctx)
		if err != nil {
			return err
		}
		if c.lines {
			m.Data = append(m.Data, '\n')
		}
		if err := con.show(m.Data); err != nil {
			return err
		}
	}
}

// send gives the guest what is typed. Nil is the end of the input: the guest may still speak.
func (c *connection) send(ctx context.Context, s *client.Session, con *console) error {
	var line []byte
	b := make([]byte, 32<<10)
	for {
		n, err := con.read(b)
		data := bytes.Clone(b[:n])
		if c.lines {
			line = append(line, data...)
			if line, err = sendLines(ctx, s, line, err); err != nil && err != io.EOF {
				return err
			}
		} else if n > 0 {
			if err := s.Send(ctx, client.Message{Kind: client.Binary, Data: data}); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			s.CloseSend()
			return nil
		case err != nil:
			return err
		}
	}
}

// sendLines sends the whole lines of b, and at the end of the input what follows them. It
// returns what is left, and err if sending did not fail.
func sendLines(ctx context.Context, s *client.Session, b []byte, err error) ([]byte, error) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		next := i + 1
		if i < 0 {
			if err == nil && len(b) < s.MaxMessage() {
				break
			}
			i = min(len(b), s.MaxMessage())
			next = i
		}
		if err := s.Send(ctx, client.Message{Kind: client.Text, Data: bytes.Clone(b[:i])}); err != nil {
			return nil, err
		}
		b = b[next:]
	}
	return b, err
}

func connectError(err error) error {
	var re *client.ResetError
	if !errors.As(err, &re) {
		return hint(fmt.Errorf("connect: %w", err), "--node gives the URL of a node that runs, and knows the guest")
	}
	err = fmt.Errorf("connect: %w", err)
	switch re.Reason {
	case client.Unauthorized:
		return hint(err, "show the node's token with --token-file")
	case client.NotFound:
		return hint(err, "'sojourn ps' lists guests; one needs a session, or a listener of that name")
	case client.TakenOver:
		return hint(err, "somebody else has connected; connecting again takes it back")
	}
	return err
}
