package task

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// serve starts a server of one answer and makes an http task that asks it for /{{.}}.
func serve(t *testing.T, h http.HandlerFunc) Task {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return asking(t, s.URL+"/{{.}}")
}

// asking makes an http task of a URL template.
func asking(t *testing.T, url string) Task {
	t.Helper()
	return builtin(t, "http", mustJSON(map[string]string{"url": url}))
}

func TestTheRequestIsAPlainGet(t *testing.T) {
	made := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s by %s", r.Method, r.RequestURI, r.UserAgent())
	})
	r, err := do(t.Context(), made, "a b/c?d=e&f#g")
	wantValue(t, r, err, "GET /a%20b%2Fc%3Fd%3De%26f%23g by longhaul")
}

func TestAStatusTellsWhetherToTryAgain(t *testing.T) {
	const success Class = -1
	for status, want := range map[int]Class{
		200: success, 201: success, 204: success, 206: success, 299: success,
		300: Permanent, 304: Permanent, 399: Permanent,
		400: Permanent, 401: Permanent, 403: Permanent, 404: Permanent, 405: Permanent, 409: Permanent, 410: Permanent, 413: Permanent,
		422: Permanent, 451: Permanent, 499: Permanent,
		408: Transient, 425: Transient, 429: Transient,
		500: Transient, 501: Transient, 502: Transient, 503: Transient, 504: Transient, 529: Transient, 599: Transient,
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			made := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(status)
			})
			r, err := do(t.Context(), made, "x")
			if want == success {
				wantValue(t, r, err, "")
				return
			}
			wantFailure(t, err, want, "HTTP "+strconv.Itoa(status))
			after := time.Duration(0)
			if want == Transient {
				after = 7 * time.Second
			}
			if _, got := Classify(err); got != after {
				t.Errorf("to be tried after %s, want %s", got, after)
			}
		})
	}
}

func TestARefusalQuotesTheBeginningOfTheBody(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"in one line": {"no such\n\tuser \r\n", "HTTP 404 Not Found: no such user"},
		"none":        {"", "HTTP 404 Not Found"},
		"only space":  {" \n", "HTTP 404 Not Found"},
		"cut":         {strings.Repeat("x", 201), "HTTP 404 Not Found: " + strings.Repeat("x", 200)},
		"no UTF-8":    {strings.Repeat("x", 199) + "é", "HTTP 404 Not Found: " + strings.Repeat("x", 199) + "\uFFFD"},
	} {
		t.Run(name, func(t *testing.T) {
			made := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusNotFound)
				io.WriteString(w, c.body)
			})
			if _, err := do(t.Context(), made, "x"); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                                  0,
		"0":                                 0,
		"120":                               2 * time.Minute,
		"2147483647":                        maxRetryAfter, // not for decades
		"2147483648":                        0,             // no sensible number of seconds
		"-5":                                0,
		"1.5":                               0,
		"soon":                              0,
		"Wed, 04 Mar 2026 05:07:07 GMT":     time.Minute,
		"Wednesday, 04-Mar-26 05:07:07 GMT": time.Minute, // obsolete formats, which RFC 9110 has clients accept
		"Wed Mar  4 05:07:07 2026":          time.Minute,
		"Wed, 04 Mar 2026 05:06:07 GMT":     0,
		"Wed, 04 Mar 2020 05:06:07 GMT":     0, // the past
		"Wed, 32 Mar 2026 05:06:07 GMT":     0,
	} {
		t.Run(value, func(t *testing.T) {
			if got := retryAfter(value, now); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestRetryAfterADateReachesTheCaller(t *testing.T) {
	made := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := do(t.Context(), made, "x")
	if _, after := Classify(err); after < 59*time.Minute || after > time.Hour {
		t.Errorf("got %s", after)
	}
}

func TestRedirectsAreFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			made := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/old" {
					http.Redirect(w, r, "/new", status)
					return
				}
				io.WriteString(w, r.URL.Path)
			})
			r, err := do(t.Context(), made, "old")
			wantValue(t, r, err, "/new")
		})
	}
}

// TestABadRedirectIsTheRecordsOwnFailure, and no sign of an outage: the far side answered.
func TestABadRedirectIsTheRecordsOwnFailure(t *testing.T) {
	for name, c := range map[string]struct{ to, want string }{
		"in a circle":     {"/again", "stopped after 10 redirects"},
		"to another room": {"ftp://example.test/", `"ftp://example.test/" is not an http or https URL`},
		"to a file":       {"file:///etc/passwd", `"file:///etc/passwd" is not an http or https URL`},
	} {
		t.Run(name, func(t *testing.T) {
			made := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, c.to, http.StatusFound) })
			_, err := do(t.Context(), made, "x")
			wantFailure(t, err, Permanent, c.want)
		})
	}
}

func TestARequestEndsWithItsContext(t *testing.T) {
	asked, gone := make(chan struct{}), make(chan struct{})
	made := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(gone)
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-asked
		cancel()
	}()
	_, err := do(ctx, made, "x")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantFailure(t, err, Transient)
	<-gone // the far side is told
}

func TestCloseLetsGoOfTheConnections(t *testing.T) {
	closed := make(chan struct{})
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(closed)
		}
	}
	s.Start()
	defer s.Close()
	made := asking(t, s.URL)
	_, err := do(t.Context(), made, "x")
	wantFailure(t, err, Permanent, "404")
	made.(interface{ Close() }).Close()
	<-closed
}

// TestAConnectionServesManyRecords: a body read to its end leaves its connection to the next request.
func TestAConnectionServesManyRecords(t *testing.T) {
	from := map[string]bool{} // the requests come one after the other
	made := serve(t, func(w http.ResponseWriter, r *http.Request) {
		from[r.RemoteAddr] = true
		if r.URL.Path == "/missing" {
			http.NotFound(w, r)
		}
	})
	for _, record := range []string{"a", "missing", "b", "missing", "c"} {
		do(t.Context(), made, record)
	}
	if len(from) != 1 {
		t.Errorf("5 requests took %d connections", len(from))
	}
}
