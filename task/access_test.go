package task

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/longhaul/longhaul/internal/guard"
	"github.com/longhaul/longhaul/job"
)

// guarded makes a task for a worker with limits, or returns why there is none.
func guarded(t *testing.T, o guard.Options, name string, args arguments) (Task, error) {
	t.Helper()
	p, err := guard.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	made, err := Builtin().New(name, Config{Args: json.RawMessage(mustJSON(args)), Concurrency: 4, Access: p})
	if c, ok := made.(interface{ Close() }); ok {
		t.Cleanup(c.Close)
	}
	return made, err
}

// counting is a server that counts its requests.
func counting(t *testing.T, start func(http.Handler) *httptest.Server, answer http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	s := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.Add(1); answer(w, r) }))
	t.Cleanup(s.Close)
	return s, &n
}

// TestNoRequestGoesToAPrivateAddress by whatever protocol it would be made, and whatever the URL calls the address.
func TestNoRequestGoesToAPrivateAddress(t *testing.T) {
	for name, c := range map[string]struct {
		start func(http.Handler) *httptest.Server
		args  arguments
	}{
		"HTTP/1.1":  {httptest.NewServer, arguments{}},
		"POST":      {httptest.NewServer, arguments{"body": "x"}},
		"TLS":       {httptest.NewTLSServer, arguments{}},
		"h2c":       {httptest.NewServer, arguments{"http2": true}},
		"streaming": {httptest.NewServer, arguments{"body": strings.Repeat("x", 1<<20)}},
	} {
		t.Run(name, func(t *testing.T) {
			s, requests := counting(t, c.start, func(http.ResponseWriter, *http.Request) {})
			c.args["url"] = "{{.}}"
			made, err := guarded(t, guard.Options{DenyPrivate: true}, "http", c.args)
			if err != nil {
				t.Fatal(err)
			}
			_, port, _ := strings.Cut(s.Listener.Addr().String(), ":")
			scheme, _, _ := strings.Cut(s.URL, ":")
			for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "user:password@127.0.0.1"} {
				_, err := do(t.Context(), made, scheme+"://"+host+":"+port+"/")
				wantFailure(t, err, Permanent, "this worker connects to no ", " address, and that is ", "(have the worker's operator allow that address with --allow-host)")
				if job.KindOf(err) != job.Refused {
					t.Errorf("%s: %v", host, err)
				}
			}
			if n := requests.Load(); n != 0 {
				t.Errorf("%d requests arrived", n)
			}
		})
	}
}

// TestNoRedirectLeadsToAHostThatIsNotAllowed: from a host that is, by each status that redirects.
func TestNoRedirectLeadsToAHostThatIsNotAllowed(t *testing.T) {
	inner, reached := counting(t, httptest.NewServer, func(http.ResponseWriter, *http.Request) {})
	for name, o := range map[string]func(allowed string) guard.Options{
		"others":  func(allowed string) guard.Options { return guard.Options{Hosts: []string{allowed}} },
		"private": func(allowed string) guard.Options { return guard.Options{Hosts: []string{allowed}, DenyPrivate: true} },
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(name+" "+http.StatusText(status), func(t *testing.T) {
				outer, _ := counting(t, httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Location", inner.URL)
					w.WriteHeader(status)
				})
				made, err := guarded(t, o(outer.Listener.Addr().String()), "http", arguments{"url": "{{.}}"})
				if err != nil {
					t.Fatal(err)
				}
				_, err = do(t.Context(), made, outer.URL)
				wantFailure(t, err, Permanent, "connect "+inner.Listener.Addr().String()+": this worker ")
			})
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// TestAHostThatIsAllowedIsReached, also where connections are used again.
func TestAHostThatIsAllowedIsReached(t *testing.T) {
	s, _ := counting(t, httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "here") })
	made, err := guarded(t, guard.Options{Hosts: []string{s.Listener.Addr().String()}, DenyPrivate: true}, "http", arguments{"url": "{{.}}"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r, err := do(t.Context(), made, s.URL)
		wantValue(t, r, err, "here")
	}
}

// TestNoProxyIsAskedWhereHostsAreJudged: it would connect to any.
func TestNoProxyIsAskedWhereHostsAreJudged(t *testing.T) {
	made, err := guarded(t, guard.Options{DenyPrivate: true}, "http", arguments{"url": "{{.}}"})
	if err != nil {
		t.Fatal(err)
	}
	if made.(*request).standard.Proxy != nil {
		t.Error("a proxy would be asked")
	}
}

// TestWhatAJobNamesOfTheWorkersMachine is refused when the task is made, before any record.
func TestWhatAJobNamesOfTheWorkersMachine(t *testing.T) {
	root := t.TempDir()
	limits := guard.Options{Roots: []string{root}, Variables: []string{"API_*"}, Ceilings: guard.Ceilings{ResultBytes: 10}}
	for name, c := range map[string]struct {
		args arguments
		want string // "" is taken
	}{
		"nothing":               {arguments{}, ""},
		"what is allowed":       {arguments{"caFile": root + "/ca", "headerEnv": map[string]string{"X": "Bearer API_KEY"}, "maxBody": 10}, ""},
		"authorities elsewhere": {arguments{"caFile": "/etc/ssl/ca"}, "open /etc/ssl/ca: this worker may not use it: outside of " + root},
		"a certificate":         {arguments{"certFile": "/etc/ssl/cert"}, "open /etc/ssl/cert: this worker may not use it: outside of " + root},
		"a key":                 {arguments{"certFile": root + "/cert", "keyFile": "/etc/ssl/key"}, "open /etc/ssl/key: this worker may not use it: outside of " + root},
		"a variable":            {arguments{"headerEnv": map[string]string{"X": "HOME"}}, "spec: the environment variable HOME: this worker tells only API_*"},
		"an answer of more":     {arguments{"maxBody": 11}, "spec: args: maxBody: 11 is more than this worker allows, which is 10"},
	} {
		t.Run(name, func(t *testing.T) {
			c.args["url"] = "http://example.test/"
			_, err := guarded(t, limits, "http", c.args)
			if c.want == "" && err != nil || c.want != "" && (job.KindOf(err) != job.Refused || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// TestACertificateByALinkIsRefused when it is read, which only then is found out.
func TestACertificateByALinkIsRefused(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../ca", filepath.Join(root, "ca")); err != nil {
		t.Fatal(err)
	}
	made, err := guarded(t, guard.Options{Roots: []string{root}}, "http", arguments{"url": "http://example.test/", "caFile": root + "/ca"})
	if err != nil {
		t.Fatal(err)
	}
	err = made.(interface{ Check() error }).Check()
	if want := "open " + root + "/ca: this worker may not use it: a symbolic link leads out of " + root; job.KindOf(err) != job.Refused || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestAResultAboveTheCeilingIsNotRead further than to there.
func TestAResultAboveTheCeilingIsNotRead(t *testing.T) {
	limits := guard.Options{Ceilings: guard.Ceilings{ResultBytes: 10}}
	s, _ := counting(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte{'x'}, len(r.URL.Path)-1))
	})
	for name, args := range map[string]arguments{"plain": {}, "full": {"method": "PUT"}} {
		t.Run(name, func(t *testing.T) {
			args["url"] = s.URL + "/{{.}}"
			made, err := guarded(t, limits, "http", args)
			if err != nil {
				t.Fatal(err)
			}
			r, err := do(t.Context(), made, strings.Repeat("y", 10))
			wantValue(t, r, err, strings.Repeat("x", 10))
			_, err = do(t.Context(), made, strings.Repeat("y", 11))
			wantFailure(t, err, Permanent, "the response is larger than 10 bytes")
		})
	}
	t.Run("command", func(t *testing.T) {
		made, err := guarded(t, limits, "exec", arguments{"command": []string{"cat"}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = do(t.Context(), made, strings.Repeat("y", 11))
		wantFailure(t, err, Permanent, "it printed more than 10 bytes")
	})
}
