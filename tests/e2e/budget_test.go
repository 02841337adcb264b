package e2e

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestFailureBudget has the target refuse every record from the middle on: the job stops before it commits them, says what they failed of, and the same
// command, when the target is well again, runs those that failed and no other one a second time.
func TestFailureBudget(t *testing.T) {
	for name, flags := range map[string][]string{"by default": nil, "none may fail": {"--max-failures", "0"}, "a number": {"--max-failures", "150"}} {
		t.Run(name, func(t *testing.T) {
			b, tg, refusing := refusingTarget(t)
			b.Worker()
			args := append([]string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "20"}, flags...)
			b.Documented("too many records failed", b.Longhaul(args...))
			out := b.Read("out")
			if want := string(harness.Oracle(halfRecords)); !strings.HasPrefix(want, strings.ReplaceAll(string(out), "null\n", "")) && name == "none may fail" {
				t.Errorf("committed: %.200q", out)
			}
			b.Verify("out").Ended(0)
			before, _, _ := tg.Counts()
			failed := errorsOf(b, "out").Failed
			if name == "none may fail" && failed > 0 {
				t.Errorf("%d failed records are committed", failed)
			}
			refused := int(tg.Refusals())
			if refused < 100 && name == "by default" {
				t.Errorf("only %d records failed", refused)
			}

			refusing.Store(false)
			status := 0
			if failed > 0 {
				status = 3
			}
			b.Longhaul(args...).Ended(status)
			after, _, _ := tg.Counts()
			if want := halfRecords + refused - int(failed); after != want {
				t.Errorf("%d requests, want %d: %d until it stopped, %d of which were refused, %d of these committed", after, want, before, refused, failed)
			}
			if got := int64(strings.Count(string(b.Read("out")), "null\n")); got != failed {
				t.Errorf("%d holes, want %d", got, failed)
			}
			b.Tidy("out")
			b.Verify("out").Ended(0)
		})
	}
}

// TestFailureBudgetAllowsMore resumes a job that stopped for its budget with another one.
func TestFailureBudgetAllowsMore(t *testing.T) {
	b, tg, _ := refusingTarget(t)
	b.Worker()
	args := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "20"}
	p := b.Longhaul(args...).Ended(1)
	p.Says("times HTTP 404 Not Found: refused (as record")
	b.Longhaul(append(args, "--max-failures", "100%")...).Ended(3)
	if got, want := errorsOf(b, "out"), int64(halfRecords/2); got.Failed != want || got.Causes[0].Count != want {
		t.Errorf("%+v", got)
	}
	if again := b.Longhaul(args...).Ended(3); !strings.Contains(again.Out(), "already done") {
		t.Errorf("said %s", again.Out())
	}
}

// TestFailureBudgetInTheOrderOfCompletion stops a job of that order, and lets it go on.
func TestFailureBudgetInTheOrderOfCompletion(t *testing.T) {
	b, tg, refusing := refusingTarget(t)
	b.Worker()
	args := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", "20", "--order", "completion", "--max-failures", "0", "--format", "record"}
	b.Longhaul(args...).Ended(1).Says("records failed, more than 0 may: ")
	b.Verify("out").Ended(0)
	refused := int(tg.Refusals())
	refusing.Store(false)
	b.Longhaul(args...).Ended(0)
	b.Verify("out").Ended(0)
	if n, _, _ := tg.Counts(); n != halfRecords+refused {
		t.Errorf("%d requests for %d records, of which %d had failed", n, halfRecords, refused)
	}
}

// refusingTarget refuses the second half of the records until it is told otherwise.
func refusingTarget(t *testing.T) (*harness.Bench, *harness.Target, *atomic.Bool) {
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(time.Millisecond))
	refusing := new(atomic.Bool)
	refusing.Store(true)
	tg.Refuses = func(record string) bool { return refusing.Load() && number(record) > halfRecords/2 }
	b.Write("in", harness.Lines(halfRecords))
	return b, tg, refusing
}

func number(record string) (n int) {
	for _, c := range record {
		n = 10*n + int(c-'0')
	}
	return n
}
