package task

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// fullRequest makes a request of any kind for each record. What it has of the worker's machine it takes at its first use.
type fullRequest struct {
	*request
	args     httpArgs
	access   Access
	expected []bool // by status
	body     *textTemplate
	host     *textTemplate

	// fixed is the headers that are the same for all records, those of headerEnv not among them; varied is the others.
	fixed  http.Header
	varied []variedHeader
	typed  bool // the Content-Type is given

	prepare func() error // once
	secrets secrets
	header  http.Header // fixed and the secrets; after prepare
}

// variedHeader is a header whose value depends on the record.
type variedHeader struct {
	name  string
	value *textTemplate
}

// maxRequestBody bounds the body of a request in bytes, since it is held in memory; maxHeaderValue bounds a header's value.
const (
	maxRequestBody = 64 << 20
	maxHeaderValue = 64 << 10
)

func newFullRequest(plain *request, a httpArgs, access Access) (Task, error) {
	if a.MaxBody == 0 {
		a.MaxBody = plain.maxBody
	}
	a = a.withDefaults()
	if err := a.validate(); err != nil {
		return nil, err
	}
	if err := a.allowed(access, plain.maxBody); err != nil {
		return nil, err
	}
	t := &fullRequest{request: plain, args: a, access: access, fixed: headers.Clone()}
	t.prepare = sync.OnceValue(t.prepared)
	t.expected, _ = numbers(a.Expect, leastStatus, mostStatus)
	t.client.CheckRedirect = redirects{limit: *a.Redirects, secret: slices.Collect(maps.Keys(a.HeaderEnv))}.check
	var err error
	if a.Body != nil {
		if t.body, err = parseText(*a.Body); err != nil {
			return nil, fmt.Errorf("args: body: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Headers)) {
		if err := t.addHeader(name, a.Headers[name]); err != nil {
			return nil, fmt.Errorf("args: headers: %s: %w", name, err)
		}
	}
	for name := range a.HeaderEnv {
		t.typed = t.typed || textproto.CanonicalMIMEHeaderKey(name) == "Content-Type"
	}
	return t, nil
}

func (t *fullRequest) addHeader(name, text string) error {
	value, err := parseText(text)
	if err != nil {
		return err
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	t.typed = t.typed || name == "Content-Type"
	constant, ok := value.constant()
	if ok {
		if err := headerValue(constant); err != nil {
			return err
		}
	}
	switch {
	case name == "Host":
		t.host = value
	case ok:
		t.fixed.Set(name, constant)
	default:
		t.varied = append(t.varied, variedHeader{name, value})
	}
	return nil
}

// Check takes what the task needs of this machine: variables and files.
func (t *fullRequest) Check() error { return t.prepare() }

// Resize implements Resizable.
func (t *fullRequest) Resize(concurrency int) {
	_ = t.prepare() // which changes the transport; Do tells of its error
	t.request.Resize(concurrency)
}

// Do makes the request.
func (t *fullRequest) Do(ctx context.Context, r Record) (Result, error) {
	if err := t.prepare(); err != nil {
		return Result{}, Fail(Permanent, err)
	}
	res, err := t.do(ctx, r)
	return res, t.secrets.hide(err)
}

func (t *fullRequest) do(ctx context.Context, r Record) (Result, error) {
	req, err := t.build(ctx, r, t.header)
	if err != nil {
		return Result{}, Fail(Permanent, err)
	}
	resp, err := t.send(req)
	if err != nil {
		if starved(err) {
			t.transport.CloseIdleConnections()
		}
		return Result{}, connection(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode > mostStatus || !t.expected[resp.StatusCode] {
		return Result{}, refused(resp, t.secrets.hideBytes(errorBody(resp)), time.Now())
	}
	body, err := readBody(resp, t.args.MaxBody)
	if err != nil {
		return Result{}, err
	}
	if len(body) == 0 && (t.args.Method == http.MethodHead || resp.StatusCode == http.StatusNoContent) {
		return Result{}, nil // whatever type it would have
	}
	return result(resp.Header.Get("Content-Type"), body)
}

// build makes the request of a record, with the headers that are the same for all.
func (t *fullRequest) build(ctx context.Context, r Record, header http.Header) (*http.Request, error) {
	s := &subject{Record: r}
	u, err := t.url(s)
	if err != nil {
		return nil, err
	}
	body, err := t.bodyOf(s)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	var from io.Reader
	if body != nil {
		from = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, t.args.Method, u, from)
	if err != nil {
		return nil, err
	}
	if err := fetchable(req.URL); err != nil {
		return nil, err
	}
	req.Header = header
	if err := t.vary(req, s, body); err != nil {
		return nil, err
	}
	return req, nil
}

func (t *fullRequest) url(s *subject) (string, error) {
	if !s.JSON {
		return t.template.execute(s.Record)
	}
	v, err := s.decoded()
	if err != nil {
		return "", err
	}
	return t.template.of(v, len(s.Input))
}

// bodyOf makes the body of a record's request, nil where it has none. It is not the record itself: net/http may still read from it when the
// request is over.
func (t *fullRequest) bodyOf(s *subject) ([]byte, error) {
	switch {
	case t.args.BodyRecord:
		return append([]byte{}, s.Input...), nil
	case t.body == nil:
		return nil, nil
	}
	b, err := t.body.execute(s, maxRequestBody)
	if b == nil {
		b = []byte{}
	}
	return b, err
}

// vary sets the headers that depend on the record. The header of the request may be that of all the others, so it is copied first.
func (t *fullRequest) vary(req *http.Request, s *subject, body []byte) error {
	isJSON := body != nil && !t.typed && (t.args.BodyRecord && s.JSON || looksJSON(body))
	if isJSON || len(t.varied) > 0 || t.args.IdempotencyKey {
		req.Header = req.Header.Clone()
	}
	if isJSON {
		req.Header["Content-Type"] = []string{"application/json"}
	}
	if t.args.IdempotencyKey {
		key := s.IdempotencyKey()
		if err := headerValue(key); err != nil {
			return fmt.Errorf("header %s: %w", idempotencyHeader, err)
		}
		req.Header[idempotencyHeader] = []string{key}
	}
	for _, h := range t.varied {
		value, err := h.value.execute(s, maxHeaderValue)
		if err == nil {
			err = headerValue(string(value))
		}
		if err != nil {
			return fmt.Errorf("header %s: %w", h.name, err)
		}
		req.Header[h.name] = []string{string(value)}
	}
	if t.host != nil {
		host, err := t.host.execute(s, maxHeaderValue)
		if err == nil && (len(host) == 0 || !httpguts.ValidHostHeader(string(host))) {
			err = fmt.Errorf("%.200q is no host", host)
		}
		if err != nil {
			return fmt.Errorf("header Host: %w", err)
		}
		req.Host = string(host)
	}
	return nil
}

// headerValue refuses what cannot be the value of a header (RFC 9110 section 5.5): with it, a record could add headers of its own.
func headerValue(value string) error {
	for _, c := range []struct {
		char byte
		name string
	}{{'\r', "a carriage return"}, {'\n', "a line break"}, {0, "a NUL byte"}} {
		if bytes.IndexByte([]byte(value), c.char) >= 0 {
			return fmt.Errorf("%.200q contains %s, which no header can", value, c.name)
		}
	}
	if !httpguts.ValidHeaderFieldValue(value) {
		return fmt.Errorf("%.200q contains a control character, which no header can", value)
	}
	return nil
}
