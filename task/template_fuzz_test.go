package task

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzARecordStaysInItsPlace holds that no record changes the scheme, the host, or the shape of a URL, and that it comes whole to the other side.
func FuzzARecordStaysInItsPlace(f *testing.F) {
	made, err := newHTTP(Config{Args: []byte(`{"url":"http://example.test/x/{{.}}?q={{.}}"}`)})
	if err != nil {
		f.Fatal(err)
	}
	for _, record := range []string{
		"", "a", "/", "//evil.test/", "..", "../..", ".", "@evil.test", ":80", "?q=1", "#", "&q=2", ";", "=", "+", " ", "%2f", "%", "\\", "\r\nHost: evil.test",
		"\x00", "\x7f", "\xff\xfe", "é", "http://evil.test/", "{{.}}", "<a>", `"`, "'", "\u2028", strings.Repeat("x", maxURL),
	} {
		f.Add(record)
	}
	f.Fuzz(func(t *testing.T, record string) {
		text, err := made.(*request).template.execute(Record{Input: []byte(record)})
		if err != nil {
			if len(record) < maxURL/6-100 && record != "." && record != ".." { // escaping makes three bytes of one, twice
				t.Fatal(err)
			}
			return
		}
		r, err := http.NewRequest(http.MethodGet, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		u := r.URL
		if u.Scheme != "http" || u.Host != "example.test" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
			t.Fatalf("it became %s", u)
		}
		segment, ok := strings.CutPrefix(u.EscapedPath(), "/x/")
		if path, err := url.PathUnescape(segment); !ok || strings.Contains(segment, "/") || err != nil || path != record {
			t.Fatalf("the path became %q, %v", u.EscapedPath(), err)
		}
		q, err := url.ParseQuery(u.RawQuery)
		if err != nil || len(q) != 1 || len(q["q"]) != 1 || q.Get("q") != record {
			t.Fatalf("the query became %q: %v, %v", u.RawQuery, q, err)
		}
	})
}

// FuzzATemplateTakenApartIsTheTemplate holds that the quick way makes what text/template makes.
func FuzzATemplateTakenApartIsTheTemplate(f *testing.F) {
	for _, text := range []string{
		"http://example.test/{{.}}", "http://example.test/ {{- . -}} /x", "{{.}}", "http://{{.}}/x", "http://example.test/{{. | raw}}",
		"http://example.test/{{.|json|queryescape}}", "http://example.test/?q={{.}}&r={{. | pathescape}}", "http://example.test/{{/* nothing */}}{{.}}",
		`http://example.test/{{"x"}}{{.}}`, "http://example.test/{{printf `%s` .}}", "http://example.test/{{$x := .}}{{$x}}", "http://example.test/{{len .}}",
	} {
		for _, record := range []string{"", "1", "..", "a b/c?d", "example.test", "\x00\xff", strings.Repeat("x", maxURL)} {
			f.Add(text, record)
		}
	}
	f.Fuzz(func(t *testing.T, text, record string) {
		made, err := parseURL(text)
		if err != nil || made.parts == nil {
			return
		}
		quick, err := made.execute(Record{Input: []byte(record)})
		slow, slowErr := (&urlTemplate{full: made.full}).execute(Record{Input: []byte(record)})
		if quick != slow && err == nil || (err == nil) != (slowErr == nil) {
			t.Errorf("%q, %v; text/template makes %q, %v", quick, err, slow, slowErr)
		}
	})
}
