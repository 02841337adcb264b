package h1

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestWhatNeedsMoreIsLeftToNetHTTP(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret") }))
	t.Cleanup(secure.Close)
	standard := secure.Client().Transport.(*http.Transport)
	tr := New(standard, 10)
	t.Cleanup(func() { tr.Close() })
	if b, err := get(t.Context(), tr, secure.URL); b != "secret" || err != nil {
		t.Error(b, err)
	}
	for name, tt := range map[string]struct {
		change func(*http.Request)
		want   bool
	}{
		"a plain one":    {func(*http.Request) {}, true},
		"https":          {func(r *http.Request) { r.URL.Scheme = "https" }, false},
		"Upgrade":        {func(r *http.Request) { r.Header.Set("Upgrade", "websocket") }, false},
		"Expect":         {func(r *http.Request) { r.Header.Set("Expect", "100-continue") }, false},
		"Connection":     {func(r *http.Request) { r.Header.Set("Connection", "close") }, false},
		"CONNECT":        {func(r *http.Request) { r.Method = "CONNECT" }, false},
		"a foreign host": {func(r *http.Request) { r.URL.Host = "bücher.test" }, false},
	} {
		req, _ := http.NewRequest("GET", "http://example.test/", nil)
		tt.change(req)
		if got := tr.serves(req); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	only2 := &http.Transport{Protocols: &http.Protocols{}}
	only2.Protocols.SetUnencryptedHTTP2(true)
	req, _ := http.NewRequest("GET", "http://example.test/", nil)
	if New(only2, 1).serves(req) {
		t.Error("HTTP/1.1 was spoken though the standard transport may not")
	}
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	proxied := New(&http.Transport{Proxy: http.ProxyFromEnvironment}, 1)
	if proxied.serves(req) {
		t.Error("a proxy was passed by")
	}
}

// TestResize has more requests in flight over TLS than the standard transport may have connections.
func TestResize(t *testing.T) {
	const few, many = 2, 5
	came, release := make(chan struct{}, many), make(chan struct{})
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		came <- struct{}{}
		<-release
	}))
	t.Cleanup(secure.Close)
	standard := secure.Client().Transport.(*http.Transport)
	standard.MaxConnsPerHost = few
	tr := New(standard, few)
	t.Cleanup(func() { tr.Close() })
	tr.Resize(1) // nothing
	tr.Resize(many)
	tr.Resize(few) // nothing
	if tr.maxIdle != many || standard.MaxConnsPerHost != few {
		t.Errorf("%d idle; the standard transport was changed to %d", tr.maxIdle, standard.MaxConnsPerHost)
	}
	errs := make(chan error, many)
	for range many {
		go func() {
			_, err := get(t.Context(), tr, secure.URL)
			errs <- err
		}()
	}
	for i := range many {
		select {
		case <-came:
		case <-time.After(20 * time.Second):
			t.Fatalf("only %d in flight", i)
		}
	}
	close(release)
	for range many {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if tr.Close(); tr.standard.Load() == standard {
		t.Error("the standard transport is in use yet")
	}
}
