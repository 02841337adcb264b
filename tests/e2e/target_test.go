package e2e

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// target is a real HTTP server that counts what it is asked: GET /N answers "result N".
type target struct {
	*httptest.Server
	// latency is how long the answer for a record takes.
	latency func(record string) time.Duration
	// gate, where it is not nil, holds answers back until it is closed.
	gate chan struct{}

	mu       sync.Mutex
	requests map[string]int
	inFlight int
	peak     int
	total    int
}

func newTarget(t *testing.T, latency func(string) time.Duration) *target {
	tg := &target{latency: latency, requests: map[string]int{}}
	tg.Server = httptest.NewServer(http.HandlerFunc(tg.serve))
	t.Cleanup(tg.Close)
	return tg
}

func (tg *target) serve(w http.ResponseWriter, r *http.Request) {
	record := strings.TrimPrefix(r.URL.Path, "/")
	tg.mu.Lock()
	tg.requests[record]++
	tg.total++
	tg.inFlight++
	tg.peak = max(tg.peak, tg.inFlight)
	gate := tg.gate
	tg.mu.Unlock()
	defer func() {
		tg.mu.Lock()
		tg.inFlight--
		tg.mu.Unlock()
	}()
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	if d := tg.latency(record); d > 0 {
		time.Sleep(d) // this is the slow API, not a wait of the test's
	}
	fmt.Fprint(w, answer(record))
}

// answer is what the target says for a record.
func answer(record string) string { return "result " + record }

// oracle is the output of a sequential run over records 1 to n.
func oracle(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%q\n", answer(fmt.Sprint(i+1)))
	}
	return []byte(b.String())
}

func (tg *target) counts() (total, peak, inFlight int) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	return tg.total, tg.peak, tg.inFlight
}

// once checks that each of records 1 to n was asked for exactly once.
func (tg *target) once(t *testing.T, n int) {
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

// url is the template of the target's URLs.
func (tg *target) url() string { return tg.URL + "/{{.}}" }

// fixed is a latency that is the same for all.
func fixed(d time.Duration) func(string) time.Duration {
	return func(string) time.Duration { return d }
}

// heavyTailed is a latency drawn by record: up to twice d, and one in a hundred twenty times longer.
func heavyTailed(d time.Duration) func(string) time.Duration {
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
