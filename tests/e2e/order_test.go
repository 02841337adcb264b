package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestOutputOrder draws latencies at random, one in a hundred twenty times longer: the output is that of a sequential run.
func TestOutputOrder(t *testing.T) {
	const n = 20_000
	b := harness.New(t)
	tg := harness.NewTarget(t, harness.HeavyTailed(5*time.Millisecond))
	b.Worker()
	b.Write("in", harness.Lines(n))
	b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", "100").Ended(0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)
	b.Tidy("out")
}

// TestConcurrencyCap measures the cap at the far side, over one worker and over three.
func TestConcurrencyCap(t *testing.T) {
	const n, limit = 3_000, 30
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			b := harness.New(t)
			tg := harness.NewTarget(t, harness.Fixed(20*time.Millisecond))
			for range workers {
				b.Worker()
			}
			b.Write("in", harness.Lines(n))
			b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", fmt.Sprint(limit)).Ended(0)
			b.Same("out", harness.Oracle(n))
			tg.Once(t, n)
			if _, peak, _ := tg.Counts(); peak != limit {
				t.Errorf("at most %d requests were in flight, want %d", peak, limit)
			}
		})
	}
}

// TestAFewStragglersDoNotStopTheJob has more records that take for ever than there are lanes: the others all get done.
func TestAFewStragglersDoNotStopTheJob(t *testing.T) {
	const n, limit = 2_000, 40
	b := harness.New(t)
	release := make(chan struct{})
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Latency = func(record string) time.Duration {
		var i int
		fmt.Sscan(record, &i)
		if i%100 == 1 { // 20 of them
			<-release
		}
		return 5 * time.Millisecond
	}
	b.Worker()
	b.Write("in", harness.Lines(n))
	p := b.Longhaul("in", "--output", "out", "--http", tg.Template(), "--concurrency", fmt.Sprint(limit), "--timeout", "10m")
	b.Until("all but the stragglers answered", func() bool {
		total, _, inFlight := tg.Counts()
		return total == n && inFlight == n/100
	})
	close(release)
	p.Ended(0)
	b.Same("out", harness.Oracle(n))
	tg.Once(t, n)
	if _, peak, _ := tg.Counts(); peak > limit {
		t.Errorf("%d requests were in flight, with a cap of %d", peak, limit)
	}
}
