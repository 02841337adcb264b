package e2e

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// answers is the line of a server that answers as harness.Target does.
const answers = `location ~ ^/(\d+)$ { return 200 "result $1"; }`

// secure is the lines of a server that speaks TLS.
const secure = `ssl_certificate ../server.pem; ssl_certificate_key ../server-key.pem;`

// connections counts those that a log is of.
func connections(log []harness.Request) int {
	seen := map[string]bool{}
	for _, r := range log {
		seen[r.Connection] = true
	}
	return len(seen)
}

// TestHTTP2OverTLS: what nginx offers by ALPN is taken, with and without a client's certificate; a connection that it ends after some requests, as
// it does, costs no record a try.
func TestHTTP2OverTLS(t *testing.T) {
	const n, limit, each = 2_000, 50, 500
	b := harness.New(t)
	b.Certificates()
	ng := b.Nginx(`
		server { listen @h2@ ssl http2; keepalive_requests 500; ` + secure + answers + ` }
		server { listen @h1@ ssl; keepalive_requests 100000; ` + secure + answers + ` }
		server { listen @mutual@ ssl http2; ` + secure + ` ssl_client_certificate ../ca.pem; ssl_verify_client on; ` + answers + ` }
		server { listen @h2c@ http2; ` + answers + ` }`)
	b.Worker()
	b.Write("in", harness.Lines(n))
	b.Write("few", harness.Lines(10))
	run := func(in, out, server string, status int, more ...string) []harness.Request {
		t.Helper()
		before := len(ng.Log())
		scheme := "https://"
		if server == "h2c" {
			scheme = "http://"
		}
		b.Longhaul(append([]string{in, "--output", out, "--http", scheme + ng.At[server] + "/{{.}}", "--concurrency", fmt.Sprint(limit)}, more...)...).Ended(status)
		return ng.Log()[before:]
	}
	spoken := func(log []harness.Request, want string) {
		t.Helper()
		if slices.ContainsFunc(log, func(r harness.Request) bool { return r.Protocol != want }) {
			t.Errorf("not all requests came by %s: %+v", want, log[0])
		}
	}

	log := run("in", "h2", "h2", 0, "--cacert", "ca.pem")
	b.Same("h2", harness.Oracle(n))
	spoken(log, "HTTP/2.0")
	if c := connections(log); len(log) != n || c < n/each || c > limit {
		t.Errorf("%d requests over %d connections", len(log), c)
	}

	log = run("in", "h1", "h1", 0, "--cacert", "ca.pem")
	b.Same("h1", harness.Oracle(n))
	spoken(log, "HTTP/1.1")
	if c := connections(log); len(log) != n || c > limit {
		t.Errorf("%d requests over %d connections, with %d at once", len(log), c, limit)
	}

	log = run("few", "h2c", "h2c", 0, "--http2-prior-knowledge")
	b.Same("h2c", harness.Oracle(10))
	spoken(log, "HTTP/2.0")

	for i, certificate := range [][]string{{"--cert", "client.pem", "--key", "client-key.pem"}, {"--cert", "both.pem"}} {
		out := fmt.Sprint("mutual", i)
		spoken(run("few", out, "mutual", 0, append(certificate, "--cacert", "ca.pem")...), "HTTP/2.0")
		b.Same(out, harness.Oracle(10))
	}
	// nginx itself refuses the others, which is final.
	for out, c := range map[string]struct {
		flags []string
		want  string
	}{
		"nobody":   {nil, "HTTP 400 Bad Request: <html> <head><title>400 No required SSL certificate was sent"},
		"stranger": {[]string{"--cert", "stranger.pem"}, "HTTP 400 Bad Request: <html> <head><title>400 The SSL certificate error"},
	} {
		if log := run("few", out, "mutual", 3, append(c.flags, "--cacert", "ca.pem")...); len(log) != 10 {
			t.Errorf("%s: %d requests for 10 records", out, len(log))
		}
		if errs := string(b.Read(out + ".longhaul/errors.jsonl")); strings.Count(errs, c.want) != 10 {
			t.Errorf("%s: %s", out, errs)
		}
	}
}

// TestCompressedAnswers: nginx compresses what it is asked to, and the result is what it compressed; a limit is of that.
func TestCompressedAnswers(t *testing.T) {
	b := harness.New(t)
	ng := b.Nginx(`gzip on; gzip_min_length 1; gzip_types *; server { listen @a@; root ../files; }`)
	harness.Must(t, os.Mkdir(b.Path("files"), 0o700))
	small, large := bytes.Repeat([]byte("small "), 100), bytes.Repeat([]byte("large "), 1_000_000)
	b.Write("files/small", small)
	b.Write("files/large", large)
	b.Worker()
	b.Write("in", []byte("small\nlarge\nsmall\n"))
	url := "http://" + ng.At["a"] + "/{{.}}"
	b.Longhaul("in", "--output", "out", "--format", "text", "--http", url).Ended(0)
	b.Same("out", bytes.Join([][]byte{small, large, small, nil}, []byte("\n")))
	b.Longhaul("in", "--output", "limited", "--format", "text", "--http", url, "--max-body", "1MB").Ended(3)
	b.Same("limited", bytes.Join([][]byte{small, nil, small, nil}, []byte("\n")))
	if errs := string(b.Read("limited.longhaul/errors.jsonl")); errs != `{"record":1,"input":"large","error":"the response is larger than 1000000 bytes","tries":1}`+"\n" {
		t.Errorf("errors: %s", errs)
	}
	for _, r := range ng.Log() {
		if r.Encoding != "gzip" {
			t.Errorf("%s came as %q", r.URI, r.Encoding)
		}
	}
	b.Longhaul("in", "--output", "plain", "--format", "text", "--http", url, "--header", "Accept-Encoding: identity").Ended(0)
	b.Same("plain", b.Read("out"))
	if log := ng.Log(); log[len(log)-1].Encoding != "" {
		t.Errorf("it came as %q, and nobody asked for that", log[len(log)-1].Encoding)
	}
}

// TestStatusesOfNginx: nginx's own limits are met with the wait that it asks for; what it refuses is final; what is expected is a result.
func TestStatusesOfNginx(t *testing.T) {
	const n = 40
	b := harness.New(t)
	ng := b.Nginx(`
		limit_req_zone $binary_remote_addr zone=one:1m rate=20r/s;
		server {
			listen @a@;
			location /limited/ { limit_req zone=one burst=5 nodelay; limit_req_status 429; add_header Retry-After 1 always; error_page 404 =200 /ok; }
			location = /ok { return 200 "ok"; }
			location /gone/ { return 404 "gone"; }
			location /small { client_max_body_size 10; proxy_pass http://@back@; }
			location /old/ { rewrite ^/old/(.*)$ /new/$1 redirect; }
			location /new/ { return 200 "$request_uri"; }
			location /round { return 302 /round; }
		}
		server { listen @back@; location / { return 200 "taken"; } }`)
	b.Worker()
	b.Write("in", harness.Lines(n))
	b.Write("few", harness.Lines(3))
	url := "http://" + ng.At["a"]

	b.Longhaul("in", "--output", "limited", "--http", url+"/limited/{{.}}", "--concurrency", "20", "--retries", "1000").Ended(0)
	b.Same("limited", bytes.Repeat([]byte("\"ok\"\n"), n))
	statuses := map[string]int{}
	for _, r := range ng.Log() {
		statuses[r.Status]++
	}
	if statuses["200"] != n || statuses["429"] == 0 || len(statuses) != 2 {
		t.Errorf("nginx answered with %v", statuses)
	}

	b.Longhaul("few", "--output", "expected", "--http", url+"/gone/{{.}}", "--expect", "200-299,404").Ended(0)
	b.Same("expected", bytes.Repeat([]byte("\"gone\"\n"), 3))
	b.Longhaul("few", "--output", "followed", "--http", url+"/old/{{.}}").Ended(0)
	b.Same("followed", []byte("\"/new/1\"\n\"/new/2\"\n\"/new/3\"\n"))
	b.Longhaul("few", "--output", "unfollowed", "--http", url+"/old/{{.}}", "--max-redirs", "0", "--expect", "302", "--format", "json").Ended(0)
	if got := string(b.Read("unfollowed")); strings.Count(got, "302 Found") < 3 {
		t.Errorf("the answer that leads on is not the result: %s", got)
	}
	for out, c := range map[string]struct {
		flags []string
		want  string
	}{
		"gone":  {[]string{"--http", url + "/gone/{{.}}"}, "HTTP 404 Not Found: gone"},
		"large": {[]string{"--http", url + "/small", "--data", "more than that {{.}}"}, "HTTP 413 Request Entity Too Large: "},
		"round": {[]string{"--http", url + "/round", "--max-redirs", "3"}, "stopped after 3 redirects"},
		"evil":  {[]string{"--http", url + "/ok", "--header", "X-Id: {{printf \"%s\\nEvil: 1\" .}}"}, `header X-Id: \"1\\nEvil: 1\" contains a line break, which no header can`},
	} {
		b.Longhaul(append([]string{"few", "--output", out}, c.flags...)...).Ended(3)
		b.Same(out, []byte("null\nnull\nnull\n"))
		if errs := string(b.Read(out + ".longhaul/errors.jsonl")); strings.Count(errs, `"tries":1}`) != 3 || !strings.Contains(errs, c.want) {
			t.Errorf("%s: %s", out, errs)
		}
	}
}

// TestRequestsOfRows posts the rows of a CSV file, with the job's own key for each, to an nginx that fails each first.
func TestRequestsOfRows(t *testing.T) {
	b := harness.New(t)
	ng := b.Nginx(`
		server { listen @a@; location / { proxy_pass http://@back@; proxy_set_header Connection ""; proxy_http_version 1.1; } }
		server { listen @back@; access_log off; location / { default_type application/json; return 200 '{"taken":"$request_uri"}'; } }`)
	b.Worker()
	b.Write("in.csv", []byte("id,name\na/b,\"O'Neil \"\"x\"\"\"\n2,\"two\nlines\"\n3,é\n"))
	b.Write("body.tmpl", []byte(`{"name":{{json .name}},"n":{{len .name}}}`))
	b.Longhaul("in.csv", "--input-format", "csv", "--output", "out", "--http", "http://"+ng.At["a"]+"/users/{{.id}}?q={{.name}}", "--concurrency", "1", "--job", "rows",
		"--method", "PUT", "--data", "@body.tmpl", "--header", "X-Token: <{{.id}}>", "--idempotency-key").Ended(0)
	b.Same("out", []byte(`{"taken":"/users/a%2Fb?q=O%27Neil+%22x%22"}`+"\n"+`{"taken":"/users/2?q=two%0Alines"}`+"\n"+`{"taken":"/users/3?q=%C3%A9"}`+"\n"))
	want := []harness.Request{
		{URI: "/users/a%2Fb?q=O%27Neil+%22x%22", Token: "<a/b>", Key: "rows:0", Body: `{"name":"O'Neil \"x\"","n":10}`},
		{URI: "/users/2?q=two%0Alines", Token: "<2>", Key: "rows:1", Body: `{"name":"two\nlines","n":9}`},
		{URI: "/users/3?q=%C3%A9", Token: "<3>", Key: "rows:2", Body: `{"name":"é","n":2}`},
	}
	for i, r := range ng.Log() {
		w := want[i]
		w.Protocol, w.Method, w.Status, w.Connection, w.Type = "HTTP/1.1", "PUT", "200", r.Connection, "application/json"
		if r != w {
			t.Errorf("got  %+v\nwant %+v", r, w)
		}
	}
	b.Write("in.jsonl", []byte(`{"b": 1,  "a":"x"}`+"\n"+`[ ]`+"\n"))
	before := len(ng.Log())
	b.Longhaul("in.jsonl", "--input-format", "jsonl", "--output", "whole", "--http", "http://"+ng.At["a"]+"/", "--concurrency", "1", "--data-record").Ended(0)
	log := ng.Log()[before:]
	if len(log) != 2 || log[0].Body != `{"b": 1,  "a":"x"}` || log[1].Body != "[ ]" || log[0].Method != "POST" || log[0].Type != "application/json" {
		t.Errorf("%+v", log)
	}
}

// TestAKeyIsTheSameAfterACrash: records are posted again after a kill -9, no more than were in flight, and each with the key that it had.
func TestAKeyIsTheSameAfterACrash(t *testing.T) {
	const n, limit = 2_000, 20
	b := harness.New(t)
	var mu sync.Mutex
	keys, posts := map[string]string{}, 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get("Idempotency-Key")
		if before := keys[string(body)]; err == nil && (key == "" || before != "" && before != key) {
			t.Errorf("record %s came with the key %q, and before with %q", body, key, before)
		}
		keys[string(body)] = key
		posts++
		fmt.Fprintf(w, "result %s", body)
	}))
	t.Cleanup(s.Close)
	seen := func() int { mu.Lock(); defer mu.Unlock(); return posts }
	b.Write("in", harness.Lines(n))
	w := b.Worker()
	p := b.Longhaul("in", "--output", "out", "--http", s.URL, "--data-record", "--idempotency-key", "--concurrency", fmt.Sprint(limit))
	b.Until("some posted", func() bool { return seen() > n/4 })
	w.Kill()
	b.Worker()
	p.Ended(0)
	b.Same("out", harness.Oracle(n))
	if got := seen(); len(keys) != n || got > n+limit {
		t.Errorf("%d records by %d requests", len(keys), got)
	}
}

// TestASecretIsOnlyInItsRequest: a token comes from the worker's environment, and stands nowhere else: not in what Temporal keeps, in the manifest, in
// a log, nor in an error, although the far side quotes it.
func TestASecretIsOnlyInItsRequest(t *testing.T) {
	const token = "t0ken-that-is-nowhere"
	b := harness.NewAlone(t)
	ng := b.Nginx(`
		server {
			listen @home@;
			location /ok/ { return 200 "fine"; }
			location /bad/ { return 401 "bad token $http_x_token"; }
			location /down/ { return 503 "no answer for $http_x_token"; }
			location /away/ { return 302 http://@away@/ok/; }
		}
		server { listen @away@; location / { return 200 "away"; } }`)
	b.Env = append(b.Env, tokenVariable+"="+token)
	b.Write("in", harness.Lines(20))
	start := func(path string, more ...string) *harness.Process {
		return b.Embedded("state", append([]string{
			"in", "--output", path, "--http", "http://" + ng.At["home"] + "/" + path + "/{{.}}", "--header-env", "X-Token=" + tokenVariable,
			"--header-env", "Authorization=Bearer " + tokenVariable,
		}, more...)...)
	}
	start("ok").Ended(0)
	start("bad").Ended(3)
	if errs := string(b.Read("bad.longhaul/errors.jsonl")); strings.Count(errs, "HTTP 401 Unauthorized: bad token ["+tokenVariable+"]") != 20 {
		t.Errorf("errors: %s", errs)
	}
	start("away").Ended(0)
	b.Same("away", bytes.Repeat([]byte("\"away\"\n"), 20))
	b.Write("in", harness.Lines(2_000))
	down := start("down")
	down.Says("HTTP 503 Service Temporarily Unavailable: no answer for [" + tokenVariable + "]")
	down.Signal(15)
	down.Ended(130)
	for _, r := range ng.Log() {
		want, wantBearer := token, "Bearer "+token
		if r.URI == "/ok/" { // where the redirect leads
			want, wantBearer = "", ""
		}
		if r.Token != want || r.Authorization != wantBearer {
			t.Errorf("%s came with %q and %q", r.URI, r.Token, r.Authorization)
		}
	}
	found := false
	err := filepath.WalkDir(b.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == "nginx" {
				return fs.SkipDir
			}
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(token)) {
			t.Errorf("%s tells the token", path)
		}
		found = found || strings.HasPrefix(path, b.Path("state")) && bytes.Contains(data, []byte("no answer for ["+tokenVariable+"]"))
		return err
	})
	harness.Must(t, err)
	if !found {
		t.Error("the search found no error in what Temporal keeps, so that it proves nothing")
	}
}

// TestProxiesOfTheEnvironment: requests go by the worker's proxies, of which nginx is one, and another tunnels TLS; the hosts are known to them only.
func TestProxiesOfTheEnvironment(t *testing.T) {
	const n = 50
	b := harness.New(t)
	b.Certificates("far.test")
	ng := b.Nginx(`
		server { listen @proxy@; server_name far.test; ` + answers + ` }
		server { listen @tls@ ssl http2; server_name far.test; ` + secure + answers + ` }`)
	var tunnels atomic.Int64
	tunnel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "far.test:443" {
			http.Error(w, "not here", http.StatusForbidden)
			return
		}
		tunnels.Add(1)
		connect(w, ng.At["tls"])
	}))
	t.Cleanup(tunnel.Close)
	b.Env = append(b.Env, "http_proxy=http://"+ng.At["proxy"], "https_proxy="+tunnel.URL, "no_proxy=")
	b.Worker()
	b.Write("in", harness.Lines(n))
	b.Longhaul("in", "--output", "plain", "--http", "http://far.test/{{.}}").Ended(0)
	b.Same("plain", harness.Oracle(n))
	if log := ng.Log(); len(log) != n || log[0].Protocol != "HTTP/1.1" {
		t.Errorf("%d requests came to the proxy", len(log))
	}
	b.Longhaul("in", "--output", "tls", "--http", "https://far.test/{{.}}", "--cacert", "ca.pem").Ended(0)
	b.Same("tls", harness.Oracle(n))
	if log := ng.Log()[n:]; len(log) != n || log[0].Protocol != "HTTP/2.0" || tunnels.Load() == 0 {
		t.Errorf("%d requests came through %d tunnels", len(log), tunnels.Load())
	}
}

// connect makes a request's connection a tunnel to an address.
func connect(w http.ResponseWriter, address string) {
	far, err := net.Dial("tcp", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer far.Close()
	w.WriteHeader(http.StatusOK)
	near, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer near.Close()
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(far, buffered); far.(*net.TCPConn).CloseWrite() })
	both.Go(func() { _, _ = io.Copy(near, far); near.Close() })
	both.Wait()
}
