package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/tests/harness"
)

// TestTwoHostsWorkers has workers of two hosts, both the first process of theirs, work on one job, kills one in the middle, and gives the host
// another, as a container is started again.
func TestTwoHostsWorkers(t *testing.T) {
	harness.NeedHosts(t)
	for name, hosts := range map[string][2]string{"of two names": {"alpha", "beta"}, "of one name": {"alpha", "alpha"}} {
		t.Run(name, func(t *testing.T) {
			const n, limit = 4_000, 20
			b := harness.New(t)
			tg := harness.NewTarget(t, harness.Fixed(4*time.Millisecond))
			start := func(i int) *harness.Process {
				return b.OnHost(hosts[i], harness.WorkerProgram, "--address", harness.Server.Address, "--namespace", b.Namespace)
			}
			workers := [2]*harness.Process{start(0), start(1)}
			for _, w := range workers {
				w.Says("serving")
			}
			b.Write("in", harness.Lines(n))
			b.StartJob("hosts", job.Spec{
				Input: job.Paths{b.Path("in")}, Output: b.Path("out"), Concurrency: limit,
				Task: job.Task{Name: "http", Args: []byte(`{"url":"` + tg.Template() + `"}`)}, Tuning: job.Tuning{ChunkRecords: 100, Lanes: 4},
			})
			p := b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", fmt.Sprint(limit), "--job", "hosts")
			b.Until("both hosts at work", func() bool { total, _, _ := tg.Counts(); return total > n/4 && len(b.WorkersOf("hosts")) == 2 })
			_, _, inFlight := tg.Counts()
			workers[0].Kill()
			start(0)
			p.Ended(0)
			b.Same("out", harness.Oracle(n))
			b.Tidy("out")
			b.Verify("out").Ended(0)
			total, peak, _ := tg.Counts()
			if total > n+limit {
				t.Errorf("%d requests for %d records: more than the %d that could be in flight at the kill were repeated", total, n, limit)
			}
			t.Logf("%d repeated, %d in flight at the kill, peak %d of %d", total-n, inFlight, peak, limit)
		})
	}
}

// TestALivingWorkerOfTheSameHostNameIsLeftAlone starts a worker beside one that works in another container with the same host name and, in its
// namespace, the same process number: it must not take that one for dead.
func TestALivingWorkerOfTheSameHostNameIsLeftAlone(t *testing.T) {
	harness.NeedHosts(t)
	const n = 100
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Gate = make(chan struct{})
	start := func() *harness.Process {
		return b.OnHost("alpha", harness.WorkerProgram, "--address", harness.Server.Address, "--namespace", b.Namespace)
	}
	start().Says("serving")
	b.Write("in", harness.Lines(n))
	p := b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--job", "alone")
	b.Until("the first at work", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 64 })
	start().Says("serving") // it has looked for the activities of dead workers by then
	d, err := b.Client.DescribeWorkflowExecution(t.Context(), "alone", "")
	harness.Must(t, err)
	for _, a := range d.GetPendingActivities() {
		if a.GetAttempt() != 1 || a.GetState() != enums.PENDING_ACTIVITY_STATE_STARTED {
			t.Errorf("%s is at attempt %d: %s", a.GetActivityType().GetName(), a.GetAttempt(), a.GetLastFailure().GetMessage())
		}
	}
	close(tg.Gate)
	p.Ended(0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)
}

// TestTwoHostsRunOnOneOutput runs the same command on two hosts, each with a server of its own: the second is refused by name while the first lives, and
// goes on where it stood when it is dead.
func TestTwoHostsRunOnOneOutput(t *testing.T) {
	harness.NeedHosts(t)
	const n, limit = 2_000, 20
	b := harness.NewAlone(t)
	tg := harness.NewTarget(t, harness.Fixed(4*time.Millisecond))
	tg.Gate = make(chan struct{})
	tg.Held = func(record string) bool {
		i, err := strconv.Atoi(record)
		return err == nil && i > n/2
	}
	b.Write("in", harness.Lines(n))
	run := func(host string) *harness.Process {
		harness.Must(t, harness.FreePorts(b.Path(host)))
		return b.OnHost(host, harness.LonghaulProgram, "run", "--embedded", "--state-dir", b.Path(host), "--progress", "plain",
			"in", "--output", "out", "--http", tg.Template(), "--concurrency", fmt.Sprint(limit), "--stop-timeout", "1s", "--timeout", "10m")
	}
	first := run("alpha")
	b.Until("the first half way", func() bool { total, _, _ := tg.Counts(); return total >= n/2+limit/2 })
	second := run("beta").Ended(1)
	if !strings.Contains(second.Errs(), "is writing it (wait for that job, end it, or choose another output)") {
		t.Errorf("said: %s", second.Errs())
	}
	first.Kill()
	close(tg.Gate)
	b.Until("nothing in flight", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 0 })
	run("beta").Ended(0)
	b.Same("out", harness.Oracle(n))
	b.Tidy("out")
	if total, _, _ := tg.Counts(); total > n+limit {
		t.Errorf("%d requests for %d records: more than the %d in flight at the kill were repeated", total, n, limit)
	}
}
