package h1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// counted is a server that counts the connections made to it.
func counted(t *testing.T, h http.HandlerFunc) (url string, connections func() int) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			mu.Lock()
			n++
			mu.Unlock()
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

func TestAConnectionIsUsedAgain(t *testing.T) {
	url, connections := counted(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	tr := transport(t, 10)
	for range 20 {
		if b, err := get(t.Context(), tr, url); b != "x" || err != nil {
			t.Fatal(b, err)
		}
	}
	if n := connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestABodyNotReadToItsEndGivesUpTheConnection(t *testing.T) {
	url, connections := counted(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 100_000)) })
	tr := transport(t, 10)
	for range 3 {
		req, _ := http.NewRequest("GET", url, nil)
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("read %d bytes of a closed body, %v", n, err)
		}
	}
	if n := connections(); n != 3 {
		t.Errorf("%d connections for 3 requests", n)
	}
}

// one serves one connection at a time by hand: each string of answers is written for one request, and the connection is closed after the last.
func one(t *testing.T, connections ...[]string) (url string, requests func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	n := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, answers := range connections {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			for _, a := range answers {
				req, err := http.ReadRequest(r)
				if err != nil {
					break
				}
				_, _ = io.Copy(io.Discard, req.Body)
				mu.Lock()
				n++
				mu.Unlock()
				_, _ = io.WriteString(c, a)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String(), func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"

func TestAConnectionClosedWhileIdleIsReplaced(t *testing.T) {
	url, requests := one(t, []string{ok}, []string{ok}, []string{ok})
	tr := transport(t, 10)
	for i := range 3 {
		if b, err := get(t.Context(), tr, url); b != "x" || err != nil {
			t.Fatalf("request %d: %q, %v", i, b, err)
		}
	}
	if requests() != 3 {
		t.Errorf("%d requests were seen", requests())
	}
}

func TestAConnectionClosedWhileIdleForLongIsFoundOut(t *testing.T) {
	url, requests := one(t, []string{ok}, []string{ok})
	tr := transport(t, 10)
	if _, err := get(t.Context(), tr, url); err != nil {
		t.Fatal(err)
	}
	c := tr.idle.front()
	c.since = c.since.Add(-2 * suspect)
	if n, err := c.Conn.Read(make([]byte, 1)); n != 0 || err != io.EOF { // which waits until its end has arrived
		t.Fatal(n, err)
	}
	req, _ := http.NewRequest("POST", url, strings.NewReader("not to be sent twice"))
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if requests() != 2 {
		t.Errorf("%d requests were seen", requests())
	}
}

// A POST on a connection that ends without an answer may have been done: only the caller knows whether it may be done again.
func TestARequestThatMayHaveBeenDoneIsNotRepeated(t *testing.T) {
	for name, tt := range map[string]struct {
		method, key string
		again       bool
	}{
		"POST":                         {"POST", "", false},
		"PATCH":                        {"PATCH", "", false},
		"POST with a key":              {"POST", "k", true},
		"PUT":                          {"PUT", "", true},
		"DELETE":                       {"DELETE", "", true},
		"a method nobody knows":        {"BREW", "", false},
		"a method nobody knows, keyed": {"BREW", "k", true},
	} {
		t.Run(name, func(t *testing.T) {
			url, requests := one(t, []string{ok, ""}, []string{ok})
			tr := transport(t, 10)
			if _, err := get(t.Context(), tr, url); err != nil {
				t.Fatal(err)
			}
			req, _ := http.NewRequest(tt.method, url, strings.NewReader("body"))
			if tt.key != "" {
				req.Header.Set("Idempotency-Key", tt.key)
			}
			resp, err := tr.RoundTrip(req)
			if err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			if (err == nil) != tt.again || requests() != map[bool]int{true: 3, false: 2}[tt.again] {
				t.Errorf("%v after %d requests", err, requests())
			}
		})
	}
}

func TestAnAnswerThatNobodyAskedForIsNotTakenForTheNext(t *testing.T) {
	url, _ := one(t, []string{ok + ok, ok}, []string{ok})
	tr := transport(t, 10)
	for range 2 {
		if b, err := get(t.Context(), tr, url); b != "x" || err != nil {
			t.Fatal(b, err)
		}
		if tr.idle.len() > 0 && tr.idle.front().r.Buffered() > 0 {
			t.Error("a connection with an answer too many was kept")
		}
	}
}

func TestARequestEndsWithItsContext(t *testing.T) {
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.Header().Set("Content-Length", "10")
			fmt.Fprint(w, "half ")
			w.(http.Flusher).Flush()
		}
		arrived <- struct{}{}
		<-release
	})
	defer close(release)
	for name, path := range map[string]string{"before the header": "/", "within the body": "/body"} {
		t.Run(name+", canceled", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-arrived
				cancel()
			}()
			if _, err := get(ctx, transport(t, 10), s.URL+path); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		t.Run(name+", at its deadline", func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if _, err := get(ctx, transport(t, 10), s.URL+path); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			<-arrived
		})
	}
	t.Run("over before it begins", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := get(ctx, transport(t, 10), s.URL); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// A deadline that one request had is not the next one's.
func TestADeadlineIsForOneRequest(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/later" {
			<-ctx.Done()
		}
		fmt.Fprint(w, "x")
	})
	tr := transport(t, 1)
	if b, err := get(ctx, tr, s.URL); b != "x" || err != nil {
		t.Fatal(b, err)
	}
	if b, err := get(context.Background(), tr, s.URL+"/later"); b != "x" || err != nil {
		t.Error(b, err)
	}
}

func TestIdleConnectionsAreBounded(t *testing.T) {
	var gate sync.WaitGroup
	gate.Add(8)
	s := server(t, func(w http.ResponseWriter, _ *http.Request) {
		gate.Done()
		gate.Wait() // all at once, so that each needs a connection
		fmt.Fprint(w, "x")
	})
	tr := transport(t, 3)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := get(t.Context(), tr, s.URL); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := tr.idle.len(); n != 3 {
		t.Errorf("%d idle connections, want 3", n)
	}
	tr.mu.Lock()
	for c := range tr.idle.byAddress {
		if n := len(tr.idle.byAddress[c]); n != 3 {
			t.Errorf("%d under their address", n)
		}
	}
	tr.mu.Unlock()
}

func TestOldIdleConnectionsAreClosed(t *testing.T) {
	url, connections := counted(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	tr := transport(t, 10)
	if _, err := get(t.Context(), tr, url); err != nil {
		t.Fatal(err)
	}
	tr.expire() // not due
	if tr.idle.len() != 1 || tr.timer == nil {
		t.Error("a young one was closed, or is not looked at again")
	}
	tr.idle.front().since = time.Now().Add(-2 * idleTimeout)
	tr.expire()
	if tr.idle.len() != 0 || tr.timer != nil {
		t.Error("an old one was kept, or a timer without any")
	}
	if _, err := get(t.Context(), tr, url); err != nil || connections() != 2 {
		t.Errorf("%v, %d connections", err, connections())
	}
}

func TestAHeaderIsBounded(t *testing.T) {
	s := server(t, hijack("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", maxHeader+1)))
	if _, err := get(t.Context(), transport(t, 10), s.URL); err == nil || !strings.Contains(err.Error(), "larger than 10 MiB") {
		t.Error(err)
	}
	s = server(t, hijack("HTTP/1.1 200 OK\r\nContent-Length: 11000000\r\n\r\n"+strings.Repeat("x", 11_000_000)))
	if b, err := get(t.Context(), transport(t, 10), s.URL); err != nil || len(b) != 11_000_000 {
		t.Errorf("a body of more bytes than that: %d, %v", len(b), err)
	}
}

func TestAnAddressHasItsPort(t *testing.T) {
	for url, want := range map[string]string{
		"http://a.test/": "a.test:80", "http://a.test:8080/": "a.test:8080", "http://[::1]/": "[::1]:80", "http://[::1]:81/": "[::1]:81", "http://a.test:/": "a.test:80",
	} {
		req, err := http.NewRequest("GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := address(req); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}

func TestNothingIsKeptAfterClose(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := server(t, func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		fmt.Fprint(w, "x")
	})
	tr := transport(t, 10)
	got := make(chan error, 1)
	go func() {
		_, err := get(context.Background(), tr, s.URL)
		got <- err
	}()
	<-entered
	tr.Close()
	close(release)
	select {
	case err := <-got:
		if err != nil || tr.idle.len() != 0 {
			t.Errorf("%v, %d kept", err, tr.idle.len())
		}
	case <-time.After(soon):
		t.Fatal("no answer")
	}
}

func TestIdleConnectionsCanBeClosedMeanwhile(t *testing.T) {
	url, connections := counted(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	tr := transport(t, 10)
	for i := range 3 {
		if b, err := get(t.Context(), tr, url); b != "x" || err != nil {
			t.Fatal(b, err)
		}
		if tr.CloseIdleConnections(); tr.idle.len() != 0 {
			t.Errorf("%d kept", tr.idle.len())
		}
		if n := connections(); n != i+1 {
			t.Errorf("%d connections after %d requests", n, i+1)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "result") }))
	defer s.Close()
	standard := &http.Transport{MaxIdleConnsPerHost: 1000}
	ours := New(standard, 1000)
	defer ours.Close()
	for name, rt := range map[string]http.RoundTripper{"h1": ours, "net-http": standard} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(100)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, err := get(context.Background(), rt, s.URL); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
