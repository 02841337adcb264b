package guard

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/longhaul/longhaul/job"
)

// listener accepts connections, and says at which port.
func listener(t *testing.T) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// answering is a resolver whose DNS server answers every question with one address.
func answering(t *testing.T, address [4]byte) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: address},
				}}
			}
			if reply, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(reply, from)
			}
		}
	}()
	t.Cleanup(func() { server.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// TestWhereRequestsMayGo dials a server on this machine, by what DNS answers where a name is given.
func TestWhereRequestsMayGo(t *testing.T) {
	port := listener(t)
	const refusedHost = "this worker does not connect to that host (have its operator allow it with --allow-host)"
	const refusedPrivate = "this worker connects to no loopback address, and that is 127.0.0.1 (have the worker's operator allow that address with --allow-host)"
	for name, c := range map[string]struct {
		hosts   []string
		private bool
		address string
		want    string // "" connects
	}{
		"a name that is allowed":                         {[]string{"api.example.com"}, false, "api.example.com", ""},
		"in capital letters, with a dot":                 {[]string{"API.example.com."}, false, "api.EXAMPLE.com.", ""},
		"by a pattern":                                   {[]string{"*.example.com"}, false, "a.b.example.com", ""},
		"at its port":                                    {[]string{"api.example.com:" + port}, false, "api.example.com", ""},
		"at another port":                                {[]string{"api.example.com:1"}, false, "api.example.com", refusedHost},
		"a pattern's own domain":                         {[]string{"*.example.com"}, false, "example.com", refusedHost},
		"a name that ends alike":                         {[]string{"*.example.com"}, false, "api.example.com.evil.test", refusedHost},
		"a name that another contains":                   {[]string{"example.com"}, false, "notexample.com", refusedHost},
		"an address instead of the name":                 {[]string{"api.example.com"}, false, "127.0.0.1", refusedHost},
		"an address that is allowed":                     {[]string{"127.0.0.0/8"}, false, "127.0.0.1", ""},
		"one address":                                    {[]string{"127.0.0.1:" + port}, false, "127.0.0.1", ""},
		"the same as one of IPv6":                        {[]string{"127.0.0.1"}, false, "::ffff:127.0.0.1", ""},
		"a name that leads to an allowed address":        {[]string{"127.0.0.0/8"}, false, "evil.test", ""},
		"a name that leads to another":                   {[]string{"10.0.0.0/8"}, false, "evil.test", refusedHost},
		"a private address":                              {nil, true, "127.0.0.1", refusedPrivate},
		"a private address, mapped":                      {nil, true, "::ffff:127.0.0.1", refusedPrivate},
		"a name that leads to a private address":         {nil, true, "evil.test", refusedPrivate},
		"an allowed name that leads to one":              {[]string{"*.example.com"}, true, "api.example.com", refusedPrivate},
		"a private address that is allowed":              {[]string{"127.0.0.1"}, true, "127.0.0.1", ""},
		"an allowed name, its private address allowed":   {[]string{"*.example.com", "127.0.0.0/8"}, true, "api.example.com", ""},
		"the unspecified address, which is this machine": {nil, true, "0.0.0.0", "this worker connects to no unspecified address, and that is 0.0.0.0 (have the worker's operator allow that address with --allow-host)"},
	} {
		t.Run(name, func(t *testing.T) {
			p := policy(t, Options{Hosts: c.hosts, DenyPrivate: c.private, Resolver: answering(t, [4]byte{127, 0, 0, 1})})
			address := net.JoinHostPort(c.address, port)
			conn, err := p.Dial()(t.Context(), "tcp", address)
			if err == nil {
				_, _ = io.Copy(io.Discard, conn)
				conn.Close()
			}
			if c.want == "" && err != nil {
				t.Fatal(err)
			}
			if c.want != "" && (job.KindOf(err) != job.Refused || err.Error() != "connect "+address+": "+c.want) {
				t.Errorf("got  %v\nwant connect %s: %s", err, address, c.want)
			}
		})
	}
}

// TestAHostThatIsNotAllowedIsNotLookedUp has a resolver that fails the test: a name may tell secrets to whoever answers for it.
func TestAHostThatIsNotAllowedIsNotLookedUp(t *testing.T) {
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("it was looked up")
		return nil, errors.New("no")
	}}
	p := policy(t, Options{Hosts: []string{"*.example.com", "10.0.0.0/8:1"}, Resolver: resolver})
	if _, err := p.Dial()(t.Context(), "tcp", "secret.evil.test:80"); job.KindOf(err) != job.Refused {
		t.Errorf("%v", err)
	}
}

func TestRulesForHosts(t *testing.T) {
	for _, text := range []string{"", ":80", "a b", "http://example.com", "example.com/path", "[", "a:0", "a:http", "a:70000", "10.0.0.0/33", "user@host"} {
		if r, err := parseHost(text); err == nil || !strings.Contains(err.Error(), "want a name") {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
	for text, want := range map[string]hostRule{
		"Example.COM.":    {name: "example.com"},
		"*:443":           {name: "*", port: "443"},
		"[2001:db8::]:80": {port: "80"},
	} {
		r, err := parseHost(text)
		r.prefix = want.prefix
		if err != nil || r != want {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
}

func TestWithoutRulesNothingIsJudged(t *testing.T) {
	var none *Policy
	if none.Dial() != nil || policy(t, Options{}).Dial() != nil {
		t.Error("every connection would take the longer way")
	}
}
