package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSameCommandJoinsARunningJob runs the command a second time while the first runs.
func TestSameCommandJoinsARunningJob(t *testing.T) {
	const n = 500
	b := newBench(t)
	tg := newTarget(t, fixed(0))
	tg.gate = make(chan struct{})
	b.worker()
	b.write("in", lines(n))
	args := []string{"in", "--output", "out", "--http", tg.url(), "--concurrency", "20"}
	first := b.longhaul(args...)
	b.until("the cap reached", func() bool { _, _, inFlight := tg.counts(); return inFlight == 20 })
	second := b.longhaul(args...)
	second.says("joined")
	other := b.longhaul("in", "--output", "out", "--task", "echo").ended(1)
	if !strings.Contains(other.errs(), "it is running with another task: http, not echo") {
		t.Errorf("another job on the same output was told: %s", other.errs())
	}
	close(tg.gate)
	first.ended(0)
	second.ended(0)
	b.same("out", oracle(n))
	tg.once(t, n)
}

// TestSameCommandSaysThatAJobIsDone runs the command again after the end: nothing is requested again.
func TestSameCommandSaysThatAJobIsDone(t *testing.T) {
	const n = 100
	b := newBench(t)
	tg := newTarget(t, fixed(0))
	b.worker()
	b.write("in", lines(n))
	args := []string{"in", "--output", "out", "--http", tg.url()}
	b.longhaul(args...).ended(0)
	again := b.longhaul(args...).ended(0)
	if !strings.Contains(again.out(), "already done: 100 records") {
		t.Errorf("said: %s", again.out())
	}
	b.same("out", oracle(n))
	tg.once(t, n)

	anew := b.longhaul(append(args, "--overwrite")...).ended(0)
	if strings.Contains(anew.out(), "already") {
		t.Errorf("with --overwrite: %s", anew.out())
	}
	b.same("out", oracle(n))
	if total, _, _ := tg.counts(); total != 2*n {
		t.Errorf("%d requests after --overwrite, want %d", total, 2*n)
	}
}

// TestSameCommandResumesAfterKill kills longhaul, its worker and its server at once, in the middle, several times.
func TestSameCommandResumesAfterKill(t *testing.T) {
	const n, limit, kills = 3_000, 20, 3
	b := newBench(t)
	tg := newTarget(t, fixed(2*time.Millisecond))
	b.write("in", lines(n))
	args := []string{"in", "--output", "out", "--http", tg.url(), "--concurrency", "20"}
	for i := range kills {
		p := b.embedded("state", args...)
		enough := (i + 1) * n / (kills + 1)
		b.until("some of the records requested", func() bool { total, _, _ := tg.counts(); return total >= enough })
		p.kill()
		gone(b, "state")
		b.until("nothing in flight", func() bool { _, _, inFlight := tg.counts(); return inFlight == 0 })
	}
	b.embedded("state", args...).ended(0)
	b.same("out", oracle(n))
	b.tidy("out")
	if total, _, _ := tg.counts(); total > n+kills*limit {
		t.Errorf("%d requests for %d records: more than the %d in flight at each of %d kills were repeated", total, n, limit, kills)
	}
	gone(b, "state")
}

// gone waits until the embedded server of a state folder is no more: a killed parent takes it along.
func gone(b *bench, state string) {
	b.t.Helper()
	address := strings.Split(string(b.read(state+"/server.json")), `"`)[3]
	b.until("the embedded server gone", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}

// TestResumeWithoutTemporalsMemory removes the server's database between two runs.
func TestResumeWithoutTemporalsMemory(t *testing.T) {
	const n, limit = 2_000, 20
	b := newBench(t)
	tg := newTarget(t, fixed(2*time.Millisecond))
	b.write("in", lines(n))
	args := []string{"in", "--output", "out", "--http", tg.url(), "--concurrency", "20"}
	p := b.embedded("state", args...)
	b.until("half of the records requested", func() bool { total, _, _ := tg.counts(); return total >= n/2 })
	p.kill()
	gone(b, "state")
	databases, err := filepath.Glob(b.path("state/temporal.db*"))
	must(t, err)
	for _, f := range databases {
		must(t, os.Remove(f))
	}
	b.until("nothing in flight", func() bool { _, _, inFlight := tg.counts(); return inFlight == 0 })
	b.embedded("state", args...).ended(0)
	b.same("out", oracle(n))
	if total, _, _ := tg.counts(); total > n+limit {
		t.Errorf("%d requests for %d records: more than the %d in flight were repeated", total, n, limit)
	}
}

// TestInterruptStopsAndResumes presses Ctrl-C on an embedded job.
func TestInterruptStopsAndResumes(t *testing.T) {
	const n = 1_000
	b := newBench(t)
	tg := newTarget(t, fixed(5*time.Millisecond))
	b.write("in", lines(n))
	args := []string{"in", "--output", "out", "--http", tg.url(), "--concurrency", "10"}
	p := b.embedded("state", args...)
	b.until("some of the records requested", func() bool { total, _, _ := tg.counts(); return total >= n/4 })
	p.signal(syscall.SIGINT)
	p.ended(130)
	p.says("the same command resumes the job")
	gone(b, "state")
	b.embedded("state", args...).ended(0)
	b.same("out", oracle(n))
	tg.once(t, n) // tasks in flight were let end: none is repeated
}

// TestTwoEmbeddedOnOneStateFolder starts a second job beside a first: they share the server, and the second goes on when the first is killed.
func TestTwoEmbeddedOnOneStateFolder(t *testing.T) {
	b := newBench(t)
	one, two := newTarget(t, fixed(0)), newTarget(t, fixed(0))
	one.gate, two.gate = make(chan struct{}), make(chan struct{})
	b.write("in", lines(200))
	first := b.embedded("state", "in", "--output", "one", "--http", one.url())
	b.until("the first job at work", func() bool { total, _, _ := one.counts(); return total > 0 })
	second := b.embedded("state", "in", "--output", "two", "--http", two.url())
	b.until("the second job at work", func() bool { total, _, _ := two.counts(); return total > 0 })
	first.kill()
	close(two.gate)
	second.ended(0)
	b.same("two", oracle(200))
}
