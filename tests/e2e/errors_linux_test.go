package e2e

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/longhaul/longhaul/tests/harness"
)

// systemErrors are the documented errors that need a file system or a limit of the test's own: TestDiskErrorsWordForWord and
// TestHandleErrorsWordForWord produce them.
var systemErrors = []string{
	"disk full", "folder read-only", "folder read-only in the middle",
	"file handles used up by tasks", "file handles used up by commands", "no file handle for the input",
}

// TestDiskErrorsWordForWord fills a disk, and makes it read-only.
func TestDiskErrorsWordForWord(t *testing.T) {
	if !harness.InOwnMounts(t) {
		return
	}
	const large = "16384"
	begin := func(t *testing.T, kib string, latency time.Duration) *half {
		h := &half{Bench: harness.New(t), target: harness.NewTarget(t, harness.Fixed(latency))}
		h.Worker()
		h.Disk("disk", kib)
		h.Write("in", harness.Lines(halfRecords))
		h.args = []string{"in", "--output", "disk/out", "--http", h.target.Template(), "--concurrency", fmt.Sprint(halfLimit), "--job", "half"}
		return h
	}
	t.Run("disk full", func(t *testing.T) {
		h := begin(t, "48", 2*time.Millisecond)
		h.Documented("disk full", h.Longhaul(h.args...))
		h.Verify("disk/out").Ended(0)
		h.Resize("disk", large)
		h.completes(8 * halfLimit) // what was in flight when its chunk met the full disk, each of the eight lanes on its own
	})
	t.Run("folder read-only", func(t *testing.T) {
		h := begin(t, large, 2*time.Millisecond)
		h.ReadOnly("disk", large)
		h.Documented("folder read-only", h.Longhaul(h.args...))
		h.Resize("disk", large)
		h.completes(0)
	})
	t.Run("folder read-only in the middle", func(t *testing.T) {
		h := begin(t, large, 25*time.Millisecond) // so that its end does not come before it is canceled
		h.run = h.Longhaul(h.args...)
		h.Until("half of the records requested", func() bool { n, _, _ := h.target.Counts(); return n >= halfRecords/2 })
		harness.Must(t, h.Client.CancelWorkflow(t.Context(), "half", ""))
		h.run.Ended(1)
		h.ReadOnly("disk", large)
		h.Documented("folder read-only in the middle", h.Longhaul(h.args...))
		h.Verify("disk/out").Ended(0)
		h.Resize("disk", large)
		h.completes(0)
	})
}

// TestHandleErrorsWordForWord takes a worker's file handles away while it works. No record fails for it, and when they are back the job goes on by itself.
func TestHandleErrorsWordForWord(t *testing.T) {
	t.Run("file handles used up by tasks", func(t *testing.T) {
		const n = 3_000
		b := harness.New(t)
		tg := harness.NewTarget(t, harness.Fixed(5*time.Millisecond))
		tg.Config.SetKeepAlivesEnabled(false) // so that each request needs a handle of its own
		tg.Gate = make(chan struct{})
		tg.Held = func(record string) bool {
			number, err := strconv.Atoi(record)
			return err == nil && number > n/3
		}
		w := b.Worker()
		b.Write("in", harness.Lines(n))
		p := b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", "20", "--retries", "2")
		b.Until("half of the cap held back", func() bool { total, _, _ := tg.Counts(); return total >= n/3+10 })
		limitHandles(t, w, 3)
		close(tg.Gate) // what follows has no handle
		b.SaidMeanwhile("file handles used up by tasks", p)
		limitHandles(t, w, 1024)
		b.Documented("file handles used up by tasks", p)
		b.Same("out", harness.Oracle(n))
		b.Same("out.longhaul/errors.jsonl", nil)
		tg.Once(t, n)
	})
	t.Run("file handles used up by commands", func(t *testing.T) {
		const n, held = 400, 180
		b := harness.New(t)
		w := b.Worker()
		b.Write("in", harness.Lines(n))
		p := b.Longhaul("in", "--output", "out", "--concurrency", "8", "--retries", "2", "--", "sh", "-c",
			fmt.Sprintf("echo >> ran; [ $1 -lt %d ] || until [ -e go ]; do sleep 0.05; done; echo $1", held), "sh", "{}")
		ran := func() int { // a byte each
			data, err := os.ReadFile(b.Path("ran"))
			if err != nil && !os.IsNotExist(err) {
				t.Error(err)
			}
			return len(data)
		}
		b.Until("half of the cap held back", func() bool { return ran() >= held-1+4 })
		limitHandles(t, w, 3)
		b.Write("go", nil) // what follows has no handle
		b.SaidMeanwhile("file handles used up by commands", p)
		limitHandles(t, w, 1024)
		b.Documented("file handles used up by commands", p)
		b.Same("out", harness.Lines(n))
		b.Same("out.longhaul/errors.jsonl", nil)
		if got := ran(); got != n {
			t.Errorf("%d commands ran for %d records", got, n)
		}
	})
	t.Run("no file handle for the input", func(t *testing.T) {
		b := harness.New(t)
		w := b.Worker()
		b.Write("in", harness.Lines(5))
		w.Says("serving")
		limitHandles(t, w, 3)
		p := b.Longhaul("in", "--output", "out", "--task", "echo")
		b.SaidMeanwhile("no file handle for the input", p)
		limitHandles(t, w, 1024)
		b.Documented("no file handle for the input", p)
		b.Same("out", harness.Lines(5))
	})
}

// TestFewerHandlesThanTasks gives a worker, for its whole life, fewer file handles than it may have tasks in flight.
func TestFewerHandlesThanTasks(t *testing.T) {
	const n = 500
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(5*time.Millisecond))
	b.Start("/bin/sh", "-c", `ulimit -n 48 && exec "$@"`, "sh", harness.WorkerProgram, "--address", harness.Server.Address, "--namespace", b.Namespace)
	b.Write("in", harness.Lines(n))
	b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", "100", "--retries", "2").Ended(0)
	b.Same("out", harness.Oracle(n))
	b.Same("out.longhaul/errors.jsonl", nil)
	tg.Once(t, n)
}

// limitHandles sets the highest number that a process's next file handle may have, plus one. The hard limit stays, so that it can be raised again.
func limitHandles(t *testing.T, p *harness.Process, n int) {
	t.Helper()
	var l unix.Rlimit
	harness.Must(t, unix.Prlimit(p.Cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &l))
	l.Cur = uint64(n)
	harness.Must(t, unix.Prlimit(p.Cmd.Process.Pid, unix.RLIMIT_NOFILE, &l, nil))
}
