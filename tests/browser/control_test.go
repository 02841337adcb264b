package browser

import (
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestTheJobsPageShowsWhatIsSet pauses a job, slows it down and has it go on, by updates, and looks at what its page says of that.
func TestTheJobsPageShowsWhatIsSet(t *testing.T) {
	b := newBench(t)
	tg := harness.NewTarget(t, harness.Fixed(20*time.Millisecond))
	b.Worker()
	b.Write("ids.txt", harness.Lines(1_000_000)) // more than can be done
	b.Longhaul("ids.txt", "--output", "users.jsonl", "--http", tg.Template(), "--job", "users", "--concurrency", "12")
	b.Until("records at work", func() bool { total, _, _ := tg.Counts(); return total > 100 })
	update := func(args ...string) {
		b.Temporal(append([]string{"workflow", "update", "execute", "--workflow-id", "users", "--name"}, args...)...)
	}
	p := open(b, "users")
	p.shows("user-metadata", "of 12 slots")
	update("pause")
	p.comesTo("paused", "no further try begins; longhaul resume users goes on", "with 0 of 12 slots")
	p.picture("paused", 690)
	update("set", "--input", `{"concurrency": 5, "rate": "40/s", "burst": 8}`)
	p.comesTo("with 0 of 5 slots", "40/s tries, with a burst of 8")
	b.Temporal("workflow", "signal", "--workflow-id", "users", "--name", "set", "--input", `{"concurrency": 0}`)
	p.comesTo("refused", "set: concurrency: 0 is not within 1 to 100000")
	update("resume")
	p.comesTo("with 5 of 5 slots")
	p.shows("history", "Workflow Execution Update")
}
