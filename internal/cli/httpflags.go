package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"
)

// httpOptions is the flags that go with --http.
type httpOptions struct {
	method, data, expect, maxBody string
	headers, headerEnv            []string
	dataRecord, http2, key        bool
	redirects                     int
	caCert, cert, certKey         string

	set *pflag.FlagSet
}

// httpFlags is their names.
var httpFlags = []string{
	"method", "header", "header-env", "data", "data-record", "expect", "max-redirs", "max-body", "idempotency-key", "cacert", "cert", "key", "http2-prior-knowledge",
}

func (o *httpOptions) register(f *pflag.FlagSet) {
	o.set = f
	f.StringVarP(&o.method, "method", "X", "", "request `method` of --http (default GET, and POST with --data)")
	f.StringArrayVarP(&o.headers, "header", "H", nil, "request header as `'NAME: TEMPLATE'`, repeatable; for secrets there is --header-env")
	f.StringArrayVar(&o.headerEnv, "header-env", nil, "request header as `'NAME=VARIABLE'`, or 'NAME=Bearer VARIABLE', repeatable: its value is the worker's environment variable")
	f.StringVar(&o.data, "data", "", "request body: a `template` over the record, or @FILE, which holds one")
	f.BoolVar(&o.dataRecord, "data-record", false, "the request's body is the record as it is")
	f.StringVar(&o.expect, "expect", "", "`statuses` that are a success, as in 200-299,404 (default 200-299)")
	f.IntVar(&o.redirects, "max-redirs", 10, "redirects of a request that are followed, at most; 0: none is")
	f.StringVar(&o.maxBody, "max-body", "", "`size`, such as 1MB, of an answer at most (default and most: 64 MiB)")
	f.BoolVar(&o.key, "idempotency-key", false, "send the header Idempotency-Key: job id and record number, the same at each try")
	f.StringVar(&o.caCert, "cacert", "", "`file` with the certificates that --http trusts, in place of the system's; it and the next two are read on the workers")
	f.StringVar(&o.cert, "cert", "", "`file` with the client's certificate for --http")
	f.StringVar(&o.certKey, "key", "", "`file` with its key (default: in the same file)")
	f.BoolVar(&o.http2, "http2-prior-knowledge", false, "make the requests by HTTP/2 only, without TLS too")
}

// given is the flags of these that were given.
func (o *httpOptions) given() []string {
	var given []string
	for _, name := range httpFlags {
		if o.set.Changed(name) {
			given = append(given, "--"+name)
		}
	}
	return given
}

// args makes the flags arguments of the task http.
func (o *httpOptions) args(url string) (map[string]any, error) {
	args := map[string]any{"url": url}
	for _, f := range []struct {
		flag, name string
		value      any
	}{
		{"method", "method", o.method},
		{"data-record", "bodyRecord", o.dataRecord},
		{"expect", "expect", o.expect},
		{"max-redirs", "redirects", o.redirects},
		{"idempotency-key", "idempotencyKey", o.key},
		{"http2-prior-knowledge", "http2", o.http2},
	} {
		if o.set.Changed(f.flag) {
			args[f.name] = f.value
		}
	}
	for _, list := range []struct {
		flag, name, between, want string
		values                    []string
	}{
		{"header", "headers", ":", "'NAME: TEMPLATE'", o.headers},
		{"header-env", "headerEnv", "=", "'NAME=VARIABLE'", o.headerEnv},
	} {
		if err := pairs(args, list.name, list.between, list.values); err != nil {
			return nil, fmt.Errorf("--%s: %w, want %s", list.flag, err, list.want)
		}
	}
	if err := o.files(args); err != nil {
		return nil, err
	}
	return args, o.sizes(args)
}

// pairs makes an object of names and values, where there are any.
func pairs(args map[string]any, name, between string, given []string) error {
	if len(given) == 0 {
		return nil
	}
	object := map[string]string{}
	for i, pair := range given {
		k, v, ok := strings.Cut(pair, between)
		if k = strings.TrimSpace(k); !ok || k == "" {
			return fmt.Errorf("number %d has no name and %q", i+1, between) // which is not told: it may be a secret
		}
		if _, twice := object[k]; twice {
			return fmt.Errorf("%s is given twice", k)
		}
		object[k] = strings.TrimSpace(v)
	}
	args[name] = object
	return nil
}

// files sets what names files, and reads the one that holds the body's template.
func (o *httpOptions) files(args map[string]any) error {
	for _, f := range []struct{ name, path string }{{"caFile", o.caCert}, {"certFile", o.cert}, {"keyFile", o.certKey}} {
		if f.path == "" {
			continue
		}
		abs, err := filepath.Abs(f.path)
		if err != nil {
			return err
		}
		args[f.name] = abs
	}
	if !o.set.Changed("data") {
		return nil
	}
	args["body"] = o.data
	if path, isFile := strings.CutPrefix(o.data, "@"); isFile {
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("--data: %w", err)
		}
		args["body"] = string(b)
	}
	return nil
}

func (o *httpOptions) sizes(args map[string]any) error {
	if !o.set.Changed("max-body") {
		return nil
	}
	n, err := humanize.ParseBytes(o.maxBody)
	if err != nil || n == 0 || n > 1<<60 {
		return fmt.Errorf("--max-body %q: want a size such as 1MB", o.maxBody)
	}
	args["maxBody"] = n
	return nil
}

// needsHTTP refuses these flags without --http.
func (o *httpOptions) needsHTTP(http string) error {
	if given := o.given(); len(given) > 0 && http == "" {
		return errors.New(strings.Join(given, " and ") + ": only with --http")
	}
	return nil
}
