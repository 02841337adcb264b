package task

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"testing"
)

func TestABodyIsJSONByItsTypeOrItsLook(t *testing.T) {
	for name, c := range map[string]struct {
		contentType, body string
		json              bool
	}{
		"JSON":                         {"application/json", `{"a":1}`, true},
		"JSON with a charset":          {"Application/JSON; charset=utf-8", `"x"`, true},
		"JSON with a broken parameter": {"application/json; charset", `1`, true},
		"a kind of JSON":               {"application/vnd.api+json", `[1]`, true},
		"a number of JSON":             {"application/json", ` 5 `, true},
		"an object without a type":     {"", "\n\t {\"a\":1}", true},
		"a list as text":               {"text/plain", `[1,2]`, true},
		"an object as HTML":            {"text/html; charset=utf-8", `{}`, true},
		"text":                         {"text/plain", `hello`, false},
		"text that looks like JSON":    {"text/plain", `{"a":`, false},
		"text that goes on after JSON": {"text/plain", `{} {}`, false},
		"a number as text":             {"text/plain", `5`, false}, // as likely text as JSON
		"a string as text":             {"text/plain", `"x"`, false},
		"null as text":                 {"text/plain", `null`, false},
		"bytes":                        {"application/octet-stream", "\x00\xff", false},
		"nothing":                      {"text/plain", ``, false},
		"not quite JSON's type":        {"application/jsonp", `x({})`, false},
		"a type that ends like JSON's": {"application/xjson", `5`, false},
		"a type that is none":          {"/;;", `x`, false},
	} {
		t.Run(name, func(t *testing.T) {
			made := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{c.contentType}
				io.WriteString(w, c.body)
			})
			r, err := do(t.Context(), made, "x")
			if err != nil || string(r.Value) != c.body || r.JSON != c.json {
				t.Errorf("got %q, JSON %t, %v; want %q, %t", r.Value, r.JSON, err, c.body, c.json)
			}
		})
	}
}

func TestWhatSaysThatItIsJSONMustBe(t *testing.T) {
	for name, c := range map[string]struct{ contentType, body string }{
		"an error page": {"application/json", "<html>"},
		"half of it":    {"application/hal+json", `{"a":`},
		"nothing":       {"application/json", ""},
	} {
		t.Run(name, func(t *testing.T) {
			made := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				io.WriteString(w, c.body)
			})
			_, err := do(t.Context(), made, "x")
			wantFailure(t, err, Permanent, "the response says that it is "+c.contentType+" and is not")
		})
	}
}

func TestABodyTooLargeFailsForGood(t *testing.T) {
	t.Run("by its length, unread", func(t *testing.T) {
		gone := make(chan struct{})
		made := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(MaxResult+1))
			w.(http.Flusher).Flush()
			<-r.Context().Done() // it never comes
			close(gone)
		})
		_, err := do(t.Context(), made, "x")
		wantFailure(t, err, Permanent, "the response is larger than 64 MiB")
		<-gone // the far side is told
	})
	t.Run("by its bytes, where it tells no length", func(t *testing.T) {
		made := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			io.CopyN(w, zeros{}, MaxResult+1)
		})
		_, err := do(t.Context(), made, "x")
		wantFailure(t, err, Permanent, "the response is larger than 64 MiB")
	})
}

// zeros reads zeros for ever.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestTheLargestBodyIsTaken(t *testing.T) {
	body := io.NopCloser(io.LimitReader(zeros{}, MaxResult))
	b, err := readBody(&http.Response{ContentLength: MaxResult, Body: body}, MaxResult)
	if err != nil || len(b) != MaxResult {
		t.Errorf("got %d bytes, %v", len(b), err)
	}
}

func TestABodyThatBreaksOffIsTransient(t *testing.T) {
	made := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	_, err := do(t.Context(), made, "x")
	wantFailure(t, err, Transient, "read response")
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}
