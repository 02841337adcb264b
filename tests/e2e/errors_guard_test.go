package e2e

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

func init() { maps.Copy(errorCases, guardErrorCases) }

// refusedByWorker runs a job that a worker with those flags refuses by the error of that name, and checks that nothing was begun.
func refusedByWorker(t *testing.T, name string, flags []string, args ...string) *harness.Bench {
	t.Helper()
	b := harness.New(t)
	b.Write("in", harness.Lines(5))
	b.Guarded(flags...)
	b.Documented(name, b.Longhaul(append([]string{"in", "--output", "out"}, args...)...))
	if _, err := os.Lstat(b.Path("out.longhaul")); err == nil {
		t.Error("something was begun")
	}
	return b
}

// guardErrorCases are those of errorCases that are about what the operator of a worker allows.
var guardErrorCases = map[string]func(t *testing.T){
	"a command, where they are not allowed": func(t *testing.T) {
		b := refusedByWorker(t, "a command, where they are not allowed", nil, "--", "cat")
		b.Longhaul("in", "--output", "out", "--task", "echo").Ended(0)
		b.Same("out", harness.Lines(5))
	},
	"a file outside of the worker's folders": func(t *testing.T) {
		refusedByWorker(t, "a file outside of the worker's folders", []string{"--root", "/usr"}, "--task", "echo")
	},
	"a link out of the worker's folders": func(t *testing.T) {
		b := harness.New(t)
		harness.Must(t, os.Mkdir(b.Path("root"), 0o700))
		b.Write("in", harness.Lines(5))
		harness.Must(t, os.Symlink("../in", b.Path("root/in")))
		b.Guarded("--root", b.Path("root"))
		b.Documented("a link out of the worker's folders", b.Longhaul("root/in", "--output", "root/out", "--task", "echo"))
		if _, err := os.Lstat(b.Path("root/out.longhaul")); err == nil {
			t.Error("something was begun")
		}
	},
	"more than the worker allows": func(t *testing.T) {
		refusedByWorker(t, "more than the worker allows", []string{"--max-concurrency", "10"}, "--task", "echo", "--concurrency", "11")
	},
	"a variable that is the worker's own": func(t *testing.T) {
		refusedByWorker(t, "a variable that is the worker's own", nil, "--http", "http://127.0.0.1:1/{{.}}", "--header-env", "Authorization=TEMPORAL_API_KEY")
	},
	"an expression, where they are not allowed": func(t *testing.T) {
		refusedByWorker(t, "an expression, where they are not allowed", []string{"--deny-select"}, "--task", "echo", "--select", ".")
	},
}

// TestRequestsGoOnlyWhereTheWorkerAllows: to a host that is, and not from there to another, by whatever name.
func TestRequestsGoOnlyWhereTheWorkerAllows(t *testing.T) {
	b := harness.New(t)
	tg, inner := harness.NewTarget(t, harness.Fixed(0)), harness.NewTarget(t, harness.Fixed(0))
	allowed := strings.TrimSuffix(strings.TrimPrefix(tg.Template(), "http://"), "/{{.}}")
	b.Env = append(b.Env, "LONGHAUL_ALLOW_HOST="+allowed+",localhost", "LONGHAUL_DENY_PRIVATE=true") // as a container has it
	b.Guarded()
	b.Write("in", []byte(tg.Template()[:len(tg.Template())-5]+"1\n"+inner.Template()[:len(inner.Template())-5]+"2\nhttp://localhost:1/\n"))
	b.Longhaul("in", "--output", "out", "--http", "{{.}}").Ended(3)
	if total, _, _ := inner.Counts(); total > 0 {
		t.Errorf("%d requests were made all the same", total)
	}
	if got, want := string(b.Read("out")), "\"result 1\"\nnull\nnull\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	host := strings.TrimSuffix(strings.TrimPrefix(inner.Template(), "http://"), "/{{.}}")
	if want := "connect " + host + ": this worker does not connect to that host (have its operator allow it with --allow-host)"; !strings.Contains(string(b.Read("out.longhaul/errors.jsonl")), want) {
		t.Errorf("%s does not say %s", b.Read("out.longhaul/errors.jsonl"), want)
	}
}

// TestAWorkerWithAProxyJudgesNoHosts, so it does not begin to.
func TestAWorkerWithAProxyJudgesNoHosts(t *testing.T) {
	b := harness.New(t)
	b.Env = append(b.Env, "HTTPS_PROXY=http://127.0.0.1:1")
	w := b.Guarded("--deny-private").Ended(2)
	if want := "a proxy (HTTPS_PROXY) would connect to hosts that the worker cannot judge"; !strings.Contains(w.Errs(), want) {
		t.Errorf("%s does not say %s", w.Errs(), want)
	}
}
