package h1

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// wire is a server that keeps the bytes that arrive, and answers each request.
func wire(t *testing.T) (address string, arrived func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		var all strings.Builder
		defer func() { got <- all.String() }()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(io.TeeReader(c, &all))
			if req, err := http.ReadRequest(r); err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
				_, _ = io.Copy(io.Discard, r) // a second request would come here
			}
			c.Close()
		}
	}()
	return l.Addr().String(), func() string { l.Close(); return <-got }
}

// TestNothingOfARequestBecomesALineOfItsOwn puts line breaks wherever a request has room for text, and looks at the bytes that arrive.
func TestNothingOfARequestBecomesALineOfItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*http.Request, string)
		sent  bool // the line break is escaped, or dropped
	}{
		"header":      {func(r *http.Request, s string) { r.Header["X"] = []string{s} }, false},
		"header name": {func(r *http.Request, s string) { r.Header[s] = []string{"x"} }, false},
		"method":      {func(r *http.Request, s string) { r.Method = s }, false},
		"path":        {func(r *http.Request, s string) { r.URL.Path = "/" + s }, true},
		"raw path":    {func(r *http.Request, s string) { r.URL.RawPath = "/" + s }, true},
		"opaque":      {func(r *http.Request, s string) { r.URL.Opaque = "//h/" + s }, false},
		"query":       {func(r *http.Request, s string) { r.URL.RawQuery = s }, false},
		"fragment":    {func(r *http.Request, s string) { r.URL.Fragment = s }, true},
		"host":        {func(r *http.Request, s string) { r.Host = s }, true},
		"user":        {func(r *http.Request, s string) { r.URL.User = url.UserPassword(s, s) }, true},
	} {
		for what, text := range map[string]string{
			"CRLF": "x\r\nEvil: 1", "LF": "x\nEvil: 1", "CR": "x\rEvil: 1", "a request": "x HTTP/1.1\r\nHost: h\r\n\r\nGET /evil HTTP/1.1\r\nEvil: 1",
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				address, arrived := wire(t)
				req, err := http.NewRequest("GET", "http://"+address+"/", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header = http.Header{"User-Agent": {"longhaul"}}
				c.spoil(req, text)
				resp, err := transport(t, 1).RoundTrip(req)
				if err == nil {
					resp.Body.Close()
				}
				bytes := arrived()
				if !c.sent && (err == nil || bytes != "") {
					t.Errorf("%v; %q", err, bytes)
				}
				head, rest, _ := strings.Cut(bytes, "\r\n\r\n")
				if rest != "" {
					t.Errorf("something follows the request: %q", bytes)
				}
				for i, line := range strings.FieldsFunc(head, func(r rune) bool { return r == '\r' || r == '\n' }) {
					known := i == 0 && strings.HasPrefix(line, "GET /") && strings.HasSuffix(line, " HTTP/1.1") || strings.HasPrefix(line, "Host: ") || line == "User-Agent: longhaul"
					if !known {
						t.Errorf("a line of its own: %q in %q", line, bytes)
					}
				}
			})
		}
	}
}
