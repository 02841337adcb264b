package task

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// request makes an HTTP request for each record: its result is the response's body.
type request struct {
	URL string `json:"url"`

	template *template.Template
	client   *http.Client
}

// maxURL bounds a request's URL in bytes.
const maxURL = 64 << 10

func newHTTP(c Config) (Task, error) {
	t := &request{}
	if err := decodeArgs(c.Args, t); err != nil {
		return nil, err
	}
	if t.URL == "" {
		return nil, errors.New("args: url: missing")
	}
	var err error
	if t.template, err = parseURL(t.URL); err != nil {
		return nil, fmt.Errorf("args: url: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 0
	transport.MaxIdleConnsPerHost = max(2, c.Concurrency)
	t.client = &http.Client{Transport: transport, CheckRedirect: checkRedirect}
	return t, nil
}

// Close lets go of the idle connections.
func (t *request) Close() { t.client.CloseIdleConnections() }

func (t *request) Do(ctx context.Context, r Record) (Result, error) {
	u, err := t.url(r)
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
	req.Header.Set("User-Agent", "longhaul")
	resp, err := t.client.Do(req)
	if err != nil {
		return Result{}, connection(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // the status decides, whatever of the body arrives
		return Result{}, refused(resp, body, time.Now())
	}
	body, err := readBody(resp)
	if err != nil {
		return Result{}, err
	}
	return result(resp.Header.Get("Content-Type"), body)
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

// maxRedirects is how many redirects of one request are followed, as many as net/http follows by itself.
const maxRedirects = 10

// checkRedirect refuses redirects as net/http does, but as the record's own matter: the far side answers, so it is no sign of an outage.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return Fail(Permanent, fmt.Errorf("stopped after %d redirects", maxRedirects))
	}
	if err := fetchable(req.URL); err != nil {
		return Fail(Permanent, err)
	}
	return nil
}

func (t *request) url(r Record) (string, error) {
	var b strings.Builder
	if err := t.template.Execute(&limitedWriter{w: &b, left: maxURL}, string(r.Input)); err != nil {
		return "", err
	}
	return b.String(), nil
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

func readBody(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > MaxResult {
		return nil, tooLarge()
	}
	// One read of a body of known length, as nearly all are, instead of a buffer that grows.
	buf := bytes.NewBuffer(make([]byte, 0, max(512, resp.ContentLength+bytes.MinRead)))
	if _, err := buf.ReadFrom(io.LimitReader(resp.Body, MaxResult+1)); err != nil {
		return nil, fmt.Errorf("read response: %w", err)
	}
	if buf.Len() > MaxResult {
		return nil, tooLarge()
	}
	return buf.Bytes(), nil
}

func tooLarge() error {
	return Fail(Permanent, fmt.Errorf("the response is larger than %d MiB", MaxResult>>20))
}

// connection classifies the failure of a request that got no response.
func connection(err error) error {
	var dns *net.DNSError
	var addr *net.AddrError
	switch {
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
	media, _, _ := mime.ParseMediaType(contentType)
	if media == "application/json" || strings.HasSuffix(media, "+json") {
		if !json.Valid(body) {
			return Result{}, Fail(Permanent, fmt.Errorf("the response says that it is %s and is not", media))
		}
		return Result{Value: body, JSON: true}, nil
	}
	b := bytes.TrimLeft(body, " \t\r\n")
	looks := len(b) > 0 && (b[0] == '{' || b[0] == '[') && json.Valid(body)
	return Result{Value: body, JSON: looks}, nil
}

// samples are records for which a template may make a URL: a URL without and with a path, a host, a port, an IPv6 address.
var samples = []string{"http://localhost", "http://localhost/", "localhost", "80", "::1"}

// checkURL makes the URLs of sample records, so that a template that can never be a URL is refused before the job starts. One that
// fails on a sample itself may suit the real records.
func checkURL(t *template.Template) error {
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

func checkSample(t *template.Template, record string) error {
	var b strings.Builder
	if err := t.Execute(&limitedWriter{w: &b, left: maxURL}, record); err != nil {
		return nil
	}
	u, err := url.Parse(b.String())
	if err != nil {
		return err
	}
	return fetchable(u)
}
