package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestRate measures the rate at the far side, over one worker and over three, one of which is killed: by the target's own clock no more than rate*T + burst requests came
// in the first T of the job, for every T.
func TestRate(t *testing.T) {
	const n, rate, burst = 300, 100, 12
	for name, workers := range map[string]int{"one worker": 1, "three workers, one of which dies": 3} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t)
			tg := harness.NewTarget(t, harness.HeavyTailed(5*time.Millisecond))
			var first *harness.Process
			for range workers {
				first = b.Worker()
			}
			b.Write("in", harness.Lines(n))
			begun := time.Now() // before any request
			p := b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", "24", "--rate", fmt.Sprintf("%d/s", rate), "--burst", fmt.Sprint(burst))
			if workers > 1 {
				b.Until("some of it done", func() bool { total, _, _ := tg.Counts(); return total > n/4 })
				first.Kill()
			}
			p.Ended(0)
			b.Same("out", harness.Oracle(n))
			came := tg.Came()
			if len(came) < n {
				t.Errorf("%d requests for %d records", len(came), n)
			}
			for i, at := range came {
				if most := at.Sub(begun).Seconds()*rate + burst; float64(i+1) > most {
					t.Fatalf("request %d came %s after the beginning: no more than %.0f may have", i+1, at.Sub(begun), most)
				}
			}
		})
	}
}

// TestRateAtRest has a job of a rate by which the second record waits for an hour: it can be ended all the same, and goes on with another rate, which is no other job.
func TestRateAtRest(t *testing.T) {
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	b.Worker()
	b.Write("in", harness.Lines(5))
	args := []string{"in", "--output", "out", "--http", tg.Template(), "--job", "rated"}
	p := b.Longhaul(append(args, "--rate", "1/h")...)
	b.Until("the first request", func() bool { total, _, _ := tg.Counts(); return total == 1 })
	p.Says("1 of 5 done, 0 failed, 0.0/s now, ")
	b.Temporal("workflow", "cancel", "--workflow-id", "rated")
	p.Ended(1)
	b.Longhaul(append(args, "--rate", "1000/s")...).Ended(0)
	b.Same("out", harness.Oracle(5))
	tg.Once(t, 5)
}
