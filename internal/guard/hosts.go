package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/longhaul/longhaul/job"
)

// hostRule allows hosts by name, or addresses.
type hostRule struct {
	name   string       // a pattern by path.Match, in small letters; "" where the rule is one of addresses
	prefix netip.Prefix // of addresses
	port   string       // "" is any
}

// parseHost reads a rule: a name such as api.example.com, a pattern of names such as *.example.com, an address, or a block of them such as 10.1.0.0/16; each with a
// port behind a colon, or without. An IPv6 address with a port stands in brackets.
func parseHost(text string) (hostRule, error) {
	var r hostRule
	rest := strings.ToLower(text)
	wrong := fmt.Errorf("host %q: want a name, a pattern of names (*.example.com), an address or a block of them (10.0.0.0/8), and perhaps a port (name:443)", text)
	if p, err := parsePrefix(rest); err == nil {
		return hostRule{prefix: p}, nil
	}
	if host, port, err := net.SplitHostPort(rest); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return r, wrong
		}
		r.port, rest = port, host
		if p, err := parsePrefix(rest); err == nil {
			r.prefix = p
			return r, nil
		}
	}
	r.name = strings.TrimSuffix(rest, ".")
	if _, err := path.Match(r.name, ""); err != nil || r.name == "" || strings.ContainsAny(r.name, ":/@ ") {
		return r, wrong
	}
	return r, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

func (r hostRule) fits(port string) bool { return r.port == "" || r.port == port }

// allowsName says whether the rule allows a host as a URL names it.
func (r hostRule) allowsName(host, port string) bool {
	ok, _ := path.Match(r.name, host)
	return r.name != "" && ok && r.fits(port)
}

// allowsAddress says whether the rule allows an address.
func (r hostRule) allowsAddress(a netip.Addr, port string) bool {
	return r.name == "" && r.prefix.Contains(a) && r.fits(port)
}

// Dial is how requests connect; nil where they may connect to any host. It decides about the name before it is looked up, and about each address that it leads to when a connection to it
// is about to be made: what a redirect names, and what DNS answers at that moment, are judged like everything else.
func (p *Policy) Dial() func(ctx context.Context, network, address string) (net.Conn, error) {
	if p == nil || len(p.hosts) == 0 && !p.noPrivate {
		return nil
	}
	return p.dial
}

// The limits of net/http's own dialler.
const dialTimeout, keepAlive = 30 * time.Second, 30 * time.Second

func (p *Policy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	byName := len(p.hosts) == 0 || slices.ContainsFunc(p.hosts, func(r hostRule) bool { return r.allowsName(host, port) })
	byAddress := slices.ContainsFunc(p.hosts, func(r hostRule) bool { return r.name == "" && r.fits(port) })
	if !byName && !byAddress {
		return nil, notAllowed(address)
	}
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive, Resolver: p.resolver, ControlContext: func(_ context.Context, _, to string, _ syscall.RawConn) error {
		return p.connect(address, to, byName)
	}}
	c, err := d.DialContext(ctx, network, address)
	if own := (*job.Error)(nil); errors.As(err, &own) {
		return nil, own
	}
	return c, err
}

// connect decides about a connection to an address, where the host's name is allowed or not.
func (p *Policy) connect(address, to string, byName bool) error {
	ap, err := netip.ParseAddrPort(to)
	if err != nil {
		return err
	}
	a, port := ap.Addr().Unmap().WithZone(""), strconv.Itoa(int(ap.Port()))
	if slices.ContainsFunc(p.hosts, func(r hostRule) bool { return r.allowsAddress(a, port) }) {
		return nil
	}
	if !byName {
		return notAllowed(address)
	}
	if kind := private(a); p.noPrivate && kind != "" {
		return refused("connect", address, "have the worker's operator allow that address with --allow-host",
			"this worker connects to no %s address, and that is %s", kind, a)
	}
	return nil
}

func notAllowed(address string) error {
	return refused("connect", address, "have its operator allow it with --allow-host", "this worker does not connect to that host")
}
