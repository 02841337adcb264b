package browser

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// newBench is harness.New; the pictures show files of a folder that could be a user's.
func newBench(t *testing.T) *harness.Bench {
	t.Helper()
	b := harness.New(t)
	if *screenshots {
		b.Dir = "/tmp/data"
		harness.Must(t, os.Mkdir(b.Dir, 0o700))
		t.Cleanup(func() { harness.Must(t, os.RemoveAll(b.Dir)) })
	}
	return b
}

// TestTheJobsPageTellsItsStory looks at a job at work that has a failed and a slow record, then at its end.
func TestTheJobsPageTellsItsStory(t *testing.T) {
	const n, answered = 2_000, 1_500 // the records behind are held back
	b := newBench(t)
	tg := harness.NewTarget(t, func(record string) time.Duration {
		if record == "3" {
			return 5 * time.Second // by far the slowest, on a busy machine too
		}
		return 50 * time.Millisecond
	})
	tg.Refuses = func(record string) bool { return record == "7" }
	tg.Gate = make(chan struct{})
	tg.Held = func(record string) bool { i, err := strconv.Atoi(record); return err != nil || i > answered }
	b.Worker()
	b.Write("ids.txt", harness.Lines(n))
	run := b.Longhaul("ids.txt", "--output", "users.jsonl", "--http", tg.Template(), "--concurrency", "20", "--timeout", "1h", "--job", "users")
	b.Until("the first records answered", func() bool { total, _, _ := tg.Counts(); return total >= answered })

	p := open(b, "users")
	p.shows("user-metadata",
		"http: "+b.Path("ids.txt")+" → "+b.Path("users.jsonl"), // the summary
		"longhaul run", "ids.txt --output users.jsonl", b.Path("users.jsonl.longhaul/errors.jsonl"), "in the input’s order", // the details
		"written", "of 2,000 records", "of 20 slots", "slowest record", "record 2: 5", "record 6: HTTP 404") // the current details
	p.picture("running", 690)
	p.shows("history", "AppendOutput • records 0 to ", "ProcessChunk • records ", "Prepare • claim "+b.Path("users.jsonl"))
	p.shows("query", "Query Type")
	p.presses("Run Query")
	p.comesTo(`"position"`, `"listed": 2000`)
	p.shows("call-stack", "coroutine root", "coordinator).wait")
	if text := p.text(); strings.Count(text, "coroutine") > 1 {
		t.Errorf("more than one coroutine in the call stack:\n%s", text)
	}

	close(tg.Gate)
	run.Ended(3)
	p.shows("user-metadata", "Done: 2,000 records, 1 failed", "longhaul verify "+b.Path("users.jsonl"))
	p.shows("history", "Completed", `"failed": 1`, `"outputDigest"`)
	p.picture("finished", 690)
}

// TestTheJobsPageShowsWhyAChunkWaits looks at a job whose far side is down, cancels it from the page, and looks at what is said of it then.
func TestTheJobsPageShowsWhyAChunkWaits(t *testing.T) {
	b := newBench(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.SetDown(true)
	b.Worker()
	b.Write("ids.txt", harness.Lines(100))
	run := b.Longhaul("ids.txt", "--output", "users.jsonl", "--http", tg.Template(), "--job", "users", "--retries", "1", "--outage-attempts", "1000", "--concurrency", "12")
	run.Says("the far side seems to be down")
	p := open(b, "users")
	p.shows("pending-activities", "ProcessChunk", "the far side seems to be down", "503")
	p.picture("outage", 690)
	p.presses("Request Cancellation")
	p.presses("Confirm")
	run.Ended(1).Says("was canceled; what it wrote stands, and the same command resumes it")
	p.shows("history", "Canceled")
	p.shows("user-metadata", "Stopped after 0 records were written", "The same command")
}
