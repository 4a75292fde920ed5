package hostsock

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"sojourn/engine/wasi"
)

func listen(t *testing.T) *Listener {
	t.Helper()
	l, err := Listen("web=tcp:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func dial(t *testing.T, l *Listener) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// guestRead reads as a guest that waits.
func guestRead(c wasi.Conn, b []byte) (int, error) {
	for {
		n, err := c.Read(b)
		if !errors.Is(err, wasi.ErrAgain) {
			return n, err
		}
		<-c.Readable()
	}
}

func guestWrite(c wasi.Conn, s string) error {
	for len(s) > 0 {
		n, err := c.Write([]byte(s))
		if err != nil && !errors.Is(err, wasi.ErrAgain) {
			return err
		}
		if s = s[n:]; n == 0 {
			<-c.Writable()
		}
	}
	return nil
}

func accept(t *testing.T, l *Listener) wasi.Conn {
	t.Helper()
	<-l.Acceptable()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBothDirectionsAndHalfClose(t *testing.T) {
	l := listen(t)
	if _, err := l.Accept(); !errors.Is(err, wasi.ErrAgain) {
		t.Errorf("nobody is there, and Accept says %v", err)
	}
	out := dial(t, l)
	c := accept(t, l)
	long := strings.Repeat("0123456789", 100_000)
	go func() {
		io.WriteString(out, long)
		out.CloseWrite()
	}()
	var got []byte
	for b := make([]byte, 5000); ; {
		n, err := guestRead(c, b)
		got = append(got, b[:n]...)
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if string(got) != long {
		t.Errorf("the guest got %d bytes of %d", len(got), len(long))
	}
	go func() {
		if err := guestWrite(c, long); err != nil {
			t.Error(err)
		}
		c.Close()
	}()
	if back, err := io.ReadAll(out); err != nil || string(back) != long {
		t.Errorf("the peer got %d bytes of %d, %v", len(back), len(long), err)
	}
}

func TestLostConnection(t *testing.T) {
	l := listen(t)
	out := dial(t, l)
	c := accept(t, l)
	out.SetLinger(0)
	out.Close() // a reset
	if _, err := guestRead(c, make([]byte, 9)); !errors.Is(err, wasi.ECONNRESET) {
		t.Errorf("read: %v", err)
	}
	if err := guestWrite(c, "x"); !errors.Is(err, wasi.ECONNRESET) {
		t.Errorf("write: %v", err)
	}
}

func TestRestoredConnectionsAreLost(t *testing.T) {
	l := listen(t)
	dial(t, l)
	first := accept(t, l)
	saved := l.Save()

	next := listen(t)
	if err := next.Load(saved); err != nil {
		t.Fatal(err)
	}
	c, err := next.Restore(first.ID(), first.Save())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := guestRead(c, make([]byte, 9)); !errors.Is(err, wasi.ECONNRESET) {
		t.Errorf("read: %v", err)
	}
	if err := guestWrite(c, "x"); !errors.Is(err, wasi.ECONNRESET) {
		t.Errorf("write: %v", err)
	}
	dial(t, next)
	if again := accept(t, next); again.ID() == first.ID() {
		t.Errorf("two connections have the number %d", again.ID())
	}
	if err := next.Load([]byte("other")); err == nil {
		t.Error("another listener's state is taken")
	}
}

// A guest that writes and ends at once has written.
func TestCloseDelivers(t *testing.T) {
	l := listen(t)
	out := dial(t, l)
	c := accept(t, l)
	if _, err := c.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(out); err != nil || string(got) != "last words" {
		t.Errorf("the peer got %q, %v", got, err)
	}
}

func TestRefuse(t *testing.T) {
	l := listen(t)
	out := dial(t, l)
	<-l.Acceptable()
	l.Refuse()
	if _, err := out.Read(make([]byte, 1)); err == nil {
		t.Error("who waited is not told")
	}
	if c, err := net.DialTimeout("tcp", l.Addr().String(), time.Second); err == nil {
		t.Errorf("%v still accepts", c.RemoteAddr())
	}
	if _, err := l.Accept(); !errors.Is(err, wasi.ErrAgain) {
		t.Errorf("Accept says %v", err)
	}
}

func TestParseListen(t *testing.T) {
	for spec, want := range map[string]string{
		"web=tcp:8080":         "127.0.0.1:8080",
		"web=tcp:0.0.0.0:80":   "0.0.0.0:80",
		"web=tcp:[::1]:80":     "[::1]:80",
		"web=tcp:localhost:80": "localhost:80",
		"web=tcp:":             "",
		"web=tcp:65536":        "",
		"web=tcp:http":         "",
		"web=udp:53":           "",
		"tcp:80":               "",
		"=tcp:80":              "",
		"web":                  "",
	} {
		name, at, err := parseListen(spec)
		if at != want || (err == nil) != (want != "") || err == nil && name != "web" {
			t.Errorf("%q: %q at %q, %v", spec, name, at, err)
		}
	}
	if _, err := Listen("web=ws:/chat"); !errors.Is(err, ErrNeedsNode) {
		t.Errorf("a ws: listener: %v", err)
	}
}

func TestDial(t *testing.T) {
	l := listen(t)
	allow, err := ParseAllow([]string{"127.0.0.1:*"})
	if err != nil {
		t.Fatal(err)
	}
	d := NewDialer(allow)
	defer d.Close()
	to := addrPort(l.Addr())
	c, err := d.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	<-c.Writable()
	if err := c.Connected(); err != nil {
		t.Fatal(err)
	}
	in := accept(t, l)
	if err := errors.Join(guestWrite(c, "ping"), c.CloseWrite()); err != nil {
		t.Error(err)
	}
	b := make([]byte, 9)
	if n, err := guestRead(in, b); err != nil || string(b[:n]) != "ping" {
		t.Errorf("got %q, %v", b[:n], err)
	}
	if local, remote := c.(wasi.Addressed).Addrs(); remote != to || local.Port() == 0 {
		t.Errorf("addresses are %v and %v", local, remote)
	}

	l.Close()
	if c, err = d.Dial("tcp", to); err != nil {
		t.Fatal(err)
	}
	<-c.Readable()
	if err := c.Connected(); err == nil || errors.Is(err, wasi.ErrAgain) {
		t.Errorf("connected to a port that is closed: %v", err)
	}
	if c, err = d.Restore(c.ID(), nil); err != nil || !errors.Is(c.Connected(), wasi.ECONNRESET) {
		t.Errorf("restored: %v, %v", err, c.Connected())
	}
	if _, err := d.Dial("udp", to); err == nil {
		t.Error("dials UDP")
	}
	if f := <-d.Lookup("ip", "127.0.0.9"); fmt.Sprint(f.Addrs) != "[127.0.0.9]" || f.Err != nil {
		t.Errorf("lookup of an address: %+v", f)
	}
}
