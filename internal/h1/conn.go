package h1

import (
	"bufio"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"syscall"
	"time"
)

// conn is a connection: of one request at a time, or idle.
type conn struct {
	net.Conn
	transport *Transport
	address   string
	r         *bufio.Reader
	w         *bufio.Writer
	left      int64 // bytes that may still be read, while a header is
	reused    bool
	deadline  bool          // one is set
	since     time.Time     // when it became idle
	age       *list.Element // while idle
	interrupt func()        // ends what is read or written
}

// errStale says that a connection that served before ended without a byte of an answer, to a request that may be made again.
var errStale = errors.New("the connection was closed while it was idle")

const bufferSize = 4 << 10

func newConn(t *Transport, n net.Conn, address string) *conn {
	c := &conn{Conn: n, transport: t, address: address, left: math.MaxInt64}
	c.r, c.w = bufio.NewReaderSize(c, bufferSize), bufio.NewWriterSize(n, bufferSize)
	c.interrupt = func() { _ = c.SetDeadline(time.Unix(1, 0)) }
	return c
}

// Read implements io.Reader, for the buffer.
func (c *conn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, fmt.Errorf("the header of the answer is larger than %d MiB", maxHeader>>20)
	}
	n, err := c.Conn.Read(b)
	c.left -= int64(n)
	return n, err
}

// roundTrip does the request. The connection is kept, or closed, when the body of the response is at its end or closed.
func (c *conn) roundTrip(ctx context.Context, req *http.Request) (*http.Response, error) {
	if err := c.limit(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	x := &exchange{conn: c, ctx: ctx}
	if w, ok := ctx.(Watched); ok {
		x.watch = w
		w.Watch(c.interrupt)
	} else if ctx.Done() != nil {
		x.stop = context.AfterFunc(ctx, c.interrupt)
	}
	resp, err := x.do(req)
	if err != nil {
		x.finish(false)
		return nil, ended(ctx, err)
	}
	return resp, nil
}

// limit gives the connection the deadline of the context.
func (c *conn) limit(ctx context.Context) error {
	d, ok := ctx.Deadline()
	if !ok && !c.deadline {
		return nil
	}
	c.deadline = ok
	return c.SetDeadline(d)
}

// exchange is a request and its answer. It is the body of the answer as well.
type exchange struct {
	conn *conn
	ctx  context.Context
	// watch or stop ends the watch over ctx, and says whether it has not struck; there is one of them, or none.
	watch Watched
	stop  func() bool
	body  io.Reader // nil once the connection is given up
	keep  bool      // when the body is at its end
}

// Watched is a context that knows a cheaper way than Done to tell of its cancellation. It must have a deadline.
type Watched interface {
	context.Context
	// Watch has f called, in any goroutine, should the context be canceled before Unwatch, but not at its deadline.
	Watch(f func())
	// Unwatch ends that, and says whether f is not called and will not be.
	Unwatch() bool
}

// unwatch ends the watch over the context, and says whether it has not struck.
func (x *exchange) unwatch() bool {
	switch {
	case x.watch != nil:
		return x.watch.Unwatch()
	case x.stop != nil:
		return x.stop()
	}
	return true
}

func (x *exchange) do(req *http.Request) (*http.Response, error) {
	c := x.conn
	err := req.Write(c.w)
	if err == nil {
		err = c.w.Flush()
	}
	if err != nil {
		return nil, x.stale(req, err)
	}
	c.left = maxHeader
	if _, err := c.r.Peek(1); err != nil {
		return nil, x.stale(req, err)
	}
	resp, err := http.ReadResponse(c.r, req)
	for err == nil && resp.StatusCode >= 100 && resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
		resp, err = http.ReadResponse(c.r, req) // of informational ones there may be any number (RFC 9110 section 15.2)
	}
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		return nil, err
	}
	c.left = math.MaxInt64
	x.keep = !resp.Close && !req.Close && resp.StatusCode != http.StatusSwitchingProtocols
	if resp.Body == http.NoBody {
		x.finish(x.keep)
		return resp, nil
	}
	x.body = resp.Body
	resp.Body = x
	return resp, nil
}

// stale makes an error errStale where the request may be made again on another connection.
func (x *exchange) stale(req *http.Request, err error) error {
	if !x.conn.reused || x.ctx.Err() != nil || !idempotent(req) || errors.Is(err, syscall.EINVAL) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return errStale
	}
	return err
}

// idempotent says whether a request may be made twice (RFC 9110 section 9.2.2; the headers as net/http has them).
func idempotent(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return req.Header.Get("Idempotency-Key") != "" || req.Header.Get("X-Idempotency-Key") != ""
}

// Read implements io.Reader.
func (x *exchange) Read(b []byte) (int, error) {
	if x.body == nil {
		return 0, io.EOF
	}
	n, err := x.body.Read(b)
	if err != nil {
		x.body = nil
		x.finish(x.keep && err == io.EOF)
		err = ended(x.ctx, err)
	}
	return n, err
}

// Close implements io.Closer.
func (x *exchange) Close() error {
	if x.body != nil {
		x.body = nil
		x.finish(false)
	}
	return nil
}

// finish keeps the connection or closes it.
func (x *exchange) finish(keep bool) {
	if !x.unwatch() || !keep || x.conn.r.Buffered() > 0 {
		_ = x.conn.Close()
		return
	}
	x.conn.transport.keep(x.conn)
}

// alive says whether an idle connection is still open and silent.
func (c *conn) alive() bool {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := s.SyscallConn()
	if err != nil || c.SetDeadline(time.Time{}) != nil {
		return false
	}
	c.deadline = false
	silent := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, err := syscall.Read(int(fd), b[:])
		silent = errors.Is(err, syscall.EAGAIN) // an end, and an answer that nobody asked for, are both a reason to give it up
		return true
	})
	return err == nil && silent
}
