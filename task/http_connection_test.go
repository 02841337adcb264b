package task

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"syscall"
	"testing"
)

func TestARefusedConnectionIsTransient(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // now nobody listens there
	_, err = do(t.Context(), asking(t, "http://"+l.Addr().String()+"/{{.}}"), "x")
	wantFailure(t, err, Transient, "connection refused")
}

func TestAConnectionClosedWithoutAnAnswerIsTransient(t *testing.T) {
	made := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := do(t.Context(), made, "x")
	wantFailure(t, err, Transient, "EOF")
}

func TestAnAnswerThatIsNoHTTPIsTransient(t *testing.T) {
	made := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "SSH-2.0-x\r\n")
	})
	_, err := do(t.Context(), made, "x")
	wantFailure(t, err, Transient, "malformed HTTP")
}

func TestAConnectionsFailureTellsWhetherToTryAgain(t *testing.T) {
	// What net/http wraps, as it does it.
	wrapped := func(err error) error {
		return &url.Error{Op: "Get", URL: "http://x.test/", Err: &net.OpError{Op: "dial", Net: "tcp", Err: err}}
	}
	for name, c := range map[string]struct {
		err  error
		want Class
	}{
		"no such host":        {&net.DNSError{Err: "no such host", Name: "x.test", IsNotFound: true}, Retryable},
		"no answer of DNS":    {&net.DNSError{Err: "i/o timeout", Name: "x.test", IsTimeout: true}, Transient},
		"DNS fails for now":   {&net.DNSError{Err: "server misbehaving", Name: "x.test", IsTemporary: true}, Transient},
		"DNS without handles": {&net.DNSError{Err: "dial udp 127.0.0.1:53: socket: too many open files", Name: "x.test", IsTemporary: true}, Starved},
		"a bad address":       {&net.AddrError{Err: "invalid port", Addr: "99999"}, Permanent},
		"refused":             {syscall.ECONNREFUSED, Transient},
		"reset":               {syscall.ECONNRESET, Transient},
		"unreachable":         {syscall.ENETUNREACH, Transient},
		"too many open files": {syscall.EMFILE, Starved},
		"end of the try":      {context.DeadlineExceeded, Transient},
	} {
		t.Run(name, func(t *testing.T) {
			wantFailure(t, connection(wrapped(c.err)), c.want, "http://x.test/", c.err.Error())
		})
	}
}

func TestABadURLFailsForGood(t *testing.T) {
	made := asking(t, "{{.}}")
	for name, record := range map[string]string{
		"nothing":              "",
		"no URL":               "hello world",
		"a path":               "/x",
		"another scheme":       "ftp://example.test/",
		"a file":               "file:///etc/passwd",
		"no host":              "http:///x",
		"no host, but a port":  "http://:80/x",
		"a mail address":       "mailto:a@example.test",
		"a port too high":      "http://127.0.0.1:99999/",
		"a port that is none":  "http://127.0.0.1:http/",
		"a space in the host":  "http://exa mple.test/",
		"a newline":            "http://example.test/\nHost: other",
		"NUL":                  "http://example.test/\x00",
		"a carriage return":    "http://example.test/\r",
		"half an escape":       "http://example.test/%2",
		"longer than may be":   "http://example.test/" + string(make([]byte, maxURL)),
		"an unfinished IPv6":   "http://[::1/",
		"a scheme that is not": "://example.test/",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := do(t.Context(), made, record)
			wantFailure(t, err, Permanent)
		})
	}
}

func TestURLsOfRecordsMayNameManyHosts(t *testing.T) {
	made := asking(t, "{{.}}")
	for i := range 3 {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, i) }))
		t.Cleanup(s.Close)
		r, err := do(t.Context(), made, s.URL)
		wantValue(t, r, err, fmt.Sprint(i))
	}
}
