package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// metricName is the names of this project's, the SDK's and the process's metrics.
var metricName = regexp.MustCompile(`\b(?:longhaul|temporal|process|go)_[a-z_]+`)

// scrape asks a worker for its metrics.
func scrape(b *harness.Bench, worker *harness.Process) string {
	b.T.Helper()
	at := regexp.MustCompile(`msg="serving metrics" url=(\S+)`)
	var url string
	b.Until("the metrics' address", func() bool {
		if m := at.FindStringSubmatch(worker.Errs()); m != nil {
			url = m[1]
		}
		return url != ""
	})
	resp, err := http.Get(url)
	harness.Must(b.T, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	harness.Must(b.T, err)
	return string(text)
}

// TestMetricsOfAJob holds one record back, and compares what the worker serves then and at the end with what was done. Every metric that the dashboard asks for
// is served, and docs/metrics.md describes every one of longhaul's.
func TestMetricsOfAJob(t *testing.T) {
	const n, failing = 1_000, 10
	b := harness.New(t)
	held := harness.NewTarget(t, harness.Fixed(0))
	held.Gate = make(chan struct{})
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Refuses = func(record string) bool { return strings.HasSuffix(record, "77") }
	worker := b.Worker("--metrics", "127.0.0.1:0")
	b.Write("in", append([]byte(strings.TrimPrefix(held.URL, "http://")+"/1\n"), prefixed(strings.TrimPrefix(tg.URL, "http://")+"/", harness.Lines(n-1))...))
	p := b.Longhaul("in", "--output", "out", "--http", "http://{{.}}", "--concurrency", "20", "--timeout", "10m", "--job", "measured")
	b.Until("all but one record done", func() bool { total, _, _ := tg.Counts(); return total == n-1 })

	var during string
	b.Until("all of them told, and all chunks over but one", func() bool {
		during = scrape(b, worker)
		return strings.Contains(during, "\nlonghaul_chunks_running{job=\"measured\"} 1\n") && strings.Contains(during, fmt.Sprintf("longhaul_records_total{outcome=\"ok\",task=\"http\"} %d\n", n-1-failing))
	})
	for _, line := range []string{
		`longhaul_position_records{job="measured"} 0`, `longhaul_committed_records_total{task="http"} 0`,
	} {
		if !strings.Contains(during, "\n"+line+"\n") {
			t.Errorf("while a record is held back there is no %s", line)
		}
	}
	if !regexp.MustCompile(`\nlonghaul_ahead_records\{job="measured"\} [1-9]`).MatchString(during) {
		t.Error("nothing waits while a record is held back")
	}
	close(held.Gate)
	p.Ended(3)
	after := scrape(b, worker)
	for _, line := range []string{
		fmt.Sprintf(`longhaul_records_total{outcome="ok",task="http"} %d`, n-failing),
		fmt.Sprintf(`longhaul_records_total{outcome="failed",task="http"} %d`, failing),
		fmt.Sprintf(`longhaul_committed_records_total{task="http"} %d`, n),
		fmt.Sprintf(`longhaul_output_bytes_total{task="http"} %d`, len(b.Read("out"))),
		fmt.Sprintf(`longhaul_input_bytes_total{task="http"} %d`, len(b.Read("in"))),
		fmt.Sprintf(`longhaul_task_duration_seconds_count{task="http"} %d`, n),
	} {
		if !strings.Contains(after, "\n"+line+"\n") {
			t.Errorf("at the end there is no %s", line)
		}
	}
	if strings.Contains(after, `job="measured"`) {
		t.Error("the job's own numbers are there still")
	}
	all := during + after
	for _, name := range dashboardAsksFor(t) {
		if !strings.Contains(all, "\n"+name+"{") && !strings.Contains(all, "\n"+name+" ") {
			t.Errorf("the dashboard asks for %s, which the worker does not serve", name)
		}
	}
	documented, err := os.ReadFile("../../docs/metrics.md")
	harness.Must(t, err)
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (longhaul_\S+)`).FindAllStringSubmatch(all, -1) {
		if !strings.Contains(string(documented), "| `"+m[1]+"{") {
			t.Errorf("docs/metrics.md says nothing of %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(longhaul_[a-z_]+)").FindAllStringSubmatch(string(documented), -1) {
		if !strings.Contains(all, "# TYPE "+m[1]+" ") {
			t.Errorf("docs/metrics.md describes %s, which the worker does not serve", m[1])
		}
	}
}

// prefixed puts a prefix before each line.
func prefixed(prefix string, lines []byte) []byte {
	text := strings.TrimSuffix(string(lines), "\n")
	return []byte(prefix + strings.ReplaceAll(text, "\n", "\n"+prefix) + "\n")
}

// dashboardAsksFor returns the metrics in the expressions of docs/grafana.json.
func dashboardAsksFor(t *testing.T) (names []string) {
	t.Helper()
	data, err := os.ReadFile("../../docs/grafana.json")
	harness.Must(t, err)
	var d struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	harness.Must(t, json.Unmarshal(data, &d))
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			found := metricName.FindAllString(target.Expr, -1)
			if len(found) == 0 {
				t.Errorf("the dashboard's expression %q names no metric", target.Expr)
			}
			names = append(names, found...)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) < 20 {
		t.Fatalf("the dashboard asks for %d metrics", len(names))
	}
	return names
}

// TestLogsTellNoSecretAndNoRecord runs a worker at the level debug through failures and an outage.
func TestLogsTellNoSecretAndNoRecord(t *testing.T) {
	const secret, record = "s3cr3t-of-the-worker", "a-record-of-the-input"
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.SetDown(true)
	b.Env = []string{"TOKEN=" + secret, "LONGHAUL_LOG_FORMAT=json", "LONGHAUL_LOG_LEVEL=debug"}
	worker := b.Worker()
	b.Write("in", []byte(strings.Repeat(record+"\n", 50)))
	p := b.Longhaul("in", "--output", "out", "--http", tg.URL, "--data-record", "--header-env", "Authorization=Bearer TOKEN", "--retries", "1")
	worker.Says("the far side seems to be down")
	b.Until("as many refused as an outage takes, and more", func() bool { return tg.Refused() >= 50 })
	tg.SetDown(false)
	p.Ended(0)
	log := worker.Errs()
	for _, line := range strings.Split(strings.TrimSpace(log), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of the log is no JSON: %s", line)
		}
	}
	for _, hidden := range []string{secret, record} {
		if strings.Contains(log, hidden) {
			t.Errorf("the log tells %q", hidden)
		}
	}
	if !strings.Contains(log, `"level":"DEBUG"`) {
		t.Error("nothing is logged at the level debug")
	}
}
