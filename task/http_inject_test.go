package task

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// wire is a server that answers each request with the bytes that arrived on its connection until then.
func wire(t testing.TB) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var all strings.Builder
			r := bufio.NewReader(io.TeeReader(c, &all))
			if req, err := http.ReadRequest(r); err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
				(&http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Close: true, ContentLength: int64(all.Len()), Body: io.NopCloser(strings.NewReader(all.String()))}).Write(c)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// FuzzNoRecordAddsToARequest puts a record everywhere in a request that a template can put it, and looks at the bytes that arrive: they have the lines that were asked for, and nothing behind
// the body. A record that cannot stand where it is put fails, and is not sent.
func FuzzNoRecordAddsToARequest(f *testing.F) {
	for _, seed := range []string{
		"x", "", "x\r\nEvil: 1", "x\nEvil: 1", "x\rEvil: 1", "\r\n\r\nGET /evil HTTP/1.1\r\nHost: h\r\n\r\n", "x\x00y", "é\u2028\u0085Evil: 1", "%0d%0aEvil:%201", "../..", "x HTTP/1.1\r\nEvil: 1", "\xff\xfe", "?#&=;",
		"\tx ", "嘊嘍Evil: 1",
	} {
		f.Add(seed)
	}
	address := wire(f)
	f.Fuzz(func(t *testing.T, record string) {
		for name, args := range map[string]arguments{
			"path":   {"url": "http://" + address + "/{{.}}/x"},
			"query":  {"url": "http://" + address + "/?q={{.}}"},
			"raw":    {"url": "http://" + address + "/{{raw .}}"},
			"header": {"url": "http://" + address + "/", "headers": map[string]string{"X-Own": "a{{.}}b"}},
			"host":   {"url": "http://" + address + "/", "headers": map[string]string{"Host": "h{{.}}"}},
			"body":   {"url": "http://" + address + "/", "body": "{{.}}"},
			"key":    {"url": "http://" + address + "/", "idempotencyKey": true},
		} {
			made, err := Builtin().New("http", Config{Args: json.RawMessage(mustJSON(args)), Concurrency: 1})
			if err != nil {
				t.Fatal(err)
			}
			r, err := made.Do(t.Context(), Record{Input: []byte(record), Job: "job" + record, Try: 1})
			made.(interface{ Close() }).Close()
			if err != nil {
				if class, _ := Classify(err); class != Permanent {
					t.Errorf("%s: %v: it would be tried again", name, err)
				}
				continue
			}
			head, body, _ := strings.Cut(string(r.Value), "\r\n\r\n")
			lines := strings.FieldsFunc(head, func(c rune) bool { return c == '\r' || c == '\n' })
			if name == "body" && body != record || name != "body" && body != "" {
				t.Errorf("%s: %q has another body", name, r.Value)
			}
			for i, line := range lines {
				key, _, _ := strings.Cut(line, ":")
				switch known := map[string]bool{"Host": true, "User-Agent": true, "Accept-Encoding": true, "Content-Length": name == "body", "Content-Type": name == "body", "X-Own": name == "header", "Idempotency-Key": name == "key"}; {
				case i == 0 && strings.HasSuffix(line, " HTTP/1.1") && strings.Count(line, " ") == 2:
				case i == 0 || !known[key]:
					t.Errorf("%s: a line of its own, %q, in %q", name, line, r.Value)
				}
			}
		}
	})
}
