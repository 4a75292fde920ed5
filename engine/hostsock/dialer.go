package hostsock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"sojourn/engine/wasi"
)

// dialWithin is how long a connection may take to be made.
const dialWithin = 30 * time.Second

// maxDialled is how many connections a guest may be waiting for.
const maxDialled = 256

// Dialer is a [wasi.Dialer] and [wasi.Resolver] over the host's TCP.
type Dialer struct {
	allow *Allow
	ctx   context.Context
	stop  context.CancelFunc
	work  sync.WaitGroup

	dialling atomic.Int64
	mu       sync.Mutex
	conns    conns
}

// NewDialer returns a dialer that reaches what is allowed.
func NewDialer(allow *Allow) *Dialer {
	ctx, stop := context.WithCancel(context.Background())
	return &Dialer{allow: allow, ctx: ctx, stop: stop}
}

// dialled is a connection that was asked for. Once done is closed, conn or err is set.
type dialled struct {
	*conn
	id   uint64
	done chan struct{}
	err  error
	shut atomic.Bool // the guest has closed it
}

// Dial begins a connection, as [wasi.Dialer] has it.
func (d *Dialer) Dial(network string, to netip.AddrPort) (wasi.Dialled, error) {
	switch {
	case network != "tcp":
		return nil, wasi.EPROTONOSUPPORT
	case !d.allow.Possible(to):
		return nil, fmt.Errorf("connect to %v: %w", to, fs.ErrPermission)
	case d.dialling.Load() >= maxDialled:
		return nil, wasi.EAGAIN
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c := &dialled{id: d.conns.number(), done: make(chan struct{})}
	d.dialling.Add(1)
	d.work.Go(func() {
		defer d.dialling.Add(-1)
		c.conn, c.err = d.connect(c.id, to)
		close(c.done)
		if c.conn != nil && c.shut.Load() {
			_ = c.conn.Close()
		}
	})
	return c, nil
}

// connect makes a connection.
func (d *Dialer) connect(id uint64, to netip.AddrPort) (*conn, error) {
	ctx, cancel := context.WithTimeout(d.ctx, dialWithin)
	defer cancel()
	if err := d.allow.Check(ctx, to); err != nil {
		return nil, err
	}
	var dialer net.Dialer
	tcp, err := dialer.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, refine(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns.forget()
	c := newConn(id, tcp.(*net.TCPConn))
	d.conns.open[id] = c
	return c, nil
}

// refine gives an error of the net package its number, where it has none.
func refine(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return wasi.ETIMEDOUT
	}
	return err
}

// Lookup looks up a name, as [wasi.Resolver] has it.
func (d *Dialer) Lookup(network, host string) <-chan wasi.Found {
	ch := make(chan wasi.Found, 1)
	d.work.Go(func() {
		ctx, cancel := context.WithTimeout(d.ctx, dialWithin)
		defer cancel()
		addrs, err := d.allow.Lookup(ctx, network, host)
		var dns *net.DNSError
		switch {
		case errors.As(err, &dns) && dns.IsNotFound:
			err = wasi.ENOENT
		case errors.As(err, &dns):
			err = wasi.EAGAIN
		}
		ch <- wasi.Found{Addrs: addrs, Err: err}
	})
	return ch
}

// Save writes down which numbers connections have had.
func (d *Dialer) Save() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conns.save()
}

// Load takes up what Save returned.
func (d *Dialer) Load(b []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conns.load(b)
}

// Restore returns a connection that is lost.
func (d *Dialer) Restore(id uint64, _ []byte) (wasi.Dialled, error) {
	c := &dialled{id: id, done: make(chan struct{}), err: wasi.ECONNRESET}
	close(c.done)
	return c, nil
}

// Close ends all connections; peers have some seconds to take what the guest wrote. The
// guest has ended.
func (d *Dialer) Close() error {
	d.stop()
	d.work.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns.finish()
	return nil
}

// Connected says what has become of the connection, as [wasi.Dialled] has it.
func (c *dialled) Connected() error {
	select {
	case <-c.done:
		return c.err
	default:
		return wasi.ErrAgain
	}
}

// The methods below are for before the connection is made, too.

func (c *dialled) ID() uint64        { return c.id }
func (c *dialled) Save() []byte      { return nil }
func (c *dialled) Load([]byte) error { return nil }

func (c *dialled) Writable() <-chan struct{} {
	if c.Connected() != nil {
		return c.done
	}
	return c.conn.Writable()
}

func (c *dialled) Readable() <-chan struct{} {
	if c.Connected() != nil {
		return c.done
	}
	return c.conn.Readable()
}

func (c *dialled) Buffered() int {
	if c.Connected() != nil {
		return 0
	}
	return c.conn.Buffered()
}

func (c *dialled) Close() error {
	c.shut.Store(true)
	if c.Connected() != nil {
		return nil
	}
	return c.conn.Close()
}

func (c *dialled) Addrs() (local, remote netip.AddrPort) {
	if c.Connected() != nil {
		return local, remote
	}
	return c.conn.Addrs()
}
