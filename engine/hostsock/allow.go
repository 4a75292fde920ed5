package hostsock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Allow says which addresses a guest may connect to. It is safe for concurrent use; nil
// allows nothing.
type Allow struct {
	rules []rule

	// Resolve looks up a name; nil is the host's resolver.
	Resolve func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// rule is one HOST:PORT.
type rule struct {
	prefix netip.Prefix // of an address or a network,
	name   string       // or a name in lower case, or "*"
	port   uint16       // 0: each
}

// ParseAllow reads rules of the form HOST:PORT. HOST is a name, an address, a network as
// 10.0.0.0/8, or *, and PORT a number or *. IPv6 is in brackets.
//
// A * stands for each public address: not for those of this machine, its links and
// private networks, which are given by themselves. A name stands for what it resolves to
// when the guest connects; unless it is localhost, never for an address of this machine or
// its links, whatever its owner says that it resolves to.
func ParseAllow(list []string) (*Allow, error) {
	a := &Allow{}
	for _, s := range list {
		r, err := parseRule(s)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", s, err)
		}
		a.rules = append(a.rules, r)
	}
	return a, nil
}

func parseRule(s string) (rule, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return rule{}, errors.New("HOST:PORT is needed, as db.example:5432, 10.0.0.0/8:* or [::1]:80")
	}
	var r rule
	if port != "*" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return rule{}, errors.New("the port is a number from 1 to 65535, or *")
		}
		r.port = uint16(n)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		r.prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		return r, nil
	}
	if strings.Contains(host, "/") {
		r.prefix, err = netip.ParsePrefix(host)
		return r, err
	}
	if r.name = canonical(host); host != "*" && strings.ContainsAny(host, "*: ") {
		return rule{}, errors.New("a * is a whole HOST or PORT")
	}
	return r, nil
}

func canonical(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

func isLocal(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// takes reports whether a name may stand for an address.
func (r *rule) takes(addr netip.Addr) bool {
	switch {
	case addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast():
		return false
	case r.name == "*":
		return addr.IsGlobalUnicast() && !addr.IsPrivate() && !addr.IsLoopback()
	}
	return isLocal(r.name) == addr.IsLoopback()
}

// decide says whether the rules allow an address without a lookup, and otherwise which
// names have to be looked up to know.
func (a *Allow) decide(to netip.AddrPort) (yes bool, names []string) {
	if a == nil {
		return false, nil
	}
	addr := to.Addr().Unmap().WithZone("")
	for _, r := range a.rules {
		switch {
		case r.port != 0 && r.port != to.Port():
		case r.name == "" && r.prefix.Contains(addr), r.name == "*" && r.takes(addr):
			return true, nil
		case r.name != "" && r.name != "*" && r.takes(addr):
			names = append(names, r.name)
		}
	}
	return false, names
}

// Check returns fs.ErrPermission for an address that is not allowed. It may wait for
// lookups.
func (a *Allow) Check(ctx context.Context, to netip.AddrPort) error {
	yes, names := a.decide(to)
	if yes {
		return nil
	}
	for _, name := range names {
		addrs, err := a.resolve(ctx, "ip", name)
		if err == nil && slices.Contains(addrs, to.Addr().Unmap()) {
			return nil
		}
	}
	return fmt.Errorf("connect to %v: %w", to, fs.ErrPermission)
}

// Possible reports whether Check may allow an address. It never waits.
func (a *Allow) Possible(to netip.AddrPort) bool {
	yes, names := a.decide(to)
	return yes || len(names) > 0
}

// Lookup looks up a name that a rule has, or any when a rule has *; an address is itself.
// It returns fs.ErrPermission for other names: that a guest asks tells others something.
func (a *Allow) Lookup(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	name := canonical(host)
	known := func(r rule) bool { return r.name == name || r.name == "*" }
	if a == nil || !slices.ContainsFunc(a.rules, known) {
		return nil, fmt.Errorf("look up %q: %w", host, fs.ErrPermission)
	}
	return a.resolve(ctx, network, name)
}

func (a *Allow) resolve(ctx context.Context, network, name string) ([]netip.Addr, error) {
	look := a.Resolve
	if look == nil {
		look = net.DefaultResolver.LookupNetIP
	}
	list, err := look(ctx, network, name)
	for i := range list {
		list[i] = list[i].Unmap()
	}
	return list, err
}
