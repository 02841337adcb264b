package h1

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"
)

// Transport is an http.RoundTripper like http.Transport, safe for concurrent use. Make it with New.
type Transport struct {
	standard  atomic.Pointer[http.Transport]
	serveNone bool // it leaves every request to standard
	dial      func(ctx context.Context, network, address string) (net.Conn, error)

	mu      sync.Mutex
	maxIdle int
	former  []*http.Transport // standard ones, before Resize, which may have requests yet
	idle    idle
	timer   *time.Timer // that ends what is idle for too long; nil while none is set
	closed  bool
}

const (
	// idleTimeout is how long a connection is kept without a request, as long as net/http's default.
	idleTimeout = 90 * time.Second
	// suspect is after how long without a request a connection is looked at before it is used again.
	suspect = time.Second
	// maxHeader bounds the header of an answer in bytes, as net/http does by default.
	maxHeader = 10 << 20
	// maxBody bounds the body of a request in bytes: what fits into the buffers of a socket, so that a far side that answers
	// without reading it blocks nobody.
	maxBody = 16 << 10
)

// New returns a Transport that keeps at most maxIdle connections without a request, over all hosts, and leaves to standard what needs more than HTTP/1.1 over TCP:
// https, proxies, large or streamed request bodies, and all requests where standard may not speak HTTP/1.1.
func New(standard *http.Transport, maxIdle int) *Transport {
	t := &Transport{maxIdle: maxIdle, dial: standard.DialContext}
	t.standard.Store(standard)
	t.serveNone = standard.Proxy != nil && proxyInEnvironment() || standard.Protocols != nil && !standard.Protocols.HTTP1()
	if t.dial == nil {
		t.dial = (&net.Dialer{}).DialContext
	}
	return t
}

// Resize raises the bound of idle connections, and that of standard's connections to a host where it has one. A lower n changes nothing.
func (t *Transport) Resize(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || n <= t.maxIdle {
		return
	}
	t.maxIdle = n
	old := t.standard.Load()
	next := old.Clone() // the fields of one that is in use must not be changed
	next.MaxIdleConns, next.MaxIdleConnsPerHost = n, n
	if next.MaxConnsPerHost > 0 {
		next.MaxConnsPerHost = n
	}
	t.standard.Store(next)
	t.former = append(t.former, old)
	old.CloseIdleConnections()
}

func proxyInEnvironment() bool {
	for _, name := range []string{"HTTP_PROXY", "http_proxy"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// serves says whether this transport does the request itself.
func (t *Transport) serves(req *http.Request) bool {
	if t.serveNone || req.URL.Scheme != "http" || req.Method == http.MethodConnect || len(req.Trailer) > 0 || len(req.TransferEncoding) > 0 {
		return false
	}
	if req.Method != "" && !httpguts.ValidHeaderFieldName(req.Method) { // a method is a token, as a name is; standard says what is wrong
		return false
	}
	if req.Body != nil && req.Body != http.NoBody && (req.GetBody == nil || req.ContentLength <= 0 || req.ContentLength > maxBody) {
		return false
	}
	for _, special := range []string{"Connection", "Expect", "Transfer-Encoding", "Upgrade"} {
		if _, ok := req.Header[special]; ok {
			return false
		}
	}
	for name, values := range req.Header {
		if !httpguts.ValidHeaderFieldName(name) || slices.ContainsFunc(values, func(v string) bool { return !httpguts.ValidHeaderFieldValue(v) }) {
			return false
		}
	}
	return !strings.ContainsFunc(req.URL.Host, func(r rune) bool { return r >= utf8.RuneSelf })
}

// RoundTrip implements http.RoundTripper. The body of the response must be closed; read to its end, the connection is used again. It neither asks for
// compression by itself nor undoes it.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !t.serves(req) {
		return t.standard.Load().RoundTrip(req)
	}
	ctx := req.Context()
	for {
		c, err := t.connection(ctx, address(req))
		if err != nil {
			closeBody(req)
			return nil, err
		}
		resp, err := c.roundTrip(ctx, req)
		if !errors.Is(err, errStale) {
			return resp, err
		}
		// The far side closed the connection while it was idle: the request was not seen (RFC 9112 section 9.3.1).
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			again := *req
			again.Body = body
			req = &again
		}
	}
}

// address is the host and port of a request.
func address(req *http.Request) string {
	if req.URL.Port() == "" {
		return net.JoinHostPort(req.URL.Hostname(), "80")
	}
	return req.URL.Host
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // nothing was read of it
	}
}

// connection returns an idle connection to the address, or a new one.
func (t *Transport) connection(ctx context.Context, address string) (*conn, error) {
	for {
		t.mu.Lock()
		c := t.idle.take(address)
		t.mu.Unlock()
		if c == nil {
			break
		}
		if time.Since(c.since) < suspect || c.alive() {
			return c, nil
		}
		_ = c.Close() // the far side has closed it
	}
	n, err := t.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return newConn(t, n, address), nil
}

// keep keeps a connection for later requests.
func (t *Transport) keep(c *conn) {
	c.since, c.reused = time.Now(), true
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		_ = c.Close()
		return
	}
	t.idle.put(c)
	for t.idle.len() > t.maxIdle {
		_ = t.idle.oldest().Close()
	}
	if t.timer == nil {
		t.timer = time.AfterFunc(idleTimeout, t.expire)
	}
}

// expire closes what was idle for too long.
func (t *Transport) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = nil
	if t.closed {
		return
	}
	for t.idle.len() > 0 {
		if left := idleTimeout - time.Since(t.idle.front().since); left > 0 {
			t.timer = time.AfterFunc(left, t.expire)
			return
		}
		_ = t.idle.oldest().Close()
	}
}

// CloseIdleConnections closes the connections without a request, those of the standard transport too.
func (t *Transport) CloseIdleConnections() {
	t.standard.Load().CloseIdleConnections()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, former := range t.former {
		former.CloseIdleConnections()
	}
	for t.idle.len() > 0 {
		_ = t.idle.oldest().Close()
	}
}

// Close closes all idle connections, those of the standard transport too, and the others as they become so.
func (t *Transport) Close() error {
	t.mu.Lock()
	t.closed = true
	if t.timer != nil {
		t.timer.Stop()
	}
	t.mu.Unlock()
	t.CloseIdleConnections()
	return nil
}

// ended makes of a connection's error the context's, where that is the cause.
func ended(ctx context.Context, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) && err != io.EOF {
		if _, ok := ctx.Deadline(); ok || ctx.Err() != nil {
			<-ctx.Done() // at once: the connection has the same deadline
			return ctx.Err()
		}
	}
	return err
}
