package e2e

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/longhaul/longhaul/tests/harness"
)

// healthOf returns what asks a worker of its health: the status and the line that it answers with.
func healthOf(b *harness.Bench, worker *harness.Process) func(path string) (int, string) {
	b.T.Helper()
	at := regexp.MustCompile(`msg="serving health" url=(\S+)/readyz`)
	var url string
	b.Until("the health's address", func() bool {
		if m := at.FindStringSubmatch(worker.Errs()); m != nil {
			url = m[1]
		}
		return url != ""
	})
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func(path string) (int, string) {
		resp, err := c.Get(url + path)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		said, err := io.ReadAll(resp.Body)
		harness.Must(b.T, err)
		return resp.StatusCode, strings.TrimSpace(string(said))
	}
}

// TestSIGTERMDrainsAWorker tells a worker to stop in the middle of a job: it is not ready from then on, and lives until its tasks in flight have ended;
// another does the rest, and no task runs twice.
func TestSIGTERMDrainsAWorker(t *testing.T) {
	const n = 200
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Gate = make(chan struct{})
	b.Env = []string{"LONGHAUL_HEALTH=127.0.0.1:0", "LONGHAUL_STOP_TIMEOUT=1h"} // as in a container
	first := b.Worker()
	b.Env = nil
	health := healthOf(b, first)
	b.Until("the worker ready", func() bool { status, _ := health("/readyz"); return status == http.StatusOK })
	b.Write("in", harness.Lines(n))
	p := b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", "10", "--timeout", "1h")
	b.Until("the cap reached", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 10 })

	first.Signal(syscall.SIGTERM)
	b.Until("not ready", func() bool { status, _ := health("/readyz"); return status != http.StatusOK })
	if status, said := health("/readyz"); status != http.StatusServiceUnavailable || said != "stopping: it takes no more work, and lets the tasks in flight end" {
		t.Errorf("ready while it drains: %d %q", status, said)
	}
	if status, said := health("/healthz"); status != http.StatusOK {
		t.Errorf("live while it drains: %d %q", status, said)
	}
	if _, _, inFlight := tg.Counts(); inFlight != 10 {
		t.Errorf("%d tasks are in flight while it drains", inFlight)
	}
	second := b.Worker()
	close(tg.Gate)
	first.Ended(0)
	p.Ended(0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)
	second.Signal(syscall.SIGTERM)
	second.Ended(0)
}

// TestReadinessFollowsTheServer asks a worker that waits for its server, has it, loses it, and has it again.
func TestReadinessFollowsTheServer(t *testing.T) {
	b := harness.NewAlone(t)
	server := b.DevServer("temporal.db")
	worker := b.Start(harness.WorkerProgram, "--address", server.Address, "--health", "127.0.0.1:0", "--client-connect-timeout", "1h")
	health := healthOf(b, worker)
	if status, said := health("/readyz"); status != http.StatusServiceUnavailable || said != "starting" {
		t.Errorf("before there is a server: %d %q", status, said)
	}
	ready := func() bool { status, _ := health("/readyz"); return status == http.StatusOK }
	server.Start(b)
	b.Until("ready", ready)
	server.Kill()
	b.Until("not ready", func() bool { return !ready() })
	if _, said := health("/readyz"); !strings.HasPrefix(said, "no Temporal server at "+server.Address+": ") {
		t.Errorf("without its server: %q", said)
	}
	if status, _ := health("/healthz"); status != http.StatusOK {
		t.Errorf("live without its server: %d", status)
	}
	server.Start(b)
	b.Until("ready again", ready)
	asked := b.Start(harness.WorkerProgram, "health", "--health", strings.TrimSuffix(strings.TrimPrefix(healthURL(worker), "http://"), "/readyz")).Ended(0)
	if asked.Out()+asked.Errs() != "" {
		t.Errorf("said: %s%s", asked.Out(), asked.Errs())
	}
}

// healthURL is where a worker says that it is asked.
func healthURL(worker *harness.Process) string {
	return regexp.MustCompile(`msg="serving health" url=(\S+)`).FindStringSubmatch(worker.Errs())[1]
}
