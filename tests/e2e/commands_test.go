package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.temporal.io/sdk/client"

	"github.com/longhaul/longhaul/internal/cli"
	"github.com/longhaul/longhaul/internal/workers"
	"github.com/longhaul/longhaul/task"
	"github.com/longhaul/longhaul/tests/harness"
)

// buffer is one that is read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// here is a command that runs in this process.
type here struct {
	stdout, stderr buffer
	signals        chan os.Signal
	status         chan int
}

func startHere(args ...string) *here {
	h := &here{signals: make(chan os.Signal, 2), status: make(chan int, 1)}
	p := &cli.Program{Name: "longhaul", Tasks: task.Builtin(), Stdout: &h.stdout, Stderr: &h.stderr, Signals: h.signals}
	go func() { h.status <- p.Run(args) }()
	return h
}

// end waits for the command's end, checks its exit status and returns what it printed.
func (h *here) end(t *testing.T, status int) (stdout, stderr string) {
	t.Helper()
	if got := <-h.status; got != status {
		t.Fatalf("exit status %d, want %d\nstdout:\n%s\nstderr:\n%s", got, status, h.stdout.String(), h.stderr.String())
	}
	return h.stdout.String(), h.stderr.String()
}

// on runs commands in this process that ask the shared server for what is in the test's namespace.
func on(b *harness.Bench) func(status int, args ...string) (stdout, stderr string) {
	return func(status int, args ...string) (string, string) {
		b.T.Helper()
		return startHere(append(args, "--address", harness.Server.Address, "--namespace", b.Namespace, "--state-dir", b.Path("none"))...).end(b.T, status)
	}
}

// reported is what list and status print as JSON.
type reported struct {
	Job, State, Output, Reason, Waiting, Errors string
	Records, Failed, Total                      int64
	InFlight, Concurrency                       int
	Started, Ended                              *string
}

func decode[T any](t *testing.T, line string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return v
}

// TestCommandsTellOfAJob goes through a job's life: it runs, and is canceled, resumed and complete, and each command tells of that.
func TestCommandsTellOfAJob(t *testing.T) {
	const n = 200
	b := harness.New(t)
	do := on(b)
	out, _ := do(0, "list", "--json")
	if _, said := do(0, "list"); out != "" || !strings.Contains(said, "no jobs on the server") {
		t.Errorf("of no job: %s%s", out, said)
	}
	if out, said := do(0, "status"); out != "" || !strings.Contains(said, "no job runs") {
		t.Errorf("of no job: %s%s", out, said)
	}
	for _, command := range []string{"status", "watch", "cancel", "result"} {
		if _, said := do(1, command, "nobody"); !strings.Contains(said, "no job nobody on the server") {
			t.Errorf("%s of nobody: %s", command, said)
		}
	}
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Refuses = func(record string) bool { return record == "7" }
	tg.Gate = make(chan struct{})
	worker := b.Worker()
	b.Write("in", harness.Lines(n))
	path := b.Path("out")
	run := []string{"run", b.Path("in"), "--output", path, "--http", tg.Template(), "--concurrency", "20"}
	out, _ = do(0, append(run, "--detach", "--json")...)
	id := decode[reported](t, out).Job
	b.Until("the cap reached", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 20 })

	for _, name := range []string{id, path} {
		out, _ = do(0, "status", name, "--json")
		if s := decode[reported](t, out); s.Job != id || s.State != "running" || s.Output != path || s.Concurrency != 20 || s.Started == nil || s.Ended != nil {
			t.Errorf("status of %s: %s", name, out)
		}
	}
	if out, _ = do(0, "status"); !strings.Contains(out, id) || !strings.Contains(out, "running, started") || !strings.Contains(out, path) {
		t.Errorf("status of all:\n%s", out)
	}
	if out, _ = do(0, "list", "--running"); !strings.Contains(out, id) || !strings.HasPrefix(out, "JOB") || strings.Count(out, "\n") != 2 {
		t.Errorf("list:\n%s", out)
	}
	if _, said := do(1, "result", path); !strings.Contains(said, "is running, with") || !strings.Contains(said, "longhaul watch "+id) {
		t.Errorf("result of what runs: %s", said)
	}
	if out, _ = do(0, "ui", path, "--ui-address", "http://ui:1", "--print"); !strings.HasPrefix(out, "http://ui:1/namespaces/"+b.Namespace+"/workflows/"+id+"/") {
		t.Errorf("ui: %s", out)
	}
	if out, _ = do(0, "ui", "--ui-address", "http://ui:1"); out != "http://ui:1/namespaces/"+b.Namespace+"/workflows\n" {
		t.Errorf("ui: %s", out)
	}
	out, _ = startHere("__complete", "status", "--address", harness.Server.Address, "--namespace", b.Namespace, "longhaul-").end(t, 0)
	if !strings.Contains(out, id+"\trunning") {
		t.Errorf("completion:\n%s", out)
	}
	out, _ = do(0, "doctor", "--json")
	for _, c := range decode[struct {
		Checks []struct{ Check, State, Found string }
	}](t, out).Checks {
		if slices.Contains([]string{"server", "namespace", "workers"}, c.Check) && c.State != "ok" {
			t.Errorf("doctor: %+v", c)
		}
	}

	watched := startHere("watch", path, "--address", harness.Server.Address, "--namespace", b.Namespace, "--progress", "plain")
	b.Until("the progress shown", func() bool { return strings.Contains(watched.stderr.String(), "20 of 20 in flight") })
	watched.signals <- os.Interrupt
	if _, said := watched.end(t, 130); !strings.Contains(said, "goes on; the same command comes back to it, `longhaul cancel "+id+" --address") {
		t.Errorf("watch, interrupted: %s", said)
	}

	if out, _ = do(0, "cancel", path); !strings.Contains(out, "job "+id+" ends") {
		t.Errorf("cancel: %s", out)
	}
	close(tg.Gate)
	if _, said := do(1, "watch", id, "--progress", "none"); !strings.Contains(said, "was canceled; what it wrote stands, and the same command resumes it") {
		t.Errorf("watch of what is canceled: %s", said)
	}
	if _, said := do(1, "cancel", id); !strings.Contains(said, "does not run: it is canceled") {
		t.Errorf("cancel again: %s", said)
	}
	for _, command := range []string{"result", "watch"} {
		if _, said := do(1, command, path); !strings.Contains(said, "was canceled; what it wrote stands") {
			t.Errorf("%s of what is canceled: %s", command, said)
		}
	}

	out, said := do(3, append(run, "--json", "--progress", "json")...)
	type summary struct {
		Job, Output, Errors, OutputDigest    string
		Records, Failed                      int64
		Seconds, RecordsPerSecond, TaskMicro float64
	}
	done := decode[summary](t, out)
	if done.Job != id || done.Output != path || done.Records != n || done.Failed != 1 || done.Seconds <= 0 || done.Errors == "" {
		t.Errorf("run --json: %s", out)
	}
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if last := decode[struct{ Done, Written int64 }](t, lines[len(lines)-1]); last.Done != n || last.Written != n {
		t.Errorf("the last line of --progress json: %s", lines[len(lines)-1])
	}
	out, _ = do(3, "result", id, "--json")
	if again := decode[summary](t, out); again.OutputDigest != done.OutputDigest || again.Records != n {
		t.Errorf("result --json: %s", out)
	}
	if out, _ = do(3, "watch", path); !strings.Contains(out, "done: 200 records, 1 failed") || !strings.Contains(out, "errors: "+path) {
		t.Errorf("watch of what is complete: %s", out)
	}
	out, _ = startHere("verify", path, "--json").end(t, 0)
	if v := decode[struct {
		SHA256   string
		Complete bool
	}](t, out); v.SHA256 != done.OutputDigest || !v.Complete {
		t.Errorf("verify --json: %s", out)
	}
	out, _ = do(0, "list", "--json")
	if s := decode[reported](t, out); s.State != "complete" || s.Records != n || s.Failed != 1 || s.Ended == nil { // one job, however many runs
		t.Errorf("list --json: %s", out)
	}

	worker.Signal(syscall.SIGTERM)
	worker.Ended(0)
}

// TestCommandsTellWhyAJobFailed, and of one for which there is no worker.
func TestCommandsTellWhyAJobFailed(t *testing.T) {
	b := harness.New(t)
	do := on(b)
	b.Write("in", harness.Lines(5))
	out, said := do(0, "run", b.Path("in"), "--output", b.Path("out"), "--task", "echo", "--detach", "--json")
	id := decode[reported](t, out).Job
	if !strings.Contains(said, "started at") {
		t.Errorf("run --detach: %s", said)
	}
	out, _ = do(0, "status", id, "--json")
	if s := decode[reported](t, out); s.State != "running" || !strings.Contains(s.Waiting, "no worker polls task queue longhaul or longhaul-io; start one") {
		t.Errorf("without a worker: %s", out)
	}
	if _, said := do(1, "doctor", "--json"); !strings.Contains(said, "not everything is in order") {
		t.Errorf("doctor: %s", said)
	}
	harness.Must(t, os.Remove(b.Path("in")))
	b.Worker()
	if _, said = do(1, "watch", id, "--progress", "none"); !strings.Contains(said, "no such file") {
		t.Errorf("watch: %s", said)
	}
	out, _ = do(0, "status", id, "--json")
	if s := decode[reported](t, out); s.State != "failed" || !strings.Contains(s.Reason, "read input "+b.Path("in")+": no such file") {
		t.Errorf("failed: %s", out)
	}
	if out, _ = do(0, "status", id); !strings.Contains(out, "reason") || !strings.Contains(out, "failed now, after") && !strings.Contains(out, "ago, after") {
		t.Errorf("failed:\n%s", out)
	}
	if _, said = do(1, "result", id); !strings.Contains(said, "job "+id+": read input") {
		t.Errorf("result: %s", said)
	}
}

// TestDevServesOthers runs the embedded server and its worker in the foreground: a job is started on it by its address, told of by its state folder, and goes on when it is run anew.
func TestDevServesOthers(t *testing.T) {
	const n = 300
	b := harness.NewAlone(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Gate = make(chan struct{})
	b.Write("in", harness.Lines(n))
	state := b.Path("state")
	harness.Must(t, harness.FreePorts(state))
	serve := func() (*here, string) {
		dev := startHere("dev", "--state-dir", state, "--json")
		b.Until("the server said to be there", func() bool { return strings.HasSuffix(dev.stdout.String(), "\n") })
		return dev, decode[struct{ Address string }](t, dev.stdout.String()).Address
	}
	dev, address := serve()
	startHere("run", b.Path("in"), "--output", b.Path("out"), "--http", tg.Template(), "--concurrency", "10", "--detach", "--address", address).end(t, 0)
	b.Until("the cap reached", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 10 })
	out, _ := startHere("list", "--json", "--state-dir", state).end(t, 0)
	listed := decode[reported](t, out)
	if listed.State != "running" || listed.Output != b.Path("out") {
		t.Errorf("list: %s", out)
	}
	c, err := client.Dial(client.Options{HostPort: address, Logger: harness.Quiet{}})
	harness.Must(t, err)
	defer c.Close()
	d, err := c.DescribeWorkflowExecution(t.Context(), listed.Job, "")
	harness.Must(t, err)
	for _, a := range d.GetPendingActivities() { // by its name the next one will know that it is dead
		if name := a.GetLastWorkerIdentity(); name != "" && name != workers.Identity() {
			t.Errorf("it works under the name %s", name)
		}
	}
	for _, by := range [][]string{{"--state-dir", state}, {"--state-dir", state, "--address", address}} {
		if out, _ = startHere(append([]string{"ui", b.Path("out")}, by...)...).end(t, 0); !strings.HasPrefix(out, "http://127.0.0.1:") || strings.Contains(out, "8233") {
			t.Errorf("ui %s: %s", by, out)
		}
	}
	if out, _ = startHere("doctor", "--state-dir", state).end(t, 0); !strings.Contains(out, address+", version 1.") || !strings.Contains(out, "are polled") {
		t.Errorf("doctor:\n%s", out)
	}
	dev.signals <- os.Interrupt
	b.Until("it stops", func() bool { return strings.Contains(dev.stderr.String(), "stopping: tasks in flight") })
	close(tg.Gate)
	if _, said := dev.end(t, 0); !strings.Contains(said, "stopped; jobs that ran go on") {
		t.Errorf("dev: %s", said)
	}
	out, said := startHere("status", b.Path("out"), "--state-dir", state, "--json", "--address", address).end(t, 0)
	if s := decode[reported](t, out); s.State != "unfinished" || !strings.Contains(said, "told from the manifest") {
		t.Errorf("status without a server: %s%s", out, said)
	}
	dev, _ = serve()
	out, _ = startHere("watch", b.Path("out"), "--state-dir", state, "--progress", "none").end(t, 0)
	if !strings.Contains(out, "done: 300 records, 0 failed") {
		t.Errorf("watch: %s", out)
	}
	dev.signals <- os.Interrupt
	dev.end(t, 0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)
}
