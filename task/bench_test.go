package task

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// benchRequest is the task http with that URL.
func benchRequest(b *testing.B, url string) *request {
	b.Helper()
	made, err := Builtin().New("http", Config{Args: json.RawMessage(`{"url":"` + url + `"}`), Concurrency: 64})
	if err != nil {
		b.Fatal(err)
	}
	t := made.(*request)
	b.Cleanup(t.Close)
	return t
}

func BenchmarkURL(b *testing.B) {
	for name, url := range map[string]string{
		"path":  "http://localhost/users/{{.}}",
		"query": "http://localhost/users?id={{.}}&sort=name",
		"whole": "{{.}}",
	} {
		b.Run(name, func(b *testing.B) {
			t, record := benchRequest(b, url), Record{Input: []byte("http://localhost/123456")}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := t.template.execute(record); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHTTP makes requests to a server in this process, which shares the processors with them.
func BenchmarkHTTP(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "result "+r.URL.Path[1:])
	}))
	defer s.Close()
	t := benchRequest(b, s.URL+"/{{.}}")
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		r := Record{Input: []byte("123456"), Try: 1}
		for pb.Next() {
			if res, err := t.Do(b.Context(), r); err != nil || string(res.Value) != "result 123456" {
				b.Errorf("%q, %v", res.Value, err)
				return
			}
		}
	})
}

// BenchmarkResult tells JSON from text.
func BenchmarkResult(b *testing.B) {
	for name, r := range map[string]struct{ contentType, body string }{
		"text": {"text/plain; charset=utf-8", "result 123456"},
		"json": {"application/json", `{"id":123456,"name":"somebody","tags":["a","b"],"score":1.25}`},
	} {
		b.Run(name, func(b *testing.B) {
			body := []byte(r.body)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := result(r.contentType, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkExec runs a command that does nothing but answer.
func BenchmarkExec(b *testing.B) {
	t, err := Builtin().New("exec", Config{Args: json.RawMessage(`{"command":["echo","{}"]}`), Concurrency: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if res, err := t.Do(b.Context(), Record{Input: []byte("123456"), Job: "job", Try: 1}); err != nil || string(res.Value) != "123456\n" {
				b.Errorf("%q, %v", res.Value, err)
				return
			}
		}
	})
}
