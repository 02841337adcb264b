package task

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// arguments is arguments of the task http, without its URL.
type arguments map[string]any

// requesting starts a server and makes an http task that asks it for /{{.}}, or for the path given.
func requesting(t *testing.T, args arguments, h http.HandlerFunc) Task {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	all := maps.Clone(args)
	path, _ := all["url"].(string)
	if path == "" {
		path = "/{{.}}"
	}
	all["url"] = s.URL + path
	return builtin(t, "http", mustJSON(all))
}

// seen answers what of a request a test looks at.
func seen(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	var headers []string
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		headers = append(headers, fmt.Sprintf("%s: %s", name, strings.Join(r.Header[name], ", ")))
	}
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintf(w, "%s %s|%s|%s", r.Method, r.RequestURI, strings.Join(headers, "; "), body)
}

const usual = "Accept-Encoding: gzip; "

func TestARequestIsMadeAsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		args        arguments
		input, want string
		json        bool
	}{
		"a method": {
			args: arguments{"method": "DELETE"}, input: "7",
			want: "DELETE /7|" + usual + "User-Agent: longhaul|",
		},
		"a body is posted": {
			args: arguments{"body": "v={{queryescape .}}", "url": "/"}, input: "a b",
			want: "POST /|" + usual + "Content-Length: 5; User-Agent: longhaul|v=a+b",
		},
		"or put": {
			args: arguments{"body": "x", "method": "PUT"}, input: "7",
			want: "PUT /7|" + usual + "Content-Length: 1; User-Agent: longhaul|x",
		},
		"or sent by GET": {
			args: arguments{"body": "x", "method": "GET"}, input: "7",
			want: "GET /7|" + usual + "Content-Length: 1; User-Agent: longhaul|x",
		},
		"an empty body": {
			args: arguments{"body": ""}, input: "7",
			want: "POST /7|" + usual + "Content-Length: 0; User-Agent: longhaul|",
		},
		"the record as the body": {
			args: arguments{"bodyRecord": true, "url": "/"}, input: "a\x00b\xff",
			want: "POST /|" + usual + "Content-Length: 4; User-Agent: longhaul|a\x00b\xff",
		},
		"a record of JSON as it stands in the input": {
			args: arguments{"bodyRecord": true, "url": "/{{.b}}"}, input: `{"b":1, "a":"x"}`, json: true,
			want: "POST /1|" + usual + "Content-Length: 16; Content-Type: application/json; User-Agent: longhaul|" + `{"b":1, "a":"x"}`,
		},
		"a string of JSON as it stands in the input": {
			args: arguments{"bodyRecord": true, "url": "/"}, input: `"x"`, json: true,
			want: "POST /|" + usual + "Content-Length: 3; Content-Type: application/json; User-Agent: longhaul|" + `"x"`,
		},
		"JSON made of a record": {
			args: arguments{"body": `{"v":{{json .}}}`, "url": "/"}, input: `a"b`,
			want: "POST /|" + usual + "Content-Length: 12; Content-Type: application/json; User-Agent: longhaul|" + `{"v":"a\"b"}`,
		},
		"what only looks like it": {
			args: arguments{"body": `{"v":{{.}}}`, "url": "/"}, input: `x`,
			want: "POST /|" + usual + "Content-Length: 7; User-Agent: longhaul|" + `{"v":x}`,
		},
		"a type of one's own": {
			args: arguments{"body": `{}`, "headers": map[string]string{"content-type": "application/x"}}, input: `x`,
			want: "POST /x|" + usual + "Content-Length: 2; Content-Type: application/x; User-Agent: longhaul|{}",
		},
		"headers": {
			args: arguments{"headers": map[string]string{"x-a": "fixed", "X-B": "<{{.}}>", "user-agent": "mine"}}, input: "7",
			want: "GET /7|" + usual + "User-Agent: mine; X-A: fixed; X-B: <7>|",
		},
		"headers of fields": {
			args: arguments{"headers": map[string]string{"X": "{{.a}} {{.b}}"}, "url": "/{{.a}}"}, input: `{"a":"x","b":[1]}`, json: true,
			want: "GET /x|" + usual + "User-Agent: longhaul; X: x [1]|",
		},
		"no compression": {
			args: arguments{"headers": map[string]string{"Accept-Encoding": "identity"}}, input: "7",
			want: "GET /7|Accept-Encoding: identity; User-Agent: longhaul|",
		},
		"a key": {
			args: arguments{"idempotencyKey": true, "method": "POST"}, input: "7",
			want: "POST /7|" + usual + "Content-Length: 0; Idempotency-Key: job:7; User-Agent: longhaul|",
		},
	} {
		t.Run(name, func(t *testing.T) {
			made := requesting(t, c.args, seen)
			for range 2 { // nothing is left of the first one
				r, err := made.Do(t.Context(), Record{Number: 7, Input: []byte(c.input), JSON: c.json, Job: "job", Try: 1})
				wantValue(t, r, err, c.want)
			}
		})
	}
}

func TestABodyOfManyBytesIsSent(t *testing.T) {
	made := requesting(t, arguments{"bodyRecord": true, "url": "/"}, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, n, err)
	})
	r, err := do(t.Context(), made, strings.Repeat("x", 5<<20))
	wantValue(t, r, err, "5242880 <nil>\n")
}

func TestTheHostCanBeNamed(t *testing.T) {
	made := requesting(t, arguments{"headers": map[string]string{"Host": "{{.}}.test"}}, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) })
	r, err := do(t.Context(), made, "x")
	wantValue(t, r, err, "x.test")
	_, err = do(t.Context(), made, "a b")
	wantFailure(t, err, Permanent, `header Host: "a b.test" is no host`)
}

// TestARecordThatNoRequestCanCarryFailsForGood, before anything is sent.
func TestARecordThatNoRequestCanCarryFailsForGood(t *testing.T) {
	for name, c := range map[string]struct {
		args         arguments
		record, want string
	}{
		"a line break in a header":      {arguments{"headers": map[string]string{"X": "a{{.}}"}, "url": "/"}, "b\r\nEvil: 1", `header X: "ab\r\nEvil: 1" contains a carriage return, which no header can`},
		"a line feed in a header":       {arguments{"headers": map[string]string{"X": "{{.}}"}, "url": "/"}, "\nEvil: 1", `header X: "\nEvil: 1" contains a line break, which no header can`},
		"a NUL byte in a header":        {arguments{"headers": map[string]string{"X": "{{.}}"}, "url": "/"}, "\x00", `header X: "\x00" contains a NUL byte, which no header can`},
		"another control":               {arguments{"headers": map[string]string{"X": "{{.}}"}, "url": "/"}, "\x1b[", `header X: "\x1b[" contains a control character, which no header can`},
		"a header too long":             {arguments{"headers": map[string]string{"X": "{{.}}"}, "url": "/"}, strings.Repeat("x", maxHeaderValue+1), `header X: more than 65536 bytes`},
		"a field that is not there":     {arguments{"body": "{{.x}}", "url": "/"}, "x", "body: "},
		"JSON of what is no text":       {arguments{"body": "{{json .}}", "url": "/"}, "\xff", "it is not UTF-8, which a JSON string must be"},
		"more of a body than may be":    {arguments{"body": "{{.}}{{.}}{{.}}", "url": "/"}, strings.Repeat("x", 30<<20), "body: more than 64 MiB"},
		"no URL":                        {arguments{"method": "PUT", "url": "{{slice . 9}}"}, "x", "slice"},
		"a header for a record no JSON": {arguments{"headers": map[string]string{"X": "{{.id}}"}, "url": "/"}, "x", "header X: "},
	} {
		t.Run(name, func(t *testing.T) {
			made := requesting(t, c.args, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
			_, err := do(t.Context(), made, c.record)
			wantFailure(t, err, Permanent, c.want)
		})
	}
}

func TestExpectedStatusesAreASuccess(t *testing.T) {
	const success Class = -1
	for expect, statuses := range map[string]map[int]Class{
		"200-299,404": {200: success, 204: success, 299: success, 404: success, 400: Permanent, 410: Permanent, 429: Transient, 500: Transient},
		"404":         {404: success, 200: Permanent, 503: Transient},
		"200,500-503": {200: success, 201: Permanent, 500: success, 503: success, 504: Transient},
		"429":         {429: success},
	} {
		for status, want := range statuses {
			made := requesting(t, arguments{"expect": expect}, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				if status != http.StatusNoContent {
					io.WriteString(w, "the body")
				}
			})
			r, err := do(t.Context(), made, "x")
			switch {
			case want == success && (err != nil || status != http.StatusNoContent && string(r.Value) != "the body"):
				t.Errorf("expect %s, %d: %q, %v", expect, status, r.Value, err)
			case want != success:
				wantFailure(t, err, want, fmt.Sprintf("HTTP %d", status))
			}
		}
	}
}

func TestAnAnswerWithoutABodyIsEmptyText(t *testing.T) {
	for name, c := range map[string]struct {
		args   arguments
		status int
	}{"HEAD": {arguments{"method": "HEAD"}, 200}, "204": {arguments{"method": "DELETE"}, 204}} {
		made := requesting(t, c.args, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(c.status)
		})
		r, err := do(t.Context(), made, "x")
		if err != nil || len(r.Value) > 0 || r.JSON {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// TestALimitOfOnesOwn: of an answer that is compressed, what it holds counts.
func TestALimitOfOnesOwn(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.CopyN(z, zeros{}, 10<<20)
	z.Close()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		large  bool
	}{
		"as much as may be": {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1000)) }, false},
		"a byte more":       {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1001)) }, true},
		"of unknown length": {func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); w.Write(make([]byte, 1001)) }, true},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed.Bytes())
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := do(t.Context(), requesting(t, arguments{"maxBody": 1000}, c.answer), "x")
			if c.large {
				wantFailure(t, err, Permanent, "the response is larger than 1000 bytes")
			} else if err != nil || len(r.Value) != 1000 {
				t.Errorf("%d bytes, %v", len(r.Value), err)
			}
		})
	}
}

func TestAFullRequestFailsAsAPlainOneDoes(t *testing.T) {
	t.Run("no connection", func(t *testing.T) {
		s := httptest.NewServer(http.NotFoundHandler())
		s.Close()
		_, err := do(t.Context(), builtin(t, "http", mustJSON(arguments{"url": s.URL, "method": "POST"})), "x")
		wantFailure(t, err, Transient, `Post "`+s.URL+`": dial tcp`, "connection refused")
	})
	t.Run("no answer", func(t *testing.T) {
		made := requesting(t, arguments{"method": "POST"}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		_, err := do(t.Context(), made, "x")
		wantFailure(t, err, Transient, "EOF")
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		made := requesting(t, arguments{"method": "POST"}, func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
		_, err := do(ctx, made, "x")
		wantFailure(t, err, Transient, "context canceled")
	})
	t.Run("another scheme", func(t *testing.T) {
		_, err := do(t.Context(), builtin(t, "http", `{"url":"{{.}}","method":"POST"}`), "file:///etc/passwd")
		wantFailure(t, err, Permanent, "is not an http or https URL")
	})
}

// TestFullRequestsUseConnectionsAgain, whatever their method.
func TestFullRequestsUseConnectionsAgain(t *testing.T) {
	from := map[string]bool{} // the requests come one after the other
	made := requesting(t, arguments{"body": "{{.}}", "idempotencyKey": true}, func(w http.ResponseWriter, r *http.Request) {
		from[r.RemoteAddr] = true
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Write(b)
	})
	for _, record := range []string{"a", "", strings.Repeat("x", 10_000), "d"} {
		r, err := do(t.Context(), made, record)
		wantValue(t, r, err, record)
	}
	if len(from) != 1 {
		t.Errorf("4 requests took %d connections", len(from))
	}
}
