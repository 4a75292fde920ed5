package hostsock

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"testing"
)

// names is what the tests' resolver knows.
var names = map[string][]string{
	"db.example":   {"10.1.2.3", "2001:db8::1"},
	"evil.example": {"127.0.0.1", "169.254.169.254", "::1", "0.0.0.0", "8.8.8.8"},
	"localhost":    {"127.0.0.1", "::1"},
}

func resolve(_ context.Context, _, host string) (list []netip.Addr, err error) {
	for _, a := range names[host] {
		list = append(list, netip.MustParseAddr(a))
	}
	if list == nil {
		err = &net.DNSError{Name: host, IsNotFound: true}
	}
	return list, err
}

func TestAllow(t *testing.T) {
	for _, c := range []struct {
		rule     string
		yes, not []string
	}{
		{"10.0.0.1:80", []string{"10.0.0.1:80", "[::ffff:10.0.0.1]:80"}, []string{"10.0.0.1:81", "10.0.0.2:80"}},
		{"10.0.0.0/8:*", []string{"10.9.9.9:1", "10.0.0.0:65535"}, []string{"11.0.0.0:1"}},
		{"[::1]:80", []string{"[::1]:80"}, []string{"127.0.0.1:80", "[::2]:80"}},
		{"*:443", []string{"8.8.8.8:443", "[2001:4860::1]:443"},
			[]string{"8.8.8.8:80", "127.0.0.1:443", "10.0.0.1:443", "192.168.1.1:443", "169.254.169.254:443", "[::1]:443", "[fe80::1]:443", "[fd00::1]:443", "0.0.0.0:443", "224.0.0.1:443"}},
		{"DB.example.:5432", []string{"10.1.2.3:5432", "[2001:db8::1]:5432"}, []string{"10.1.2.3:80", "10.1.2.4:5432"}},
		{"evil.example:*", []string{"8.8.8.8:80"}, []string{"127.0.0.1:80", "169.254.169.254:80", "[::1]:80", "0.0.0.0:80"}},
		{"localhost:80", []string{"127.0.0.1:80", "[::1]:80"}, []string{"127.0.0.2:80", "8.8.8.8:80"}},
		{"unknown.example:80", nil, []string{"8.8.8.8:80"}},
	} {
		a, err := ParseAllow([]string{c.rule})
		if err != nil {
			t.Fatal(err)
		}
		a.Resolve = resolve
		for _, s := range c.yes {
			to := netip.MustParseAddrPort(s)
			if err := a.Check(t.Context(), to); err != nil || !a.Possible(to) {
				t.Errorf("%s: %s is refused: %v", c.rule, s, err)
			}
		}
		for _, s := range c.not {
			if err := a.Check(t.Context(), netip.MustParseAddrPort(s)); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s: %s: %v", c.rule, s, err)
			}
		}
	}
	var none *Allow
	if err := none.Check(t.Context(), netip.MustParseAddrPort("8.8.8.8:80")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("nothing is allowed, and it says %v", err)
	}
}

func TestParseAllowRefuses(t *testing.T) {
	for _, s := range []string{"", "host", ":80", "host:", "host:0", "host:65536", "host:http", "*.example:80", "10.0.0.0/99:80", "::1:80"} {
		if _, err := ParseAllow([]string{s}); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}

func TestLookup(t *testing.T) {
	a, err := ParseAllow([]string{"db.example:5432", "10.0.0.0/8:*"})
	if err != nil {
		t.Fatal(err)
	}
	a.Resolve = resolve
	if got, err := a.Lookup(t.Context(), "ip", "db.EXAMPLE."); err != nil || !slices.Contains(got, netip.MustParseAddr("10.1.2.3")) {
		t.Errorf("lookup gives %v, %v", got, err)
	}
	if _, err := a.Lookup(t.Context(), "ip", "evil.example"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("another name: %v", err)
	}
}
