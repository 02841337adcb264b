package task

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/longhaul/longhaul/internal/h1"
	"github.com/longhaul/longhaul/job"
)

// request makes an HTTP request for each record: its result is the response's body.
type request struct {
	template  *urlTemplate
	standard  *http.Transport // for what transport does not do itself
	transport *h1.Transport
	client    *http.Client
	maxBody   int64
}

// maxURL bounds a request's URL in bytes.
const maxURL = 64 << 10

// newRequest makes a plain GET of the template of a URL, by net/http's choice of protocols where none are named.
func newRequest(template string, c Config, protocols *http.Protocols) (*request, error) {
	if template == "" {
		return nil, errors.New("args: url: missing")
	}
	parsed, err := parseURL(template)
	if err != nil {
		return nil, fmt.Errorf("args: url: %w", err)
	}
	t := &request{template: parsed, standard: http.DefaultTransport.(*http.Transport).Clone(), maxBody: c.maxResult()}
	if dial := c.access().Dial(); dial != nil {
		t.standard.DialContext, t.standard.Proxy = dial, nil // which would connect to hosts that nobody judged
	}
	idle := max(2, c.Concurrency)
	t.standard.MaxIdleConns, t.standard.MaxIdleConnsPerHost, t.standard.Protocols = idle, idle, protocols
	t.standard.MaxConnsPerHost = idle // more would be dialled than requests can use, while they wait for one
	t.transport = h1.New(t.standard, idle)
	t.client = &http.Client{Transport: t.transport, CheckRedirect: redirects{limit: maxRedirects}.check}
	return t, nil
}

// Lasting implements task.Lasting: connections, and what TLS agreed upon, serve the next chunk too.
func (t *request) Lasting() {}

// Resize implements Resizable.
func (t *request) Resize(concurrency int) { t.transport.Resize(concurrency) }

// Close lets go of the idle connections.
func (t *request) Close() { t.transport.Close() }

func (t *request) Do(ctx context.Context, r Record) (Result, error) {
	u, err := t.template.execute(r)
	if err != nil {
		return Result{}, Fail(Permanent, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return Result{}, Fail(Permanent, err)
	}
	if err := fetchable(req.URL); err != nil {
		return Result{}, Fail(Permanent, err)
	}
	req.Header = headers
	resp, err := t.send(req)
	if err != nil {
		if starved(err) {
			t.transport.CloseIdleConnections() // they hold handles, perhaps to hosts that no further record names
		}
		return Result{}, connection(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return Result{}, refused(resp, errorBody(resp), time.Now())
	}
	body, err := readBody(resp, t.maxBody)
	if err != nil {
		return Result{}, err
	}
	return result(resp.Header.Get("Content-Type"), body)
}

// headers is those of every request; nobody changes them.
var headers = http.Header{"User-Agent": {"longhaul"}, "Accept-Encoding": {"gzip"}}

// send does the request as an http.Client does it, but without a client's cost where there is no redirect to follow.
func (t *request) send(req *http.Request) (*http.Response, error) {
	if req.URL.User != nil {
		return t.client.Do(req)
	}
	resp, err := t.transport.RoundTrip(req)
	if err != nil {
		return nil, &url.Error{Op: req.Method[:1] + strings.ToLower(req.Method[1:]), URL: req.URL.Redacted(), Err: err}
	}
	if resp.StatusCode/100 != 3 || resp.Header.Get("Location") == "" {
		return resp, nil
	}
	follow := *t.client
	follow.Transport = &after{first: resp, transport: t.transport}
	return follow.Do(req)
}

// after is a transport that has had its first answer already.
type after struct {
	first     *http.Response
	transport http.RoundTripper
}

func (a *after) RoundTrip(req *http.Request) (*http.Response, error) {
	if resp := a.first; resp != nil {
		a.first = nil
		return resp, nil
	}
	return a.transport.RoundTrip(req)
}

// fetchable refuses a URL that is none for an HTTP client.
func fetchable(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("%.200q is not an http or https URL", u)
	}
	return nil
}

// maxErrorBody is how much of the body of a refusal is read: enough for its message, and mostly to its end, so that the connection is kept.
const maxErrorBody = 64 << 10

// errorBody reads the beginning of the body of a refusal: the status decides, whatever of it arrives.
func errorBody(resp *http.Response) (body []byte) {
	if from, err := decoded(resp); err == nil {
		body, _ = io.ReadAll(io.LimitReader(from, maxErrorBody))
	}
	return body
}

// limitedWriter fails the write that passes its limit.
type limitedWriter struct {
	w    io.Writer
	left int
}

func (l *limitedWriter) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, errors.New("the URL is too long")
	}
	return l.w.Write(b)
}

// readBody reads a body of limit bytes at most.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	if resp.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	from, err := decoded(resp)
	if err != nil {
		return nil, fmt.Errorf("read response: %w", err)
	}
	// One buffer of the right size for a body of known length, as nearly all are, instead of one that grows; a byte more is room to see the end.
	length := resp.ContentLength + 1
	if length == 0 {
		length = 512
	}
	b, err := readAll(io.LimitReader(from, limit+1), make([]byte, 0, length))
	if err != nil {
		return nil, fmt.Errorf("read response: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, tooLarge(limit)
	}
	return b, nil
}

// decoded is a response's body without the compression that headers allows. Where there is one, the body's length is not known any more.
func decoded(resp *http.Response) (io.Reader, error) {
	if !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return resp.Body, nil
	}
	resp.ContentLength = -1
	z, err := gzip.NewReader(resp.Body)
	if errors.Is(err, io.EOF) {
		return http.NoBody, nil
	}
	return z, err
}

// readAll appends to b what r has, like io.ReadAll, which begins with a buffer of its own.
func readAll(r io.Reader, b []byte) ([]byte, error) {
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

func tooLarge(limit int64) error {
	return Fail(Permanent, fmt.Errorf("the response is larger than %s", size(limit)))
}

// connection classifies the failure of a request that got no response.
func connection(err error) error {
	var dns *net.DNSError
	var addr *net.AddrError
	switch {
	case job.KindOf(err) == job.Refused:
		return Fail(Permanent, err)
	case errors.As(err, &dns) && dns.IsNotFound:
		return Fail(Retryable, err) // the record's own matter: others may name hosts that exist
	case errors.As(err, &addr):
		return Fail(Permanent, err)
	}
	return err
}

// refused classifies a response whose status is no success (RFC 9110 section 15).
func refused(resp *http.Response, body []byte, now time.Time) error {
	e := &Error{Err: fmt.Errorf("HTTP %s", resp.Status), Class: Permanent}
	if text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), 200)]), "\uFFFD")), " "); text != "" {
		e.Err = fmt.Errorf("HTTP %s: %s", resp.Status, text)
	}
	switch s := resp.StatusCode; {
	case s == http.StatusRequestTimeout, s == http.StatusTooEarly, s == http.StatusTooManyRequests, s >= 500:
		e.Class = Transient
		e.After = retryAfter(resp.Header.Get("Retry-After"), now)
	}
	return e
}

// maxRetryAfter bounds what a Retry-After is believed.
const maxRetryAfter = time.Hour

// retryAfter reads a Retry-After header, in seconds or as a date (RFC 9110 section 10.2.3); 0 where there is none, maxRetryAfter at most.
func retryAfter(value string, now time.Time) time.Duration {
	if s, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(s)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), maxRetryAfter)
	}
	return 0
}

// result tells JSON from text, by the content type and, where servers are careless with it, by the look of the body.
func result(contentType string, body []byte) (Result, error) {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	if media == "application/json" || strings.HasSuffix(media, "+json") {
		if !json.Valid(body) {
			return Result{}, Fail(Permanent, fmt.Errorf("the response says that it is %s and is not", media))
		}
		return Result{Value: body, JSON: true}, nil
	}
	return Result{Value: body, JSON: looksJSON(body)}, nil
}

// looksJSON says whether a body is an object or an array of JSON.
func looksJSON(body []byte) bool {
	b := bytes.TrimLeft(body, " \t\r\n")
	return len(b) > 0 && (b[0] == '{' || b[0] == '[') && json.Valid(body)
}

// samples are records for which a template may make a URL: a URL without and with a path, a host, a port, an IPv6 address.
var samples = []string{"http://localhost", "http://localhost/", "localhost", "80", "::1"}

// checkURL makes the URLs of sample records, so that a template that can never be a URL is refused before the job starts. One that
// fails on a sample itself may suit the real records.
func checkURL(t *urlTemplate) error {
	var first error
	for _, record := range samples {
		err := checkSample(t, record)
		if err == nil {
			return nil
		}
		first = cmp.Or(first, err)
	}
	return first
}

func checkSample(t *urlTemplate, record string) error {
	s, err := t.execute(Record{Input: []byte(record)})
	if errors.Is(err, errBound) {
		return err
	}
	if err != nil {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil {
		return err
	}
	return fetchable(u)
}
