package h1

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// transport returns a Transport that a test closes.
func transport(t *testing.T, maxIdle int) *Transport {
	t.Helper()
	tr := New(&http.Transport{}, maxIdle)
	t.Cleanup(func() { tr.Close() })
	return tr
}

func server(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// TestItAnswersAsNetHTTPDoes makes the same requests through both transports.
func TestItAnswersAsNetHTTPDoes(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	echo := func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %q %s %d %v", r.Method, r.RequestURI, r.Host, r.Header.Values("X-Test"), r.UserAgent(), r.ContentLength, r.TransferEncoding)
		w.Write(b)
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		request func(url string) (*http.Request, error)
	}{
		"a plain GET": {echo, func(u string) (*http.Request, error) { return http.NewRequest("GET", u+"/a%2Fb?q=1&r=%20#x", nil) }},
		"headers": {echo, func(u string) (*http.Request, error) {
			r, err := http.NewRequest("GET", u, nil)
			r.Header = http.Header{"X-Test": {"a", "b\r\nX-Evil: 1"}, "User-Agent": {"me"}}
			r.Host = "other.test"
			return r, err
		}},
		"a body": {echo, func(u string) (*http.Request, error) { return http.NewRequest("POST", u, strings.NewReader("hello")) }},
		"a large body": {echo, func(u string) (*http.Request, error) {
			return http.NewRequest("PUT", u, bytes.NewReader(big))
		}},
		"a body of unknown length": {echo, func(u string) (*http.Request, error) {
			return http.NewRequest("POST", u, struct{ io.Reader }{strings.NewReader("hello")})
		}},
		"no body":         {echo, func(u string) (*http.Request, error) { return http.NewRequest("POST", u, http.NoBody) }},
		"HEAD":            {echo, func(u string) (*http.Request, error) { return http.NewRequest("HEAD", u, nil) }},
		"an empty answer": {func(http.ResponseWriter, *http.Request) {}, func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"204":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"304":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"500":             {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "broken", 500) }, func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"a large answer":  {func(w http.ResponseWriter, _ *http.Request) { w.Write(big) }, func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"chunks": {func(w http.ResponseWriter, _ *http.Request) {
			for i := range 3 {
				fmt.Fprintln(w, i)
				w.(http.Flusher).Flush()
			}
		}, func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"Connection: close": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			fmt.Fprint(w, "bye")
		}, func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"an answer that ends with the connection": {hijack("HTTP/1.0 200 OK\r\n\r\nuntil the end"), func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"early hints": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</x>")
			w.WriteHeader(http.StatusEarlyHints)
			fmt.Fprint(w, "after")
		}, func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"cut short":       {hijack("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour"), func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"no HTTP":         {hijack("SSH-2.0-x\r\n"), func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"nothing":         {hijack(""), func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"half a header":   {hijack("HTTP/1.1 200 OK\r\nContent-"), func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"a bad length":    {hijack("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"two bad lengths": {hijack("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), func(u string) (*http.Request, error) { return http.NewRequest("GET", u, nil) }},
		"a control in the path": {echo, func(u string) (*http.Request, error) {
			r, err := http.NewRequest("GET", u, nil)
			r.URL.Opaque = "/x\r\nEvil: 1"
			return r, err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t, c.handler)
			standard := &http.Transport{DisableCompression: true}
			t.Cleanup(standard.CloseIdleConnections)
			ours := transport(t, 10)
			for range 3 { // over used connections, too
				want, wantErr := outcome(t, standard, c.request, s.URL)
				got, err := outcome(t, ours, c.request, s.URL)
				if got != want || (err == nil) != (wantErr == nil) {
					t.Errorf("%s, %v;\nnet/http: %s, %v", got, err, want, wantErr)
				}
			}
		})
	}
}

// outcome is what a request comes to, in one line.
func outcome(t *testing.T, rt http.RoundTripper, request func(string) (*http.Request, error), url string) (string, error) {
	t.Helper()
	req, err := request(url)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	h := resp.Header.Clone()
	h.Del("Date")
	if len(body) > 1000 {
		body = fmt.Appendf(body[:100], "... %d bytes", len(body))
	}
	return fmt.Sprintf("%s %s %v length %d encoding %v close %v: %q", resp.Proto, resp.Status, h, resp.ContentLength, resp.TransferEncoding, resp.Close, body), err
}

// hijack answers with bytes and closes the connection.
func hijack(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, answer)
	}
}

func get(ctx context.Context, rt http.RoundTripper, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return "", err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// soon bounds what a test waits for; it is reached on failure only.
const soon = time.Minute
