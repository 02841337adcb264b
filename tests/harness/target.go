package harness

import (
	"encoding/pem"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Target is a real HTTP server that counts what it is asked: GET /N answers "result N".
type Target struct {
	*httptest.Server
	// Latency is how long the answer for a record takes.
	Latency func(record string) time.Duration
	// Gate, where it is not nil, holds answers back until it is closed.
	Gate chan struct{}
	// Held, where it is not nil, says which records the Gate is for; otherwise it is for all.
	Held func(record string) bool
	// Refuses, where it is not nil, says which records are answered with 404.
	Refuses func(record string) bool

	// RetryAfter, where it is not empty, is the Retry-After header of those answers.
	RetryAfter string

	mu       sync.Mutex
	requests map[string]int
	down     bool
	refused  int
	refusals atomic.Int64
	inFlight int
	peak     int
	lately   int // the peak since Peak was asked
	total    int
	next     chan time.Time
	came     []time.Time
}

// NewTarget starts a target that answers after the latency.
func NewTarget(t *testing.T, latency func(string) time.Duration) *Target {
	tg := &Target{Latency: latency, requests: map[string]int{}}
	tg.Server = httptest.NewServer(http.HandlerFunc(tg.serve))
	t.Cleanup(tg.Close)
	return tg
}

// NewTLSTarget starts a target over TLS and HTTP/1.1, whose certificate is in the file.
func NewTLSTarget(t *testing.T, latency func(string) time.Duration) (tg *Target, certificate string) {
	tg = &Target{Latency: latency, requests: map[string]int{}}
	tg.Server = httptest.NewTLSServer(http.HandlerFunc(tg.serve))
	t.Cleanup(tg.Close)
	certificate = filepath.Join(t.TempDir(), "ca.pem")
	Must(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tg.Certificate().Raw}), 0o600))
	return tg, certificate
}

func (tg *Target) serve(w http.ResponseWriter, r *http.Request) {
	record := strings.TrimPrefix(r.URL.Path, "/")
	tg.mu.Lock()
	tg.requests[record]++
	tg.total++
	tg.inFlight++
	tg.came = append(tg.came, time.Now())
	tg.peak, tg.lately = max(tg.peak, tg.inFlight), max(tg.lately, tg.inFlight)
	if tg.next != nil {
		tg.next <- time.Now()
		tg.next = nil
	}
	gate, down := tg.Gate, tg.down
	if down {
		tg.requests[record]--
		tg.total--
		tg.refused++
	}
	tg.mu.Unlock()
	defer func() {
		tg.mu.Lock()
		tg.inFlight--
		tg.mu.Unlock()
	}()
	if down {
		if tg.RetryAfter != "" {
			w.Header().Set("Retry-After", tg.RetryAfter)
		}
		http.Error(w, "down for a while", http.StatusServiceUnavailable)
		return
	}
	if gate != nil && (tg.Held == nil || tg.Held(record)) {
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	if d := tg.Latency(record); d > 0 {
		time.Sleep(d) // this is the slow API, not a wait of the test's
	}
	if tg.Refuses != nil && tg.Refuses(record) {
		tg.refusals.Add(1)
		http.Error(w, "refused", http.StatusNotFound)
		return
	}
	fmt.Fprint(w, Answer(record))
}

// Answer is what the target says for a record.
func Answer(record string) string { return "result " + record }

// Oracle is the output of a sequential run over records 1 to n.
func Oracle(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%q\n", Answer(fmt.Sprint(i+1)))
	}
	return []byte(b.String())
}

// Counts returns the requests so far, the most that were in flight at once, and those in flight now.
func (tg *Target) Counts() (total, peak, inFlight int) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	return tg.total, tg.peak, tg.inFlight
}

// Peak returns the most requests that were in flight at once since it was asked last.
func (tg *Target) Peak() int {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	peak := tg.lately
	tg.lately = tg.inFlight
	return peak
}

// Next returns a channel that is told when the next request comes.
func (tg *Target) Next() <-chan time.Time {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	tg.next = make(chan time.Time, 1)
	return tg.next
}

// Once checks that each of records 1 to n was asked for exactly once.
func (tg *Target) Once(t *testing.T, n int) {
	t.Helper()
	tg.mu.Lock()
	defer tg.mu.Unlock()
	for i := range n {
		if got := tg.requests[fmt.Sprint(i+1)]; got != 1 {
			t.Errorf("record %d was asked for %d times", i+1, got)
			return
		}
	}
	if tg.total != n {
		t.Errorf("%d requests for %d records", tg.total, n)
	}
}

// SetDown begins or ends an outage: every request is answered with 503, and counted apart.
func (tg *Target) SetDown(down bool) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	tg.down = down
}

// Refused returns how many requests met an outage.
func (tg *Target) Refused() int {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	return tg.refused
}

// Came returns when each request came, those that met an outage included, in their order.
func (tg *Target) Came() []time.Time {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	return slices.Clone(tg.came)
}

// Refusals returns how many requests Refuses refused.
func (tg *Target) Refusals() int64 { return tg.refusals.Load() }

// Template is the template of the target's URLs.
func (tg *Target) Template() string { return tg.URL + "/{{.}}" }

// Fixed is a latency that is the same for all.
func Fixed(d time.Duration) func(string) time.Duration {
	return func(string) time.Duration { return d }
}

// HeavyTailed is a latency drawn by record: up to twice d, and one in a hundred twenty times longer.
func HeavyTailed(d time.Duration) func(string) time.Duration {
	return func(record string) time.Duration {
		h := fnv.New64a()
		h.Write([]byte(record))
		n := h.Sum64()
		l := time.Duration(n % uint64(2*d))
		if n>>32%100 == 0 {
			l = 20 * d
		}
		return l
	}
}
