package metrics_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/internal/metrics"
)

// served returns what a server serves, line by line.
func served(t *testing.T, s *metrics.Server) map[string]string {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + s.Address + metrics.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %s, %v:\n%s", resp.Status, err, b)
	}
	lines := map[string]string{}
	for _, line := range strings.Split(string(b), "\n") {
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			lines[line[:i]] = line[i+1:]
		}
	}
	return lines
}

func serve(t *testing.T) *metrics.Server {
	t.Helper()
	s, err := metrics.Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestWhatIsCountedIsServed(t *testing.T) {
	s := serve(t)
	if got := served(t, s); got[`longhaul_records_total{outcome="ok",task="http"}`] != "" {
		t.Error("a task that nobody has is served")
	}
	n := s.Task("http")
	n.Succeeded.Add(3)
	n.Failed.Add(2)
	n.Retries.Add(5)
	n.InputBytes.Add(700)
	s.Task("http").Succeeded.Add(1) // the same
	s.Task("exec").Outages.Add(1)
	jobs := []metrics.Job{{ID: "a", Granted: 8, Used: 5, Position: 40, AheadRecords: 20, AheadBytes: 999, Known: true}, {ID: "b", Granted: 1}}
	s.Watch(func() []metrics.Job { return jobs })
	s.SDK.WithTags(map[string]string{"namespace": "default"}).Counter("temporal_request").Inc(4)

	got := served(t, s)
	for line, want := range map[string]string{
		`longhaul_records_total{outcome="ok",task="http"}`:     "4",
		`longhaul_records_total{outcome="failed",task="http"}`: "2",
		`longhaul_retries_total{task="http"}`:                  "5",
		`longhaul_input_bytes_total{task="http"}`:              "700",
		`longhaul_records_total{outcome="ok",task="exec"}`:     "0",
		`longhaul_outages_total{task="exec"}`:                  "1",
		`longhaul_slots_granted{job="a"}`:                      "8",
		`longhaul_slots_used{job="a"}`:                         "5",
		`longhaul_position_records{job="a"}`:                   "40",
		`longhaul_ahead_records{job="a"}`:                      "20",
		`longhaul_ahead_bytes{job="a"}`:                        "999",
		`longhaul_slots_granted{job="b"}`:                      "1",
		`longhaul_position_records{job="b"}`:                   "", // it could not be read
		`temporal_request_total{namespace="default"}`:          "4",
	} {
		if got[line] != want {
			t.Errorf("%s is %q, want %q", line, got[line], want)
		}
	}
	jobs = jobs[:1]
	if got := served(t, s); got[`longhaul_slots_granted{job="b"}`] != "" {
		t.Error("a job that has gone is still served")
	}
}

func TestLatenciesFallIntoTheirBuckets(t *testing.T) {
	s := serve(t)
	tries := []time.Duration{0, time.Millisecond, time.Millisecond + 1, 70 * time.Millisecond, time.Hour, 2 * time.Hour}
	var counts metrics.Counts
	for _, d := range tries {
		s.Task("one").Latency.Observe(d)
		counts.Observe(d)
	}
	s.Task("batch").Latency.Add(&counts)
	got := served(t, s)
	for _, task := range []string{"one", "batch"} {
		for le, want := range map[string]string{"0.001": "2", "0.0025": "3", "0.05": "3", "0.1": "4", "900": "4", "3600": "5", "+Inf": "6"} {
			if line := `longhaul_task_duration_seconds_bucket{task="` + task + `",le="` + le + `"}`; got[line] != want {
				t.Errorf("%s is %q, want %q", line, got[line], want)
			}
		}
		if sum := got[`longhaul_task_duration_seconds_sum{task="`+task+`"}`]; sum != "10800.072000001" {
			t.Errorf("%s: sum %s", task, sum)
		}
	}
}

func TestWithoutMetricsNothingIsCounted(t *testing.T) {
	var off *metrics.Metrics
	off.Watch(func() []metrics.Job { return nil })
	if off.Task("http") != nil {
		t.Error("there is something to add to")
	}
}

func TestAnAddressThatIsTakenIsRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := metrics.Serve(l.Addr().String()); err == nil || !strings.Contains(err.Error(), "address already in use (name a free port") {
		t.Errorf("said: %v", err)
	}
}
