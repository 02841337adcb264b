package task

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/longhaul/longhaul/job"
)

// httpArgs is the arguments of the task http. docs/http.md describes them for users.
type httpArgs struct {
	// URL is a template.
	URL string `json:"url"`
	// Method is GET by default, and POST where there is a body.
	Method string `json:"method"`
	// Headers is templates by name.
	Headers map[string]string `json:"headers"`
	// HeaderEnv is, by the name of a header, the name of an environment variable of the worker that holds its value, with or without what
	// stands before that, as in "Bearer API_TOKEN".
	HeaderEnv map[string]string `json:"headerEnv"`
	// Body is a template.
	Body *string `json:"body"`
	// BodyRecord says that the body is the record as it stands in the input.
	BodyRecord bool `json:"bodyRecord"`
	// Expect is the statuses that are a success, by default 200-299.
	Expect string `json:"expect"`
	// Redirects is how many redirects of a request are followed: 0 to 100, by default 10.
	Redirects *int `json:"redirects"`
	// HTTP2 has every request made by HTTP/2, by prior knowledge where there is no TLS.
	HTTP2 bool `json:"http2"`
	// CAFile is a file with the certificates that are trusted, in place of the system's.
	CAFile string `json:"caFile"`
	// CertFile and KeyFile are files with the client's certificate and its key, which may be one file.
	CertFile string `json:"certFile"`
	KeyFile  string `json:"keyFile"`
	// MaxBody bounds an answer's body in bytes: 1 to MaxResult, which is the default.
	MaxBody int64 `json:"maxBody"`
	// IdempotencyKey has each request carry its record's key.
	IdempotencyKey bool `json:"idempotencyKey"`
}

// Means returns the arguments of a task that say by what means it is done, and nothing about its results: a job that is resumed may have others.
func Means(name string) []string {
	if name == job.TaskHTTP {
		return []string{"caFile", "certFile", "keyFile", "http2"}
	}
	return nil
}

const (
	maxFollowed = 100
	// idempotencyHeader is by draft-ietf-httpapi-idempotency-key-header.
	idempotencyHeader = "Idempotency-Key"
)

// newHTTP makes the task http: a plain GET where no more is asked for.
func newHTTP(c Config) (Task, error) {
	var a httpArgs
	if err := decodeArgs(c.Args, &a); err != nil {
		return nil, err
	}
	if a.Method == http.MethodGet && a.Body == nil && !a.BodyRecord {
		a.Method = ""
	}
	var protocols *http.Protocols
	if a.HTTP2 {
		protocols = &http.Protocols{}
		protocols.SetHTTP2(true)
		protocols.SetUnencryptedHTTP2(true)
	}
	t, err := newRequest(a.URL, c, protocols)
	if err != nil || reflect.DeepEqual(a, httpArgs{URL: a.URL}) {
		return t, err
	}
	return newFullRequest(t, a, c.access())
}

var (
	methods   = regexp.MustCompile(`^[A-Z]+([-_][A-Z]+)*$`)
	variables = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// withDefaults returns the arguments with every unset one set that has a default of its own.
func (a httpArgs) withDefaults() httpArgs {
	if a.Method == "" {
		a.Method = http.MethodGet
		if a.Body != nil || a.BodyRecord {
			a.Method = http.MethodPost
		}
	}
	if a.Expect == "" {
		a.Expect = "200-299"
	}
	if a.Redirects == nil {
		n := maxRedirects
		a.Redirects = &n
	}
	if a.MaxBody == 0 {
		a.MaxBody = MaxResult
	}
	return a
}

// validate checks what does not depend on the machine. The templates are checked where they are parsed.
func (a httpArgs) validate() error {
	switch {
	case !methods.MatchString(a.Method):
		return fmt.Errorf("args: method: %q is no method (want capital letters, as in POST)", a.Method)
	case a.Method == http.MethodConnect:
		return errors.New("args: method: CONNECT is for proxies, which the environment names")
	case a.Body != nil && a.BodyRecord:
		return errors.New("args: body and bodyRecord: choose one")
	case *a.Redirects < 0 || *a.Redirects > maxFollowed:
		return fmt.Errorf("args: redirects: %d is not within 0 to %d", *a.Redirects, maxFollowed)
	case a.MaxBody < 1 || a.MaxBody > MaxResult:
		return fmt.Errorf("args: maxBody: %d is not within 1 to %d", a.MaxBody, MaxResult)
	case a.KeyFile != "" && a.CertFile == "":
		return errors.New("args: keyFile: it goes with certFile")
	}
	if set, bad := numbers(a.Expect, leastStatus, mostStatus); set == nil {
		return fmt.Errorf("args: expect: %q is no status and no range of them (want %d to %d, as in 200-299,404)", bad, leastStatus, mostStatus)
	}
	for _, f := range []struct{ field, path string }{{"caFile", a.CAFile}, {"certFile", a.CertFile}, {"keyFile", a.KeyFile}} {
		if f.path != "" && (!filepath.IsAbs(f.path) || strings.ContainsRune(f.path, 0)) {
			return fmt.Errorf("args: %s: %q is not an absolute path", f.field, f.path)
		}
	}
	return a.validateHeaders()
}

// What a response's status may be: three digits, and not those of an interim one.
const leastStatus, mostStatus = 200, 999

// own is the headers that follow from how a request is sent.
var own = []string{
	"Connection", "Content-Length", "Expect", "Http2-Settings", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

func (a httpArgs) validateHeaders() error {
	given := map[string]bool{}
	if a.IdempotencyKey {
		given[idempotencyHeader] = true
	}
	for _, of := range []struct {
		field   string
		headers map[string]string
	}{{"headers", a.Headers}, {"headerEnv", a.HeaderEnv}} {
		for _, name := range slices.Sorted(maps.Keys(of.headers)) {
			canonical := textproto.CanonicalMIMEHeaderKey(name)
			switch {
			case !httpguts.ValidHeaderFieldName(name):
				return fmt.Errorf("args: %s: %q is no name of a header", of.field, name)
			case slices.Contains(own, canonical):
				return fmt.Errorf("args: %s: %s: it follows from how the request is sent, and cannot be set", of.field, name)
			case given[canonical]:
				return fmt.Errorf("args: %s: %s: it is given twice", of.field, name)
			}
			given[canonical] = true
		}
	}
	for name, value := range a.HeaderEnv {
		if _, variable := secretOf(value); !variables.MatchString(variable) {
			return fmt.Errorf("args: headerEnv: %s: it does not name an environment variable (want as in API_TOKEN, or Bearer API_TOKEN)", name)
		}
		if textproto.CanonicalMIMEHeaderKey(name) == "Host" {
			return errors.New("args: headerEnv: Host: it is no secret")
		}
	}
	return nil
}

// allowed checks what the arguments name of the worker's machine, and how large they let answers be.
func (a httpArgs) allowed(access Access, maxBody int64) error {
	for _, path := range []string{a.CAFile, a.CertFile, a.KeyFile} {
		if path == "" {
			continue
		}
		if err := access.File(path); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.HeaderEnv)) {
		if _, variable := secretOf(a.HeaderEnv[name]); access.Variable(variable) != nil {
			return access.Variable(variable)
		}
	}
	if a.MaxBody > maxBody {
		return &job.Error{
			Kind: job.Refused, Op: "spec", Err: fmt.Errorf("args: maxBody: %d is more than this worker allows, which is %d", a.MaxBody, maxBody),
			Hint: "ask for that much at most, or have the worker's operator raise --max-result",
		}
	}
	return nil
}

// secretOf takes what is given for a secret header apart: the name of the variable, and what stands before its value.
func secretOf(given string) (before, variable string) {
	i := strings.LastIndexByte(given, ' ')
	return given[:i+1], given[i+1:]
}
