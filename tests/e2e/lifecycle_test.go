package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestSameCommandJoinsARunningJob runs the command a second time while the first runs.
func TestSameCommandJoinsARunningJob(t *testing.T) {
	const n = 500
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Gate = make(chan struct{})
	b.Worker()
	b.Write("in", harness.Lines(n))
	args := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "20", "--timeout", "10m"}
	first := b.Longhaul(args...)
	b.Until("the cap reached", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 20 })
	second := b.Longhaul(args...)
	second.Says("joined")
	other := b.Longhaul("in", "--output", "out", "--task", "echo").Ended(1)
	if !strings.Contains(other.Errs(), "it is running with another task: http, not echo") {
		t.Errorf("another job on the same output was told: %s", other.Errs())
	}
	close(tg.Gate)
	first.Ended(0)
	second.Ended(0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)
}

// TestSameCommandSaysThatAJobIsDone runs the command again after the end: nothing is requested again.
func TestSameCommandSaysThatAJobIsDone(t *testing.T) {
	const n = 100
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	b.Worker()
	b.Write("in", harness.Lines(n))
	args := []string{"in", "--output", "out", "--http", tg.Template()}
	b.Longhaul(args...).Ended(0)
	again := b.Longhaul(args...).Ended(0)
	if !strings.Contains(again.Out(), "already done: 100 records") {
		t.Errorf("said: %s", again.Out())
	}
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)

	anew := b.Longhaul(append(args, "--overwrite")...).Ended(0)
	if strings.Contains(anew.Out(), "already") {
		t.Errorf("with --overwrite: %s", anew.Out())
	}
	b.Same("out", harness.Oracle(n))
	if total, _, _ := tg.Counts(); total != 2*n {
		t.Errorf("%d requests after --overwrite, want %d", total, 2*n)
	}
}

// TestSameCommandResumesAfterKill kills longhaul, its worker and its server at once, in the middle, several times.
func TestSameCommandResumesAfterKill(t *testing.T) {
	const n, limit, kills = 3_000, 20, 3
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(2*time.Millisecond))
	b.Write("in", harness.Lines(n))
	args := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "20"}
	for i := range kills {
		p := b.Embedded("state", args...)
		enough := (i + 1) * n / (kills + 1)
		b.Until("some of the records requested", func() bool { total, _, _ := tg.Counts(); return total >= enough })
		p.Kill()
		gone(b, "state")
		b.Until("nothing in flight", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 0 })
	}
	b.Embedded("state", args...).Ended(0)
	b.Same("out", harness.Oracle(n))
	b.Tidy("out")
	if total, _, _ := tg.Counts(); total > n+kills*limit {
		t.Errorf("%d requests for %d records: more than the %d in flight at each of %d kills were repeated", total, n, limit, kills)
	}
	gone(b, "state")
}

// gone waits until the embedded server of a state folder is no more: a killed parent takes it along.
func gone(b *harness.Bench, state string) {
	b.T.Helper()
	address := strings.Split(string(b.Read(state+"/server.json")), `"`)[3]
	b.Until("the embedded server gone", func() bool {
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
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(2*time.Millisecond))
	b.Write("in", harness.Lines(n))
	args := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "20"}
	p := b.Embedded("state", args...)
	b.Until("half of the records requested", func() bool { total, _, _ := tg.Counts(); return total >= n/2 })
	p.Kill()
	gone(b, "state")
	databases, err := filepath.Glob(b.Path("state/temporal.db*"))
	harness.Must(t, err)
	for _, f := range databases {
		harness.Must(t, os.Remove(f))
	}
	b.Until("nothing in flight", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 0 })
	b.Embedded("state", args...).Ended(0)
	b.Same("out", harness.Oracle(n))
	if total, _, _ := tg.Counts(); total > n+limit {
		t.Errorf("%d requests for %d records: more than the %d in flight were repeated", total, n, limit)
	}
}

// TestInterruptStopsAndResumes presses Ctrl-C on an embedded job.
func TestInterruptStopsAndResumes(t *testing.T) {
	const n = 1_000
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(5*time.Millisecond))
	b.Write("in", harness.Lines(n))
	args := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "10"}
	p := b.Embedded("state", args...)
	b.Until("some of the records requested", func() bool { total, _, _ := tg.Counts(); return total >= n/4 })
	p.Signal(syscall.SIGINT)
	p.Ended(130)
	p.Says("the same command resumes the job")
	gone(b, "state")
	b.Embedded("state", args...).Ended(0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n) // tasks in flight were let end: none is repeated
}

// TestASecondInterruptStopsAtOnce presses Ctrl-C twice on an embedded job whose tasks take their time: the first says what it waits for, the second ends it.
func TestASecondInterruptStopsAtOnce(t *testing.T) {
	const n = 100
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Gate = make(chan struct{})
	b.Write("in", harness.Lines(n))
	args := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "10", "--timeout", "1h", "--stop-timeout", "1h"}
	p := b.Embedded("state", args...)
	b.Until("the cap reached", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 10 })
	p.Signal(syscall.SIGINT)
	p.Says("interrupt again to stop at once")
	p.Signal(syscall.SIGINT)
	p.Ended(130)
	p.Says("the same command resumes the job")
	gone(b, "state")
	close(tg.Gate)
	b.Embedded("state", args...).Ended(0)
	b.Same("out", harness.Oracle(n))
	if total, _, _ := tg.Counts(); total > n+10 {
		t.Errorf("%d requests: more than those in flight were repeated", total)
	}
}

// TestAnInterruptWhileTheServerStarts ends the command, though there is no job yet, and leaves no server.
func TestAnInterruptWhileTheServerStarts(t *testing.T) {
	b := harness.New(t)
	b.Write("in", harness.Lines(10))
	// A program that never serves stands for one that takes long.
	b.Write("temporal", []byte("#!/bin/sh\necho started >> "+b.Path("started")+"\nexec sleep 1000\n"))
	harness.Must(t, os.Chmod(b.Path("temporal"), 0o700))
	b.Env = []string{"PATH=" + b.Dir + ":" + os.Getenv("PATH")}
	args := []string{"in", "--output", "out", "--task", "echo"}
	p := b.Embedded("state", args...)
	b.Until("the server started", func() bool { _, err := os.Stat(b.Path("started")); return err == nil })
	p.Signal(syscall.SIGINT)
	p.Ended(130)
	p.Says("interrupted before the job was begun")
	b.Env = nil
	b.Embedded("state", args...).Ended(0)
	b.Same("out", harness.Lines(10))
}

// TestTwoEmbeddedOnOneStateFolder starts a second job beside a first: they share the server, and the second goes on when the first is killed.
func TestTwoEmbeddedOnOneStateFolder(t *testing.T) {
	b := harness.New(t)
	one, two := harness.NewTarget(t, harness.Fixed(0)), harness.NewTarget(t, harness.Fixed(0))
	one.Gate, two.Gate = make(chan struct{}), make(chan struct{})
	b.Write("in", harness.Lines(200))
	first := b.Embedded("state", "in", "--output", "one", "--http", one.Template())
	b.Until("the first job at work", func() bool { total, _, _ := one.Counts(); return total > 0 })
	second := b.Embedded("state", "in", "--output", "two", "--http", two.Template())
	b.Until("the second job at work", func() bool { total, _, _ := two.Counts(); return total > 0 })
	first.Kill()
	close(two.Gate)
	second.Ended(0)
	b.Same("two", harness.Oracle(200))
}
